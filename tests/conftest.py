"""Hypothesis without its deadline: a busy machine is no counterexample. And a guard over the clone's own runs."""

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

RUNS = Path(__file__).parents[1] / "runs"


def files_below(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder with its size and time."""
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module", autouse=True)
def _runs_of_the_clone_are_left_alone():
    """What a person has run here is theirs: tests make courses of their own."""
    before = files_below(RUNS)
    yield
    after = files_below(RUNS)
    touched = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    assert not touched, f"these tests, or somebody beside them, changed the clone's runs: {touched[:3]}"
