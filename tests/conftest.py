"""What all tests share: patience, a run at smoke of each lesson, and a guard over the clone's own runs."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings

from infotok.course.quick import without_grammar

without_grammar()  # before nbformat is imported, in every process of the tests
from courses import run_at_smoke  # noqa: E402

settings.register_profile("patient", deadline=None)  # a busy machine is no counterexample
settings.load_profile("patient")

RUNS = Path(__file__).parents[1] / "runs"
# Files that take longest, each handed whole to one process. First, so that no process is left alone with one.
FIRST = (
    "browser/test_lab_browser.py",
    "test_notebooks.py",
    "course/test_runner.py",
    "course/test_figures.py",
    "test_bad_inputs.py",
    "experiments/test_train_and_score.py",
    "information/test_labels.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests for `--dist loadfile --no-loadscope-reorder`; xdist's own order is by number of tests."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(FIRST)))


def files_below(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder with its size and time."""
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory) -> Callable[[str], Path]:
    """`root = smoke_run(name)`: a course in which this lesson has run at smoke, once for all processes of the tests."""
    folder = tmp_path_factory.getbasetemp()
    return partial(run_at_smoke, (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "smoke")


@pytest.fixture(scope="module", autouse=True)
def _runs_of_the_clone_are_left_alone():
    """What a person has run here is theirs: tests make courses of their own."""
    before = files_below(RUNS)
    yield
    after = files_below(RUNS)
    touched = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    assert not touched, f"these tests, or somebody beside them, changed the clone's runs: {touched[:3]}"
