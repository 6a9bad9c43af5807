"""The structure that the project keeps: sizes of files, classes and cells; docstrings; imports; the words used."""

import ast
import re
from functools import cache
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = sorted((ROOT / "infotok").rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LONGER = ("19_benchmarks",)  # a table of comparisons, not a lesson to be read in one sitting
FILE, CLASS, CELL, CELLS, CODE = 300, 150, 30, 35, 300  # the most lines, and cells of a notebook

# What a newcomer would search for, and where the package must name it.
PLACES = {
    "KV cache": "unified/kv_cache.py",
    "mask token": "unified/masked.py",
    "position embedding": "unified/sequence.py",
    "classifier-free guidance": "unified/sampling.py",
    "ablation": "experiments/plan.py",
    "hyperparameter": "experiments/variants.py",
    "Probing": "evaluation/probing.py",
    "InfoNCE": "information/bounds.py",
    "NWJ": "information/bounds.py",
    "Donsker-Varadhan": "information/bounds.py",
    "MINE": "information/bounds.py",
    "SMILE": "information/bounds.py",
    "Barber-Agakov": "information/upper.py",
    "CLUB": "information/upper.py",
    "KSG": "information/neighbors.py",
    "HSIC": "information/kernels.py",
}
# Words of our own making, and the standard ones that take their place. A name in quotes is a key of an old checkpoint.
REPLACED = {
    r"host alone": "baseline",
    r"\barms?\b": "variant",
    r"\bprices?\b|price of a nat|\bdear(er|est)?\b": "rate weight, most expensive",
    r"leads, not results|young and honest": "preliminary (n seeds)",
    r"none the wiser|nor need it be called|for else they would|refused at the door": "plain words",
    r"told by": "conditioned on",
    r"\blaws?\b": "distribution",
    r"\bexamine(_peers)?\(|\bexamined on\b|\bexamination\b": "benchmark, evaluate",
    r"whole number, 1 or above": "a positive integer",
    r"\bdaring\b(?![\"'])": "choice_temperature",
    r"\bsuret(y|ies)\b|\bsurest\b": "confidence, most confident",
    r"\bboth_ways\b(?![\"'])|who sees whom": "bidirectional, attention mask",
    r"\bhidden_token\b(?![\"'])": "mask_token",
    r"\baccounting\b": "probing",
    r"\binformation carried\b|\bcarried information\b": "probed information",
    r"\bbuys\b|\bpays\b": "helps, is worth",
    r"\b(draws|stream|speed|depth|ranks|pictures)\.py": "sampling.py, kv_cache.py, throughput.py, code_head.py ...",
}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def cells(path: Path) -> list:
    return nbformat.read(path, as_version=4).cells


def folded(cell) -> bool:
    return bool(cell.metadata.get("jupyter", {}).get("source_hidden"))


def lines(text: str) -> int:
    return len(text.splitlines())


def definitions(path: Path):
    """Every class and every function of a module or a class, with its qualified name; none inside functions."""
    todo = [("", node) for node in tree(path).body]
    while todo:
        prefix, node = todo.pop()
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name, node
        if isinstance(node, ast.ClassDef):
            todo += [(f"{prefix}{node.name}.", inner) for inner in node.body]


def test_files_are_short():
    long = {relative(path): lines(path.read_text()) for path in PACKAGE}
    assert {name: size for name, size in long.items() if size > FILE} == {}


def test_classes_are_short():
    sizes = {
        f"{relative(path)}: {name}": node.end_lineno - node.lineno + 1
        for path in PACKAGE
        for name, node in definitions(path)
        if isinstance(node, ast.ClassDef)
    }
    assert {name: size for name, size in sizes.items() if size > CLASS} == {}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_can_be_read_in_one_sitting(path):
    long = {cell.id: lines(cell.source) for cell in cells(path) if lines(cell.source) > CELL}
    assert long == {}, f"cells of more than {CELL} lines"
    if path.stem not in LONGER:
        content = [cell for cell in cells(path) if not folded(cell)]
        assert len(content) <= CELLS, "cells that a reader must understand"
        assert sum(lines(cell.source) for cell in content if cell.cell_type == "code") <= CODE, "lines of code"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_first_screen_is_the_lesson(path):
    """Parameters, then imports and checks, are the first two code cells, and both are folded."""
    code = [cell for cell in cells(path) if cell.cell_type == "code"]
    assert "parameters" in code[0].metadata.get("tags", [])
    assert "check_parameters(globals())" in code[1].source
    assert folded(code[0])
    assert folded(code[1])


def test_everything_public_has_a_docstring():
    """Modules, classes and functions; of methods those that a subclass of another library does not inherit."""
    missing = []
    for path in PACKAGE:
        if ast.get_docstring(tree(path)) is None:
            missing.append(relative(path))
        for name, node in definitions(path):
            public = not any(part.startswith("_") for part in name.split("."))
            method = "." in name and not isinstance(node, ast.ClassDef)
            if public and not method and ast.get_docstring(node) is None:
                missing.append(f"{relative(path)}: {name}")
    assert missing == []


def test_no_import_of_our_own_is_for_type_checking_only():
    """Such an import hides a circle; annotations name a protocol of a lower layer instead."""
    hidden = [
        f"{relative(path)}, line {inner.lineno}"
        for path in PACKAGE
        for node in ast.walk(tree(path))
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
        if (isinstance(inner, ast.ImportFrom) and (inner.level or (inner.module or "").startswith("infotok")))
        or (isinstance(inner, ast.Import) and any(name.name.startswith("infotok") for name in inner.names))
    ]
    assert hidden == []


@pytest.mark.parametrize(("term", "place"), PLACES.items(), ids=list(PLACES))
def test_a_search_for_the_standard_term_finds_its_place(term, place):
    path = ROOT / "infotok" / place
    assert path.exists(), f"infotok/{place}, where {term} should be found"
    assert re.search(rf"\b{re.escape(term)}", " ".join(path.read_text().split())), f"infotok/{place} without {term!r}"


def sources():
    """(name, text) of the code, the notebooks' cells and the pages; of what was tried long ago (docs/log.md) not."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    for path in [*PACKAGE, *(ROOT / "notebooks").glob("*.py"), *pages]:
        if path.exists() and path.name != "log.md":
            yield relative(path), path.read_text()
    for path in NOTEBOOKS:
        for number, cell in enumerate(cells(path)):
            yield f"{relative(path)}, cell {number}", cell.source


@pytest.mark.parametrize(("pattern", "standard"), REPLACED.items(), ids=list(REPLACED))
def test_words_are_the_standard_ones(pattern, standard):
    found = [
        f"{name}, line {number}: {line.strip()[:100]}"
        for name, text in sources()
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(pattern, line, re.IGNORECASE)
    ]
    assert found == [], f"say {standard}"
