"""Prompts for image generation in GenEval's schema (Ghosh, Hajishirzi & Schmidt 2023, arXiv 2310.11513).

    {"tag": "color_attr", "prompt": "top-left small red circle bottom-left large blue cross",
     "include": [{"class": "circle", "count": 1, "color": "red"}, {"class": "cross", "count": 1, "color": "blue"}]}

Each prompt is the caption of a scene of the world's split, in the words of the training captions. `include` and
`exclude` hold what its category requires of the image:

    single_object   one object: its class
    two_object      two objects of two classes: both classes
    counting        two to four objects of one class: exactly this number
    colors          one object: its class and colour
    position        two objects of two classes: the second stands left of, right of or below the first; never above,
                    since objects are named in the order of the cells, and columns go before rows
    color_attr      two objects of two classes and two colours: each class in its own colour (binding)
"""

from typing import Protocol

import torch
from torch import Tensor

from infotok.worlds.shapes.scenes import (
    COLOURS,
    PLACES,
    RELATIONS,
    SHAPES,
    SIZES,
    Scenes,
    cell_value,
    contains,
    parts,
    related,
)

__all__ = ["TAGS"]

TAGS = ("single_object", "two_object", "counting", "colors", "position", "color_attr")


class PromptWorld(Protocol):
    """The part of a world that prompts use: its split, the largest offset of an object in steps, and captions."""

    split: str
    jitter: int

    def captions(self, scenes: Scenes) -> list[str]:
        """A sentence for each scene."""


def prompts(n: int, world: PromptWorld, generator: torch.Generator) -> list[dict]:
    """n prompts, the categories in turn, each of a scene of the world's split.

    n: how many; world: split, jitter and captions; generator: of the scenes.
    """
    cells = torch.zeros(n, len(PLACES), dtype=torch.long)
    tag = torch.arange(n) % len(TAGS)
    todo = torch.arange(n)
    while len(todo):  # until each row's scene is of the split and of its category
        drawn = _propose(tag[todo], generator)
        good = contains(world.split, drawn) & _fits(tag[todo], drawn)
        cells[todo[good]] = drawn[good]
        todo = todo[~good]
    steps = (n, len(PLACES), 2)
    offsets = torch.randint(-world.jitter, world.jitter + 1, steps, generator=generator, device=generator.device).cpu()
    scenes = Scenes(cells, offsets * (cells > 0)[..., None], torch.zeros(n, 0, dtype=torch.long))
    return [
        {"tag": TAGS[t], "prompt": caption, **_asked(TAGS[t], row)}
        for t, caption, row in zip(tag.tolist(), world.captions(scenes), cells, strict=True)
    ]


def _propose(tag: Tensor, generator: torch.Generator) -> Tensor:
    """Scenes of as many objects as the category takes; in "counting" all of one shape. (n, 4) long."""
    n, places = len(tag), len(PLACES)

    def uniform(high: int, columns: int = places) -> Tensor:
        return torch.randint(high, (n, columns), generator=generator, device=generator.device).cpu()

    counting, one = tag == TAGS.index("counting"), (tag == 0) | (tag == TAGS.index("colors"))
    count = torch.where(counting, 2 + uniform(3, 1)[:, 0], torch.where(one, 1, 2))
    shape, colour, size = uniform(len(SHAPES)), uniform(len(COLOURS)), uniform(len(SIZES))
    shape = torch.where(counting[:, None], shape[:, :1], shape)
    rank = torch.rand(n, places, generator=generator, device=generator.device).cpu().argsort(1).argsort(1)
    return cell_value(shape, colour, size) * (rank < count[:, None])


def _fits(tag: Tensor, cells: Tensor) -> Tensor:
    """Whether two objects differ in class, and for "color_attr" in colour."""
    _, shape, colour, _ = parts(cells)

    def values(part: Tensor) -> Tensor:
        return torch.stack([(part == v).any(1) for v in range(int(part.max()) + 1)], 1).sum(1)

    two = (tag == TAGS.index("two_object")) | (tag == TAGS.index("position")) | (tag == TAGS.index("color_attr"))
    return ~two | (values(shape) == 2) & ((tag != TAGS.index("color_attr")) | (values(colour) == 2))


def _asked(tag: str, cells: Tensor) -> dict:
    """`include` and `exclude` of one scene."""
    occupied, shape, colour, _ = parts(cells)
    where = occupied.nonzero().flatten()
    objects = [{"class": SHAPES[shape[i]], "count": 1} for i in where]
    if tag == "counting":
        name, count = objects[0]["class"], len(objects)
        return {"include": [{"class": name, "count": count}], "exclude": [{"class": name, "count": count + 1}]}
    if tag in ("colors", "color_attr"):
        for o, i in zip(objects, where, strict=True):
            o["color"] = COLOURS[colour[i]]
    if tag == "position":
        second, first = int(where[1]), int(where[0])
        relation = int(related()[:, second, first].nonzero()[0])  # columns before rows, where both differ
        objects[1]["position"] = [RELATIONS[relation], 0]
    return {"include": objects, "exclude": []}
