"""The plan of lesson 14: its runs, its fresh seeds, its comparisons and means."""

from pathlib import Path

import pytest
import torch

from infotok.experiments import many_objects, pictures
from infotok.experiments.hosts import make_host
from infotok.experiments.plan import FRESH_SEEDS, TUNING_SEEDS
from infotok.experiments.results import Runs, load
from infotok.experiments.sources import make_world
from infotok.experiments.variants import BASELINE, DECODER, HOSTS, HSIC, options
from infotok.files import to_json

FIGURES = Path(__file__).parents[2] / "figures" / "14_real_pictures"


def rows():
    """Finished runs whose scores follow from the variant and the seed."""
    gain = {BASELINE: 0.0, DECODER: 0.2, HSIC: 0.1}
    for run in pictures.runs():
        (name,) = [name for name in gain if options(run["host"], name) == run["variant"]]
        u = 0.5 + gain[name] + 0.001 * run["seed"]
        cells = {"present": u}
        scores = {"question_only": {"mean": 0.4}, "generations": cells, "reconstructions": cells}
        yield run | {"U": u, "G": u - 0.1, "scores": scores, "novel": {"U": u, "G": u}}


def test_each_run_is_planned_once_on_seeds_that_nothing_was_tuned_on():
    planned = pictures.runs()
    assert len({to_json(run) for run in planned}) == len(planned) == 3 * (3 * 8 + 3)
    assert not {run["seed"] for run in planned} & TUNING_SEEDS
    fresh = pictures.fresh_runs(3, 2, objects=10, steps=4)
    assert [run["seed"] for run in fresh] == [FRESH_SEEDS + 3] * 3 + [FRESH_SEEDS + 4] * 3
    assert all(run["steps"] == 4 and run["objects"] == 10 for run in fresh)


def test_every_reported_run_and_no_other_is_in_the_file():
    all_runs = [*pictures.runs(), *pictures.photograph_runs(), *many_objects.runs()]
    kept, planned = Runs(load(FIGURES / "cells.json")), Runs(all_runs)
    assert all(run in kept for run in all_runs)
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
            by_host = {k: v for k, v in found.table(f"{objects} objects")[side][DECODER].items() if v is not None}
            assert list(by_host) == (list(HOSTS) if objects == 32 else [pictures.HOST])
            for low, mean, high, number in by_host.values():
                assert (low, mean, high) == pytest.approx((0.2, 0.2, 0.2))
                assert number == len(seeds)


def test_levels_are_means_over_the_reported_seeds():
    table = pictures.levels(Runs([*rows(), {**next(rows()), "seed": 5}]))
    usual = [line for line in table if line["host"] == pictures.HOST]
    assert [(line["objects"], line["variant"], line["seeds"]) for line in usual] == [
        (objects, name, len(seeds)) for objects, seeds in pictures.OBJECTS.items() for name in pictures.VARIANTS
    ]
    others = [(line["host"], line["variant"], line["seeds"]) for line in table if line not in usual]
    assert others == [(host, name, 8) for host in HOSTS if host != pictures.HOST for name in pictures.VARIANTS]
    assert usual[0]["U"] == pytest.approx(0.5 + 0.001 * 23.5)
    assert pictures.levels(Runs([])) == []


def test_runs_made_here_are_averaged_and_compared_by_seed():
    table = pictures.made_here([row for row in rows() if row["seed"] < 23 and row["host"] == pictures.HOST])
    assert [line["seeds"] for line in table] == [3] * 3
    assert [line["U"] for line in table] == pytest.approx([0.521, 0.721, 0.621])
    assert [line["G − baseline"] for line in table] == ["", "+0.200 [+0.200, +0.200]", "+0.100 [+0.100, +0.100]"]
    assert pictures.made_here([row for row in rows() if row["seed"] == 20])[1]["U − baseline"] == "one seed"


def test_sentence_embeddings_are_tuned_on_one_seed_and_compared_with_attributes_on_others():
    trials, planned = pictures.sentence_trials(), pictures.sentence_runs(1.0)
    assert {run["seed"] for run in trials} <= TUNING_SEEDS
    assert not {run["seed"] for run in planned} & TUNING_SEEDS
    assert [run["variant"]["consistency"] for run in trials] == list(pictures.SENTENCE_WEIGHTS)
    same = {name: value for name, value in planned[0].items() if name not in ("variant", "sentences")}
    attributes = [run for run in pictures.runs() if run["seed"] == 20 and run["objects"] == 32]
    assert same in [{name: value for name, value in run.items() if name != "variant"} for run in attributes]
    made = [run | {"U": 0.5, "G": 0.3 + 0.01 * i} for i, run in enumerate(planned)]
    found = pictures.against_attributes(Runs([*rows(), *made]), 1.0)
    (u,), (g,) = (found.named("sentence embeddings", pictures.SENTENCES, side) for side in "UG")
    assert u.pairs == pytest.approx({seed: -0.2 - 0.001 * seed for seed in pictures.SENTENCE_SEEDS})
    assert g.pairs == pytest.approx({20 + i: -0.32 + 0.009 * i for i in range(4)})
    assert pictures.compared(Runs([*rows(), *made])).named("32 objects", DECODER, "U")[0].interval[3] == 8


def test_a_run_on_sentence_embeddings_has_their_width():
    world = make_world(0.5, 1, objects=10, sentences=True)
    model = make_host(pictures.HOST, pictures.sentence_variant(1.0), 0, world)
    assert model.tokenizer.infotok.options.widths["text"] == 384
    batch = world.batch(4, torch.Generator().manual_seed(0), 2)
    assert model.loss(batch, torch.Generator().manual_seed(0))["infotok"].isfinite()


def test_runs_on_photographs_are_paired_and_those_on_emoji_are_others():
    planned = pictures.photograph_runs()
    assert len(planned) == (2 * len(HOSTS) + 1) * len(pictures.PHOTOGRAPH_SEEDS)  # HSIC in one host
    assert all(run["photographs"] and "objects" not in run for run in planned)
    assert not any(run in pictures.runs() for run in planned)
    scored = [run | {"U": 0.5 + bool(run["variant"]) / 4, "G": 0.5} for run in planned]
    by_host = pictures.compared(Runs([*rows(), *scored])).named("photographs", side="U")
    assert [(one.label, one.host) for one in by_host] == [*((DECODER, host) for host in HOSTS), (HSIC, pictures.HOST)]
    assert all(one.pairs == dict.fromkeys(pictures.PHOTOGRAPH_SEEDS, 0.25) for one in by_host)


def test_photographs_have_no_number_of_objects_and_no_named_offsets():
    with pytest.raises(ValueError, match="objects: got 32, expected None with photographs"):
        make_world(0.5, objects=32, photographs=True)
    with pytest.raises(ValueError, match="named: got True, expected False with photographs"):
        make_world(0.5, named=True, photographs=True)
