"""Prompts for image generation in GenEval's schema (Ghosh, Hajishirzi & Schmidt 2023, arXiv 2310.11513).

    {"tag": "position", "prompt": "top-left cat bottom-right umbrella",
     "include": [{"class": "cat", "count": 1}, {"class": "umbrella", "count": 1, "position": ["right of", 0]}]}

Each prompt is the caption of a scene of the world's split, in the words of the training captions. `include` and
`exclude` hold what its category requires of the image:

    single_object   one object: its class
    two_object      two objects of two classes: both classes
    counting        two to four objects of one kind: exactly this number of that kind
    position        two objects of two classes: the second stands left of, right of or below the first; never above,
                    since objects are named in the order of the cells, and columns go before rows
    binding         two to four objects of as many classes: each class at its own place
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from infotok.worlds.openmoji.objects import Named
from infotok.worlds.openmoji.scenes import COEFFICIENTS, PLACES, RELATIONS, OpenMojiScenes, contains, related
from infotok.worlds.shapes.questions import choose

__all__ = ["TAGS"]

TAGS = ("single_object", "two_object", "counting", "position", "binding")
SINGLE, TWO, COUNTING, POSITION, BINDING = range(len(TAGS))


class PromptWorld(Protocol):
    """The part of a world that prompts use: its split, its objects, its sizes, and captions."""

    split: str
    table: Named
    scales: tuple[int, ...]

    def captions(self, scenes: OpenMojiScenes) -> list[str]:
        """A sentence for each scene."""


def prompts(n: int, world: PromptWorld, generator: torch.Generator) -> list[dict]:
    """n prompts, the categories in turn, each of a scene of the world's split.

    n: how many; world: split, objects, sizes and captions; generator: of the scenes.
    """
    n_objects = len(world.table)
    tag, cells = propose(n, world.table, lambda drawn: contains(world.split, drawn, n_objects), generator)
    sizes = torch.randint(len(world.scales), cells.shape, generator=generator, device=generator.device).cpu()
    nothing = torch.zeros(n, len(PLACES), 2, dtype=torch.long), torch.zeros(n, COEFFICIENTS, dtype=torch.long)
    captions = world.captions(OpenMojiScenes(cells, sizes * (cells > 0), *nothing))
    return worded(tag, captions, cells, world.table)


def propose(
    n: int, table: Named, contained: Callable[[Tensor], Tensor], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """(categories (n,), cells (n, 4)) long of n scenes, the categories in turn.

    table: of the objects; contained: whether scenes (m, 4) are of the split, (m,) bool; generator: of the scenes.
    """
    cells, tag, todo = torch.zeros(n, len(PLACES), dtype=torch.long), torch.arange(n) % len(TAGS), torch.arange(n)
    while len(todo):  # until each row's scene is of the split and of its category
        drawn = _propose(tag[todo], table, generator)
        good = contained(drawn) & _fits(tag[todo], drawn)
        cells[todo[good]] = drawn[good]
        todo = todo[~good]
    return tag, cells


def worded(tag: Tensor, captions: list[str], cells: Tensor, table: Named) -> list[dict]:
    """Prompts of n scenes: category (n,), captions, cells (n, 4)."""
    return [
        {"tag": TAGS[t], "prompt": caption, **_asked(t, row, table)}
        for t, caption, row in zip(tag.tolist(), captions, cells, strict=True)
    ]


def _propose(tag: Tensor, table: Named, generator: torch.Generator) -> Tensor:
    """Scenes of as many objects as the category takes; in "counting" all of one kind. (n, 4) long."""
    n, places = len(tag), len(PLACES)

    def uniform(high: int, columns: int = places) -> Tensor:
        return torch.randint(high, (n, columns), generator=generator, device=generator.device).cpu()

    several = (tag == COUNTING) | (tag == BINDING)
    count = torch.where(several, 2 + uniform(3, 1)[:, 0], torch.where(tag == SINGLE, 1, 2))
    names = uniform(len(table))
    alike = (table.kinds == table.kinds[names[:, :1]])[:, None].expand(-1, places, -1)  # (n, 4, N)
    of_kind = choose(alike.to(generator.device), generator).cpu()
    names = torch.where((tag == COUNTING)[:, None], of_kind, names)
    rank = torch.rand(n, places, generator=generator, device=generator.device).cpu().argsort(1).argsort(1)
    return (1 + names) * (rank < count[:, None])


def _fits(tag: Tensor, cells: Tensor) -> Tensor:
    """Whether all objects differ, in the categories that ask for it."""
    twice = (cells[:, :, None] == cells[:, None]) & (cells > 0)[:, None]
    different = twice.sum((1, 2)) == (cells > 0).sum(1)
    return different | (tag == COUNTING)


def _asked(tag: int, cells: Tensor, table: Named) -> dict:
    """`include` and `exclude` of one scene."""
    where = (cells > 0).nonzero().flatten().tolist()
    names = [int(cells[place]) - 1 for place in where]
    if tag == COUNTING:
        grouped = {"kind": table.groups[table.kinds[names[0]]]} if table.groups else {"class": table.names[names[0]]}
        count = len(names)
        return {"include": [grouped | {"count": count}], "exclude": [grouped | {"count": count + 1}]}
    entries = [{"class": table.names[name], "count": 1} for name in names]
    if tag == POSITION:
        relation = int(related()[:, where[1], where[0]].nonzero()[0])  # columns before rows, where both differ
        entries[1]["position"] = [RELATIONS[relation], 0]
    if tag == BINDING:
        for entry, place in zip(entries, where, strict=True):
            entry["place"] = PLACES[place]
    return {"include": entries, "exclude": []}
