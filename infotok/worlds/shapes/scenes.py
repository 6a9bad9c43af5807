"""Scenes of ShapesWorld: their cells, the distribution of their structure, and the splits.

A scene has four cells, top-left, top-right, bottom-left, bottom-right. Each is occupied with probability 0.6,
independently, by one of 4 shapes x 6 colours x 2 sizes, all equally likely. So

    H(cell) = h(0.6) + 0.6 log 48,   H(structure) = 4 H(cell) = 11.98 nats

The splits divide the 49^4 scenes. A scene is a *test* scene if it shows a held-out (shape, colour) pair or a held-out
relation, or is in the held-out tenth by its hash; all others are *train* scenes. No scene is in both. The distribution
of a split is the one above conditioned on the split; its entropy follows from counting the scenes.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from infotok.errors import require_device, require_instance, require_tensor

__all__ = ["COLOURS", "PLACES", "RELATIONS", "SHAPES", "SIZES", "SPLITS", "Scenes", "leaks"]

SHAPES = ("circle", "square", "triangle", "cross")
COLOURS = ("red", "green", "blue", "yellow", "magenta", "cyan")
SIZES = ("small", "large")
PLACES = ("top-left", "top-right", "bottom-left", "bottom-right")  # the order of the cells
RELATIONS = ("left of", "right of", "above", "below")
OPPOSITE = (1, 0, 3, 2)
SPLITS = ("train", "test", "all")
OCCUPIED = 0.6
KINDS_OF_OBJECT = len(SHAPES) * len(COLOURS) * len(SIZES)  # 48
CELL_VALUES = 1 + KINDS_OF_OBJECT  # 49: 0 is an empty cell
COEFFICIENTS = 48  # of the texture: 4 x 4 nodes of 3 channels

HELD_OUT_PAIRS = (("circle", "red"), ("square", "green"), ("triangle", "blue"), ("cross", "yellow"))
HELD_OUT_RELATIONS = (("circle", "left of", "square"), ("triangle", "above", "cross"))  # and their opposites


@dataclass(frozen=True)
class Scenes:
    """A batch of scenes.

    cells: (B, 4) long, 0 for an empty cell, else 1 + ((shape * 6 + colour) * 2 + size)
    offsets: (B, 4, 2) long, steps right and down in [-jitter, jitter], 0 where a cell is empty
    texture: (B, 48) long, the level of each coefficient of the background

    Example:
        >>> import torch
        >>> from infotok.worlds import ShapesWorld
        >>> scenes = ShapesWorld().sample(8, torch.Generator().manual_seed(0))
        >>> scenes.cells.shape, scenes.offsets.shape, scenes.texture.shape
        (torch.Size([8, 4]), torch.Size([8, 4, 2]), torch.Size([8, 48]))
        >>> ShapesWorld().captions(scenes[:1]), scenes.cells[0]
        (['top-left large red triangle bottom-left small blue square bottom-right large yellow triangle'],
        tensor([26,  0, 17, 32]))
    """

    cells: Tensor
    offsets: Tensor
    texture: Tensor

    def __len__(self) -> int:
        return len(self.cells)

    def __getitem__(self, index: Tensor | slice) -> "Scenes":
        return Scenes(self.cells[index], self.offsets[index], self.texture[index])

    def to(self, device: torch.device | str) -> "Scenes":
        """The scenes on another device.

        device: a torch.device, or its name.
        """
        require_device("device", device)
        return Scenes(self.cells.to(device), self.offsets.to(device), self.texture.to(device))


def require_scenes(name: str, scenes: Any, jitter: int = 2, levels: int | None = None) -> None:
    """Raise TypeError or ValueError unless `scenes` are Scenes of a world with this jitter and these levels.

    Without `levels` the texture is not checked.
    """
    require_instance(name, scenes, Scenes)
    require_cells(f"{name}.cells", scenes.cells)
    rows = len(scenes)
    require_tensor(f"{name}.offsets", scenes.offsets, (rows, len(PLACES), 2), "int64", f"[{-jitter}, {jitter}]")
    if levels is not None:
        require_tensor(f"{name}.texture", scenes.texture, (rows, COEFFICIENTS), "int64", f"[0, {levels - 1}]")


def require_cells(name: str, cells: Any) -> None:
    """Raise TypeError or ValueError unless `cells` are cell values, (B, 4) long from 0 to 48."""
    require_tensor(name, cells, ("B", len(PLACES)), "int64", f"[0, {CELL_VALUES - 1}]")


def parts(cells: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(occupied, shape, colour, size) of cell values, each of their shape; the last three are -1 for an empty cell."""
    occupied = cells > 0
    kind = (cells - 1).clamp(min=0)
    shape, colour, size = kind // (len(COLOURS) * len(SIZES)), kind // len(SIZES) % len(COLOURS), kind % len(SIZES)
    return occupied, *(torch.where(occupied, part, -1) for part in (shape, colour, size))


def cell_value(shape: Tensor, colour: Tensor, size: Tensor) -> Tensor:
    """The value of a cell that holds this object: 1 + ((shape * 6 + colour) * 2 + size)."""
    return 1 + (shape * len(COLOURS) + colour) * len(SIZES) + size


