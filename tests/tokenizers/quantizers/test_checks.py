"""Quantizers and values that are not numbers; compiled and exported quantizers, which look at none."""

import copy
import math

import pytest
import torch
from torch import nn

from infotok.errors import checking, checks
from infotok.tokenizers import (
    FiniteScalarQuantizer,
    GumbelQuantizer,
    Usage,
    VectorQuantizer,
)
from tests.tokenizers.quantizers.test_modes import assert_same, state
from tests.tokenizers.quantizers.test_quantizers import DIM, DISCRETE, EVERY, every, features, seeded, trained
from tests.tokenizers.test_shared_tokenizer import BATCH, make

# --- values that are not numbers -------------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_unchecked_infinities_reach_the_loss_and_no_state(make, wrong):
    """What a loss scaler relies on: no error, a step that is not finite, and averages that it has not spoilt."""
    torch.manual_seed(0)
    quantizer = make()
    quantizer(features(1), generator=seeded(1))
    for i in range(3):
        z = features(i + 2)
        z[0, 0, 0] = wrong
        z.requires_grad_()
        with checks(False):
            out = quantizer(z, generator=seeded(i))
        bounded = isinstance(quantizer, FiniteScalarQuantizer) and wrong == math.inf  # its outer level
        assert bounded or not out.tokens[0, 0].isfinite().all() or not out.loss.isfinite()
        assert out.tokens[1:].isfinite().all()
    for name, value in state(quantizer).items():
        assert value.isfinite().all(), name
    with pytest.raises(ValueError, match="features: got 'NaN or infinity', expected finite numbers"):
        quantizer(z)
    out = quantizer(features(9))
    assert out.tokens.isfinite().all()
    assert out.loss.isfinite()


def test_a_loss_scaler_skips_a_step_with_an_infinity():
    torch.manual_seed(0)
    encoder, quantizer = nn.Linear(DIM, DIM), VectorQuantizer(DIM, 16)
    optimiser, scaler = torch.optim.SGD(encoder.parameters(), 0.1), torch.amp.GradScaler("cpu", init_scale=8.0)
    moved = []
    for i in range(4):
        z, before = features(i), encoder.weight.clone()
        if i == 2:
            z[0, 0, 0] = math.inf
        with checks(False), torch.autocast("cpu", torch.bfloat16):
            out = quantizer(encoder(z))
            loss = (out.tokens.float() - 1).square().mean() + out.loss
        scaler.scale(loss).backward()
        scaler.step(optimiser)
        scaler.update()
        optimiser.zero_grad()
        moved.append(not torch.equal(before, encoder.weight))
    assert moved == [True, True, False, True]
    assert quantizer.codebook.isfinite().all()


def test_a_first_batch_without_one_number_starts_no_codebook():
    quantizer = VectorQuantizer(DIM, 8)
    with checks(False):
        quantizer(torch.full((2, 4, DIM), math.nan))
    assert not quantizer.initialised
    quantizer(features())
    assert quantizer.initialised


@every
@pytest.mark.parametrize("wrong", [math.nan, -math.inf])
def test_parameters_that_are_not_numbers_are_not_loaded(make, wrong):
    quantizer = make()
    whole = state(quantizer)
    for name, value in whole.items():
        if not (value.is_floating_point() and value.numel()):
            continue
        spoilt = {**whole, name: value.clone()}
        spoilt[name].view(-1)[-1] = wrong
        with pytest.raises(ValueError, match=rf"{name}: got 'NaN or infinity', expected finite numbers"):
            quantizer.load_state_dict(spoilt)
        with pytest.raises(ValueError, match=name):  # inside a module of somebody else
            nn.Sequential(quantizer).load_state_dict({f"0.{key}": value for key, value in spoilt.items()})
    assert_same(whole, state(quantizer))


@pytest.mark.parametrize("name", [name for name in DISCRETE if not name.startswith(("scalar", "lookup", "spherical"))])
def test_a_codebook_that_is_spoilt_in_place_is_named(name):
    quantizer = trained(DISCRETE[name])
    codes = quantizer(features(9)).codes
    for part in quantizer.modules():
        if isinstance(part, VectorQuantizer | GumbelQuantizer):
            part.codebook.data.fill_(math.nan)
        elif hasattr(part, "base"):
            part.base.fill_(math.nan)
    for call in (lambda: quantizer.decode(codes), lambda: quantizer(features(9))):
        with pytest.raises(ValueError, match="code vectors: got 'NaN or infinity', expected finite numbers"):
            call()


def test_the_switch():
    values = torch.zeros(1)
    assert checking(values)
    assert checking(values, training=True)
    with checks(False):
        assert not checking(values)
        with checks(True):
            assert checking(values, training=True)
        assert not checking(values)
    assert checking(values)
    switch = checks(False)  # as a function
    assert not checking(values)
    switch.__exit__(None, None, None)
    with pytest.raises(RuntimeError, match="inner"), checks(False):
        raise RuntimeError("inner")
    assert checking(values)
    with pytest.raises(TypeError, match="enabled: got 'off', expected True, False or None"):
        checks("off")


