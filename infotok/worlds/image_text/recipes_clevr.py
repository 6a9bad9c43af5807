"""CLEVR v1.0 and CLEVR-CoGenT v1.0 (Johnson et al. 2017, arXiv 1612.06890): records, and prompts in GenEval's schema.

    world = ImageTextWorld(clevr("CLEVR_CoGenT_v1.0", "trainA"), max_caption=60, max_question=48)
    prompts = clevr_prompts("CLEVR_CoGenT_v1.0", "valB", 500, torch.Generator().manual_seed(0))

CoGenT tests compositional generalization. In condition A cubes are gray, blue, brown or yellow and cylinders are red,
green, purple or cyan; in condition B it is the other way round. Spheres have all eight colours in both.

Fields are those of the README of CLEVR v1.0; that CoGenT's files have the same is an assumption. Neither data set has
been read here, only small files of this schema.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from infotok.errors import refuse, require, require_choice, require_folder, require_generator, require_int
from infotok.worlds.image_text.annotations import field, objects
from infotok.worlds.image_text.records import ListRecords, Records

__all__ = ["CLEVR_SPLITS", "CLEVR_TAGS", "clevr", "clevr_prompts"]

CLEVR_SPLITS = ("train", "val", "trainA", "valA", "valB")
CLEVR_TAGS = ("two_object", "counting", "colors", "position", "color_attr")
COUNTS = (2, 3, 4)  # of objects of a class, in "counting"
MOST_PROMPTS = 2**20


@dataclass(frozen=True)
class Thing:
    """An object of a scene.

    said: its words in a caption
    name: its shape, GenEval's class
    colour: one of eight words
    place: column and row of its middle in pixels, from the top left
    """

    said: str
    name: str
    colour: str
    place: tuple[float, float]


def clevr(folder: str | Path, split: str = "train") -> Records:
    """Records of CLEVR v1.0 or of CoGenT: a caption of all objects from left to right, questions and answers.

    "large red metal cube, small blue rubber sphere": up to ten objects of five words, so `max_caption=60`; questions
    have up to 45 words, `max_question=48`.

    folder: has `images/SPLIT`, `scenes/CLEVR_SPLIT_scenes.json` and `questions/CLEVR_SPLIT_questions.json`.
    split: "train" or "val" of CLEVR; "trainA", "valA" or "valB" of CoGenT. The splits "test", "testA" and "testB" have
        neither scenes nor answers.
    """
    _require_split(folder, split)
    path = Path(folder) / "questions" / f"CLEVR_{split}_questions.json"
    asked = defaultdict(list)
    for where, each in objects(path, "questions"):
        pair = [field(each, "question", where), field(each, "answer", where)]
        asked[field(each, "image_filename", where)].append(pair)
    rows = [
        {"image": f"images/{split}/{name}", "captions": _caption(things), "questions": asked[name]}
        for name, things in _scenes(Path(folder), split)
    ]
    return ListRecords(rows, Path(folder))


def clevr_prompts(folder: str | Path, split: str, n: int, generator: torch.Generator) -> list[dict[str, Any]]:
    """n prompts in GenEval's schema, of scenes of a split; the categories (`CLEVR_TAGS`) in turn.

    A prompt is the whole caption of a scene, in the words that `clevr` gives to training, so it names three to ten
    objects. `include` and `exclude` hold what its category requires of the image; classes are the three shapes:

        two_object   two classes, at least one object of each
        counting     two to four objects of one class, exactly this number
        colors       the only object of its class, in its colour
        position     the only objects of two classes: the second stands left of, right of, above or below the first
        color_attr   the only objects of two classes, in two colours (binding)

    Positions are those of the image, by the middles of the objects in pixels (`pixel_coords`) and along the axis on
    which they are farther apart. An object that stands above another is behind it in space. There is no single_object:
    every scene of CLEVR has three objects or more.

    folder, split: as in `clevr`; only the scenes are read.
    n: how many.
    generator: of the scenes and of the objects; scenes are drawn with replacement.

    Raises ValueError where the split has no scene for a category.
    """
    _require_split(folder, split)
    require_int("n", n, 1, MOST_PROMPTS), require_generator("generator", generator)
    scenes = [things for _, things in _scenes(Path(folder), split)]
    fitting = {tag: [i for i, things in enumerate(scenes) if _choices(tag, things)] for tag in CLEVR_TAGS[:n]}
    for tag, found in fitting.items():
        require(found, f"{folder}, {split}", f"no scene for {tag}", "one for each category: see clevr_prompts")

    def drawn(options: list[Any]) -> Any:
        return options[int(torch.randint(len(options), (1,), generator=generator, device=generator.device))]

    prompts = []
    for i in range(n):
        tag = CLEVR_TAGS[i % len(CLEVR_TAGS)]
        things = scenes[drawn(fitting[tag])]
        include, exclude = _asked(tag, drawn(_choices(tag, things)), things)
        prompts.append({"tag": tag, "prompt": _caption(things), "include": include, "exclude": exclude})
    return prompts


def _require_split(folder: Any, split: Any) -> None:
    require_folder("folder", folder)
    if split in ("test", "testA", "testB"):
        refuse("split", split, f"{', '.join(CLEVR_SPLITS)}: the scenes of test splits are not public")
    require_choice("split", split, CLEVR_SPLITS)


def _scenes(folder: Path, split: str) -> list[tuple[str, list[Thing]]]:
    """The image's name and the objects from left to right of each scene."""
    return [
        (field(scene, "image_filename", where), _things(field(scene, "objects", where, list), where))
        for where, scene in objects(folder / "scenes" / f"CLEVR_{split}_scenes.json", "scenes")
    ]


