"""The mode in which modules run: evaluated for a while, frozen with their averages, saved from NaN."""

import copy
import itertools
import math

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from infotok.evaluation.evaluate import evaluate, reconstruct
from infotok.modes import Freezable, evaluating
from infotok.unified import ContinuousModel
from tests.tokenizers.test_shared_tokenizer import BATCH, OPTIONS, make
from tests.unified.test_unified_models import KINDS, WORLD, build


def modes(module: nn.Module) -> list[bool]:
    return [part.training for part in module.modules()]


def mixed(module: nn.Module) -> list[bool]:
    """Every third submodule the other way round."""
    for part in itertools.islice(module.modules(), 1, None, 3):
        part.training = not part.training
    return modes(module)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# --- evaluated for a while -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", [True, False])
def test_the_guard_restores_every_submodule(training):
    module = nn.Sequential(nn.Dropout(), nn.Sequential(nn.BatchNorm1d(2), nn.Dropout()), nn.Dropout()).train(training)
    before = mixed(module)
    with evaluating(module):
        assert not any(modes(module))
        with evaluating(module[1]):
            assert not any(modes(module))
        assert not any(modes(module))
    assert modes(module) == before
    with pytest.raises(RuntimeError, match="inner"), evaluating(module):
        raise RuntimeError("inner")
    assert modes(module) == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("training", [True, False])
def test_unified_models_come_back_in_the_modes_they_had(kind, training):
    model, batch = build(kind), WORLD.batch(4, seeded(), questions=2)
    model.loss(batch, seeded())
    before = mixed(model.train(training))
    state = {name: value.clone() for name, value in model.state_dict().items()}
    model.answer(batch.images, batch.questions)
    model.answer_probabilities(batch.images, batch.questions)
    model.attention(batch.images, batch.questions)
    model.generate(batch.captions, seeded())
    model.draw(batch.captions, seeded())
    model.predict_tokens(batch.captions, batch.images, torch.rand(4, model._loss_draws))
    reconstruct(model, batch.images)
    assert modes(model) == before
    with pytest.raises(ValueError, match="questions"):
        model.answer(batch.images, batch.questions * 10_000)
    with pytest.raises(ValueError, match="captions"):
        model.generate(batch.captions - 10_000)
    assert modes(model) == before
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_an_evaluation_changes_no_mode_and_no_running_statistic():
    """A decoder with a batch norm: reconstructions are made in eval mode too."""
    model = build("autoregressive")
    model.loss(WORLD.batch(4, seeded(), questions=2), seeded())
    model.tokenizer.decoder.layers.insert(1, nn.BatchNorm2d(model.tokenizer.decoder.layers[0].out_channels))
    before = mixed(model.train())
    model.tokenizer.decoder.layers[1].train()
    state = copy.deepcopy(model.state_dict())
    evaluate(model, WORLD, n=8)
    model.tokenizer.decoder.layers[1].train(before[[*model.modules()].index(model.tokenizer.decoder.layers[1])])
    assert modes(model) == before
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


# --- frozen ----------------------------------------------------------------------------------------------------------


def train(tokenizer, steps: int = 10) -> list[torch.Tensor]:
    optimiser = torch.optim.AdamW(tokenizer.parameters(), 1e-2)
    for i in range(steps):
        optimiser.zero_grad()
        terms = tokenizer.train().loss(WORLD.batch(8, seeded(i), questions=1), seeded(i))
        loss = sum(terms.values())
        if loss.requires_grad:
            loss.backward()
        optimiser.step()
    return [value.clone() for value in tokenizer.state_dict().values()]


@pytest.mark.parametrize("name", OPTIONS)
def test_a_frozen_tokenizer_is_the_same_after_training(name):
    tokenizer = make(quantizer=name, quantizer_options=OPTIONS[name])
    tokenizer(BATCH.images)
    before = [value.clone() for value in tokenizer.freeze().state_dict().values()]
    assert all(map(torch.equal, train(tokenizer), before))
    assert not any(modes(tokenizer))
    assert all(modes(tokenizer.unfreeze()))
    assert not all(map(torch.equal, train(tokenizer, 1), before))


def test_a_frozen_batch_norm_keeps_its_running_statistics():
    class Normed(Freezable):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(3)

    module, x = Normed(), torch.randn(8, 3, generator=seeded())
    module.norm(x)
    before = {name: value.clone() for name, value in module.freeze().train().state_dict().items()}
    module.norm(x + 1)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    module.unfreeze().norm(x + 1)
    assert not torch.equal(module.norm.running_mean, before["norm.running_mean"])


@pytest.mark.parametrize("name", ["vector", "residual"])
def test_requires_grad_of_a_whole_reaches_averaged_codebooks(name):
    """Of a tokenizer, and of a model around it."""
    tokenizer = make(quantizer=name, quantizer_options=OPTIONS[name])
    tokenizer(BATCH.images)
    kind = {"vector": "autoregressive", "residual": "depth"}[name]
    model = build(kind)
    model.loss(WORLD.batch(8, seeded(), questions=1), seeded())
    for whole, own in ((tokenizer, tokenizer), (model, model.tokenizer)):
        whole.requires_grad_(False)
        books = {key: value.clone() for key, value in own.state_dict().items() if key.endswith("codebook")}
        assert books
        train(own)
        assert all(torch.equal(own.state_dict()[key], value) for key, value in books.items())


