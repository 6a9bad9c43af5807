"""The sweeps of a lesson without their results: what each cell would be computed from."""

import ast
import contextlib
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat

import infotok.lab
from infotok.course.course import Course
from infotok.lab.caching.fingerprint import fingerprint

COURSE = Course(Path(__file__).parents[2])


def keys_of_sweeps(name: str, parameters: dict[str, Any], edits: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
    """{function: [what it reaches, its cells, ...]} for every function that the lesson sweeps over.

    Statements that only show or claim something are left out; a cell that needs rows ends where it needs them.
    """
    cells = nbformat.read(COURSE.notebook(name), as_version=4).cells
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    for old, new in edits:
        assert sum(old in source for source in sources) == 1, old
        sources = [source.replace(old, new) for source in sources]
    found: dict[str, list] = {}

    def recorded(function, grid, **_):
        found.setdefault(function.__name__, [fingerprint(function)]).append(grid)  # rows there are none

    space: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.chdir(COURSE.root / "notebooks"), mock.patch.object(infotok.lab, "sweep", recorded):
        last = max(number for number, source in enumerate(sources) if "= sweep(" in source)
        for number, source in enumerate(sources[: last + 1]):
            _run(source, space, found)
            if number == 0:
                space.update(parameters)
    return found


def _run(source: str, space: dict[str, Any], found: dict[str, list]) -> None:
    tree = ast.parse(source)
    tree.body = [part for part in tree.body if not _only_shows(part)]
    try:
        exec(compile(tree, "<cell>", "exec"), space)
    except Exception:
        if not found:  # before the first sweep everything that a cell needs is there
            raise


def _only_shows(statement: ast.stmt) -> bool:
    names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    return isinstance(statement, (ast.Expr, ast.Assert)) and bool(names & {"record", "explore", "print", "display"})
