"""The experiment of lesson 17: its plan, one run of each kind, and the committed rows."""

import json
from pathlib import Path

import pytest
import torch

from infotok.companions.unlearnable_victims import VICTIMS
from infotok.experiments import unlearnable as runs

FIGURES = Path(__file__).parents[2] / "figures" / "17_unlearnable_examples"


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_every_run_is_planned_once_and_a_row_repeats_itself():
    planned = runs.plan()
    assert len({str(sorted(run.items())) for run in planned}) == len(planned)
    assert {run["seed"] for run in planned} == set(runs.REPORTED_SEEDS)
    assert not set(runs.REPORTED_SEEDS) & {*range(5), *range(100, 110)}, "tuning seeds are not reported"
    assert {run["noise"] for run in planned} == set(runs.NOISES)
    sizes = {"pictures": "digits", "noise": "class sign", "seed": 0, "images": 60, "held_out": 40}
    once, again = (runs.protect(**sizes, treatment="blur", value=1.0) for _ in range(2))
    assert once == again
    row = sizes | once | {"treatment": "blur", "value": 1.0}
    assert runs.find([row], "digits", "class sign", "blur", 1.0) == {0: row}
    assert runs.find([row], "fashion", "class sign", "blur", 1.0) == {}


@pytest.mark.parametrize("treatment", [("none", 0.0), ("projection", 0.0), ("VAE", 6.0), ("water-filling", 20.0)])
def test_each_kind_of_row_has_what_it_measures(treatment):
    name, value = treatment
    row = runs.protect("digits", "class sign", 0, name, value, images=120, held_out=60)
    assert row["accuracy"].keys() == (set(VICTIMS) if name == "none" else {"CNN"})
    assert ("rate" in row) == ("theory" in row) == (name in ("VAE", "water-filling"))
    assert ("bits" in row) == (name == "none")
    assert all(0 <= share <= 1 for key in ("accuracy", "follows", "content") for share in row[key].values())


@pytest.mark.parametrize("noise", runs.NOISES)
def test_every_noise_has_its_budget(noise):
    images, labels = torch.rand(80, 1, 16, 16, generator=torch.Generator().manual_seed(0)), torch.arange(80) % 10
    made = runs.make_noise(noise, images, labels, seed=3)
    assert float(made.abs().max()) == pytest.approx(0.0 if noise == "none" else runs.EPS, abs=1e-6)
    assert (float(made.min()) >= 0) == (noise in ("none", "positive half"))
    assert len(made) in (10, 80)


def test_reported_rows_are_planned_and_every_digit_of_the_core_is_there():
    rows = json.loads((FIGURES / "cells.json").read_text())["rows"]
    planned = {str(sorted(run.items())) for run in runs.plan()}
    keys = [{k: row[k] for k in ("pictures", "seed", "noise", "treatment", "value") if k in row} for row in rows]
    assert {str(sorted(key.items())) for key in keys} <= planned
    for treatment, value in (("none", 0.0), ("VIB", 0.3), ("VAE", 14.0), ("water-filling", 80.0)):
        assert set(runs.find(rows, "digits", "class sign", treatment, value)) == set(runs.REPORTED_SEEDS)


def test_kept_rows_join_those_of_other_parts(tmp_path):
    path, row = tmp_path / "cells.json", {"pictures": "digits", "noise": "none", "seed": 20, "rate": 1.0}
    others = [row | {"seed": 21}, row | {"treatment": "VAE", "value": 14.0}]
    assert runs.keep(path, [row, *others]) == [row, *others]
    again = row | {"treatment": "none", "value": 0.0, "rate": 2.0}  # the same setting, with its defaults
    assert runs.keep(path, [again]) == [again, *others]
    assert json.loads(path.read_text())["rows"] == [again, *others]


def test_an_unknown_treatment_is_refused_by_name():
    with pytest.raises(ValueError, match="treatment: got 'prayer', expected"):
        runs.protect("digits", "none", 0, "prayer")
