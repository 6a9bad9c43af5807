"""Structures of scenes of N objects in four cells: their distribution, and splits that share none.

A structure has four cells, top-left, top-right, bottom-left, bottom-right: 0 for an empty cell, else 1 + the object's
index. Each is occupied with probability 0.6, independently, by one of N objects, all equally likely. So

    H(cell) = h(0.6) + 0.6 log N,   H(structure) = 4 H(cell)

An object is known here by its *code*, an integer that hashes turn into what its splits are. The splits divide the
(N + 1)^4 structures. One is a *test* structure if

- it has an object at a place that is held out: about half of the objects, chosen by a hash of their codes, have one
  such place each, which is about an eighth of all (object, place) pairs; or
- it is in the held-out tenth: every pair has a weight from 0 to 9, by the same hash, and the weights of the structure's
  pairs sum to 9 modulo 10;

all others are *train* structures. Two more splits are of *new* objects, which a world names, M of N:

- *known_objects* has the train structures without a new object;
- *new_objects* has every structure with at least one, whatever else is held out: (N + 1)^4 - (N - M + 1)^4 of them.

Counting the train structures is a dynamic programme over cells, with the number of objects k and the sum of the weights
modulo 10 as its state. All structures of k objects have the same probability p_k = (0.6 / N)^k 0.4^(4 - k), so with n_k
the number of structures of the split,

    P(split) = sum_k n_k p_k,   H(structure | split) = log P(split) - sum_k n_k p_k log p_k / P(split)
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

from infotok.worlds.shapes.scenes import OCCUPIED, PLACES

__all__ = [
    "OBJECT_SPLITS",
    "Codes",
    "contains",
    "draw_cells",
    "expected_objects",
    "novelty",
    "pair_tables",
    "scene_counts",
    "split_cells",
    "structure",
]

RESIDUES, HELD_OUT_RESIDUE = 10, 9
HASH = 2654435761  # Knuth's multiplicative hash
MIX = 739790957  # and the factor of a second round of it

OBJECT_SPLITS = KNOWN, NEW = "known_objects", "new_objects"
Codes = tuple[int, ...]  # of the N objects
New = tuple[int, ...]  # cell values of the objects that the splits of objects hold out


@lru_cache(maxsize=8)
def pair_tables(codes: Codes) -> tuple[Tensor, Tensor]:
    """(held out (N + 1, 4) bool, weight (N + 1, 4) long) of each cell value at each place; 0 for an empty cell.

    They depend on an object's code alone, so more objects do not change them.
    """
    points = torch.tensor(codes)
    own = _mixed(points)
    held = (own % 2 == 0)[:, None] & (own // 2 % len(PLACES) == torch.arange(len(PLACES)).view(-1, 1)).T
    weight = _mixed(points[:, None] * len(PLACES) + torch.arange(len(PLACES)) + 2**20) % RESIDUES
    return torch.nn.functional.pad(held, (0, 0, 1, 0)), torch.nn.functional.pad(weight, (0, 0, 1, 0))


def _mixed(values: Tensor) -> Tensor:
    """A fixed pseudo-random integer from 0 to 65535 for each value."""
    mixed = values * HASH & 0xFFFFFFFF
    mixed = (mixed ^ mixed >> 15) * MIX & 0xFFFFFFFF
    return mixed >> 16


def novelty(cells: Tensor, codes: Codes, new: New = ()) -> Tensor:
    """Why a structure is not in the train split, (B,) long: 0 it is, 1 new but of known pairs, 2 a held-out pair.

    And 3, whatever else holds, if it has an object of `new`.
    """
    held, weight = (table.to(cells.device) for table in pair_tables(codes))
    place = torch.arange(len(PLACES), device=cells.device)
    new_scene = weight[cells, place].sum(-1) % RESIDUES == HELD_OUT_RESIDUE
    reason = torch.where(held[cells, place].any(-1), 2, new_scene.long())
    return torch.where(torch.isin(cells, torch.tensor(new, device=cells.device)).any(-1), 3, reason) if new else reason


def contains(split: str, cells: Tensor, codes: Codes, new: New = ()) -> Tensor:
    """Whether these structures belong to the split, (B,) bool."""
    if split == "all":
        return torch.ones(len(cells), dtype=torch.bool, device=cells.device)
    if split in OBJECT_SPLITS:
        return novelty(cells, codes, new) == (3 if split == NEW else 0)
    return (novelty(cells, codes) > 0) == (split == "test")


def draw_cells(n: int, objects: int, generator: torch.Generator) -> Tensor:
    """Samples of structures from the distribution of all scenes, (n, 4) long."""
    shape, device = (n, len(PLACES)), generator.device
    occupied = torch.rand(shape, generator=generator, device=device) < OCCUPIED
    return occupied * torch.randint(1, objects + 1, shape, generator=generator, device=device)


def split_cells(n: int, split: str, codes: Codes, generator: torch.Generator, new: New = ()) -> Tensor:
    """n structures of a split, (n, 4) long: drawn from all scenes, the others left out."""
    kept = torch.empty(0, len(PLACES), dtype=torch.long, device=generator.device)
    while len(kept) < n:  # two in three scenes are train scenes
        cells = draw_cells(n if split == "all" else 3 * n + 16, len(codes), generator)
        kept = torch.cat([kept, cells[contains(split, cells, codes, new)]])
    return kept[:n]


@lru_cache(maxsize=32)
def scene_counts(split: str, codes: Codes, new: New = ()) -> tuple[int, ...]:
    """Number of scenes of the split with k objects, k = 0 to 4, by the dynamic programme of this file."""
    everything = _counts(len(codes))
    if split == "all":
        return tuple(everything)
    if split == NEW:
        return tuple(a - b for a, b in zip(everything, _counts(len(codes) - len(new)), strict=True))
    held, weight = (table[1:] for table in pair_tables(codes))
    if split == KNOWN:
        held = held | torch.isin(torch.arange(1, len(codes) + 1), torch.tensor(new))[:, None]
    ways = {(0, 0): 1}  # (objects, sum of weights modulo 10) -> number of partial scenes
    for place in range(len(PLACES)):
        seen = weight[:, place][~held[:, place]]
        by_weight = torch.bincount(seen, minlength=RESIDUES).tolist()
        longer = dict(ways)  # with an empty cell
        for (k, residue), count in ways.items():
            for added, choices in enumerate(by_weight):
                state = (k + 1, (residue + added) % RESIDUES)
                longer[state] = longer.get(state, 0) + count * choices
        ways = longer
    train = [0] * (len(PLACES) + 1)
    for (k, residue), count in ways.items():
        train[k] += count * (residue != HELD_OUT_RESIDUE)
    return tuple((a - b for a, b in zip(everything, train, strict=True)) if split == "test" else train)


def _counts(objects: int) -> list[int]:
    """Number of all structures with k of these objects, k = 0 to 4."""
    return [math.comb(len(PLACES), k) * objects**k for k in range(len(PLACES) + 1)]


def structure(split: str, codes: Codes, new: New = ()) -> tuple[float, float, list[float]]:
    """(probability of the split, entropy in nats of a structure in the split, its probabilities of 0 to 4 objects)."""
    k = torch.arange(len(PLACES) + 1, dtype=torch.double)
    log_p = k * math.log(OCCUPIED / len(codes)) + (len(PLACES) - k) * math.log(1 - OCCUPIED)
    mass = torch.tensor(scene_counts(split, codes, new), dtype=torch.double) * log_p.exp()
    total = mass.sum()
    entropy = total.log() - (mass * log_p).sum() / total
    return total.item(), entropy.item(), (mass / total).tolist()


def expected_objects(split: str, codes: Codes, new: New = ()) -> float:
    """Mean number of objects of a scene of the split."""
    return sum(k * p for k, p in enumerate(structure(split, codes, new)[2]))
