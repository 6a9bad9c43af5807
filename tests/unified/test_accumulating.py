"""Schedules count optimiser steps, however many parts a step's batch is cut into."""

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from infotok.bottleneck import InfoTok, VariationalBottleneck
from infotok.experiments.crt import CausalRegulariser
from infotok.modes import accumulating, ends_step
from infotok.tokenizers import GumbelQuantizer, SharedTokenizer, TokenizerConfig
from infotok.unified import AutoregressiveModel, Backbone, TrainConfig, train
from infotok.unified.training import schedule_factor
from infotok.worlds import ShapesWorld

WORLD = ShapesWorld()
TEXT = WORLD.batch(1, torch.Generator().manual_seed(0), 0).text.shape[1]


def tokenizer(quantizer="vector", **options):
    torch.manual_seed(0)
    infotok = {"text_dim": TEXT, "compression": 0.01, "warmup": 5}
    config = {"dim": 8, "width": 8, "warmup": 2, "infotok": infotok, "quantizer": quantizer}
    return SharedTokenizer.from_config(TokenizerConfig(**config, quantizer_options={"codebook_size": 8} | options))


def trained(model, parts, steps=6, **more):
    return train(model, WORLD, TrainConfig(steps=steps, batch=8, questions=1, accumulate=parts, log_every=1, **more))


@pytest.mark.parametrize("parts", [1, 2, 4])
@pytest.mark.parametrize("quantizer", ["vector", "gumbel"])
def test_all_schedules_count_optimiser_steps(parts, quantizer):
    model = tokenizer(quantizer)
    rows = trained(model, parts)
    assert model.passes == 6
    assert model.infotok.passes == 6
    assert model.quantizer.passes == 4  # those behind the warm-up
    assert model.warmup_left == 0
    config = TrainConfig(steps=6)
    rates = [config.learning_rate * schedule_factor(step, config) for step in range(6)]
    assert [row["learning_rate"] for row in rows] == pytest.approx(rates)
    assert [("quantizer" in row) for row in rows] == [False] * 2 + [True] * 4  # no part of a step quantizes alone


def test_accumulated_steps_of_a_host_warm_up_as_whole_ones():
    torch.manual_seed(0)
    model = AutoregressiveModel(
        tokenizer(), Backbone.tiny(len(WORLD.vocabulary), hidden=16, layers=1, heads=2), WORLD.vocabulary
    )
    rows = trained(model, 2, gradient_checkpointing=True)
    assert [("generation" in row) for row in rows] == [False] * 2 + [True] * 4
    assert model.tokenizer.passes == 6


def test_a_run_that_resumes_counts_on(tmp_path):
    model = tokenizer()
    whole = trained(model, 2)
    half = tokenizer()

    def stop(step, row):
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(
            half,
            WORLD,
            TrainConfig(steps=6, batch=8, questions=1, accumulate=2, log_every=1, save_every=2),
            tmp_path,
            stop,
        )
    again = tokenizer()
    rows = train(
        again, WORLD, TrainConfig(steps=6, batch=8, questions=1, accumulate=2, log_every=1, save_every=2), tmp_path
    )
    assert again.passes == 6
    assert [row["loss"] for row in rows][-2:] == [row["loss"] for row in whole][-2:]
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in again.state_dict().items())


MODULES = {
    "InfoTok": lambda: InfoTok(8, length=4, compression=0.1, warmup=4),
    "InfoTok, adapter": lambda: InfoTok(8, length=4, compression=0.1, blend=4, placement="adapter"),
    "VariationalBottleneck": lambda: VariationalBottleneck(8, 8, warmup=4),
    "GumbelQuantizer": lambda: GumbelQuantizer(8, 8, cooling=4),
    "CausalRegulariser": lambda: CausalRegulariser(8, 4, 1.0, 4),
}


def loss_of(name, module, z):
    out = module(z)
    out = out[1] if isinstance(out, tuple) else out
    return out.loss + (out.tokens.square().mean() if name == "GumbelQuantizer" else 0.0)


@pytest.mark.parametrize("name", MODULES)
def test_a_recomputed_part_has_the_gradients_of_its_first_pass(name):
    """Also where the pass did not count: the step before it is then its own."""
    z = torch.randn(16, 4, 8, generator=torch.Generator().manual_seed(1))
    found = []
    for again in (False, True):
        torch.manual_seed(0)
        module, features = MODULES[name]().train(), z.clone().requires_grad_()
        for last in (False, True) * 2:
            with accumulating(last):
                assert ends_step() == last
                value = (
                    checkpoint(loss_of, name, module, features, use_reentrant=False)
                    if again
                    else loss_of(name, module, features)
                )
                value.backward()
        assert module.passes == 2
        found.append(features.grad)
    assert found[0].any()
    torch.testing.assert_close(*found)


def test_outside_of_a_step_every_pass_counts():
    assert ends_step()
    with pytest.raises(RuntimeError, match="stop"), accumulating(last=False):
        raise RuntimeError("stop")
    assert ends_step()
