"""Generation, scored as GenEval does (Ghosh, Hajishirzi & Schmidt 2023, arXiv 2310.11513), the parser its detector.

A prompt asks with `include` that at least `count` objects of a class (of a colour) be there, standing in a relation to
those of another entry, and with `exclude` that there be fewer than `count`. An image is right if all of it holds.
Images come in the order of the prompts; the score of a category is the share of its images that are right, the overall
score is the mean of the categories, as in GenEval.
"""

import torch
from torch import Tensor

from infotok.errors import require
from infotok.evaluation.parser import parse
from infotok.worlds import COLOURS, RELATIONS, SHAPES, ShapesWorld
from infotok.worlds.shapes_prompts import TAGS
from infotok.worlds.shapes_scenes import parts, related

__all__ = ["follows", "score_generations"]


def score_generations(images: Tensor, prompts: list[dict], world: ShapesWorld) -> dict[str, float | None]:
    """Share of images (N, 3, S, S) that do what their prompts ask, by category and "overall"; None where none did ask.

    Categories are GenEval's tags: single_object, two_object, counting, colors, position, color_attr (binding). Beside
    them "confident": the share of cells the parser is sure of.
    """
    require(len(images) == len(prompts), "images", images, f"{len(prompts)} images, one a prompt")
    tags = [prompt.get("tag") for prompt in prompts]
    for tag in tags:
        require(tag in TAGS, "prompt['tag']", tag, f"one of {', '.join(TAGS)}")
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
    """Whether a scene of these cells (4,) has all that the prompt includes and nothing that it excludes."""
    found = [_find(cells, entry) for entry in prompt["include"]]
    for entry, here in zip(prompt["include"], found, strict=True):
        if int(here.sum()) < entry["count"]:
            return False
        if "position" in entry:
            relation, target = entry["position"]
            require(relation in RELATIONS, "prompt's position", relation, f"one of {', '.join(RELATIONS)}")
            where = related()[RELATIONS.index(relation)]
            if not (here[:, None] & where & found[target]).any():
                return False
    return all(int(_find(cells, entry).sum()) < entry["count"] for entry in prompt.get("exclude", []))


def _find(cells: Tensor, entry: dict) -> Tensor:
    """Which cells hold what an entry names, (4,) bool."""
    require(entry["class"] in SHAPES, "prompt's class", entry["class"], f"one of {', '.join(SHAPES)}")
    _, shape, colour, _ = parts(cells)
    found = shape == SHAPES.index(entry["class"])
    if "color" in entry:
        require(entry["color"] in COLOURS, "prompt's color", entry["color"], f"one of {', '.join(COLOURS)}")
        found &= colour == COLOURS.index(entry["color"])
    return found