def pair_of(cells: Tensor) -> Tensor:
    """shape * 6 + colour of each cell, -1 where empty."""
    return torch.where(cells > 0, (cells - 1).clamp(min=0) // len(SIZES), -1)


def related() -> Tensor:
    """Which relations hold between two cells, (relation, first cell, second cell) bool."""
    place = torch.arange(len(PLACES))
    column, row = place % 2, place // 2
    left, above = column[:, None] < column, row[:, None] < row
    return torch.stack([left, left.T, above, above.T])


def held_out_pairs() -> Tensor:
    """Held-out (shape, colour) pairs, (24,) bool over shape * 6 + colour."""
    held = torch.zeros(len(SHAPES), len(COLOURS), dtype=torch.bool)
    for shape, colour in HELD_OUT_PAIRS:
        held[SHAPES.index(shape), COLOURS.index(colour)] = True
    return held.flatten()


def held_out_relations() -> Tensor:
    """Held-out relations, (relation, first shape, second shape) bool; "a left of b" is also "b right of a"."""
    held = torch.zeros(len(RELATIONS), len(SHAPES), len(SHAPES), dtype=torch.bool)
    for first, relation, second in HELD_OUT_RELATIONS:
        r, a, b = RELATIONS.index(relation), SHAPES.index(first), SHAPES.index(second)
        held[r, a, b] = held[OPPOSITE[r], b, a] = True
    return held


def scene_index(cells: Tensor) -> Tensor:
    """Index of each structure, (B,) long, its cells as digits in base 49."""
    place_value = CELL_VALUES ** torch.arange(len(PLACES), device=cells.device)
    return (cells * place_value).sum(-1)


def novelty(cells: Tensor) -> Tensor:
    """Why a scene is not a train scene, (B,) long.

    0 a train scene, 1 a new scene of known parts, 2 a held-out relation, 3 a held-out pair.
    """
    pair = pair_of(cells)
    new_pair = (held_out_pairs().to(cells.device)[pair.clamp(min=0)] & (pair >= 0)).any(-1)
    shape = parts(cells)[1]
    new_relation = torch.zeros_like(new_pair)
    where = related()
    for first, relation, second in HELD_OUT_RELATIONS:
        a, b = shape == SHAPES.index(first), shape == SHAPES.index(second)
        for p, q in where[RELATIONS.index(relation)].nonzero().tolist():
            new_relation |= a[..., p] & b[..., q]
    mixed = scene_index(cells) * 2654435761 & 0xFFFFFFFF  # Knuth's multiplicative hash, and a second round of it
    mixed = (mixed ^ mixed >> 15) * 739790957 & 0xFFFFFFFF
    new_scene = (mixed >> 16) % 10 == 9
    return torch.where(new_pair, 3, torch.where(new_relation, 2, new_scene.long()))


def contains(split: str, cells: Tensor) -> Tensor:
    """Whether these structures belong to the split, (B,) bool."""
    if split == "all":
        return torch.ones(len(cells), dtype=torch.bool, device=cells.device)
    return (novelty(cells) > 0) == (split == "test")


def draw_cells(n: int, generator: torch.Generator) -> Tensor:
    """Samples of structures from the distribution of all scenes, (n, 4) long."""
    shape, device = (n, len(PLACES)), generator.device
    occupied = torch.rand(shape, generator=generator, device=device) < OCCUPIED
    return occupied * torch.randint(1, CELL_VALUES, shape, generator=generator, device=device)


@lru_cache(maxsize=1)
def train_scenes() -> Tensor:
    """Number of train scenes with k objects, k = 0 to 4, by enumeration."""
    speakable = torch.arange(CELL_VALUES)
    speakable = speakable[(speakable == 0) | ~held_out_pairs()[pair_of(speakable)]]
    rest = torch.cartesian_prod(*[speakable] * (len(PLACES) - 1))
    count = torch.zeros(len(PLACES) + 1, dtype=torch.long)
    for first in speakable:
        cells = torch.cat([first.expand(len(rest), 1), rest], dim=1)
        count += torch.bincount((cells[novelty(cells) == 0] > 0).sum(1), minlength=len(count))
    return count


def structure(split: str) -> tuple[float, float, float]:
    """(probability of the split, entropy in nats of a structure in the split, expected number of objects).

    All scenes of k objects have the same probability p = (0.6 / 48)^k 0.4^(4 - k), so counting them is enough:
    H(S | split) = -E[log p(S) | split] + log P(split).
    """
    k = torch.arange(len(PLACES) + 1, dtype=torch.double)
    count = torch.tensor([math.comb(len(PLACES), i) * KINDS_OF_OBJECT**i for i in range(len(PLACES) + 1)])
    if split != "all":
        count = train_scenes() if split == "train" else count - train_scenes()
    log_p = k * math.log(OCCUPIED / KINDS_OF_OBJECT) + (len(PLACES) - k) * math.log(1 - OCCUPIED)
    mass = count * log_p.exp()
    total = mass.sum()
    entropy = total.log() - (mass * log_p).sum() / total
    return total.item(), entropy.item(), ((mass * k).sum() / total).item()


def leaks(a: Scenes, b: Scenes) -> int:
    """Number of scenes of `a` whose structure occurs in `b`, as a test of leaks between splits.

    Example:
        >>> import torch
        >>> from infotok.worlds import ShapesWorld, leaks
        >>> generator = torch.Generator().manual_seed(0)
        >>> train, test = (ShapesWorld(split=split).sample(1000, generator) for split in ("train", "test"))
        >>> leaks(test, train), leaks(test, test)
        (0, 1000)
    """
    for name, scenes in (("a", a), ("b", b)):
        require_instance(name, scenes, Scenes)
        require_cells(f"{name}.cells", scenes.cells)
    return int(torch.isin(scene_index(a.cells), scene_index(b.cells)).sum())
