"""Scenes of FashionWorld: what is in each cell, which photograph shows it, where, and over which background.

The structure, ten kinds in four cells, and its splits are those of `infotok.worlds.grid` with N = 10: H(structure) = 4
(h(0.6) + 0.6 log 10) = 8.22 nats over all scenes. Five kinds have a held-out place.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from infotok.errors import require_device, require_instance, require_tensor
from infotok.worlds.fashion.photographs import NAMES
from infotok.worlds.openmoji.objects import Named
from infotok.worlds.shapes.scenes import COEFFICIENTS, PLACES, RELATIONS, SPLITS, related

__all__ = ["CODES", "COEFFICIENTS", "PLACES", "RELATIONS", "SPLITS", "TABLE", "FashionScenes", "related"]

TABLE = Named(NAMES, torch.arange(len(NAMES)), ())
CODES = tuple(range(230, 230 + len(NAMES)))  # whose held-out pairs are five kinds' and at all four places


@dataclass(frozen=True)
class FashionScenes:
    """A batch of scenes.

    cells: (B, 4) long, 0 for an empty cell, else 1 + the kind's index
    photographs: (B, 4) long, which of the kind's photographs: training ones from 0, then those for tests; 0 where a
        cell is empty
    offsets: (B, 4, 2) long, pixels (at size 32) right and down in [-jitter, jitter], 0 where a cell is empty
    texture: (B, 48) long, the level of each coefficient of the background
    """

    cells: Tensor
    photographs: Tensor
    offsets: Tensor
    texture: Tensor

    def __len__(self) -> int:
        return len(self.cells)

    def __getitem__(self, index: Tensor | slice) -> "FashionScenes":
        return FashionScenes(self.cells[index], self.photographs[index], self.offsets[index], self.texture[index])

    def to(self, device: torch.device | str) -> "FashionScenes":
        """The scenes on another device."""
        require_device("device", device)
        return FashionScenes(*(part.to(device) for part in (self.cells, self.photographs, self.offsets, self.texture)))


def require_scenes(name: str, scenes: Any, photographs: int, jitter: int, levels: int) -> None:
    """Raise TypeError or ValueError unless `scenes` are FashionScenes of a world with these settings.

    photographs, levels: how many, of each kind and of the texture; jitter: the largest offset.
    """
    require_instance(name, scenes, FashionScenes)
    require_tensor(f"{name}.cells", scenes.cells, ("B", len(PLACES)), "int64", f"[0, {len(NAMES)}]")
    rows = (len(scenes), len(PLACES))
    require_tensor(f"{name}.photographs", scenes.photographs, rows, "int64", f"[0, {photographs - 1}]")
    require_tensor(f"{name}.offsets", scenes.offsets, (*rows, 2), "int64", f"[{-jitter}, {jitter}]")
    require_tensor(f"{name}.texture", scenes.texture, (rows[0], COEFFICIENTS), "int64", f"[0, {levels - 1}]")
