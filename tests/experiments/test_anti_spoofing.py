"""Lesson 18's runs: what is planned, how rows are averaged and compared, and one short run of each variant."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from infotok.companions import equal_error_threshold, half_total_error_rate
from infotok.evaluation import paired_difference
from infotok.experiments import anti_spoofing_plan as plan
from infotok.experiments.anti_spoofing import FOURIER, VARIANTS, SmallCNN, detect, fourier_energy, scores
from infotok.experiments.plan import FRESH_SEEDS, TUNING_SEEDS
from infotok.files import to_json
from infotok.worlds import CaptureWorld

CELLS = Path(__file__).parents[2] / "figures" / "18_face_anti_spoofing" / "cells.json"
TINY = {"pictures": 6, "steps": 4, "moments": 2, "probe": False}


def rows():
    """Finished runs whose scores follow from the variant, the target and the seed."""
    for run in plan.runs(["headline"]):
        error = 0.1 * plan.HEADLINE.index(run["variant"]) + 0.01 * CaptureWorld.names.index(run["target"])
        error += 0.001 * (run["seed"] - 20)
        yield run | {
            "hter": {"source": error, "target": error / 2, "known": 0.1},
            "best_moment": error / 3,
            "auc": 1 - error,
            "accuracy": 0.9,
            "nats": {"class": np.log(2), "domain": error},
        }


def test_each_run_is_planned_once_on_seeds_that_nothing_was_tuned_on():
    planned = plan.runs()
    assert len({to_json(run) for run in planned}) == len(planned) == 5 * 4 * (6 + 2 + 2 + 2 + 3)
    assert not {run["seed"] for run in planned} & TUNING_SEEDS
    fresh = plan.fresh_runs(3, 2, ["masked"], ["night"], steps=4)
    assert [run["seed"] for run in fresh] == [FRESH_SEEDS + 3, FRESH_SEEDS + 4]


def test_scores_are_averaged_over_targets_and_compared_by_seed():
    found = plan.by_seed(rows(), plan.CONTRASTIVE, "hter/source")
    assert found == {20 + i: pytest.approx(0.1 + 0.015 + 0.001 * i) for i in range(5)}
    difference = plan.compared([*rows()], plan.MASKED, plan.CONTRASTIVE, "hter/source")
    assert difference.mean == pytest.approx(0.2)
    assert difference.pairs == 5
    assert plan.by_seed(rows(), plan.MASKED, "hter/source", gap=0.5) == {}
    with pytest.raises(ValueError, match="rows: got '0 seeds with masked and contrastive', expected two or more"):
        plan.compared([*rows()], plan.MASKED, plan.CONTRASTIVE, "hter/source", labelled=10)
    with pytest.raises(ValueError, match=r"settings: got \['attack'\], expected some of labelled, gap, rate"):
        plan.by_seed(rows(), plan.MASKED, "hter/source", attack=1.0)


def test_a_seed_that_lacks_a_target_is_left_out():
    found = [row for row in rows() if (row["seed"], row["target"]) != (22, "night")]
    assert set(plan.by_seed(found, plan.MASKED, "auc")) == {20, 21, 23, 24}
    one = {20: "night", 21: "lamp"}
    partly = [row for row in rows() if row["variant"] != plan.MASKED or one.get(row["seed"]) == row["target"]]
    assert plan.by_seed(partly, plan.MASKED, "auc") == {}, "no mean over other targets than those of other variants"


def test_levels_are_means_in_bits():
    line = plan.levels([*rows()])[1]
    assert line["variant"] == plan.CONTRASTIVE
    assert line["seeds"] == 5
    assert line["HTER, source threshold"] == pytest.approx(0.117)
    assert line["I(Z;Y) / bits"] == pytest.approx(1.0)


def test_levels_are_known_beside_runs_of_other_settings_that_measured_no_information():
    slower = [row | {"rate": 0.002, "nats": None} for row in rows()]
    assert plan.levels([*rows(), *slower]) == plan.levels([*rows()])
    assert plan.levels([*rows(), *slower], rate=0.002)[1]["I(Z;Y) / bits"] is None


def test_ranks_are_those_of_scipy():
    found = plan.rank_correlation([*rows()], "auc", plan.HEADLINE)
    assert found == pytest.approx([-1.0] * 5)
    a, b = np.arange(6), np.array([1, 0, 3, 2, 5, 4])
    mixed = [row | {"auc": float(b[plan.HEADLINE.index(row["variant"])])} for row in rows() if row["target"] == "night"]
    assert plan.rank_correlation(mixed, "auc", plan.HEADLINE)[0] == pytest.approx(spearmanr(a, b).statistic)


def test_regimes_and_verdicts_follow_from_the_intervals():
    near = [row | {"gap": 0.5, "hter": {"source": 1 - row["hter"]["source"]}} for row in rows()]
    far, close = plan.regimes([*rows(), *near])
    assert far["difference"].mean == pytest.approx(0.2)
    assert close["difference"].mean == pytest.approx(-0.2)
    assert plan.verdict(far["difference"]) == "higher, +0.200 [+0.200, +0.200], 5 seeds"
    assert plan.verdict(close["difference"]).startswith("lower, -0.200")
    assert plan.verdict(paired_difference([1.0, 2.0], [2.0, 1.0])).startswith("undecided, +0.000")


def test_kept_rows_replace_those_of_the_same_settings(tmp_path):
    path, some = tmp_path / "cells.json", [*rows()][:3]
    plan.keep(path, some, "abc")
    plan.keep(path, [some[0] | {"auc": 0.123456}, some[1] | {"gap": 0.5}, some[2] | {"seed": 0}], "def")
    found = plan.read(path)
    assert len(found) == 4
    assert found[0]["auc"] == 0.1235
    assert [row["package"] for row in found] == ["def", "abc", "abc", "def"]


def test_every_committed_run_is_planned():
    planned = {plan._settings(run) for run in plan.runs()}
    assert {plan._settings(row) for row in plan.read(CELLS)} <= planned


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_short_run_of_each_variant_gives_errors_between_0_and_1(variant):
    row = detect(variant, "night", 0, **TINY)
    assert 0 <= row["hter"]["target"] <= 1
    assert row["best_moment"] <= row["hter"]["target"]
    assert 0 <= row["auc"] <= 1


def test_the_same_seed_gives_the_same_row_and_labels_that_are_missing_are_not_read():
    few = TINY | {"labelled": 2}
    assert detect("masked contrastive", "lamp", 3, **few) == detect("masked contrastive", "lamp", 3, **few)


def test_information_is_probed_on_captures_of_known_domains():
    nats = detect(FOURIER, "night", 0, pictures=20)["nats"]
    assert 0 < nats["class"] <= np.log(2) + 1e-9
    assert 0 < nats["domain"] <= np.log(3) + 1e-9


def test_fourier_energy_finds_the_ring_of_a_wave():
    wave = torch.sin(2 * torch.pi * torch.arange(32) / 4)  # four pixels: 0.25 cycles a pixel of at most 0.707
    image = (0.5 + 0.1 * wave).expand(1, 3, 32, 32)
    assert fourier_energy(image).argmax(1).item() == int(0.25 / 0.7072 * 12)


def test_a_detector_of_features_that_hold_the_class_makes_no_error():
    world, g = CaptureWorld(), torch.Generator().manual_seed(0)
    train, test = world.sample(10, g), world.sample(10, g, "test")
    marked = [part.images.clone() for part in (train, test)]
    for images, part in zip(marked, (train, test), strict=True):
        images[:, 0, 0, 0] = part.labels.float()
    train, test = (type(p)(x, p.labels, p.domains, p.pictures, p.names)
                   for x, p in zip(marked, (train, test), strict=True))  # fmt: skip
    (found,) = scores(lambda images: images[:, 0, 0, :1], train, test)
    y = test.labels.numpy()
    assert half_total_error_rate(found, y, equal_error_threshold(found, y)) == 0


def test_features_of_the_cnn_do_not_depend_on_the_mode():
    network = SmallCNN().train()
    images = torch.rand(4, 3, 32, 32)
    assert torch.equal(network.features(images), network.features(images))
    assert network.training
    before = network.layers[1].running_mean.clone()
    network.features(images)
    assert torch.equal(network.layers[1].running_mean, before)
