"""The same numbers on a GPU as on a CPU, and what only a GPU runs: skipped where there is none."""

import math

import pytest
import torch

from infotok.bottleneck import InfoTok
from infotok.evaluation.arithmetic import code_bits
from infotok.evaluation.evaluate import generate_images
from infotok.experiments import plan
from infotok.experiments.hosts import make_host, train_and_score
from infotok.unified import TrainConfig, train
from infotok.worlds import ShapesWorld

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="a GPU is needed")

WORLD = ShapesWorld(nuisance=0.8)
SIZES = {"steps": 6, "tokenizer_steps": 6, "held_out": 16}
BOUNDS = {
    "decoder": {"bound": "decoder"},
    "infonce": {"bound": "infonce", "negatives": 512},
    "hsic": {"estimator": "hsic"},
}


def model_of(host, variant="InfoTok variational", **sizes):
    return make_host(host, plan.options(host, variant), seed=0, world=WORLD, **sizes)


def batch(n):
    return WORLD.batch(n, torch.Generator().manual_seed(1))


@pytest.fixture(autouse=True)
def exact_products():
    """TF32 off: convolutions use it unless told otherwise, and a CPU has no such thing."""
    with torch.backends.cudnn.flags(allow_tf32=False):
        yield


@pytest.mark.parametrize("host", plan.HOSTS)
def test_the_terms_of_a_step_and_their_gradients_are_those_of_the_cpu(host):
    found = {}
    for device in ("cpu", "cuda"):
        model = model_of(host).to(device)
        terms = model.loss(batch(16).to(device), torch.Generator().manual_seed(2))
        sum(terms.values()).backward()
        norms = [p.grad.norm().item() for p in model.parameters() if p.grad is not None]
        found[device] = [term.item() for term in terms.values()], norms
    assert found["cuda"][0] == pytest.approx(found["cpu"][0], rel=1e-3, abs=1e-4)
    assert math.hypot(*found["cuda"][1]) == pytest.approx(math.hypot(*found["cpu"][1]), rel=1e-2)


@pytest.mark.parametrize("bound", BOUNDS)
def test_each_bound_is_that_of_the_cpu(bound):
    torch.manual_seed(0)
    z, text, image = torch.randn(64, 16, 8), torch.randint(0, 2, (64, 12)).float(), torch.rand(64, 3, 32, 32)
    infotok = InfoTok(8, text_dim=12, length=16, consistency=1.0, **BOUNDS[bound])
    found = {}
    for device in ("cpu", "cuda"):
        given = {"image": image.to(device), "text": text.to(device)}
        _, terms = infotok.to(device)(z.to(device), **given, generator=torch.Generator().manual_seed(0))
        found[device] = terms.asdict()
    assert found["cuda"] == pytest.approx(found["cpu"], rel=1e-3)


@pytest.mark.parametrize("host", plan.HOSTS)
def test_bfloat16_training_lowers_the_loss_and_the_model_draws(host):
    model = model_of(host)
    rows = train(model, WORLD, TrainConfig(steps=60, precision="bf16", log_every=10))
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert rows[-1]["utilisation"] > 0
    drawn = generate_images(model, batch(4).captions, torch.Generator().manual_seed(0))
    assert torch.isfinite(drawn).all()


def test_a_run_that_is_interrupted_on_a_gpu_goes_on_to_the_same_weights(tmp_path):
    config = TrainConfig(steps=20, save_every=10)

    def stop(step, _):
        if step == 12:
            raise KeyboardInterrupt

    whole, parts = model_of("autoregressive"), model_of("autoregressive")
    train(whole, WORLD, config, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(parts, WORLD, config, tmp_path / "parts", on_step=stop)
    train(parts, WORLD, config, tmp_path / "parts")
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0.05, atol=5e-3)  # Muon's bfloat16 magnifies rounding


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
