"""Scores of images: what the reader recovers of known scenes, and whether it finds what prompts ask for (GenEval).

A prompt asks with `include` that at least `count` objects of a class or kind be there, at a place, or standing in a
relation to those of another entry, and with `exclude` that there be fewer than `count`. An image is right if all of it
holds; one pair of objects in the relation is enough. The score of a category is the share of its images that are right,
the overall score is the mean of categories.
"""

from typing import Any

import torch
from torch import Tensor

from infotok.errors import require, require_int, require_tensor
from infotok.worlds.openmoji.objects import Named
from infotok.worlds.openmoji.prompts import TAGS
from infotok.worlds.openmoji.reader import Reading
from infotok.worlds.openmoji.scenes import PLACES, RELATIONS, OpenMojiScenes, related

__all__ = ["cell_scores", "follows", "generation_scores"]

KEYS = {"class", "kind", "count", "place", "position"}  # of an entry


def cell_scores(reading: Reading, scenes: OpenMojiScenes, table: Named) -> dict[str, float | None]:
    """Shares of scenes that a reading of images of them recovers, in [0, 1]; None where there is nothing to count.

    - cells      cells recovered (object or empty);          images  scenes recovered, all four cells
    - present    occupied cells recovered (as "object"), and of these      kind, size, offset
    - empty      empty cells recovered as empty;             confident  cells read with confidence
    """
    device = reading.cells.device
    cells, sizes, offsets = (part.to(device) for part in (scenes.cells, scenes.sizes, scenes.offsets))
    right, there, found = reading.cells == cells, cells > 0, reading.cells > 0
    kinds = table.kinds.to(device)
    kind = kinds[(reading.cells - 1).clamp(min=0)] == kinds[(cells - 1).clamp(min=0)]
    return {
        "cells": share(right),
        "images": share(right.all(1)),
        "present": share(right[there]),
        "object": share(right[there]),
        "kind": share((kind & found)[there]),
        "size": share(((reading.sizes == sizes) & found)[there]),
        "offset": share(((reading.offsets == offsets).all(-1) & found)[there]),
        "empty": share(right[~there]),
        "confident": share(reading.confident),
    }


def generation_scores(reading: Reading, prompts: list[dict], table: Named) -> dict[str, float | None]:
    """Share of images read that do what their prompts ask, by category, "overall", and "confident", of cells."""
    right = [follows(cells, prompt, table) for cells, prompt in zip(reading.cells.cpu(), prompts, strict=True)]
    by_tag = {tag: [r for r, p in zip(right, prompts, strict=True) if p["tag"] == tag] for tag in TAGS}
    scores = {tag: share(torch.tensor(values)) for tag, values in by_tag.items()}
    known = [score for score in scores.values() if score is not None]
    overall = sum(known) / len(known) if known else None
    return {**scores, "overall": overall, "confident": share(reading.confident)}


def follows(cells: Tensor, prompt: dict, table: Named) -> bool:
    """Whether a scene of these `cells` (4,) has all that the prompt includes and nothing that it excludes."""
    require_tensor("cells", cells, (len(PLACES),), "int64", f"[0, {len(table)}]")
    require_prompt(prompt, table)
    found = [_find(cells, entry, table) for entry in prompt["include"]]
    for entry, here in zip(prompt["include"], found, strict=True):
        if int(here.sum()) < entry["count"]:
            return False
        if "position" in entry:
            relation, target = entry["position"]
            where = related()[RELATIONS.index(relation)]
            if not (here[:, None] & where & found[target]).any():
                return False
    return all(int(_find(cells, entry, table).sum()) < entry["count"] for entry in prompt.get("exclude", []))


def _find(cells: Tensor, entry: dict, table: Named) -> Tensor:
    """Which cells hold what an entry names, (4,) bool."""
    if "class" in entry:
        found = cells == 1 + table.names.index(entry["class"])
    else:
        found = (table.kinds[(cells - 1).clamp(min=0)] == table.groups.index(entry["kind"])) & (cells > 0)
    if "place" in entry:
        found &= torch.arange(len(PLACES)) == PLACES.index(entry["place"])
    return found


def require_prompts(prompts: Any, table: Named) -> None:
    """Raise TypeError or ValueError unless these are prompts with tags of this world."""
    require(isinstance(prompts, list | tuple), "prompts", type(prompts).__name__, "a list of prompts", TypeError)
    for prompt in prompts:
        require_prompt(prompt, table)
        require(prompt.get("tag") in TAGS, "prompt['tag']", prompt.get("tag"), f"one of {', '.join(TAGS)}")


def require_prompt(prompt: Any, table: Named) -> None:
    """Raise TypeError or ValueError unless it is a prompt in the schema of `prompts`."""
    require(isinstance(prompt, dict), "prompt", type(prompt).__name__, "a dict in GenEval's schema", TypeError)
    known = prompt.keys() <= {"tag", "prompt", "include", "exclude"} and "include" in prompt
    require(known, "prompt", sorted(map(str, prompt)), "the keys tag, prompt, include and exclude")
    for part in ("include", "exclude"):
        entries = prompt.get(part, [])
        listed = isinstance(entries, list | tuple) and all(isinstance(entry, dict) for entry in entries)
        require(listed, f"prompt['{part}']", entries, "a list of dicts", TypeError)
        for entry in entries:
            _require_entry(entry, table, len(entries))


def _require_entry(entry: dict, table: Named, entries: int) -> None:
    named = ("class" in entry) != ("kind" in entry) and entry.keys() <= KEYS
    require(named, "prompt's entry", sorted(map(str, entry)), "class or kind, count, and perhaps place or position")
    for key, names in (("class", table.names), ("kind", table.groups), ("place", PLACES)):
        known = key not in entry or entry[key] in names
        expected = "a name of the world's objects" if key == "class" else f"one of {', '.join(names)}"
        require(known, f"prompt's {key}", entry.get(key), expected)
    require_int("prompt's count", entry.get("count"), 0)
    if "position" in entry:
        pair = entry["position"]
        require(isinstance(pair, list | tuple) and len(pair) == 2, "prompt's position", pair, "a relation and an entry")
        require(pair[0] in RELATIONS, "prompt's position", pair[0], f"one of {', '.join(RELATIONS)}")
        require_int("prompt's position, entry", pair[1], 0, entries - 1)


def share(right: Tensor) -> float | None:
    """Mean of booleans; None of nothing."""
    return right.float().mean().item() if right.numel() else None
