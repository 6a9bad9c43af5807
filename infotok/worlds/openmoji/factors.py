"""Factors of scenes for probes: the labels of each group of known entropy, and scores that alike values share.

A probe's log q(value | tokens) = prior(value) + sum_j design(value, j) score_j(tokens): with a design of fewer columns
than values, values that are alike share what is learnt about them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from infotok.worlds.openmoji.objects import OBJECT_KINDS, Objects
from infotok.worlds.openmoji.scenes import OpenMojiScenes

__all__ = ["factors", "level_design", "place_design"]


def factors(
    scenes: OpenMojiScenes, table: Objects, sizes: int, jitter: int, levels: int
) -> dict[str, tuple[Tensor, Tensor]]:
    """(labels (B, factors) long from 0, -1 where there is none; design (values, scores)) of each group.

    - structure: what is in each cell;                    4 factors of N + 1 values
    - jitter: size and offset of the object in each cell; 4 factors of sizes (2 jitter + 1)^2 values
    - nuisance: each coefficient of the background;       48 factors

    scenes: B; table: of the objects; sizes, levels: how many; jitter: the largest offset.
    """
    reach = 2 * jitter + 1
    right, down = (scenes.offsets + jitter).unbind(-1)
    where = torch.where(scenes.cells > 0, (scenes.sizes * reach + down) * reach + right, -1)
    return {
        "structure": (scenes.cells, _cell_design(table)),
        "jitter": (where, place_design(sizes, reach)),
        "nuisance": (scenes.texture, level_design(levels)),
    }


def _cell_design(table: Objects) -> Tensor:
    """(N + 1, 11 + N): whether a cell's value is an object, of which kind, and which; the empty cell is none."""
    n = len(table)
    own = torch.cat([torch.ones(n, 1), F.one_hot(table.kinds, len(OBJECT_KINDS)), torch.eye(n)], 1)
    return F.pad(own, (0, 0, 1, 0))


def place_design(sizes: int, reach: int) -> Tensor:
    """(sizes reach^2, sizes + 4): which size, and a Gaussian's two scores for each direction of the offset."""
    value = torch.arange(sizes * reach**2)
    level = level_design(reach)
    size = F.one_hot(value // reach**2, sizes).float()
    return torch.cat([size, level[value // reach % reach], level[value % reach]], 1)


def level_design(levels: int) -> Tensor:
    """(levels, 2): v and v^2 for levels v from -1 to 1; scores then make q a Gaussian, seen at the levels only."""
    value = torch.linspace(-1, 1, levels)
    return torch.stack([value, value.square()], 1)
