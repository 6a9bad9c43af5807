"""The study of many objects: its runs, its table, and what its figure takes."""

import math

import pytest

from infotok.experiments import many_objects
from infotok.experiments.plan import REPORTED_SEEDS, TUNING_SEEDS
from infotok.experiments.results import Runs
from infotok.experiments.variants import BASELINE, DECODER, options
from infotok.files import to_json
from infotok.lab.plots import pictures


def finished():
    """Runs whose scores follow from the variant, the seed and the number of objects."""
    for run in many_objects.runs():
        u = 0.5 + 0.1 * bool(run["variant"]) + 0.001 * run["seed"] - 0.0001 * run["objects"]
        scores = {part: {"present": u - 0.2} for part in ("generations", "reconstructions")}
        rate = 20.0 * math.log(2) * (1 - 10 * run["variant"].get("compression", 0.0))
        yield run | {"U": u, "scores": scores, "rates": {"cross_entropy": rate}}


def test_each_run_is_planned_once_on_reported_seeds():
    planned = many_objects.runs()
    assert len({to_json(run) for run in planned}) == len(planned) == 2 * 3 * (len(many_objects.SETTINGS) + 1) + 2 * 5
    assert {run["seed"] for run in planned} == set(REPORTED_SEEDS)
    assert {run["seed"] for run in planned if run["objects"] != 96} == set(REPORTED_SEEDS[:3])
    assert not {run["seed"] for run in planned} & TUNING_SEEDS


def test_a_setting_has_means_and_a_difference_paired_by_seed():
    table = many_objects.table(Runs(finished()))
    assert [line["setting"] for line in table] == list(many_objects.SETTINGS)
    first = table[0]
    assert first["seeds"] == 3
    assert first["U"] == "0.52 to 0.62"
    assert first["U, difference"] == "+0.100 [+0.100, +0.100]"
    assert many_objects.table(Runs([])) == []
    partly = [run | {"U": run["seed"] / 100} for run in finished() if not run["variant"] or run["seed"] == 20]
    first = many_objects.table(Runs(partly))[0]
    assert first["U"] == "0.20 to 0.20", "both are means over seed 20"
    assert first["seeds"] == 1


def test_scores_by_seed_are_what_the_figure_takes():
    rows = [run for run in finished() if run["objects"] != 316]
    scores = many_objects.along(Runs(rows))
    first = scores["share of objects drawn"][DECODER][0]
    assert first == pytest.approx([0.4 + 0.001 * seed - 0.0032 for seed in REPORTED_SEEDS[:3]])
    missing = [i for i, settings in enumerate(many_objects.SETTINGS.values()) if settings["objects"] == 316]
    assert all(scores["understanding U"][BASELINE][i] == [] for i in missing)
    figure = pictures.settings(names=list(many_objects.SETTINGS), scores=scores)
    assert [" ".join(ax.get_xlabel().split()) for ax in figure.axes] == list(many_objects.SCORES)
    large = [line for line in figure.axes[0].lines if line.get_markersize() == 7]
    assert [len(line.get_ydata()) for line in large] == [len(many_objects.SETTINGS) - len(missing)] * 2


def test_a_rate_is_compared_with_the_decoder_bound_alone_in_scores_and_bits():
    table = many_objects.rated(Runs(finished()))
    assert [line["variant"] for line in table] == [DECODER, *many_objects.RATES]
    weight = options(many_objects.HOST, many_objects.RATES[0])["compression"]
    assert [line["seeds"] for line in table] == [8, 3, 8]
    assert table[0]["bits"] == pytest.approx(20.0)
    assert table[1]["bits, difference"].startswith(f"{-200 * weight:+.3f}")
    assert table[1]["U, difference"].startswith("+0.000")
    assert many_objects.rated(Runs([])) == []
