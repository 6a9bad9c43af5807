"""Scenes of OpenMojiWorld: their cells, the distribution of their structure, and the splits.

A scene has four cells, top-left, top-right, bottom-left, bottom-right. Each is occupied with probability 0.6,
independently, by one of N objects, all equally likely. So

    H(cell) = h(0.6) + 0.6 log N,   H(structure) = 4 H(cell) = 13.65 nats for N = 96

The splits divide the (N + 1)^4 scenes by held-out (object, place) pairs and a held-out tenth, as `infotok.worlds.grid`
says; the code of an object is its code point. No scene is in both; every object is in train scenes, at three places or
four. The splits "known_objects" and "new_objects" are for objects that training never shows, those of `new_objects`.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from infotok.errors import require_device, require_instance, require_tensor
from infotok.worlds import grid
from infotok.worlds.grid import OBJECT_SPLITS, draw_cells
from infotok.worlds.openmoji.objects import new_objects, objects_of
from infotok.worlds.shapes.scenes import COEFFICIENTS, OCCUPIED, PLACES, RELATIONS, SPLITS, related

__all__ = [
    "COEFFICIENTS",
    "OBJECT_SPLITS",
    "OCCUPIED",
    "PLACES",
    "RELATIONS",
    "SPLITS",
    "OpenMojiScenes",
    "draw_cells",
    "related",
]


@dataclass(frozen=True)
class OpenMojiScenes:
    """A batch of scenes.

    cells: (B, 4) long, 0 for an empty cell, else 1 + the object's index
    sizes: (B, 4) long, index of the object's size, 0 where a cell is empty
    offsets: (B, 4, 2) long, pixels (at size 32) right and down in [-jitter, jitter], 0 where a cell is empty
    texture: (B, 48) long, the level of each coefficient of the background
    """

    cells: Tensor
    sizes: Tensor
    offsets: Tensor
    texture: Tensor

    def __len__(self) -> int:
        return len(self.cells)

    def __getitem__(self, index: Tensor | slice) -> "OpenMojiScenes":
        return OpenMojiScenes(self.cells[index], self.sizes[index], self.offsets[index], self.texture[index])

    def to(self, device: torch.device | str) -> "OpenMojiScenes":
        """The scenes on another device."""
        require_device("device", device)
        return OpenMojiScenes(*(part.to(device) for part in (self.cells, self.sizes, self.offsets, self.texture)))


def require_scenes(name: str, scenes: Any, objects: int, sizes: int, jitter: int, levels: int) -> None:
    """Raise TypeError or ValueError unless `scenes` are OpenMojiScenes of a world with these settings.

    objects, sizes, levels: how many; jitter: the largest offset.
    """
    require_instance(name, scenes, OpenMojiScenes)
    require_tensor(f"{name}.cells", scenes.cells, ("B", len(PLACES)), "int64", f"[0, {objects}]")
    rows = (len(scenes), len(PLACES))
    require_tensor(f"{name}.sizes", scenes.sizes, rows, "int64", f"[0, {sizes - 1}]")
    require_tensor(f"{name}.offsets", scenes.offsets, (*rows, 2), "int64", f"[{-jitter}, {jitter}]")
    require_tensor(f"{name}.texture", scenes.texture, (rows[0], COEFFICIENTS), "int64", f"[0, {levels - 1}]")


@lru_cache(maxsize=8)
def codes_of(objects: int) -> grid.Codes:
    """The code points of the first `objects` of the table: a world of more objects keeps the splits of its pairs."""
    return tuple(ord(character) for character in objects_of(objects).characters)


@lru_cache(maxsize=8)
def values_of_new(objects: int) -> grid.New:
    """Cell values of the new objects."""
    return tuple(1 + index for index in new_objects(objects))


def pair_tables(objects: int) -> tuple[Tensor, Tensor]:
    """(held out (N + 1, 4) bool, weight (N + 1, 4) long) of each cell value at each place; 0 for an empty cell."""
    return grid.pair_tables(codes_of(objects))


def novelty(cells: Tensor, objects: int, split: str = "train") -> Tensor:
    """Why a scene is not a train scene, (B,) long: 0 a train scene, 1 a new scene of known pairs, 2 a held-out pair.

    With a split of objects also 3: a new object.
    """
    return grid.novelty(cells, codes_of(objects), values_of_new(objects) if split in OBJECT_SPLITS else ())


def contains(split: str, cells: Tensor, objects: int) -> Tensor:
    """Whether these structures belong to the split, (B,) bool."""
    return grid.contains(split, cells, codes_of(objects), values_of_new(objects))


def split_cells(n: int, split: str, objects: int, generator: torch.Generator) -> Tensor:
    """n structures of a split, (n, 4) long: drawn from all scenes, the others left out."""
    return grid.split_cells(n, split, codes_of(objects), generator, values_of_new(objects))


def scene_counts(split: str, objects: int) -> tuple[int, ...]:
    """Number of scenes of the split with k objects, k = 0 to 4."""
    return grid.scene_counts(split, codes_of(objects), values_of_new(objects))


def structure(split: str, objects: int) -> tuple[float, float, list[float]]:
    """(probability of the split, entropy in nats of a structure in the split, its probabilities of 0 to 4 objects)."""
    return grid.structure(split, codes_of(objects), values_of_new(objects))


def expected_objects(split: str, objects: int) -> float:
    """Mean number of objects of a scene of the split."""
    return grid.expected_objects(split, codes_of(objects), values_of_new(objects))
