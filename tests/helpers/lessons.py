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

    Only statements that a sweep's function or cells come from are run, and none that shows or claims something; a cell
    that needs rows ends where it needs them.
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
        trees = [ast.parse(source) for source in sources[: last + 1]]
        wanted = _wanted([part for tree in trees for part in tree.body if not _only_shows(part)])
        for number, tree in enumerate(trees):
            tree.body = [part for part in tree.body if part in wanted]
            _run(tree, space, found)
            if number == 0:
                space.update(parameters)
    return found


def _wanted(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Those that call `sweep`, and those with a name that one of these has, and so on; an assignment by its targets."""
    wanted, names = [], {"sweep"}
    while more := [part for part in statements if part not in wanted and names & _sets(part)]:
        wanted += more
        names |= {name for part in more for name in _names(part)}
    return wanted


def _names(tree: ast.AST) -> set[str]:
    """The names in a statement, less those that only a comprehension has."""
    nodes = list(ast.walk(tree))
    defined = {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    aliases = [alias for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names]
    defined |= {alias.asname or alias.name.partition(".")[0] for alias in aliases}
    own = {name.id for node in nodes if isinstance(node, ast.comprehension) for name in ast.walk(node.target)
           if isinstance(name, ast.Name)}  # fmt: skip
    return defined | {node.id for node in nodes if isinstance(node, ast.Name)} - own


def _sets(statement: ast.stmt) -> set[str]:
    """The names that a statement may set or change."""
    match statement:
        case ast.FunctionDef() | ast.ClassDef():
            return {statement.name}
        case ast.For():
            return _names(statement.target) | set().union(*map(_sets, statement.body))
        case ast.Assign() if "sweep" not in _names(statement):
            return {name for target in statement.targets for name in _names(target)}
        case ast.Expr() if ast.unparse(statement).startswith("torch.manual_seed("):
            return set()  # a generator, which no key depends on
    return _names(statement)


def _run(tree: ast.Module, space: dict[str, Any], found: dict[str, list]) -> None:
    try:
        exec(compile(tree, "<cell>", "exec"), space)
    except Exception:
        if not found:  # before the first sweep everything that a cell needs is there
            raise


def _only_shows(statement: ast.stmt) -> bool:
    names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    return isinstance(statement, (ast.Expr, ast.Assert)) and bool(names & {"record", "explore", "print", "display"})
