"""The plan: every study has the runs that version 0.1 planned, and reports no seed that was tuned on."""

from pathlib import Path

import pytest

from infotok.experiments import plan, variants
from infotok.experiments.results import Runs, best_weight, load
from infotok.files import read_json, to_json

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "figures" / "11_infotok"
VERSION_0_1 = read_json(ROOT / "tests" / "data" / "version_0_1.json")
SINCE = {  # runs of newer studies
    "headline": 3 * 3 * 8,
    "short": 3 * 4 * 8,
    "bounds": 3 * 5 * 8,
    "host prior": 3 * 8,
    "no ramp": 2 * 3,
    "confirmation": (3 + 2) * 3 * 8,
    "critics": 3 * 2 * 4,
    "doses": 5 * 4,
    "frontier": 3 * 15 * 5,
    "scarce": 6 * 5,
    "curves": 3 * 8 + 3 * 3 + 2 * 5 + 2 * 2 * 2 * 8 + 2 * 2 * 2,
    "weak": 3 * 4 * 4,
    "narrow": (6 + 4) * 8,
    "wider": 3 * 4,
}
REPORTED = [study for study in plan.STUDIES if study not in ("models", "tuning", *SINCE)]


def test_each_study_has_as_many_runs_as_version_0_1_planned():
    counts = {study: len(plan.runs([study], "models")) for study in plan.STUDIES}
    assert {study: counts.pop(study) for study in SINCE} == SINCE
    counts["headline"] = counts.pop("version 0.1")
    rates = 3 * len(variants.EXCHANGES)  # against the text, and against the host with a ramp and without
    counts["tuning"] -= len(variants.HOSTS) * (3 + rates)  # three weights of the cosine decoder
    assert counts == VERSION_0_1["plan"]


@pytest.mark.parametrize("study", REPORTED)
def test_every_run_of_a_reported_study_is_in_the_file(study):
    runs = Runs(load(FIGURES / "cells.json"))
    assert all(run in runs for run in plan.runs([study]))


def test_the_file_holds_no_run_that_was_not_planned_but_caption_heads_of_a_former_weight():
    planned = Runs(plan.runs([study for study in plan.STUDIES if study != "models"]))
    strangers = [row for row in load(FIGURES / "cells.json") if row not in planned]
    assert all(row["variant"] == variants.decoder(0.3, "bilinear") for row in strangers)


def test_no_seed_that_was_tuned_on_is_reported_or_repeated():
    tried = {row["seed"] for row in read_json(FIGURES / "trials.json")["rows"]}
    assert tried <= plan.TUNING_SEEDS
    reported = {run["seed"] for study in plan.STUDIES if study != "tuning" for run in plan.runs([study], "models")}
    fresh = {run["seed"] for seed in (0, 3, 2**20) for run in plan.fresh_runs(seed, 3)}
    assert not plan.TUNING_SEEDS & (reported | fresh)
    assert not reported & fresh
    assert not {row["seed"] for row in load(FIGURES / "cells.json")} & plan.TUNING_SEEDS


def test_the_chosen_weights_follow_from_the_trials():
    trials = read_json(FIGURES / "trials.json")["rows"]
    assert {
        host: {kind: best_weight(trials, host, kind) for kind in kinds} for host, kinds in variants.WEIGHTS.items()
    } == (variants.WEIGHTS)


def test_a_variant_scales_in_its_own_terms_alone():
    usual, scaled = (variants.options("masked", variants.VARIATIONAL, scale) for scale in (None, {"consistency": 3}))
    assert scaled == usual | {"consistency": 3 * usual["consistency"]}
    usual, scaled = (variants.options("masked", variants.DECODER, scale) for scale in (None, {"consistency": 3}))
    assert scaled == usual | {"consistency": 3 * usual["consistency"]}, "whatever its name"
    assert variants.options("masked", variants.BASELINE, {"consistency": 3}) == {}
    assert "prior" not in variants.options("masked", variants.VARIATIONAL, {"compression": 0}), "no rate, no prior"


def test_the_baseline_is_nothing_and_each_name_means_one_thing():
    for host in variants.HOSTS:
        named = variants.variants_of(host)
        assert named[variants.BASELINE] == {}
        assert len({to_json(variant) for variant in named.values()}) == len(named) - 1  # one is the tuned baseline


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: plan.runs(["plane"]), "studies: got 'plane', expected one of headline, "),
        (lambda: plan.runs(["models"]), "studies: got 'models', expected a folder for its models"),
        (lambda: variants.options("masked", "arm"), "name: got 'arm', expected one of baseline, "),
        (lambda: variants.variants_of("diffusion"), "host: got 'diffusion', expected one of autoregressive, "),
        (lambda: plan.fresh_runs(0, 1, []), "hosts: got .*, expected one host or more"),
        (lambda: plan.fresh_runs(0, 1, ["masked"] * 2), "hosts: got .*, expected one host or more, each once"),
        (lambda: plan.check_kept([], True), "keep: got True, expected False without studies"),
        (lambda: plan.check_kept(["models"], False), r"studies: got .*, expected no models without keep"),
        (lambda: plan.fresh_runs(-1, 1), "seed: got -1"),
    ],
)
def test_what_is_not_planned_is_refused(call, error):
    with pytest.raises(ValueError, match=error):
        call()
