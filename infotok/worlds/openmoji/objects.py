"""Objects of OpenMojiWorld: emoji with their code points, Unicode names and kinds, from `objects.csv`.

The ten kinds are groups of Unicode subgroups. Objects are in a fixed order in which the kinds take turns, so the first
N of them are of all kinds as evenly as the emoji allow, and a world of more objects has those of a smaller one first.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import torch
from torch import Tensor

__all__ = ["OBJECT_KINDS", "Named", "Objects", "new_objects", "objects_of"]

OBJECT_KINDS = ("animal", "food", "vehicle", "tool", "garment", "building", "furniture", "plant", "weather",
                "instrument")  # fmt: skip
FEWEST = 10  # of a world: all kinds are there, and both splits have scenes of every category of prompts
MOST = 316  # rows of the table
WITH_NEW = 30  # objects of a world that has a new one of each kind
AN = {*"aeiou"} - {"u"}  # first letters that take "an": no name sounds other than it looks but these
SOUNDS = {"umbrella": "an", "ewe": "a"}


@dataclass(frozen=True)
class Named:
    """Objects by name.

    names: N words
    kinds: (N,) long, index of each one's kind
    groups: names of the kinds; none where each object is its own kind
    """

    names: tuple[str, ...]
    kinds: Tensor
    groups: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def articles(self) -> tuple[str, ...]:
        """ "a" or "an" for each name, by its sound."""
        return tuple(SOUNDS.get(name, "an" if name[0] in AN else "a") for name in self.names)


@dataclass(frozen=True)
class Objects(Named):
    """The first N objects of the table; their groups are OBJECT_KINDS.

    characters: N strings of one code point
    """

    characters: tuple[str, ...]


@lru_cache(maxsize=8)
def objects_of(n: int) -> Objects:
    """The first n objects, 1 to 316."""
    rows = _table()[:n]
    kinds = torch.tensor([OBJECT_KINDS.index(row["kind"]) for row in rows])
    characters = tuple(chr(int(row["codepoint"], 16)) for row in rows)
    return Objects(tuple(row["name"] for row in rows), kinds, OBJECT_KINDS, characters)


@lru_cache(maxsize=8)
def new_objects(n: int) -> tuple[int, ...]:
    """Indices of the new objects among the first n: the third of each kind in the table's order, and every tenth after.

    A world of more objects has those of a smaller one.
    """
    kinds = objects_of(n).kinds
    rank = torch.stack([(kinds[:i] == kind).sum() for i, kind in enumerate(kinds)])
    return tuple((rank % 10 == 2).nonzero().flatten().tolist())


@lru_cache(maxsize=1)
def _table() -> tuple[dict[str, str], ...]:
    lines = files(__package__).joinpath("objects.csv").read_text(encoding="utf-8").splitlines()
    return tuple(csv.DictReader(line for line in lines if not line.startswith("#")))
