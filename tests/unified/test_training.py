"""The training loop: what it computes, that it resumes bit for bit, that processes share a batch, and how it stops."""

import json
import math
import os
import random
import time

import pytest
import torch
from apart import SERVER, ended, free_port, started
from torch import nn
from trainings import SMALL, TIMES, TWO, WORLD, Other, altered, bits_repeat, build, interrupted, losses, whole_run

from infotok.evaluation import evaluate
from infotok.files import only_writer
from infotok.unified import AutoregressiveModel, MaskedModel, TrainConfig, read_metrics, train
from infotok.unified.muon import Muon
from infotok.unified.optimisers import load_optimisers, make_optimisers, optimiser_tensors
from infotok.unified.training import draw_batch, make_scheduler, schedule_factor
from infotok.worlds import ShapesWorld

KILLS = int(os.environ.get("INFOTOK_KILLS", 20))


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with bits_repeat():
        yield


@pytest.fixture(scope="module")
def undisturbed():
    return whole_run()


# --- what it computes -------------------------------------------------------------------------------------------------


def test_the_loop_is_one_step_on_the_sum_of_terms(undisturbed):
    """Three steps by hand, without accelerate."""
    model = build().train()
    optimisers = make_optimisers(model, SMALL)
    from infotok.unified.training import MODEL, TORCH, _seed

    for step in range(3):
        torch.manual_seed(_seed(5, step, TORCH, 0))
        terms = model.loss(draw_batch(WORLD, SMALL, step), torch.Generator().manual_seed(_seed(5, step, MODEL)))
        for group in [group for optimiser in optimisers for group in optimiser.param_groups]:
            group["lr"] = SMALL.learning_rate * schedule_factor(step, SMALL)
        sum(terms.values()).backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), SMALL.clip)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad()
        row = undisturbed[0][step]
        expected = {name: term.item() for name, term in terms.items()}
        expected |= {"loss": sum(expected.values()), "gradient": norm.item()}
        assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-5)


def test_only_matrices_decay():
    adamw, muon = make_optimisers(build(), SMALL)
    assert all(group["weight_decay"] == 0.01 for group in muon.param_groups)
    groups = adamw.param_groups
    assert all(p.ndim >= 2 for p in groups[0]["params"])
    assert all(p.ndim < 2 for p in groups[1]["params"])
    assert (groups[0]["weight_decay"], groups[1]["weight_decay"]) == (0.01, 0.0)


def test_the_learning_rate_rises_and_falls():
    config = TrainConfig(steps=100, warmup=10, learning_rate=1.0)
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler, rates = make_scheduler(optimiser, config), []
    for _ in range(100):
        rates += scheduler.get_last_lr()
        optimiser.step()
        scheduler.step()
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == pytest.approx(0.98, abs=0.01)
    assert rates[50] == pytest.approx(0.5)
    assert 0 < rates[-1] < 1e-3
    by_hand = [min(1, (i + 1) / 10) * 0.5 * (1 + math.cos(math.pi * i / 100)) for i in range(100)]
    assert rates == pytest.approx(by_hand, rel=1e-15)
    resumed = [make_scheduler(optimiser, config, start).get_last_lr()[0] for start in range(100)]
    assert resumed == rates  # bit for bit: the step is all the state that there is


def test_batches_depend_on_seed_and_step_alone():
    one, same = draw_batch(WORLD, SMALL, 3), draw_batch(WORLD, SMALL, 3)
    assert torch.equal(one.images, same.images)
    assert not torch.equal(one.images, draw_batch(WORLD, SMALL, 4).images)
    assert not torch.equal(one.images, draw_batch(WORLD, altered(SMALL, seed=6), 3).images)


def test_training_learns_and_leaves_torchs_generator_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    rows = train(build(MaskedModel, "lookup_free"), WORLD, altered(SMALL, steps=40, log_every=10))
    assert rows[-1]["loss"] < rows[0]["loss"]
    model = build()
    torch.manual_seed(7)
    train(model, WORLD, SMALL)
    assert torch.equal(torch.rand(3), expected)