def test_a_frozen_tokenizer_in_a_model_that_trains():
    model, batch = build("autoregressive"), WORLD.batch(8, seeded(), questions=2)
    model.loss(batch, seeded())
    model.tokenizer.freeze()
    before = copy.deepcopy(model.tokenizer.state_dict())
    for i in range(3):
        sum(model.train().loss(batch, seeded(i)).values()).backward()
    assert all(torch.equal(value, before[name]) for name, value in model.tokenizer.state_dict().items())
    assert model.backbone.training
    assert not any(modes(model.tokenizer))


def test_copies_keep_their_hooks_and_their_state():
    tokenizer = make(warmup=3)
    tokenizer(BATCH.images)
    other = copy.deepcopy(tokenizer)
    assert [other(BATCH.images).codes is None for _ in range(3)] == [True, True, False]
    with pytest.raises(ValueError, match="NaN or infinity"):
        other.load_state_dict({key: value * math.nan for key, value in other.state_dict().items()})


def test_a_loaded_tokenizer_knows_its_warm_up():
    tokenizer, other = make(warmup=2), make(warmup=2)
    tokenizer(BATCH.images)
    other.load_state_dict(tokenizer.state_dict())
    assert [other(BATCH.images).codes is None for _ in range(2)] == [True, False]
    nn.Sequential(other).load_state_dict({f"0.{key}": value for key, value in tokenizer.state_dict().items()})
    assert other.warmup_left == 1


# --- made twice by gradient checkpointing ----------------------------------------------------------------------------


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize(
    "changes",
    [
        {"warmup": 2},
        {"quantizer": "gumbel", "quantizer_options": OPTIONS["gumbel"]},
        {"quantizer": "continuous", "quantizer_options": {}},
    ],
    ids=str,
)
def test_a_checkpointed_tokenizer_trains_alike(changes, reentrant):
    found = []
    for twice in (False, True):
        tokenizer, generator = make(**changes), seeded(1)

        def run(images, tokenizer=tokenizer, generator=generator):
            out = tokenizer(images, generator=generator)
            return out.tokens, out.terms.get("quantizer", out.tokens.new_zeros(()))

        optimiser = torch.optim.SGD(tokenizer.parameters(), 0.1)
        for i in range(4):
            images = WORLD.batch(8, seeded(i), questions=1).images.requires_grad_()
            tokens, loss = checkpoint(run, images, use_reentrant=reentrant) if twice else run(images)
            (tokens.pow(3).mean() + loss).backward()
            optimiser.step()
            optimiser.zero_grad()
        found.append(tokenizer.state_dict())
    for name, value in found[0].items():
        assert torch.equal(value, found[1][name]), name


def test_the_scale_of_continuous_tokens_is_measured_once():
    model, batch = build("continuous"), WORLD.batch(8, seeded(), questions=1)
    assert isinstance(model, ContinuousModel)
    out = model.tokenizer(batch.images)
    u = torch.rand(8, model._loss_draws)
    out.tokens.detach_()
    start = model.boi_embedding.expand(1, -1)

    def run(start):
        return model._generation_loss(batch.captions, out, u) + 0 * start.sum()

    checkpoint(run, start, use_reentrant=False).backward()
    assert model.passes == 1


def test_the_scale_of_continuous_tokens_does_not_change_without_gradients():
    model, batch = build("continuous").train(), WORLD.batch(8, seeded(), questions=1)
    model.loss(batch, seeded())
    before = model.scale.clone()
    model.requires_grad_(False).loss(batch, seeded(1))
    assert model.scale == before
    model.requires_grad_(True).loss(batch, seeded(1))
    assert model.scale != before


# --- batches and values ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda tokens: tokens * math.nan, ValueError, "tokens: got 'NaN or infinity', expected finite numbers"),
        (
            lambda tokens: tokens[:0],
            ValueError,
            r"tokens: got shape \(0, \d+, 8\), expected a tensor of shape .*, not empty",
        ),
        (lambda tokens: tokens.long(), TypeError, "tokens: got torch.int64, expected dtype float"),
        (lambda tokens: tokens.tolist(), TypeError, "tokens: got 'list', expected a tensor of shape"),
    ],
)
def test_what_is_no_token_is_not_decoded(spoil, error, message):
    tokenizer = make()
    with pytest.raises(error, match=message):
        tokenizer.decode(spoil(tokenizer.encode(BATCH.images)))


@pytest.mark.parametrize("part", ["encoder", "quantizer", "decoder"])
def test_a_checkpoint_with_nan_is_refused(part):
    tokenizer, model = make(), build("autoregressive")
    for whole, prefix in ((tokenizer, ""), (model, "tokenizer.")):
        state = whole.state_dict()
        name = next(n for n in state if n.startswith(f"{prefix}{part}") and state[n].is_floating_point())
        state[name] = torch.full_like(state[name], math.nan)
        with pytest.raises(ValueError, match=f"{type(whole).__name__}, {name}: got 'NaN or infinity'"):
            whole.load_state_dict(state)


def test_padded_tokens_have_no_part_in_a_tokenizers_quantizer():
    tokenizer = make()
    tokenizer(BATCH.images)
    mask = torch.zeros(8, 16, dtype=torch.bool)
    mask[:, :3] = True
    tokenizer.eval()
    out, whole = tokenizer(BATCH.images, mask=mask), tokenizer(BATCH.images)
    assert torch.equal(out.codes[mask], whole.codes[mask])
    assert out.usage.counts.sum() == mask.sum()
    assert (out.tokens[~mask] == 0).all()
