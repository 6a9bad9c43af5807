"""A notebook's parameters are those of its own `parameters` cell, each with its type; anything else is refused.

papermill alone only warns of an unknown name, and turns `-p steps=1e2` into a float and `true` into a string.
"""

import ast
import io
import json
import math
import re
import tokenize
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infotok.course.course import Course, Refusal, nearest, read_cells

OWN = ("run_dir", "profile")  # set by the runner itself


@dataclass(frozen=True)
class Parameter:
    name: str
    kind: str  # the annotation: int, float, bool, str or a list of one of these
    default: Any
    help: str


def read_parameters(path: Path) -> dict[str, Parameter]:
    """The parameters of a notebook: the annotated assignments of its cell tagged `parameters`, each a plain value.

    Raises Refusal for a notebook that is damaged or has no such cell, or two, or something else in it.
    """
    tagged = [cell["source"] for cell in read_cells(path) if "parameters" in cell["metadata"].get("tags", [])]
    where = path.name
    if len(tagged) != 1:
        raise Refusal(f"{where}: got {len(tagged)} cells tagged 'parameters', expected one")
    try:
        statements, comments = ast.parse(tagged[0]).body, _comments(tagged[0])
    except (SyntaxError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise Refusal(f"{where}: got a parameters cell that is no Python ({reason}), expected one") from None
    found = {}
    for statement in statements:
        parameter = _parameter(where, statement, comments.get(statement.end_lineno, ""))
        if parameter.name in found:
            raise Refusal(f"{where}: {parameter.name}: got it twice in the parameters cell, expected it once")
        found[parameter.name] = parameter
    for name in OWN:
        if name not in found:
            raise Refusal(f"{where}: got no parameter {name!r}, expected one in the cell tagged 'parameters'")
    return found


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def _parameter(where: str, statement: ast.stmt, comment: str) -> Parameter:
    written = ast.unparse(statement)
    if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value):
        raise Refusal(f"{where}: got {_short(written)} in the parameters cell, expected NAME: TYPE = VALUE")
    name, kind = statement.target.id, ast.unparse(statement.annotation)
    if kind not in _KINDS:
        raise Refusal(f"{where}: {name}: got the type {kind}, expected one of {', '.join(_KINDS)}")
    try:
        default = ast.literal_eval(statement.value)
    except (ValueError, TypeError, RecursionError):
        value = ast.unparse(statement.value)
        raise Refusal(f"{where}: {name}: got {_short(value)}, expected a plain value, not one to be computed") from None
    if isinstance(default, str) and kind != "str":
        raise Refusal(f"{where}: {name}: got {default!r}, expected {_KINDS[kind][0]}")
    return Parameter(name, kind, convert(f"{where}: {name}", kind, default), comment)


def resolve(course: Course, names: list[str], profile: str, assignments: list[str]) -> dict[str, dict[str, Any]]:
    """The full parameters of every notebook named: its defaults, then the profile's, then NAME=VALUE assignments.

    Raises Refusal for an unknown name or a value of the wrong type, before anything runs.
    """
    sizes, given = course.profile(profile), _given(assignments)
    return {name: _values(name, _sized(course, name, profile, sizes), given) for name in names}


def asked(course: Course, profile: str, assignments: list[str]) -> dict[str, dict[str, Any] | Refusal]:
    """The parameters of the run of every lesson that is asked for: the profile's own, and then what is assigned.

    An assignment goes to every lesson that has the parameter, and is refused where none has. A lesson that cannot be
    read has its refusal instead.
    """
    sizes, given = course.profile(profile), _given(assignments)
    wanted: dict[str, dict[str, Any] | Refusal] = {}
    unknown = set(given)
    for notebook in course.names:
        try:
            sized = _sized(course, notebook, profile, sizes)
        except Refusal as refusal:
            wanted[notebook] = refusal
            continue
        wanted[notebook] = _values(notebook, sized, {name: given[name] for name in given if name in sized})
        unknown -= sized.keys()
    for name in sorted(unknown):
        raise Refusal(f"{name}: got a parameter that no lesson has, expected one that some lesson has")
    return wanted


def unreadable(course: Course, names: list[str]) -> dict[str, Refusal]:
    """Why a notebook cannot be run at all, for those that cannot: damaged, or without a cell of parameters."""
    found = {}
    for name in names:
        try:
            read_parameters(course.notebook(name))
        except Refusal as refusal:
            found[name] = refusal
    return found


def _sized(course: Course, notebook: str, profile: str, sizes: dict[str, dict[str, Any]]) -> dict[str, Parameter]:
    """The notebook's parameters but those of the runner, with the profile's values as their defaults."""
    free = {name: known for name, known in read_parameters(course.notebook(notebook)).items() if name not in OWN}
    values = _values(notebook, free, sizes.get(notebook, {}), f"profiles.yaml, {profile}, ")
    return {name: replace(known, default=values[name]) for name, known in free.items()}


def _values(notebook: str, free: dict[str, Parameter], changes: dict[str, Any], source: str = "") -> dict[str, Any]:
    values = {name: parameter.default for name, parameter in free.items()}
    for name, value in changes.items():
        if name not in free:
            raise Refusal(f"{source}{name}: got a parameter that {notebook} does not have{nearest(name, [*free])}")
        values[name] = convert(f"{source}{name}", free[name].kind, value)
    return values


def _given(assignments: list[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in map(_split, assignments):
        if name in given:
            raise Refusal(f"-p: got {name} twice, expected it once")
        given[name] = value
    return given


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
    value.encode()  # half a surrogate pair cannot be written to a file
    return value


def _list_of(to):
    def to_list(value: Any) -> list:
        value = json.loads(value) if isinstance(value, str) else value
        if not isinstance(value, list):
            raise ValueError
        return [to(item) for item in value]

    return to_list


_ITEMS = {
    "int": ("an integer", _whole),
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
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise Refusal(f"{name}: got {_short(value)}, expected {expected}") from None


def _short(value: Any) -> str:
    """How `value` is written, on one line and not too long."""
    try:
        written = repr(value)
    except (RecursionError, ValueError):
        written = type(value).__name__
    return written if len(written) <= 80 else f"{written[:77]}..."