def test_rows_name_every_term_and_how_fast_it_went(tmp_path):
    rows = train(build(), WORLD, altered(SMALL, log_every=3), tmp_path)
    assert [row["step"] for row in rows] == [3, 6, 8]
    named = {"step", "loss", "l2", "quantizer", "understanding", "generation", "gradient", "learning_rate", *TIMES}
    assert all(row.keys() == named for row in rows)
    assert all(0 < row["utilisation"] < 1 and 0 < row["data_share"] < 1 for row in rows)
    assert read_metrics(tmp_path) == rows
    written = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [{name: value for name, value in row.items() if name != "sha256"} for row in written] == rows


def test_accumulated_parts_are_one_batch():
    """Masked codes without moving statistics: the mean over two halves is that over the whole."""
    whole = train(build(MaskedModel, "lookup_free"), WORLD, altered(SMALL, steps=1))
    parts = train(build(MaskedModel, "lookup_free"), WORLD, altered(SMALL, steps=1, accumulate=2))
    for term in ("l2", "understanding"):  # the draws of the masks are others, and LFQ's entropy is not a mean
        assert parts[0][term] == pytest.approx(whole[0][term], rel=1e-5)


class Alternating(nn.Module):
    """A model whose second of two terms is on in every other pass."""

    def __init__(self):
        super().__init__()
        self.weight, self.passes = nn.Parameter(torch.ones(2, 2)), 0

    def loss(self, batch, generator=None):
        self.passes += 1
        return {"sum": self.weight.sum()} | ({"squares": self.weight.square().sum()} if self.passes % 2 else {})


def test_a_term_of_the_first_part_alone_is_in_the_row():
    row = train(Alternating(), WORLD, altered(SMALL, steps=1, accumulate=2))[0]
    assert (row["sum"], row["squares"], row["loss"]) == (4.0, 2.0, 6.0)


def test_a_batch_that_does_not_fall_into_equal_parts_is_refused():
    class Short:
        def batch(self, n, generator, questions):
            return WORLD.batch(n - 1, generator, questions)

    with pytest.raises(ValueError, match="batch, images: got 3, expected a multiple of 2, accumulate x processes"):
        train(build(), Short(), altered(SMALL, accumulate=2))


# --- on_step ----------------------------------------------------------------------------------------------------------


def test_evaluating_the_model_on_step_changes_no_weight(undisturbed):
    """Also when it draws random numbers, sets modes and leaves gradients behind."""
    model, rows = build(), []

    def on_step(step, row):
        rows.append({"step": step, **row})
        torch.manual_seed(0)
        evaluate(model, WORLD, n=4)
        model.eval()
        sum(model.loss(draw_batch(WORLD, SMALL, 0), torch.Generator().manual_seed(0)).values()).backward()

    history = train(model, WORLD, SMALL, on_step=on_step)
    assert losses(history) == undisturbed[0]
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in undisturbed[1].items())
    assert [{**row, "learning_rate": 0} for row in undisturbed[0]] == [{**row, "learning_rate": 0} for row in rows]
    assert model.training


def test_a_resumed_run_calls_on_step_for_the_remaining_steps(tmp_path, monkeypatch):
    interrupted(tmp_path, monkeypatch)  # after step 5; the last checkpoint is that of step 4
    steps = []
    train(build(), WORLD, SMALL, tmp_path, on_step=lambda step, row: steps.append(step))
    assert steps == [5, 6, 7, 8]
    train(build(), WORLD, SMALL, tmp_path, on_step=lambda step, row: steps.append(step))
    assert len(steps) == 4  # finished: nothing is trained


