"""Every public name of the API reference has an example, which gives what it says, and describes its arguments."""

import doctest
import inspect
import pkgutil
import re
import tempfile
from dataclasses import is_dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path

import griffe
import pytest

from infotok.course.reference import AREAS, _area

ROOT = Path(__file__).parents[1]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
ONLY_WITH = ("infotok.standard.lmms_eval_models",)  # it needs lmms-eval, which is no dependency


def examples_of(function) -> list[doctest.Example]:
    """The examples in the docstring of a public name."""
    text = inspect.getdoc(inspect.unwrap(function)) or ""
    _, _, section = text.partition("\nExample:\n")
    return doctest.DocTestParser().get_examples(section)


def modules_of(area: str) -> list[str]:
    """The modules of a subpackage; of "" the modules beside the subpackages."""
    folder = ROOT / "infotok" / area
    if area:
        found = pkgutil.walk_packages([str(folder)], f"infotok.{area}.")
        names = [f"infotok.{area}", *(module.name for module in found)]
    else:
        names = [f"infotok.{module.name}" for module in pkgutil.iter_modules([str(folder)]) if not module.ispkg]
    return [name for name in names if name not in ONLY_WITH]


@pytest.mark.parametrize("area", AREAS)
def test_every_public_name_has_an_example(area):
    module = import_module(f"infotok.{area}")
    names = [name for name in module.__all__ if callable(getattr(module, name))]
    missing = [name for name in names if not examples_of(getattr(module, name))]
    assert missing == [], f"infotok.{area}"


@pytest.mark.parametrize("area", AREAS)
def test_an_example_is_short_and_imports_what_it_uses(area):
    module = import_module(f"infotok.{area}")
    for name in module.__all__:
        examples = examples_of(getattr(module, name)) if callable(getattr(module, name)) else []
        source = "".join(example.source for example in examples)
        assert f"from infotok.{area} import" in source or not examples, name
        assert len(source.splitlines()) <= 12, name


def describes(text: str, name: str) -> bool:
    """Whether a docstring has `name` as an entry, "name: ..." or "name, other: ...", or in backticks."""
    text = text.partition("\nExample:\n")[0]
    entry = rf"^\s*(- )?(\*{{0,2}}\w+, )*\*{{0,2}}{name}(, \*{{0,2}}\w+)*( \(.*?\))?:|[.;] {name}: "
    return bool(re.search(entry, text, re.MULTILINE)) or any(
        re.search(rf"\b{name}\b", quoted) for quoted in re.findall(r"`([^`\n]+)`", text)
    )


def documented(name: str, value: object):
    """(name, callable, docstring) of a public function, or of a class: its constructor and its own public methods."""
    if inspect.isfunction(value):
        yield name, value, inspect.getdoc(inspect.unwrap(value)) or ""
    elif inspect.isclass(value):
        own = [base for base in value.__mro__ if base.__module__.startswith("infotok")]
        made = is_dataclass(value) or any("__init__" in vars(base) for base in own)
        if made and not getattr(value, "_is_protocol", False) and not issubclass(value, Enum):
            yield name, value, f"{value.__doc__}\n{value.__init__.__doc__}"
        for base in own:
            for inner, method in vars(base).items():
                field = inner in getattr(value, "__dataclass_fields__", {})
                if (
                    not inner.startswith("_")
                    and not field
                    and isinstance(method, classmethod | staticmethod | type(documented))
                ):
                    yield f"{name}.{inner}", getattr(base, inner), inspect.cleandoc(method.__doc__ or "")


@pytest.mark.parametrize("area", AREAS)
def test_every_public_name_describes_its_arguments(area):
    module, missing = import_module(f"infotok.{area}"), []
    for public in module.__all__:
        for name, function, text in documented(public, getattr(module, public)):
            arguments = [each for each in inspect.signature(function).parameters if each not in ("self", "cls")]
            missing += [f"{name}: {each}" for each in arguments if not describes(text, each)]
    assert missing == [], f"infotok.{area}"


@pytest.mark.slow
@pytest.mark.parametrize("area", ["", "course", *AREAS])
def test_the_examples_give_what_they_say(area, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where examples make their folders
    finder, runner = doctest.DocTestFinder(exclude_empty=True), doctest.DocTestRunner(optionflags=FLAGS)
    lines: list[str] = []
    for name in modules_of(area):
        for test in finder.find(import_module(name), name):
            test.globs = {"__name__": "__main__"} | (test.globs if "from infotok" not in test.docstring else {})
            runner.run(test, out=lines.append)
    assert runner.failures == 0, "".join(lines)
    assert runner.tries > 0 or area == "course"


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """The reference's page of each subpackage, as Markdown."""
    package = griffe.load("infotok", search_paths=[ROOT], docstring_parser="google")
    return {area: _area(package[area]) for area in AREAS}


def test_the_reference_shows_an_example_as_code(pages):
    page = pages["information"]
    assert "**Example**\n\n```python\n>>> from infotok.information import additive_uniform_mi\n" in page
    assert "array([1.709, 0.5  , 0.125])\n```" in page
    assert "Example:" not in page
    assert "doctest:" not in pages["published"], "directives are for tests, not for readers"


@pytest.mark.parametrize("area", AREAS)
def test_the_reference_has_every_public_name_with_its_example(area, pages):
    """Also names that are imported where they are first used, and a function with the name of its module."""
    module = import_module(f"infotok.{area}")
    headings = [line.removeprefix("## ") for line in pages[area].splitlines() if line.startswith("## ")]
    assert set(headings) >= set(module.__all__)
    shown = pages[area].count("**Example**")
    assert shown == sum(callable(getattr(module, name)) for name in module.__all__)


def test_the_reference_keeps_a_result_of_several_lines_whole(pages):
    page = pages["information"]
    assert "The value is infinite where a continuous y is a function of x." in page
    assert page.count("- `Estimate`: `.nats`") == 1
