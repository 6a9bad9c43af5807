"""The plan of lesson 16: its seeds, comparisons and kept runs; one small run; what scores know of removals."""

import json
import math
from pathlib import Path

import pytest
import torch

from infotok.companions import Gates
from infotok.experiments import diffusion, pruning_plan
from infotok.experiments.plan import FRESH_SEEDS, TUNING_SEEDS
from infotok.experiments.pruning import DENSE, SCRATCH, VARIANTS, _relevant_times, _rounded, mask_bits, prune_and_score
from infotok.experiments.pruning_scores import TRUTH, _removals, noise_share, score_quality
from infotok.experiments.results import load

FIGURES = Path(__file__).parents[2] / "figures" / "16_diffusion_pruning"


def test_no_reported_run_is_on_a_tuning_seed():
    for study in pruning_plan.STUDIES:
        planned = pruning_plan.runs(study)
        assert len({json.dumps(run) for run in planned}) == len(planned) >= 5
        assert not {run["seed"] for run in planned} & TUNING_SEEDS
        assert all(set(run["variants"]) <= set(VARIANTS) for run in planned)
    fresh = pruning_plan.fresh_runs("digits", 3, 2, [DENSE], steps=4)
    assert [(run["seed"], run["steps"]) for run in fresh] == [(FRESH_SEEDS + 3, 4), (FRESH_SEEDS + 4, 4)]
    assert not {run["seed"] for run in pruning_plan.quality_runs()} & TUNING_SEEDS


def test_reported_rows_are_those_of_the_plan():
    rows = load(FIGURES / "cells.json")
    for row in (row for row in rows if "scores" in row):
        plan = [run for study in pruning_plan.STUDIES for run in pruning_plan.runs(study)]
        assert any(all(row[name] == value for name, value in run.items()) for run in plan)
    assert len(pruning_plan.of(rows, "digits")) >= 5


def made(seed, variants=(DENSE, "Fisher"), study="digits"):
    scores = {name: dict.fromkeys(pruning_plan.SCORES, 0.1 * i + seed / 1000) for i, name in enumerate(variants)}
    run = next(run for run in pruning_plan.runs(study) if run["seed"] == seed)
    return run | {"scores": scores, "floor": 0.2}


def test_comparisons_are_paired_by_seed(tmp_path):
    rows = [made(20), made(21), made(22, [DENSE]), made(20, study="fashion")]
    found = pruning_plan.of(rows, "digits")
    assert sorted(found) == [20, 21, 22]
    assert pruning_plan.difference(found, "Fisher", DENSE) == pytest.approx({20: 0.1, 21: 0.1})
    lines = {line["variant"]: line for line in pruning_plan.table(found)}
    assert list(lines) == [DENSE, "Fisher"]
    assert lines[DENSE]["loss"] == pytest.approx(0.021)
    assert [line["seeds"] for line in lines.values()] == [3, 2]
    kept = pruning_plan.keep(tmp_path / "cells.json", [*rows, made(20), made(21) | {"seed": 101}], "digest")
    assert len(kept) == len(load(tmp_path / "cells.json")) == 4


def test_the_verdict_says_what_the_intervals_say():
    flow, soft, hard = "gradient flow soft", "random soft", "gradient flow hard"
    rows = [made(seed, [flow, soft, "Fisher", hard]) for seed in (20, 21, 22)]
    for i, row in enumerate(rows):
        row["scores"][soft]["loss"] = row["scores"][flow]["loss"] + 0.1 + 0.01 * i  # the flow is better than random
        row["scores"][hard]["loss"] = row["scores"][flow]["loss"] + 0.01 * (i - 1)
    lines = pruning_plan.verdict({"digits": {row["seed"]: row for row in rows}, "fashion": {}})
    assert len(lines) == len(pruning_plan.PROMISES)
    assert "digits: we see it, -0.1100 [" in lines[0]
    assert "digits: the opposite" not in lines[0]
    assert "digits: undecided, " in lines[2]
    assert lines[3].endswith("not run.")
    assert pruning_plan.schedule("Fisher iterative") == "iterative"
    assert pruning_plan.schedule(SCRATCH) == "not pruned"


