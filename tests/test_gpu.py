"""The same numbers on a GPU as on a CPU, and what only a GPU runs: skipped where there is none."""

import math

import pytest
import torch

from infotok.evaluation.arithmetic import code_bits
from infotok.evaluation.evaluate import generate_images
from infotok.experiments import plan
from infotok.experiments.attached_check import attached_checks
from infotok.experiments.hosts import make_host, train_and_score
from infotok.experiments.machine_check import SIZES as SIZES_OF_CHECKS
from infotok.experiments.machine_check import Machine, check_machine
from infotok.unified import TrainConfig, train
from infotok.worlds import ShapesWorld

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="a GPU is needed")

WORLD = ShapesWorld(nuisance=0.8)
SIZES = {"steps": 6, "tokenizer_steps": 6, "held_out": 16}


def model_of(host, variant="InfoTok variational", **sizes):
    return make_host(host, plan.options(host, variant), seed=0, world=WORLD, **sizes)


def batch(n):
    return WORLD.batch(n, torch.Generator().manual_seed(1))


def test_every_check_of_the_machine_passes():
    """Terms and gradients against the CPU, bfloat16 against float32, runs that resume, InfoTok's terms."""
    report = check_machine("smoke")
    assert report["device"] == "cuda"
    assert [check for check in report["checks"] if not check["passed"]] == []
    assert sum("float32 as on the CPU" in check["name"] for check in report["checks"]) == len(plan.HOSTS)


def test_an_attached_model_passes_its_checks():
    machine = Machine("cuda", "smoke", SIZES_OF_CHECKS["smoke"])
    assert [check for check in attached_checks(machine) if not check.passed] == []


@pytest.mark.parametrize("host", plan.HOSTS)
def test_bfloat16_training_lowers_the_loss_and_the_model_draws(host):
    model = model_of(host)
    rows = train(model, WORLD, TrainConfig(steps=60, precision="bf16", log_every=10))
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert rows[-1]["utilisation"] > 0
    drawn = generate_images(model, batch(4).captions, torch.Generator().manual_seed(0))
    assert torch.isfinite(drawn).all()


@pytest.mark.parametrize("host", plan.HOSTS)
def test_a_run_is_trained_and_scored_there(host):
    row = train_and_score(host, plan.options(host, "InfoTok variational"), seed=0, **SIZES)
    assert row["device"] == "cuda"
    assert 0 <= row["U"] <= 1
    assert all(math.isfinite(value) for value in row["rates"].values() if isinstance(value, float))


def test_codes_written_there_are_read_there():
    pytest.importorskip("constriction")
    model = model_of("autoregressive", tokenizer_steps=0).cuda()
    spent = code_bits(model, batch(8))  # reads its stream back, and raises unless every code returns
    assert 0 <= spent["bits"] - spent["ideal_bits"] < 64 + 0.001 * spent["ideal_bits"]
