"""Every public name of the API reference has an example, and every example of the package gives what it says."""

import doctest
import inspect
import pkgutil
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


@pytest.mark.slow
@pytest.mark.parametrize("area", ["", "course", *AREAS])
def test_the_examples_give_what_they_say(area):
    finder, runner = doctest.DocTestFinder(exclude_empty=True), doctest.DocTestRunner(optionflags=FLAGS)
    lines: list[str] = []
    for name in modules_of(area):
        for test in finder.find(import_module(name), name):
            test.globs = {"__name__": "__main__"} | (test.globs if "from infotok" not in test.docstring else {})
            runner.run(test, out=lines.append)
    assert runner.failures == 0, "".join(lines)


def test_the_reference_shows_an_example_as_code():
    package = griffe.load("infotok", search_paths=[ROOT], docstring_parser="google")
    page = _area(package["information"])
    assert "**Example**\n\n```python\n>>> from infotok.information import additive_uniform_mi\n" in page
    assert "array([1.709, 0.5  , 0.125])\n```" in page
    assert "Example:" not in page
