"""Quantizers and padding, freezing, and gradient checkpointing."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from infotok.tokenizers import (
    GumbelQuantizer,
    ResidualQuantizer,
    VectorQuantizer,
)
from tests.tokenizers.quantizers.test_quantizers import DIM, DISCRETE, every, features, seeded, trained


def state(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def assert_same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> None:
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert torch.equal(value, two[name]), name


# --- padding ---------------------------------------------------------------------------------------------------------


def padded(z: torch.Tensor, share: float, fill: float, seed: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows of z (1, N, dim) among padding that fills a share of the whole, (4, M, dim), and the mask."""
    rows = round(z.shape[1] / (1 - share))
    mask = torch.zeros(rows, dtype=torch.bool)
    mask[torch.randperm(rows, generator=seeded(seed))[: z.shape[1]]] = True
    wide = torch.full((rows, z.shape[2]), fill).masked_scatter(mask[:, None], z[0])
    return wide.unflatten(0, (4, -1)), mask.view(4, -1)


@every
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("fill", [0.0, math.nan])
def test_padding_influences_nothing(make, training, fill):
    """90 % padding: loss, usage, state and gradients are those of the real tokens alone, to the bit."""
    torch.manual_seed(0)
    alone, among = make(), None
    alone(features(1), generator=seeded(1))
    among = copy.deepcopy(alone)
    for quantizer in (alone, among):
        quantizer.train(training)
    z = torch.randn(1, 40, DIM, generator=seeded(2))
    wide, mask = padded(z, 0.9, fill)
    z.requires_grad_(), wide.requires_grad_()
    one, two = alone(z, generator=seeded(3)), among(wide, mask, seeded(3))
    assert torch.equal(one.loss, two.loss)
    assert torch.equal(one.tokens[0], two.tokens[mask])
    assert one.usage.asdict() == two.usage.asdict()
    assert (two.tokens[~mask] == 0).all()
    if one.codes is not None:
        assert torch.equal(one.codes[0], two.codes[mask])
        assert (two.codes[~mask] == 0).all()
    for out in (one, two):
        (out.tokens.square().sum() + out.loss).backward()
    assert torch.equal(wide.grad[mask], z.grad[0])
    assert (wide.grad[~mask] == 0).all()
    assert_same(state(alone), state(among))
    assert alone.usage.asdict() == among.usage.asdict()


def test_padding_does_not_hide_usage():
    """32 codes in equal use are 5 bits, however many zeros stand around them."""
    quantizer = VectorQuantizer(1, 32).eval().start_from(torch.arange(32.0)[:, None])
    wide, mask = padded(torch.arange(32.0).repeat(10)[None, :, None], 0.9, 0.0)
    assert quantizer(wide, mask).usage.entropy == pytest.approx(5)
    assert quantizer(wide).usage.entropy < 1


def test_padding_starts_no_codebook_and_revives_no_code():
    quantizer = VectorQuantizer(2, 16, patience=1)
    for i in range(8):
        z = torch.randn(1, 20, 2, generator=seeded(i))
        quantizer(*padded(z, 0.8, 1e6), generator=seeded(i))
    assert quantizer.codebook.abs().max() < 10


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (torch.ones(8, 16), TypeError, r"mask: got torch.float32, expected torch.bool, true for real tokens"),
        (torch.ones(8, 15, dtype=torch.bool), ValueError, r"mask: got shape \(8, 15\), expected shape \(8, 16\)"),
        (torch.ones(8, 16, 1, dtype=torch.bool), ValueError, r"mask: got shape \(8, 16, 1\), expected shape"),
        (torch.zeros(8, 16, dtype=torch.bool), ValueError, r"mask: got 'no real token', expected one at least"),
        (seeded(0), TypeError, "mask: got 'Generator', expected a tensor"),
    ],
)
@every
def test_bad_masks(make, mask, error, message):
    with pytest.raises(error, match=message):
        make()(features(), mask)