def test_an_accelerator_is_not_stopped_in_training():
    """A tensor elsewhere than on the CPU: its numbers are looked at in eval mode, or when asked for."""
    values = torch.zeros(1, device="meta")
    assert not checking(values, training=True)
    assert checking(values, training=False)
    with checks(True):
        assert checking(values, training=True)


@pytest.mark.parametrize("codes", [torch.tensor([[0, 4]]), torch.tensor([[-1, 0]])])
def test_usage_of_codes_that_do_not_exist(codes):
    with pytest.raises(ValueError, match=r"codes: got '.*', expected 0 to 3"):
        Usage.of(codes, 4)


# --- compilation and export ------------------------------------------------------------------------------------------


class Encode(nn.Module):
    def __init__(self, quantizer: nn.Module) -> None:
        super().__init__()
        self.quantizer = quantizer

    def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        out = self.quantizer(z)
        return out.tokens, out.codes


class Decode(Encode):
    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        return self.quantizer.decode(codes)


@pytest.fixture(autouse=True)
def _fresh_compiler():
    yield
    torch.compiler.reset()


@pytest.mark.slow
@every
def test_compiled_without_a_break(make):
    quantizer, z = trained(make), features(9)
    expected = quantizer(z)
    out = torch.compile(quantizer, fullgraph=True, backend="eager")(z)
    assert torch.equal(out.tokens, expected.tokens)
    assert out.usage.asdict() == expected.usage.asdict()
    if out.codes is not None:
        assert torch.equal(out.codes, expected.codes)
        decode = torch.compile(Decode(quantizer), fullgraph=True, backend="eager")
        assert torch.equal(decode(out.codes), expected.tokens)


@pytest.mark.slow
@pytest.mark.parametrize("make", [EVERY[name] for name in EVERY if "," not in name])
def test_exported_for_batches_of_any_size(make):
    quantizer, z = trained(make), features(9)
    batch = {0: torch.export.Dim("batch", max=64)}
    encode = torch.export.export(Encode(quantizer), (z,), dynamic_shapes={"z": batch}).module()
    for part in (z, z[:3]):
        tokens, codes = encode(part)
        expected = quantizer(part)
        assert torch.equal(tokens, expected.tokens)
        if codes is not None:
            assert torch.equal(codes, expected.codes)
            decode = torch.export.export(Decode(quantizer), (codes,), dynamic_shapes={"codes": batch}).module()
            assert torch.equal(decode(codes), tokens)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # the compiler looks at it, at a break
@pytest.mark.parametrize("name", ["vector", "lookup-free, projected", "Gumbel", "Gaussian"])
def test_compiled_training_is_the_same_training(name):
    """In one graph where nothing depends on the data; k-means and revival of vector quantizers break it."""
    torch.manual_seed(0)
    one = EVERY[name]()
    one(features(1))
    two = copy.deepcopy(one)
    whole = not any(isinstance(part, VectorQuantizer) for part in one.modules())
    compiled = torch.compile(two, fullgraph=whole, backend="eager")
    for i in range(2):
        outs = []
        for quantizer in (one, compiled):
            torch.manual_seed(i)
            outs.append(quantizer(features(i + 2)))
        assert torch.equal(outs[0].tokens, outs[1].tokens)
        assert torch.equal(outs[0].loss, outs[1].loss)
    assert_same(state(one), state(two))


class Call(nn.Module):
    def __init__(self, tokenizer: nn.Module, name: str) -> None:
        super().__init__()
        self.tokenizer, self.name = tokenizer, name

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return getattr(self.tokenizer, self.name)(x)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "training"),
    [({}, True), ({"quantizer": "continuous", "quantizer_options": {}}, False)],
)
def test_a_tokenizer_compiled_and_exported(changes, training):
    tokenizer = make(**changes, warmup=1)
    for _ in range(2):
        tokenizer(BATCH.images)
    tokenizer.train(training)
    tokens = tokenizer.encode(BATCH.images)
    images = tokenizer.decode(tokens).detach()
    calls = [("encode", BATCH.images, tokens), ("decode", tokens, images)]
    if not changes:
        codes = tokenizer.codes(BATCH.images)
        calls += [("codes", BATCH.images, codes), ("decode_codes", codes, images)]
    for name, x, expected in calls:
        module = Call(tokenizer, name).train(training)
        before = [part.training for part in module.modules()]
        compiled = torch.compile(module, fullgraph=True, backend="eager")(x)
        exported = torch.export.export(module, (x,)).module()(x)
        torch.testing.assert_close(compiled, expected)
        torch.testing.assert_close(exported, expected)
        assert [part.training for part in module.modules()] == before
