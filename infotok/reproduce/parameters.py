"""A notebook's parameters are those of its own `parameters` cell, each with its type; anything else is refused.

papermill alone only warns of an unknown name, and turns `-p steps=1e2` into a float and `true` into a string.
"""

import ast
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infotok.reproduce.course import Course, Refusal, nearest

OWN = ("run_dir", "profile")  # set by the runner itself


@dataclass(frozen=True)
class Parameter:
    name: str
    kind: str  # the annotation: int, float, bool, str or a list of one of these
    default: Any
    help: str


def read_parameters(path: Path) -> dict[str, Parameter]:
    """The parameters of a notebook, as papermill finds them in its tagged cell."""
    from papermill import inspect_notebook

    found = {}
    for name, seen in inspect_notebook(path).items():
        kind = seen["inferred_type_name"].replace(" ", "")
        if kind not in _KINDS:
            raise Refusal(f"{path.name}: {name}: got the type {kind}, expected one of {', '.join(_KINDS)}")
        found[name] = Parameter(name, kind, ast.literal_eval(seen["default"]), seen["help"])
    for name in OWN:
        if name not in found:
            raise Refusal(f"{path.name}: got no parameter {name!r}, expected one in the cell tagged 'parameters'")
    return found


def resolve(course: Course, names: list[str], profile: str, assignments: list[str]) -> dict[str, dict[str, Any]]:
    """The full parameters of every notebook named: its defaults, then the profile's, then NAME=VALUE assignments.

    Raises Refusal for an unknown name or a value of the wrong type, before anything runs.
    """
    sizes = course.profile(profile)
    given = dict(_split(text) for text in assignments)
    resolved = {}
    for notebook in names:
        known = read_parameters(course.notebook(notebook))
        free = [name for name in known if name not in OWN]
        values = {name: parameter.default for name, parameter in known.items() if name in free}
        for source, changes in ((f"profiles.yaml, {profile}, ", sizes.get(notebook) or {}), ("", given)):
            for name, value in changes.items():
                if name not in free:
                    raise Refusal(f"{source}{name}: got a parameter that {notebook} does not have{nearest(name, free)}")
                values[name] = convert(f"{source}{name}", known[name].kind, value)
        resolved[notebook] = values
    return resolved


def _split(assignment: str) -> tuple[str, str]:
    match = re.fullmatch(r"(\w+)=(.*)", assignment, re.DOTALL)
    if not match:
        raise Refusal(f"-p: got {assignment!r}, expected NAME=VALUE")
    return match[1], match[2]


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)) or not math.isfinite(float(value)):
        raise ValueError
    return float(value)


def _truth(value: Any) -> bool:
    return value if isinstance(value, bool) else {"true": True, "false": False}[str(value).lower()]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _list_of(to):
    def to_list(value: Any) -> list:
        value = json.loads(value) if isinstance(value, str) else value
        if not isinstance(value, list):
            raise ValueError
        return [to(item) for item in value]

    return to_list


_ITEMS = {
    "int": ("a whole number", _whole),
    "float": ("a finite number", _number),
    "bool": ("true or false", _truth),
    "str": ("text", _text),
}
_LISTS = {f"list[{kind}]": (f"a JSON list, each item {what}", _list_of(to)) for kind, (what, to) in _ITEMS.items()}
_KINDS = _ITEMS | _LISTS


def convert(name: str, kind: str, value: Any) -> Any:
    """`value` as the type `kind`, whether it came as text or from YAML."""
    expected, to = _KINDS[kind]
    try:
        return to(value)
    except (ValueError, KeyError, TypeError):
        raise Refusal(f"{name}: got {value!r}, expected {expected}") from None
