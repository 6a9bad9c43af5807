"""The plan of lesson 14: its runs, its fresh seeds, its comparisons and means."""

from pathlib import Path

import pytest

from infotok.experiments import pictures
from infotok.experiments.plan import FRESH_SEEDS, TUNING_SEEDS
from infotok.experiments.results import Runs, load
from infotok.experiments.variants import BASELINE, DECODER, HSIC, options
from infotok.files import to_json

FIGURES = Path(__file__).parents[2] / "figures" / "14_real_pictures"


def rows():
    """Finished runs whose scores follow from the variant and the seed."""
    gain = {BASELINE: 0.0, DECODER: 0.2, HSIC: 0.1}
    for run in pictures.runs():
        (name,) = [name for name in gain if options(pictures.HOST, name) == run["variant"]]
        u = 0.5 + gain[name] + 0.001 * run["seed"]
        cells = {"present": u}
        scores = {"question_only": {"mean": 0.4}, "generations": cells, "reconstructions": cells}
        yield run | {"U": u, "G": u - 0.1, "scores": scores, "novel": {"U": u, "G": u}}


def test_each_run_is_planned_once_on_seeds_that_nothing_was_tuned_on():
    planned = pictures.runs()
    assert len({to_json(run) for run in planned}) == len(planned) == 3 * (8 + 2)
    assert not {run["seed"] for run in planned} & TUNING_SEEDS
    fresh = pictures.fresh_runs(3, 2, objects=10, steps=4)
    assert [run["seed"] for run in fresh] == [FRESH_SEEDS + 3] * 3 + [FRESH_SEEDS + 4] * 3
    assert all(run["steps"] == 4 and run["objects"] == 10 for run in fresh)


def test_every_reported_run_and_no_other_is_in_the_file():
    kept, planned = Runs(load(FIGURES / "cells.json")), Runs(pictures.runs())
    assert all(run in kept for run in pictures.runs())
    assert all(row in planned for row in kept.rows())


def test_two_models_of_the_first_seed_are_kept():
    kept = [run for run in pictures.runs("models") if "folder" in run]
    assert [(run["variant"], run["folder"]) for run in kept] == [
        (options(pictures.HOST, name), f"models/{folder}") for name, folder in pictures.KEPT_MODELS.items()
    ]
    assert {(run["seed"], run["objects"]) for run in kept} == {(20, 32)}


def test_variants_are_compared_with_the_baseline_by_number_of_objects():
    found = pictures.compared(Runs(rows()))
    for objects, seeds in pictures.OBJECTS.items():
        for side in "UG":
            low, mean, high, number = found.table(f"{objects} objects")[side][DECODER][pictures.HOST]
            assert (low, mean, high) == pytest.approx((0.2, 0.2, 0.2))
            assert number == len(seeds)


def test_levels_are_means_over_the_reported_seeds():
    table = pictures.levels(Runs([*rows(), {**next(rows()), "seed": 5}]))
    assert [(line["objects"], line["variant"], line["seeds"]) for line in table] == [
        (objects, name, len(seeds)) for objects, seeds in pictures.OBJECTS.items() for name in pictures.VARIANTS
    ]
    assert table[0]["U"] == pytest.approx(0.5 + 0.001 * 23.5)
    assert pictures.levels(Runs([])) == []