def test_an_error_in_on_step_ends_the_run_and_restores_the_modes(tmp_path):
    model, torchs = build(), torch.get_rng_state()

    def on_step(step, row):
        model.eval()
        raise KeyError(step)

    with pytest.raises(KeyError, match="1"):
        train(model, WORLD, SMALL, on_step=on_step)
    assert model.training
    assert torch.equal(torch.get_rng_state(), torchs)
    with pytest.raises(TypeError, match="on_step: got 'int', expected a function of the step and its row"):
        train(model, WORLD, SMALL, on_step=3)


# --- resuming ---------------------------------------------------------------------------------------------------------


def test_an_interrupted_run_ends_bit_for_bit_as_an_undisturbed_one(tmp_path, undisturbed, monkeypatch):
    interrupted(tmp_path, monkeypatch)
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-00000004"]
    with (tmp_path / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 6, "lo')  # a line that a kill cut short
    (tmp_path / "checkpoint-00000006").mkdir()
    (tmp_path / "checkpoint-00000006" / "weights.safetensors").write_bytes(b"cut sh")  # and version 0.1 a checkpoint
    (tmp_path / ".checkpoint-00000006.new.abcdefgh").mkdir()  # and this one
    (tmp_path / ".metrics.jsonl.abcdefgh").touch()
    model = build()
    with pytest.warns(UserWarning, match=r"06/config.json: got 'no such file'.*; going on from checkpoint-00000004"):
        rows = train(model, WORLD, SMALL, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-00000008", "lock", "metrics.jsonl"]
    assert losses(rows) == undisturbed[0]
    assert losses(read_metrics(tmp_path)) == undisturbed[0]
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in undisturbed[1].items())
    again = build()
    assert train(again, WORLD, SMALL, tmp_path) == rows  # finished: loaded, not trained
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in undisturbed[1].items())


def run_to_the_end(folder, pipe):
    torch.set_num_threads(1)
    pipe.send("begun")
    train(build(), WORLD, SMALL, folder)


