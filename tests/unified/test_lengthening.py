"""A run that is lengthened, warm starts, accumulated gradients, and gradient checkpointing."""

import math

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook
from trainings import SMALL, WORLD, altered, bits_repeat, build, interrupted, losses

from infotok.bottleneck import InfoTok
from infotok.checkpoints import load_checkpoint, load_state, save_checkpoint
from infotok.experiments.hosts import make_host
from infotok.unified import MaskedModel, load_weights, read_metrics, train
from infotok.unified.optimisers import load_optimisers, make_optimisers, optimiser_tensors
from infotok.unified.run_folder import checkpoints
from infotok.unified.train_config import schedule_factor
from infotok.worlds import ShapesWorld

SHORT, LONG = altered(SMALL, steps=5, log_every=2), altered(SMALL, steps=9, log_every=2)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with bits_repeat():
        yield


@pytest.fixture(scope="module")
def lengthened(tmp_path_factory):
    """The rows and the weights of a run of five steps that goes on to nine."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    first = train(build(), WORLD, SHORT, folder)
    model = build()
    return folder, first, train(model, WORLD, LONG, folder), model.state_dict()


def same(found, expected):
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


# --- lengthening ------------------------------------------------------------------------------------------------------


def test_the_added_steps_have_a_schedule_of_their_own(lengthened):
    folder, first, rows, _ = lengthened
    assert [row["step"] for row in rows] == [2, 4, 5, 6, 8, 9]  # a row where the run had ended
    assert losses(rows[:3]) == losses(first)
    assert read_metrics(folder) == rows
    by_hand = [min(1, (i + 1) / 2) * 0.5 * (1 + math.cos(math.pi * i / 4)) for i in (0, 2, 3)]
    assert [row["learning_rate"] for row in rows[3:]] == pytest.approx([SMALL.learning_rate * f for f in by_hand])
    assert [schedule_factor(5 + i, LONG, begin=5) for i in (0, 2, 3)] == pytest.approx(by_hand)
    assert load_checkpoint(folder / "checkpoint-00000009")[1]["ends"] == [5]


def test_a_lengthened_run_that_is_killed_goes_on_bit_for_bit(lengthened, tmp_path, monkeypatch):
    train(build(), WORLD, SHORT, tmp_path)
    batch, drawn = ShapesWorld.batch, []

    def draw(*args, **kwargs):
        drawn.append(None)
        if len(drawn) == 4:  # the meter's, and those of steps 6 and 7
            raise KeyboardInterrupt
        return batch(*args, **kwargs)

    with monkeypatch.context() as stopping:
        stopping.setattr(ShapesWorld, "batch", draw)
        with pytest.raises(KeyboardInterrupt):
            train(build(), WORLD, LONG, tmp_path)
    assert list(checkpoints(tmp_path)) == [6]
    model = build()
    assert losses(train(model, WORLD, LONG, tmp_path)) == losses(lengthened[2])
    same(model.state_dict(), lengthened[3])
    again = build()
    train(again, WORLD, LONG, tmp_path)  # finished: loaded
    same(again.state_dict(), lengthened[3])


def test_a_run_is_lengthened_twice_and_never_shortened(lengthened, tmp_path):
    for config in (SHORT, LONG):
        train(build(), WORLD, config, tmp_path)
    rows = train(build(), WORLD, altered(LONG, steps=11), tmp_path)
    assert [row["step"] for row in rows] == [2, 4, 5, 6, 8, 9, 10, 11]
    assert train(build(), WORLD, altered(LONG, steps=11), tmp_path) == rows
    with pytest.raises(ValueError, match="config: got 'steps=11 there and 9 now'"):
        train(build(), WORLD, LONG, tmp_path)


def test_an_unfinished_run_is_finished_first(tmp_path, monkeypatch):
    interrupted(tmp_path, monkeypatch)  # after the checkpoint of step 4 of 8
    with pytest.raises(ValueError, match="steps: got '20 for a run of 8 that has finished 4', expected 8 first"):
        train(build(), WORLD, altered(SMALL, steps=20), tmp_path)


# --- warm starts ------------------------------------------------------------------------------------------------------


def test_a_new_run_starts_from_the_weights_of_another(lengthened, tmp_path):
    model = build()
    assert load_weights(model, lengthened[0]) == 9
    same(model.state_dict(), lengthened[3])
    model.save_pretrained(tmp_path / "saved")
    other = build()
    assert load_weights(other, tmp_path / "saved") == 0
    same(other.state_dict(), lengthened[3])
    rows = train(other, WORLD, altered(SMALL, steps=2, seed=8), tmp_path / "new")
    assert [row["step"] for row in rows] == [1, 2]


def test_weights_that_do_not_fit_are_refused(lengthened, tmp_path):
    with pytest.raises(ValueError, match="tokenizer"):
        load_weights(build(dim=8), lengthened[0])
    with pytest.raises(FileNotFoundError, match="no such file"):
        load_weights(build(), tmp_path)


# --- memory -----------------------------------------------------------------------------------------------------------


def gradients_of(model, **changes):
    """The gradients before the first step of an optimiser, and the weights after it."""
    found = {}

    def keep(*_):
        if not found:
            found.update({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})

    handle = register_optimizer_step_pre_hook(keep)
    try:
        train(model, WORLD, altered(SMALL, steps=1, clip=1e9, **changes))
    finally:
        handle.remove()
    return found


def means():
    """A host whose loss is a mean over images: codes have no averages and no entropies, and no caption is dropped."""
    model = build(quantizer="lookup_free", drop=0.0)
    model.tokenizer.quantizer.entropy_weight = 0.0
    return model


@pytest.mark.parametrize("parts", [2, 4])
def test_accumulated_gradients_are_those_of_the_whole_batch(parts):
    whole, cut = (gradients_of(means(), accumulate=n) for n in (1, parts))
    assert whole.keys() == cut.keys()
    assert sum(gradient.abs().max() > 1e-3 for gradient in whole.values()) > 20
    for name, gradient in whole.items():
        torch.testing.assert_close(cut[name], gradient, rtol=1e-5, atol=1e-5)


HOSTS = {
    "autoregressive": lambda: build(quantizer="vector"),
    "masked": lambda: build(MaskedModel, "lookup_free"),
    "continuous": lambda: make_host("continuous", {}, 0, WORLD, hidden=8, heads=2),
}


@pytest.mark.parametrize("host", HOSTS)
def test_checkpointed_gradients_are_the_same(host):
    kept, again = (gradients_of(HOSTS[host](), gradient_checkpointing=on) for on in (False, True))
    assert kept.keys() == again.keys()
    assert all(torch.equal(again[name], gradient) for name, gradient in kept.items())


def test_gradient_checkpointing_recomputes_the_layers_and_ends_with_the_run():
    model, calls = build(), []
    model.backbone.model.h[0].attn.register_forward_hook(lambda *_: calls.append(torch.is_grad_enabled()))
    train(model, WORLD, altered(SMALL, steps=1))
    once = len(calls)
    train(model, WORLD, altered(SMALL, steps=1, gradient_checkpointing=True))
    assert len(calls) > 2 * once
    assert not any(getattr(part, "gradient_checkpointing", False) for part in model.backbone.model.modules())


def test_a_tokenizer_alone_has_no_layers_to_checkpoint():
    with pytest.raises(ValueError, match="gradient_checkpointing: got 'a SharedTokenizer that has none'"):
        train(build().tokenizer, WORLD, altered(SMALL, gradient_checkpointing=True))


# --- scalars of version 0.1 -------------------------------------------------------------------------------------------


def test_scales_saved_as_scalars_load_as_vectors_of_one(tmp_path):
    """Weights, and the optimiser's states of them."""
    model = InfoTok(4, text_dim=7, consistency=1.0, compression=0.0, bound="infonce")
    scale = "critics.consistency.log_scale"
    assert model.state_dict()[scale].shape == (1,)
    former = {name: t.reshape(()) if name == scale else t for name, t in model.state_dict().items()}
    former[scale] = torch.tensor(1.25)
    save_checkpoint(tmp_path, former, {})
    load_state(model, load_checkpoint(tmp_path)[0], "model")
    assert model.state_dict()[scale].tolist() == [1.25]
    optimisers = make_optimisers(model, altered(SMALL, muon=False))
    model(torch.randn(4, 3, 4), text=torch.rand(4, 7))[1].loss.backward()
    optimisers[0].step()
    states = optimiser_tensors(optimisers)
    scalars = {n: t.reshape(()) if t.shape == (1,) else t for n, t in states.items()}
    assert any(t.shape == (1,) for t in states.values())
    load_optimisers(optimisers, scalars)
    assert all(torch.equal(t, states[n]) for n, t in optimiser_tensors(optimisers).items())
