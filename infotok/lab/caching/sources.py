"""The source that a module computes from: its own, that of every module it imports, and installed versions.

    sources("infotok.information.kernels")    # {"infotok.information.kernels": "3f0c…", "torch": "2.11.0", ...}

A module outside the standard library and site-packages is known by its syntax tree without docstrings, so neither a
comment nor a docstring changes what is known of it; an installed package by its version. An `__init__.py` that only
re-exports stands for the modules that define the names taken from it.
"""

import ast
import hashlib
import importlib.metadata
import importlib.util
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from infotok.errors import require

__all__ = ["constants_set", "is_local", "sources"]

Name = tuple[str, str]  # a module, and one name in it; "" for the whole of it
BEGUN = time.time()
LOADED = {name: id(getattr(module, "__spec__", None)) for name, module in list(sys.modules.items())}


@dataclass(frozen=True)
class Source:
    """One file, parsed."""

    digest: str
    imports: tuple[Name, ...] = ()
    exports: dict[str, Name] = field(default_factory=dict)  # where a name that the module imports comes from
    only_exports: bool = False
    literals: dict[str, Any] = field(default_factory=dict)  # NAME = 3, once and at the top level


def sources(module: str, name: str = "") -> dict[str, str]:
    """Digest or version, by module, of all that `name` of `module`, or the whole of it, is computed from.

    Raises ValueError for a source file that was edited after this process had imported it.
    """
    found: dict[str, str] = {}
    waiting, seen = [(module, name)], set()
    while waiting:
        wanted = waiting.pop()
        if wanted not in seen:
            seen.add(wanted)
            digest, needs = _needs(*wanted)
            found |= digest
            waiting += needs
    return found


def _needs(module: str, name: str) -> tuple[dict[str, str], list[Name]]:
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return {}, []
    if not is_local(top):
        return {top: _version(top)}, []
    if name and _spec(f"{module}.{name}"):
        return {}, [(f"{module}.{name}", "")]
    spec = _spec(module)
    if spec is None:
        return {module: "absent"}, []
    source = _source(module, spec)
    if source.only_exports and name in source.exports:
        return {}, [source.exports[name]]
    return {module: source.digest}, [*source.imports, *_above(module), *(() if name else _below(module, spec))]


def _above(module: str) -> Iterator[Name]:
    """The packages around it that do more than re-export: importing the module runs them."""
    while module := module.rpartition(".")[0]:
        spec = _spec(module)
        if spec and not _source(module, spec).only_exports:
            yield module, "__init__"


def _below(package: str, spec: ModuleSpec) -> Iterator[Name]:
    """All modules of a package that is used as a whole: any of them may be reached as its attribute."""
    for folder in spec.submodule_search_locations or ():
        for path in sorted(Path(folder).iterdir()):
            if path.suffix == ".py" and path.stem != "__init__":
                yield f"{package}.{path.stem}", ""
            elif (path / "__init__.py").exists():
                yield f"{package}.{path.name}", ""


def is_local(module: str) -> bool:
    """Whether a module is a file of the user's or of infotok, known by its source rather than by a version."""
    top = module.partition(".")[0]
    if top == "infotok":
        return True
    spec = None if top in sys.stdlib_module_names or top in sys.builtin_module_names else _spec(top)
    places = [spec.origin or "", *(spec.submodule_search_locations or ())] if spec else ["site-packages"]
    return not any(part in ("site-packages", "dist-packages") for place in places for part in Path(place).parts)


def _spec(module: str) -> ModuleSpec | None:
    """How `module` is found; imports nothing."""
    if module in sys.modules:
        return getattr(sys.modules[module], "__spec__", None)
    parent = module.rpartition(".")[0]
    if not parent:
        return importlib.util.find_spec(module)
    above = _spec(parent)
    if above is None or above.submodule_search_locations is None:
        return None
    return PathFinder.find_spec(module, above.submodule_search_locations)


