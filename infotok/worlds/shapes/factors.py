"""The factors of scenes as labels, for a probe: structure, jitter and nuisance, each with the design of its values."""

import torch
import torch.nn.functional as F
from torch import Tensor

from infotok.worlds.shapes.scenes import CELL_VALUES, COLOURS, SHAPES, SIZES, Scenes, parts, structure
from infotok.worlds.shapes.settings import ShapesSettings

__all__ = ["factors", "surplus"]


def factors(scenes: Scenes, world: ShapesSettings) -> dict[str, tuple[Tensor, Tensor]]:
    """The labels (N, factors) of each group, and its design (values, scores).

    Labels are long, from 0: cells, offsets (-1 where nothing stands), coefficients of the texture.
    """
    there = (scenes.cells > 0)[..., None]
    offsets = torch.where(there, scenes.offsets + world.jitter, -1).flatten(1)
    return {
        "structure": (scenes.cells, cell_design()),
        "jitter": (offsets, level_design(2 * world.jitter + 1)),
        "nuisance": (scenes.texture, level_design(world.levels)),
    }


def surplus(scenes: Scenes, world: ShapesSettings) -> Tensor:
    """The number of objects of each scene less its mean in the world's split, (N,) double."""
    return (scenes.cells > 0).sum(1).double() - structure(world.split)[2]


def cell_design() -> Tensor:
    """(49, 13): whether a cell's value is an object, and of which shape, colour and size; the empty cell is none."""
    occupied, *kinds = parts(torch.arange(CELL_VALUES))
    hot = [F.one_hot(k.clamp(min=0), len(names)) for k, names in zip(kinds, (SHAPES, COLOURS, SIZES), strict=True)]
    return (torch.cat([torch.ones(CELL_VALUES, 1, dtype=torch.long), *hot], 1) * occupied[:, None]).float()


def level_design(levels: int) -> Tensor:
    """(levels, 2): v and v^2 for levels v from -1 to 1. Scores then make q a Gaussian, seen at the levels only."""
    value = torch.linspace(-1, 1, levels)
    return torch.stack([value, value.square()], 1)