def test_a_run_scores_every_variant():
    variants = [DENSE, SCRATCH, "magnitude", "gradient flow soft"]
    row = prune_and_score("digits", "diffusion", 3, variants, dense_steps=3, steps=4)
    assert list(row["scores"]) == variants
    units = diffusion.SIZES["depth"] * diffusion.INNER
    for name, scores in row["scores"].items():
        assert all(math.isfinite(scores[key]) for key in (*pruning_plan.SCORES, "mask_bits"))
        expected = 0 if name in (DENSE, SCRATCH) else math.log2(math.comb(units, units // 4))
        assert scores["mask_bits"] == pytest.approx(expected)
    sizes = {name: scores["parameters"] for name, scores in row["scores"].items()}
    assert sizes["magnitude"] <= sizes[SCRATCH] < sizes[DENSE]
    again = prune_and_score("digits", "diffusion", 3, variants[2:3], dense_steps=3, steps=4)
    assert again["scores"]["magnitude"]["loss"] == row["scores"]["magnitude"]["loss"]


def test_masks_take_the_bits_of_their_number():
    assert mask_bits(10, 3) == pytest.approx(math.log2(math.comb(10, 3)))
    assert mask_bits(10, 10) == pytest.approx(0)


def test_rounded_weights_have_few_values():
    model = diffusion.make_model(0)
    weight = _rounded(model, 3).blocks[0].mlp[0].weight
    assert len(weight.unique()) <= 8
    step = 2 * model.blocks[0].mlp[0].weight.abs().max() / 7
    assert (weight - model.blocks[0].mlp[0].weight).abs().max() <= step / 2 + 1e-6


def test_times_with_a_small_loss_are_left_out():
    class Known(torch.nn.Module):
        def forward(self, point, t, states):  # a flow that is wrong by a constant where t > 0.5, else exactly the noise
            return torch.where(t[:, None] > 0.5, 100.0, 0.0) + torch.zeros_like(point)

    spread = _relevant_times(Known(), diffusion.load_components("digits"), "flow")
    times = spread(torch.linspace(0, 0.999, 50))
    assert 0.5 <= times.min() < times.max() <= 1


def test_a_removal_is_measured_against_the_whole_network():
    model = diffusion.make_model(0)
    torch.nn.init.normal_(model.out_proj.weight)
    for block in model.blocks:
        torch.nn.init.normal_(block.modulate.weight)
    images, gates = diffusion.load_components("digits"), Gates(model)
    x, noise = images.train[:64], torch.randn(64, 32, generator=torch.Generator().manual_seed(0))

    def loss(network):
        return diffusion.loss_at(network, "flow", x, noise, torch.linspace(0, 1, 64)).mean()

    rise, _ = _removals(gates, loss, torch.tensor([5]))
    with torch.no_grad():
        before = loss(model)
        model.blocks[0].mlp[2].weight[:, 5] = 0
        assert rise.item() == pytest.approx(float(loss(model) - before), abs=1e-5)


def test_the_share_of_noise_follows_from_the_norm_of_a_batch():
    square, trace = 0.3, 500.0
    for batch in (64, 1024):
        ratio = (square + trace / batch) / (square + trace / TRUTH)
        assert noise_share(ratio, batch) == pytest.approx(trace / TRUTH / (square + trace / TRUTH))
    with pytest.raises(ValueError, match="batch: got 2048"):
        noise_share(1.0, TRUTH)


def test_scores_are_ranked_against_removals():
    row = score_quality("digits", 3, 4, [512, 2048], units=6)
    for found in row["by_batch"].values():
        assert all(-1 <= each <= 1 for name in ("repeats", "loss") for each in found[name].values())
        assert found["noise"] > 0
    assert 0 <= row["raise"] <= 1
    assert row["rise"] == sorted(row["rise"])