def _things(rows: list[Any], where: str) -> list[Thing]:
    things = []
    for row in rows:
        words = [field(row, part, where) for part in ("size", "color", "material", "shape")]
        pixels = field(row, "pixel_coords", where, list)
        good = len(pixels) >= 2 and all(isinstance(x, int | float) for x in pixels[:2])
        require(good, f"{where}, pixel_coords", pixels, "column, row and depth", TypeError)
        things.append(Thing(" ".join(words), words[3], words[1], (pixels[0], pixels[1])))
    return sorted(things, key=lambda thing: thing.place[0])


def _caption(things: list[Thing]) -> str:
    return ", ".join(thing.said for thing in things) or "empty"


def _choices(tag: str, things: list[Thing]) -> list[tuple[str, ...]]:
    """What a prompt of a category can be about: one class of a scene, or two in either order."""
    counts = Counter(thing.name for thing in things)
    if tag == "counting":
        return [(name,) for name, count in counts.items() if count in COUNTS]
    alone = {thing.name: thing for thing in things if tag == "two_object" or counts[thing.name] == 1}
    if tag == "colors":
        return [(name,) for name in alone]
    pairs = [(a, b) for a in alone for b in alone if a != b]
    if tag == "color_attr":
        return [(a, b) for a, b in pairs if alone[a].colour != alone[b].colour]
    return [(a, b) for a, b in pairs if tag == "two_object" or alone[a].place != alone[b].place]


def _asked(tag: str, chosen: tuple[str, ...], things: list[Thing]) -> tuple[list[dict], list[dict]]:
    """`include` and `exclude` of a prompt about the chosen classes."""
    if tag == "counting":
        (name,) = chosen
        count = sum(thing.name == name for thing in things)
        return [{"class": name, "count": count}], [{"class": name, "count": count + 1}]
    entries = [{"class": name, "count": 1} for name in chosen]
    first = {thing.name: thing for thing in things}
    if tag in ("colors", "color_attr"):
        entries = [entry | {"color": first[entry["class"]].colour} for entry in entries]
    if tag == "position":
        one, other = (first[name].place for name in chosen)
        entries[1]["position"] = [_relation(one, other), 0]
    return entries, []


def _relation(one: tuple[float, float], other: tuple[float, float]) -> str:
    """Where the other stands, seen from the one."""
    right, down = other[0] - one[0], other[1] - one[1]
    if abs(right) >= abs(down):
        return "right of" if right > 0 else "left of"
    return "below" if down > 0 else "above"
