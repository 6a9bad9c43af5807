"""The parameters of a notebook: those of its cell tagged `parameters`, each with the range that its type declares.

    seed: int = 0  # of every random number
    steps: Count = 300  # training steps
    strength: Annotated[float, Field(ge=0, lt=1)] = 0.5  # of the background

A value that does not fit is refused in one line before any kernel starts. papermill alone only warns of an unknown
name, and turns `-p steps=1e2` into a float and `true` into a string.
"""

import ast
import io
import json
import re
import tokenize
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infotok.course.annotations import imported, type_of
from infotok.course.course import Course, Refusal, nearest, read_cells
from infotok.errors import message
from infotok.settings import check, expected, from_text

__all__ = ["OWN", "Parameter", "asked", "read_parameters", "resolve", "unreadable"]

OWN = ("run_dir", "profile")  # set by the runner itself


@dataclass(frozen=True)
class Parameter:
    """One parameter of a notebook.

    name: the variable
    annotation: the type that its values are checked against
    default: what the notebook sets, or the profile
    help: the comment behind it, or ""
    """

    name: str
    annotation: Any
    default: Any
    help: str

    @property
    def expected(self) -> str:
        """The values that it accepts, in words."""
        return expected(self.annotation)


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
        raise Refusal(f"{where}: got a parameters cell that is not Python ({reason}), expected Python") from None
    names: dict[str, Any] = {}
    found: dict[str, Parameter] = {}
    for statement in statements:
        if isinstance(statement, ast.ImportFrom):
            names |= _imports(where, statement)
            continue
        parameter = _parameter(where, statement, names, comments.get(statement.end_lineno, ""))
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


def _imports(where: str, statement: ast.ImportFrom) -> dict[str, Any]:
    try:
        return imported(statement)
    except ValueError as reason:
        written = _short(ast.unparse(statement))
        raise Refusal(f"{where}: got {written} in the parameters cell, expected {reason}") from None


def _parameter(where: str, statement: ast.stmt, names: dict[str, Any], comment: str) -> Parameter:
    written = ast.unparse(statement)
    if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value):
        raise Refusal(f"{where}: got {_short(written)} in the parameters cell, expected NAME: TYPE = VALUE")
    name = statement.target.id
    try:
        annotation = type_of(statement.annotation, names)
    except (ValueError, TypeError, RecursionError) as reason:
        kind = _short(ast.unparse(statement.annotation))
        raise Refusal(f"{where}: {name}: got the type {kind}, expected {reason}") from None
    try:
        default = ast.literal_eval(statement.value)
    except (ValueError, TypeError, RecursionError):
        value = ast.unparse(statement.value)
        raise Refusal(f"{where}: {name}: got {_short(value)}, expected a plain value, not one to be computed") from None
    return Parameter(name, annotation, _checked(f"{where}: {name}", annotation, default), comment)


def resolve(course: Course, names: list[str], profile: str, assignments: list[str]) -> dict[str, dict[str, Any]]:
    """The full parameters of every notebook named: its defaults, then the profile's, then NAME=VALUE assignments.

    Raises Refusal for an unknown name or a value of the wrong type, before anything runs.
    """
    sizes, given = course.profile(profile), _given(assignments)
    return {name: _values(name, _sized(course, name, profile, sizes), given, _from_text) for name in names}


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
        own = {name: given[name] for name in given if name in sized}
        wanted[notebook] = _values(notebook, sized, own, _from_text)
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
    values = _values(notebook, free, sizes.get(notebook, {}), _checked, f"profiles.yaml, {profile}, ")
    return {name: replace(known, default=values[name]) for name, known in free.items()}


def _values(
    notebook: str,
    free: dict[str, Parameter],
    changes: dict[str, Any],
    convert: Callable[[str, Any, Any], Any],
    source: str = "",
) -> dict[str, Any]:
    values = {name: parameter.default for name, parameter in free.items()}
    for name, value in changes.items():
        if name not in free:
            raise Refusal(f"{source}{name}: got a parameter that {notebook} does not have{nearest(name, [*free])}")
        values[name] = convert(f"{source}{name}", free[name].annotation, value)
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


def _checked(name: str, annotation: Any, value: Any) -> Any:
    """`value` as the type `annotation`; Refusal if it does not fit."""
    try:
        return _writable(name, check(name, annotation, value))
    except (TypeError, ValueError) as error:
        line = str(error)
        if not line.startswith(name):  # pydantic notices here that a limit does not fit the type
            line = f"{name}: got a limit that does not fit the type ({line.splitlines()[0]}), expected one that does"
        raise Refusal(line) from None


def _from_text(name: str, annotation: Any, text: str) -> Any:
    """The value that a command line's `text` stands for; Refusal if it does not fit."""
    try:
        return _writable(name, from_text(name, annotation, text))
    except (TypeError, ValueError):
        what = expected(annotation)
        what += ", as JSON" if what.startswith("a list") else ""
        raise Refusal(f"{name}: got {_short(text)}, expected {what}") from None


def _writable(name: str, value: Any) -> Any:
    """`value`, if a file can keep it: text of the command line may have half a surrogate pair."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError(message(name, ascii(value), "text in Unicode")) from None
    return value


def _short(value: Any) -> str:
    """How `value` is written, on one line and not too long."""
    try:
        written = repr(value)
    except (RecursionError, ValueError):
        written = type(value).__name__
    return written if len(written) <= 80 else f"{written[:77]}..."
