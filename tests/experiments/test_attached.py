"""The attached experiment: batches as the published model reads them, weights shared by variants, and a short run."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from infotok.experiments import attached as experiment
from infotok.experiments import attached_plan as plan
from infotok.experiments.sources import make_world

ROOT = Path(__file__).parents[2]
WORLD = make_world(nuisance=0.5, jitter=1, objects=10)


def drawn(n=6, seed=0):
    return WORLD.batch(n, torch.Generator().manual_seed(seed), questions=1)


def test_a_row_is_an_image_a_question_and_its_answer():
    model, batch = experiment.tiny_emu3(WORLD, 0), drawn()
    row = experiment.as_published(batch, model)
    image, end = (model.config.vocabulary_map[name] for name in ("<image>", "<|extra_200|>"))
    assert {image, end} & set(range(len(WORLD.vocabulary.words))) == set(), "ids of their own"
    assert (row["input_ids"] == image).sum(1).tolist() == [4 * 5] * 6, "a placeholder for each code and end of a row"
    assert row["labels"][:, -1].tolist() == batch.answers[:, 0].tolist()
    assert (row["labels"][:, :-1] == -100).all()
    for ids, question in zip(row["input_ids"], batch.questions[:, 0], strict=True):
        assert ids[20:-1][ids[20:-1] != 0].tolist() == question[question != 0].tolist()
        assert ids[-2] != 0, "the question ends right before the answer"
    asked = experiment.as_published(batch, model, answered=False)
    assert torch.equal(asked["input_ids"], row["input_ids"][:, :-1])
    assert "labels" not in asked


def test_variants_of_a_seed_begin_with_the_same_weights_and_read_the_same_loss():
    losses = []
    for through, options in plan.VARIANTS.values():
        made = experiment.make_attached(WORLD, through, options, seed=3)
        losses.append(made.loss(experiment.as_published(drawn(), made.model))["understanding"].item())
    assert len(set(losses)) == 1, "what is read keeps its value; only the gradient differs"


@pytest.mark.parametrize("through", ["none", "soft"])
def test_the_answers_move_the_encoder_by_the_surrogate_alone(through):
    made = experiment.make_attached(WORLD, through, {}, seed=0)
    made.loss(experiment.as_published(drawn(), made.model))["understanding"].backward()
    moved = [p.grad is not None and bool(p.grad.any()) for p in made.family.vq.encoder.parameters()]
    assert all(moved) if through == "soft" else not any(moved)


def test_a_short_run_is_scored_and_repeats():
    short = {"steps": 2, "objects": 10, "held_out": 16}
    row = experiment.train_attached("soft", plan.INFOTOK, 0, **short)
    assert row.keys() == {"U", "scores", "question_only", "bits", "curve", "r2", "seconds"}
    assert 0 <= row["U"] <= 1
    assert 0 < row["bits"] <= 6
    again = experiment.train_attached("soft", plan.INFOTOK, 0, **short)
    assert (again["U"], again["curve"]) == (row["U"], row["curve"])
    with pytest.raises(ValueError, match=r"^through: got 'hard', expected one of none, linear, soft$"):
        experiment.train_attached("hard", {}, 0)
    with pytest.raises(TypeError, match=r"^infotok: got \[\], expected a dict"):
        experiment.train_attached("soft", [], 0)


def test_the_plan_has_every_variant_on_every_reported_seed():
    planned = plan.runs()
    assert len(planned) == len(plan.VARIANTS) * len(plan.SEEDS)
    assert {run["seed"] for run in planned[: len(plan.VARIANTS)]} == {20}, "seed after seed"
    fresh = plan.fresh_runs(1, 2, ["soft"], steps=5)
    assert [(run["seed"], run["steps"]) for run in fresh] == [(1001, 5), (1002, 5)]
    with pytest.raises(ValueError, match=r"^variants: got 'hard', expected some of none, soft"):
        plan.runs(["hard"])


def made():
    """Rows whose accuracy is that of the place of their variant, and of their seed."""
    places = {str((through, options)): place for place, (through, options) in enumerate(plan.VARIANTS.values())}
    scores = dict.fromkeys(("object", "kind", "presence", "count", "relation"), 0.25)
    return [
        {**run, "U": 0.1 * places[str((run["through"], run["infotok"]))] + 0.01 * run["seed"] % 3, "bits": 4.0,
         "scores": scores, "question_only": 0.3}
        for run in plan.runs()
    ]  # fmt: skip


def test_variants_are_compared_by_seed():
    found = plan.differences(made())
    low, mean, high, seeds = found["soft + InfoTok − none"]
    assert (low, mean, high) == pytest.approx((0.3, 0.3, 0.3))
    assert seeds == len(plan.SEEDS)
    other = [row | {"steps": 5} for row in made()]
    assert plan.by_variant(other) == {}, "runs of other sizes are not compared with the reported ones"
    assert plan.levels(made())[0]["bits per code"] == 4.0
    assert plan.floor(made()) == pytest.approx(0.3)


def test_kept_rows_take_the_place_of_earlier_ones(tmp_path):
    path = tmp_path / "cells.json"
    assert plan.read_runs(path) == []
    plan.keep_runs(path, made(), "first")
    again = plan.keep_runs(path, [made()[0] | {"U": 0.9}], "second")
    assert len(again) == len(made())
    assert plan.read_runs(path) == again
    assert [row["package"] for row in again].count("second") == 1


def test_the_committed_rows_are_those_of_the_plan():
    rows = plan.read_runs(ROOT / "figures" / "15_published_models" / "cells.json")
    settings = ("through", "infotok", "seed", *plan.SIZES)
    assert all({name: row[name] for name in settings} in plan.runs() for row in rows)
    assert len(rows) >= 3 * len(plan.VARIANTS)


# --- seeds of evaluation --------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 2**31 - 1), steps=st.integers(1, 2**31 - 1), count=st.integers(1, 2**20))
def test_no_run_is_scored_on_its_training_images(seed, steps, count):
    first = experiment.evaluation_seed(seed, steps, count)
    assert first + count <= steps * seed or first >= steps * seed + steps
    assert 0 <= first < 2**63


@pytest.mark.parametrize(("seed", "steps", "count"), [(0, 10_001, 2), (25, 400, 2), (101, 100, 64), (1000, 11, 64)])
def test_seeds_that_met_are_drawn_behind_the_last_step(seed, steps, count):
    """With these, `10,000 + seed` and the next were seeds of training batches."""
    assert set(range(10_000 + seed, 10_000 + seed + count)) & set(range(steps * seed, steps * seed + steps))
    assert experiment.evaluation_seed(seed, steps, count) == steps * seed + steps


def test_reported_runs_keep_their_evaluation_sets():
    rows = plan.read_runs(ROOT / "figures" / "15_published_models" / "cells.json")
    assert rows
    for row in rows:
        assert experiment.evaluation_seed(row["seed"], row["steps"], 2) == 10_000 + row["seed"]


def test_a_run_draws_other_seeds_for_its_scores(monkeypatch):
    drawn, batch, score = [], WORLD.__class__.batch, experiment.score_attached
    scored = []
    monkeypatch.setattr(
        WORLD.__class__,
        "batch",
        lambda self, n, generator, *rest, **more: (
            drawn.append((n, generator.initial_seed())),
            batch(self, n, generator, *rest, **more),
        )[1],
    )
    monkeypatch.setattr(experiment, "EVALUATION", 3)  # as if a run were longer than 10,000 steps
    monkeypatch.setattr(experiment, "score_attached", lambda *given: (scored.append(given[3]), score(*given))[1])
    experiment.train_attached("none", {}, 0, steps=5, objects=10, held_out=16)
    trained = {seed for n, seed in drawn if n == experiment.BATCH}
    assert trained == {0, 1, 2, 3, 4}
    assert scored == [5]