@cache
def _version(package: str) -> str:
    version = getattr(sys.modules.get(package), "__version__", None)
    if isinstance(version, str):
        return str(version)
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        owners = importlib.metadata.packages_distributions().get(package, [])
    return ", ".join(importlib.metadata.version(owner) for owner in owners) or "absent"


def _source(module: str, spec: ModuleSpec) -> Source:
    if not spec.origin or not spec.has_location:
        return Source("a folder")
    path = Path(spec.origin)
    changed = path.stat().st_mtime_ns
    edited = LOADED.get(module) == id(spec) and changed > BEGUN * 1e9
    require(not edited, str(path), "a file edited after it was imported", "the one that runs here: restart the kernel")
    if path.name.endswith(tuple(EXTENSION_SUFFIXES)):
        return Source(hashlib.sha256(path.read_bytes()).hexdigest()[:16])
    package = module if spec.submodule_search_locations is not None else module.rpartition(".")[0]
    return _parsed(path, package, changed)


@cache
def _parsed(path: Path, package: str, changed: int) -> Source:
    tree = ast.parse(path.read_bytes())
    nodes = list(_nodes(tree))
    imports = [found for node in nodes for found in _imported(node, package)]
    digest = hashlib.sha256(ast.dump(tree).encode())
    beside = {file.name: file for file in path.parent.iterdir() if file.is_file() and file.suffix != ".py"}
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    for name in sorted(texts & beside.keys()):  # a table or weights that the module comes with
        digest.update(beside[name].read_bytes())
    simple = all(isinstance(node, (ast.Import, ast.ImportFrom)) or _literal(node) for node in tree.body)
    return Source(
        digest.hexdigest()[:16],
        tuple(dict.fromkeys((module, name) for _, module, name in imports)),
        {bound: (module, name) for bound, module, name in imports},
        simple and path.name == "__init__.py",
        _literals(tree, nodes),
    )


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Every node but what is only there for a type checker; docstrings are taken out on the way."""
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        documented = ast.get_docstring(node, clean=False) is not None
        node.body = node.body[documented:]
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _nodes(child)


def _imported(node: ast.AST, package: str) -> Iterator[tuple[str, str, str]]:
    """(the name bound, the module it is from, its name there) for an import; nothing for another node."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name, alias.name, ""
    elif isinstance(node, ast.ImportFrom):
        above = package.rsplit(".", node.level - 1)[0] if node.level else ""
        module = ".".join(part for part in (above, node.module) if part)
        for alias in node.names:
            yield alias.asname or alias.name, module, "" if alias.name == "*" else alias.name


def _literal(node: ast.AST) -> dict[str, Any]:
    """{name: value} of an assignment of a literal to one name."""
    target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
    target = node.target if isinstance(node, ast.AnnAssign) and node.value else target
    if not isinstance(target, ast.Name):
        return {}
    try:
        return {target.id: ast.literal_eval(node.value)}
    except (ValueError, TypeError):
        return {}


def _literals(tree: ast.Module, nodes: list[ast.AST]) -> dict[str, Any]:
    """Constants: public names that get a literal, not an empty one, and nothing else; by no function either."""
    bodies = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    outside = (inner for node in tree.body if not isinstance(node, bodies) for inner in ast.walk(node))
    times = Counter(node.id for node in outside if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    times.update(name for node in nodes if isinstance(node, ast.Global) for name in node.names)
    found = {name: value for node in tree.body for name, value in _literal(node).items()}
    return {k: v for k, v in found.items() if times[k] == 1 and not k.startswith("_") and v not in ("", [], {}, ())}


def constants_set(module: str) -> dict[str, Any]:
    """Constants of a loaded local module that somebody set to another value than its source does."""
    loaded = sys.modules.get(module)
    spec = getattr(loaded, "__spec__", None)
    if spec is None or not is_local(module):
        return {}
    present = {name: (value, getattr(loaded, name, value)) for name, value in _source(module, spec).literals.items()}
    return {name: now for name, (value, now) in present.items() if type(now) is not type(value) or now != value}