@pytest.mark.slow
def test_random_kills(tmp_path, undisturbed):
    """Killed at random moments, a run finds a whole checkpoint each time and loses no bit."""
    rng, kills, starts = random.Random(0), 0, 0
    start = time.perf_counter()
    train(build(), WORLD, SMALL)
    whole = time.perf_counter() - start
    while kills < KILLS:
        starts += 1
        mine, theirs = SERVER.Pipe()
        process = started(run_to_the_end, tmp_path / str(starts // 4), theirs)
        assert mine.poll(60)
        process.join(rng.uniform(0.05, 1.0) * whole)
        if process.is_alive():
            process.kill()
            kills += 1
        else:
            whole *= 0.8  # the machine was busier when the whole run was timed
        process.join()
        assert process.exitcode in (0, -9)  # it never failed by itself
        assert starts < 4 * KILLS
    for folder in tmp_path.iterdir():
        model = build()
        rows = train(model, WORLD, SMALL, folder)
        assert losses(rows) == undisturbed[0]
        assert all(torch.equal(value, model.state_dict()[name]) for name, value in undisturbed[1].items())
        assert sorted(path.name for path in folder.iterdir()) == ["checkpoint-00000008", "lock", "metrics.jsonl"]
    print(f"{kills} kills in {starts} starts of {len(list(tmp_path.iterdir()))} runs: the same bits")


def test_every_weight_has_one_optimiser():
    model = build()
    adamw, muon = make_optimisers(model, SMALL)
    layers = dict(model.backbone.model.named_parameters())
    of_layers = {id(p) for name, p in layers.items() if p.ndim == 2 and "wte" not in name and "wpe" not in name}
    own = [{id(p) for group in each.param_groups for p in group["params"]} for each in (adamw, muon)]
    assert own[1] == of_layers
    assert own[0].isdisjoint(own[1])
    assert own[0] | own[1] == {id(p) for p in model.parameters()}
    assert len(make_optimisers(model, altered(SMALL, muon=False))) == 1
    assert len(make_optimisers(model.tokenizer, SMALL)) == 1, "a tokenizer has no language model"


def test_muons_first_step_is_newton_schulz_in_float32():
    gradient = torch.randn(12, 40, generator=torch.Generator().manual_seed(0))
    steps = {}
    for kind in (Muon, torch.optim.Muon):
        weight = nn.Parameter(torch.zeros(12, 40))
        weight.grad = gradient.clone()
        kind([weight], lr=1.0, weight_decay=0.0).step()
        steps[kind] = -weight.detach()
    x = gradient.double() / gradient.double().norm()
    for _ in range(5):  # Jordan et al. 2024
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    torch.testing.assert_close(steps[Muon], x.float(), rtol=0, atol=1e-5)
    torch.testing.assert_close(steps[Muon], steps[torch.optim.Muon], rtol=0, atol=2e-2)
    assert not torch.allclose(steps[Muon], steps[torch.optim.Muon], rtol=0, atol=1e-5), "torch's own is bfloat16"


def test_optimisers_states_survive(tmp_path):
    model = build()
    optimisers = make_optimisers(model, SMALL)
    sum(model.loss(draw_batch(WORLD, SMALL, 0), torch.Generator().manual_seed(0)).values()).backward()
    for optimiser in optimisers:
        optimiser.step()
    tensors = optimiser_tensors(optimisers)
    other = make_optimisers(model, SMALL)
    load_optimisers(other, tensors)
    assert optimiser_tensors(other).keys() == tensors.keys()
    assert all(torch.equal(value, optimiser_tensors(other)[name]) for name, value in tensors.items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda: (build(), WORLD, altered(TWO, learning_rate=1e-3)),
            "config: got 'learning_rate=0.006 there and 0.001",
        ),
        (lambda: (build(), WORLD, altered(TWO, muon=False)), "config: got 'muon=True there and False now'"),
        (lambda: (build(), WORLD, altered(TWO, seed=6)), "config: got 'seed=5 there and 6 now'"),
        (lambda: (build(), WORLD, altered(TWO, steps=1, warmup=0)), "config: got 'steps=2 there and 1 now'"),
        (lambda: (build(), WORLD, altered(TWO, steps=3, clip=4.0)), "config: got 'steps=2 there and 3 now'"),
        (lambda: (build(MaskedModel), WORLD, TWO), "model: got 'AutoregressiveModel there and MaskedModel now'"),
        (lambda: (build(dim=8), WORLD, TWO), "spec: got 'tokenizer.dim=4 there and 8 now'"),
        (lambda: (build(heads=4), WORLD, TWO), "spec: got 'backbone.config.n_head=2 there and 4 now'"),  # of one shape
        (lambda: (build(drop=0.5), WORLD, TWO), "spec: got 'options.drop=0.1 there and 0.5 now'"),  # of no shape
        (lambda: (build(), ShapesWorld(nuisance=0.4), TWO), "world: got 'nuisance=0.2 there and 0.4 now'"),
        (lambda: (build(), Other(nuisance=0.2), TWO), "world_kind: got 'ShapesWorld there and Other now'"),
    ],
)
def test_another_run_in_the_folder_is_refused(tmp_path, change, message):
    train(build(), WORLD, TWO, tmp_path)
    with pytest.raises(ValueError, match=message) as caught:
        train(*change(), tmp_path)
    assert "\n" not in str(caught.value)


# --- several processes ------------------------------------------------------------------------------------------------


SHARED = {"steps": 6, "weight_decay": 0.0}


