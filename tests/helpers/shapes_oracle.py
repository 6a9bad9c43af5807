"""Questions of ShapesWorld answered from their sentence and the words of a scene, independently of the package."""

import re

import torch

from infotok.worlds import COLOURS, PLACES, SHAPES, SIZES


def objects(cells: torch.Tensor) -> list[tuple[str, str, str, str]]:
    """(place, size, colour, shape) of a scene's objects, decoded anew."""
    found = []
    for place, value in zip(PLACES, cells.tolist(), strict=True):
        if value:
            rest, size = divmod(value - 1, 2)
            found.append((place, SIZES[size], COLOURS[rest % 6], SHAPES[rest // 6]))
    return found


def stands(first: str, relation: str, second: str) -> bool:
    (row, column), (other_row, other_column) = first.split("-"), second.split("-")
    return {
        "left of": (column, other_column) == ("left", "right"),
        "right of": (column, other_column) == ("right", "left"),
        "above": (row, other_row) == ("top", "bottom"),
        "below": (row, other_row) == ("bottom", "top"),
    }[relation]


def oracle(question: str, scene: list[tuple[str, str, str, str]]) -> tuple[str, str]:
    """(kind, answer), from the sentence and the scene's words alone."""
    yes_no = {True: "yes", False: "no"}
    if m := re.fullmatch(r"which (shape|colour) is at (\S+) \?", question):
        here = [o for o in scene if o[0] == m[2]]
        return m[1], here[0][3 if m[1] == "shape" else 2] if here else "empty"
    if m := re.fullmatch(r"is there a (\S+) (\S+) \?", question):
        return "presence", yes_no[any(o[2:] == m.groups() for o in scene)]
    if m := re.fullmatch(r"how many (?:(\S+) )?objects are there \?", question):
        return "count", ["zero", "one", "two", "three", "four"][sum(m[1] in (None, o[2]) for o in scene)]
    if m := re.fullmatch(r"how many (\S+) are there \?", question):
        singular = {"circles": "circle", "squares": "square", "triangles": "triangle", "crosses": "cross"}[m[1]]
        return "count", ["zero", "one", "two", "three", "four"][sum(o[3] == singular for o in scene)]
    m = re.fullmatch(r"is a (\S+) (left of|right of|above|below) a (\S+) \?", question)
    assert m, question
    first = [o[0] for o in scene if o[3] == m[1]]
    second = [o[0] for o in scene if o[3] == m[3]]
    return "relation", yes_no[any(stands(a, m[2], b) for a in first for b in second)]
