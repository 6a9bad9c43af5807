"""Scores of generation, as GenEval's (Ghosh, Hajishirzi & Schmidt 2023, arXiv 2310.11513), with the parser as detector.

A prompt asks with `include` that at least `count` objects of a class (of a colour) be there, standing in a relation to
those of another entry, and with `exclude` that there be fewer than `count`. An image is right if all of it holds. One
pair of objects in the relation is enough; GenEval asks it of all that it looks at (`infotok.standard.geneval`).
Images come in the order of the prompts; the score of a category is the share of its images that are right, the overall
score is the mean of the categories, as in GenEval.
"""

import torch
from torch import Tensor

from infotok.errors import require, require_int, require_tensor
from infotok.worlds.shapes.parser import parse
from infotok.worlds.shapes.prompts import TAGS
from infotok.worlds.shapes.scenes import CELL_VALUES, COLOURS, PLACES, RELATIONS, SHAPES, parts, related
from infotok.worlds.shapes.settings import ShapesSettings

__all__ = ["follows", "score_generations"]


def score_generations(images: Tensor, prompts: list[dict], world: ShapesSettings) -> dict[str, float | None]:
    """Share of images that do what their prompts ask, by category and "overall"; None where none did ask.

    Categories are GenEval's tags: single_object, two_object, counting, colors, position, color_attr (binding). Beside
    them "confident": the share of cells the parser is sure of.

    images: (N, 3, S, S) in [0, 1].
    prompts: N in GenEval's schema, each with its tag.
    world: as in `parse`.

    Example:
        >>> import torch
        >>> from infotok.worlds import ShapesWorld, score_generations
        >>> world = ShapesWorld()
        >>> prompts = world.prompts(6, torch.Generator().manual_seed(0))
        >>> scores = score_generations(torch.full((6, 3, 32, 32), 0.5), prompts, world)  # grey images follow no prompt
        >>> sorted(scores), scores["overall"]
        (['color_attr', 'colors', 'confident', 'counting', 'overall', 'position', 'single_object',
        'two_object'], 0.0)
    """
    require(isinstance(prompts, list | tuple), "prompts", type(prompts).__name__, "a list of prompts", TypeError)
    for prompt in prompts:
        _check_prompt(prompt)
        tag = prompt.get("tag")
        require(tag in TAGS, "prompt['tag']", tag, f"one of {', '.join(TAGS)}")
    tags = [prompt["tag"] for prompt in prompts]
    require_tensor("images", images, (len(prompts), 3, "S", "S"))
    reading = parse(images, world)
    right = torch.tensor([follows(cells, prompt) for cells, prompt in zip(reading.cells.cpu(), prompts, strict=True)])
    scores = {}
    for tag in TAGS:
        chosen = torch.tensor([t == tag for t in tags], dtype=torch.bool)
        scores[tag] = right[chosen].float().mean().item() if chosen.any() else None
    known = [score for score in scores.values() if score is not None]
    overall = sum(known) / len(known) if known else None
    return {**scores, "overall": overall, "confident": reading.confident.float().mean().item() if known else None}


def follows(cells: Tensor, prompt: dict) -> bool:
    """Whether a scene has all that the prompt includes and nothing that it excludes.

    cells: (4,) long, coded as in `Scenes`.
    prompt: in GenEval's schema.

    Example:
        >>> from infotok.worlds import ShapesWorld, follows
        >>> scenes = ShapesWorld().scenes_of(["top-left small red circle top-right large blue square"])
        >>> follows(scenes.cells[0], {"include": [{"class": "circle", "count": 1, "color": "red"}]})
        True
        >>> follows(scenes.cells[0], {"include": [{"class": "square", "count": 2}]})
        False
    """
    require_tensor("cells", cells, (len(PLACES),), "int64", f"[0, {CELL_VALUES - 1}]")
    _check_prompt(prompt)
    found = [_find(cells, entry) for entry in prompt["include"]]
    for entry, here in zip(prompt["include"], found, strict=True):
        if int(here.sum()) < entry["count"]:
            return False
        if "position" in entry:
            relation, target = entry["position"]
            where = related()[RELATIONS.index(relation)]
            if not (here[:, None] & where & found[target]).any():
                return False
    return all(int(_find(cells, entry).sum()) < entry["count"] for entry in prompt.get("exclude", []))


def _find(cells: Tensor, entry: dict) -> Tensor:
    """Which cells hold what an entry names, (4,) bool."""
    _, shape, colour, _ = parts(cells)
    found = shape == SHAPES.index(entry["class"])
    if "color" in entry:
        found &= colour == COLOURS.index(entry["color"])
    return found


def _check_prompt(prompt: dict) -> None:
    """ValueError or TypeError unless it is a prompt in GenEval's schema."""
    require(isinstance(prompt, dict), "prompt", type(prompt).__name__, "a dict in GenEval's schema", TypeError)
    known = prompt.keys() <= {"tag", "prompt", "include", "exclude"} and "include" in prompt
    require(known, "prompt", sorted(map(str, prompt)), "the keys tag, prompt, include and exclude")
    for part in ("include", "exclude"):
        entries = prompt.get(part, [])
        listed = isinstance(entries, list | tuple) and all(isinstance(entry, dict) for entry in entries)
        require(listed, f"prompt['{part}']", entries, "a list of dicts", TypeError)
        for entry in entries:
            _check_entry(entry, len(entries))


def _check_entry(entry: dict, entries: int) -> None:
    for key, names in (("class", SHAPES), ("color", COLOURS)):
        value = entry.get(key)
        known = value in names or (key == "color" and key not in entry)
        require(known, f"prompt's {key}", value, f"one of {', '.join(names)}")
    require_int("prompt's count", entry.get("count"), 0)
    if "position" in entry:
        pair = entry["position"]
        require(isinstance(pair, list | tuple) and len(pair) == 2, "prompt's position", pair, "a relation and an entry")
        require(pair[0] in RELATIONS, "prompt's position", pair[0], f"one of {', '.join(RELATIONS)}")
        require_int("prompt's position, entry", pair[1], 0, entries - 1)