def train_one_rank(rank, folder, port):
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true", "INFOTOK_RUN": "1",
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    torch.set_num_threads(1)
    for name, cls, quantizer in (("ar", AutoregressiveModel, "vector"), ("masked", MaskedModel, "lookup_free")):
        rows = train(build(cls, quantizer), WORLD, altered(SMALL, **SHARED), folder / name)
        assert torch.distributed.get_world_size() == 2
        (folder / f"{name}-{rank}.json").write_text(json.dumps(losses(rows)))
    with pytest.raises(BlockingIOError) as caught:  # what the first process cannot lock, no process trains in
        train(build(), WORLD, SMALL, folder / "held")
    (folder / f"held-{rank}.json").write_text(json.dumps(str(caught.value)))


@pytest.mark.slow
def test_two_processes_have_the_loss_curve_of_one(tmp_path):
    port = free_port()
    with only_writer(tmp_path / "held", "training"):
        assert ended([started(train_one_rank, rank, tmp_path, port) for rank in range(2)]) == [0, 0]
    held = [json.loads((tmp_path / f"held-{rank}.json").read_text()) for rank in range(2)]
    assert f"held: got 'a folder in use by process {os.getpid()} (training)'" in held[0]
    assert "held: got 'no lock by the first process', expected one: see its error" in held[1]
    for name, cls, quantizer in (("ar", AutoregressiveModel, "vector"), ("masked", MaskedModel, "lookup_free")):
        alone = losses(train(build(cls, quantizer), WORLD, altered(SMALL, **SHARED)))
        first, second = (json.loads((tmp_path / f"{name}-{rank}.json").read_text()) for rank in range(2))
        assert first == second
        for row, expected in zip(first, alone, strict=True):
            for term in expected:
                assert row[term] == pytest.approx(expected[term], rel=2e-3, abs=1e-4), (name, row["step"], term)


# --- stopping ---------------------------------------------------------------------------------------------------------


class Poisoned(AutoregressiveModel):
    """A term, or only its gradient, turns NaN at the fourth step."""

    calls, silent = 0, False

    def loss(self, batch, generator=None):
        terms = super().loss(batch, generator)
        self.calls += 1
        if self.calls == 4 and self.silent:
            terms["generation"] = terms["generation"] + torch.sqrt(
                self.position_embedding.sum() * 0
            )  # 0 with an infinite slope
        elif self.calls == 4:
            terms["generation"] = terms["generation"] * math.nan
        return terms


@pytest.mark.parametrize(("silent", "name"), [(False, "generation"), (True, "gradient")])
def test_nan_stops_with_the_step_and_the_terms_name(tmp_path, silent, name):
    model = build(Poisoned)
    model.silent = silent
    with pytest.raises(FloatingPointError, match=f"step 4, {name}: got nan, expected a finite number"):
        train(model, WORLD, SMALL, tmp_path)
    assert all(p.isfinite().all() for p in model.parameters())  # stopped before the step was taken
    assert read_metrics(tmp_path)[-1]["step"] == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps: got 0"),
        ({"batch": True}, "batch: got True"),
        ({"learning_rate": math.nan}, "learning_rate: got nan"),
        ({"learning_rate": 0}, "learning_rate: got 0"),
        ({"clip": -1.0}, r"clip: got -1\.0"),
        ({"weight_decay": -0.1}, r"weight_decay: got -0\.1"),
        ({"muon": "yes"}, "muon: got 'yes', expected True or False"),
        ({"precision": "fp8"}, "precision: got 'fp8', expected one of no, bf16"),
        ({"seed": -1}, "seed: got -1"),
    ],
)
def test_bad_configurations_are_refused(change, message):
    with pytest.raises((TypeError, ValueError), match=message):
        altered(SMALL, **change)


def test_both_precisions_train_in_one_process():
    full = losses(train(build(), WORLD, altered(SMALL, steps=4)))
    half = losses(train(build(), WORLD, altered(SMALL, steps=4, precision="bf16")))
    assert half != full
    assert half[-1]["loss"] == pytest.approx(full[-1]["loss"], rel=0.05)


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(ValueError, match="batch: got 4, expected a multiple of 3, accumulate x processes"):
        train(build(), WORLD, altered(SMALL, accumulate=3))