@every
def test_a_batch_of_one_token(make):
    """The smallest batch trains and evaluates; an empty one is refused (see test_bad_features)."""
    torch.manual_seed(0)
    quantizer, z = make(), features()[:1, :1]
    for mode in (True, False):
        out = quantizer.train(mode)(z)
        assert out.tokens.isfinite().all()
        assert out.loss.isfinite()


# --- freezing --------------------------------------------------------------------------------------------------------


@every
def test_frozen_quantizers_stay_as_they_are(make):
    quantizer = trained(make, passes=2).train()
    assert quantizer.freeze() is quantizer
    before = state(quantizer)
    for i in range(10):
        z = features(i + 5).requires_grad_()
        out = quantizer.train()(z, generator=seeded(i))
        (out.tokens.square().sum() + out.loss).backward()
        assert z.grad.abs().sum() > 0  # an encoder still learns
    assert_same(before, state(quantizer))
    assert not any(p.requires_grad for p in quantizer.parameters())
    assert not any(part.training for part in quantizer.modules())
    quantizer.unfreeze()
    assert quantizer.training
    assert all(p.requires_grad for p in quantizer.parameters())
    quantizer(features(20), generator=seeded(20))
    assert any(not torch.equal(value, before[name]) for name, value in state(quantizer).items())


def test_unfreezing_returns_the_mode_that_was_asked_for():
    quantizer = ResidualQuantizer(DIM, 8, 2)
    assert not quantizer.eval().freeze().unfreeze().training
    assert quantizer.train().freeze().eval().unfreeze().training is False
    assert all(part.training for part in quantizer.eval().freeze().train().unfreeze().modules())
    assert quantizer.freeze().freeze().unfreeze().training  # twice is once


@pytest.mark.parametrize("name", [name for name in DISCRETE if name.startswith(("vector", "res", "multi"))])
@pytest.mark.parametrize("fresh", [True, False])
def test_without_gradient_an_averaged_codebook_stands_still(name, fresh):
    torch.manual_seed(0)
    quantizer = DISCRETE[name]()
    if not fresh:
        quantizer(features(1))
    books = {key: value for key, value in state(quantizer).items() if key.endswith("codebook")}
    quantizer.requires_grad_(False)
    for i in range(10):
        quantizer.train()(features(i + 5))
    assert_same(books, {key: value for key, value in state(quantizer).items() if key.endswith("codebook")})
    assert quantizer.usage.entropy > 0  # it is still counted
    if "gradient" not in name:
        quantizer.requires_grad_(True)(features(30))
        assert any(not torch.equal(value, state(quantizer)[key]) for key, value in books.items())


# --- gradient checkpointing ------------------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing_changes_nothing(make, reentrant):
    """State, generator and gradients after three steps, with each pass made twice and once."""
    torch.manual_seed(0)
    encoder, quantizer = nn.Linear(DIM, DIM), make()
    found = []
    for twice in (False, True):
        model, generator = copy.deepcopy(nn.ModuleList([encoder, quantizer])), seeded(7)

        def run(z, model=model, generator=generator):
            out = model[1](model[0](z), generator=generator)
            return out.tokens, out.loss

        for i in range(3):
            z = features(i).requires_grad_()
            tokens, loss = checkpoint(run, z, use_reentrant=reentrant) if twice else run(z)
            (tokens.square().mean() + loss).backward()
        found.append((state(model), generator.get_state(), {n: p.grad for n, p in model.named_parameters()}))
    assert_same(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])
    assert_same(found[0][2], found[1][2])


def test_gumbel_cools_once_a_step_under_checkpointing():
    torch.manual_seed(0)
    quantizer = GumbelQuantizer(DIM, 8, cooling=10)
    for i in range(5):
        out = checkpoint(lambda z: quantizer(z).tokens, features(i).requires_grad_(), use_reentrant=False)
        out.sum().backward()
    assert quantizer.passes == 5
    assert quantizer.temperature().item() == pytest.approx(0.5**0.5)
