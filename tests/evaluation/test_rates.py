"""Rates of visual tokens against entropies that can be counted, Gaussian channels, and an arithmetic coder."""

import itertools
import math
from functools import cache
from types import SimpleNamespace

import pytest
import torch
from cards import EVERY, KINDS, WORDS, CardBatch, Cards, fit, host
from torch import nn

from infotok.evaluation import code_bits, score_rates
from infotok.evaluation.arithmetic import read_codes, write_codes
from infotok.evaluation.rates import position_entropy
from infotok.information import discrete_mi, entropy
from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.tokenizers.quantizers import GaussianTokens
from infotok.unified import AutoregressiveModel, Backbone, ContinuousModel
from infotok.unified.code_lengths import code_nats, code_steps, follow, pick
from infotok.worlds import Redraws, ShapesWorld

CODE_RATES = {"cross_entropy", "cross_entropy_free", "explained", "budget", "usage_entropy"}
RENDERED = {"unexplained_renders", "unexplained_backgrounds"}
SHARES = {"explained_variance", "unexplained_variance", "noise_variance"}


@cache
def model(kind, steps=0, drop=0.3, grid=2):
    made = host(kind, grid, drop=drop)
    return fit(made, steps) if steps else made


def truth(made):
    """H(Z), I(Z;T) and H(Z|T) of whole images, by counting, in nats."""
    codes = made.tokenizer.codes(EVERY.images).flatten(1)
    symbols = codes.unique(dim=0, return_inverse=True)[1]
    joint = torch.zeros(4, int(symbols.max()) + 1, dtype=torch.float64)
    joint.index_put_((EVERY.number // 2, symbols), torch.tensor(1 / 8, dtype=torch.float64), accumulate=True)
    given = sum(entropy(row / row.sum()) for row in joint.numpy()) / 4
    return entropy(joint.sum(0).numpy()), discrete_mi(joint.numpy()), given


# --- the chain rule ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [0, 20])
@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_of_all_codes_add_up_to_one(kind, steps):
    made = model(kind, steps)
    books = made.tokenizer.quantizer.codebooks
    every = torch.tensor(list(itertools.product(range(made.tokenizer.quantizer.codebook_size), repeat=4 * books)))
    every = every.view(len(every), 4, books) if books > 1 else every
    for word in (0, 2):
        with torch.no_grad():
            nats = code_nats(made, torch.full((len(every), 1), word), every)
        assert (-nats).exp().sum().item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_steps_give_the_same_code_lengths_and_return_the_codes(kind):
    made, nats = model(kind, 20), torch.zeros(8, dtype=torch.float64)
    codes = made.tokenizer.codes(EVERY.images)
    seen = []

    def choose(step):
        true = pick(codes, step)
        nats.sub_(step.log_p.gather(1, true[:, None]).squeeze(1))
        seen.append(step.places)
        return true

    assert torch.equal(follow(code_steps(made, EVERY.captions), choose), codes)
    torch.testing.assert_close(nats, code_nats(made, EVERY.captions, codes), atol=1e-5, rtol=1e-5)
    places = torch.stack(seen, 1)[:, :: made.tokenizer.quantizer.codebooks]
    assert torch.equal(places.sort(1).values, torch.arange(4).expand(8, 4))


@torch.no_grad()
def test_an_autoregressive_host_is_scored_by_its_own_logits():
    made = model("autoregressive", 20)
    codes = made.tokenizer.codes(EVERY.images)
    logits = made.predict_tokens(EVERY.captions, EVERY.images, torch.zeros(8, 1))
    expected = nn.functional.cross_entropy(logits.flatten(0, 1), codes.flatten(), reduction="none").view(8, 4).sum(1)
    torch.testing.assert_close(code_nats(made, EVERY.captions, codes).float(), expected)


# --- entropies that can be counted ------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [0, 20])
@pytest.mark.parametrize("drop", [0.0, 0.3])
@pytest.mark.parametrize("kind", KINDS)
def test_cross_entropies_are_upper_bounds(kind, drop, steps):
    made = model(kind, steps, drop)
    h, information, given = truth(made)
    assert h == pytest.approx(information + given)  # a deterministic encoder
    assert 0 < given < h
    rates = score_rates(made, Cards(), n=8)
    assert rates.keys() == CODE_RATES | RENDERED
    assert rates["cross_entropy"] >= given - 1e-6
    assert rates["cross_entropy_free"] >= h - 1e-6
    assert rates["explained"] == pytest.approx(rates["cross_entropy_free"] - rates["cross_entropy"])
    assert rates["budget"] == pytest.approx(4 * math.log(4))


@pytest.mark.parametrize("kind", ["autoregressive", "depth"])
def test_a_host_that_has_learned_the_codes_finds_their_entropies(kind):
    made = model(kind, 150)
    h, information, given = truth(made)
    rates = score_rates(made, Cards(), n=8)
    assert rates["cross_entropy"] == pytest.approx(given, abs=0.05)
    assert rates["cross_entropy_free"] == pytest.approx(h, abs=0.05)
    assert rates["explained"] == pytest.approx(information, abs=0.05)


@pytest.mark.parametrize("kind", ["masked", "masked depth"])
def test_what_a_masked_host_learns_lowers_its_code_lengths(kind):
    h, _, given = truth(model(kind))
    before, after = (score_rates(model(kind, steps), Cards(), n=8) for steps in (0, 150))
    assert after["cross_entropy"] - given < (before["cross_entropy"] - given) / 4
    assert after["cross_entropy_free"] - h < (before["cross_entropy_free"] - h) / 2


@torch.no_grad()
def test_without_dropped_captions_the_host_is_a_mixture_over_captions():
    made = model("autoregressive", 20, drop=0.0)
    codes = made.tokenizer.codes(EVERY.images)
    each = torch.stack([code_nats(made, torch.full((8, 1), word), codes) for word in (1, 2, 3, 4)])
    expected = -(-each).exp().mean(0).log().mean()
    assert score_rates(made, Cards(), n=8)["cross_entropy_free"] == pytest.approx(expected.item(), rel=1e-5)


def test_one_token_has_the_entropy_of_its_position():
    made = model("autoregressive", grid=1)
    h, _, given = truth(made)
    rates = score_rates(made, Cards(), n=4000, captions=8, renders=1000)
    assert rates["usage_entropy"] == pytest.approx(h, abs=2e-3)
    assert rates["unexplained_renders"] == pytest.approx(given, abs=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_positions_bound_images_and_the_budget_bounds_positions(kind):
    made = model(kind)
    h, _, given = truth(made)
    rates = score_rates(made, Cards(), n=800, captions=8, renders=200)
    assert h - 0.01 <= rates["usage_entropy"] <= rates["budget"]
    assert rates["unexplained_renders"] >= given - 0.1
    few = position_entropy(torch.arange(4)[:, None].expand(4, 3), 4)  # every code seen once
    assert few == pytest.approx(3 * math.log(4))


def test_entropies_of_positions_add_up():
    generator = torch.Generator().manual_seed(0)
    p = torch.tensor([0.5, 0.25, 0.125, 0.125])
    codes = torch.multinomial(p, 40_000, True, generator=generator).view(20_000, 2)
    assert position_entropy(codes, 4) == pytest.approx(2 * 1.75 * math.log(2), abs=0.01)
    assert position_entropy(torch.zeros(9, 5, dtype=torch.long), 4) == 0


# --- worlds -----------------------------------------------------------------------------------------------------------


def shapes_host(cls=AutoregressiveModel, quantizer="vector", options=None, infotok=None, warmup=0):
    torch.manual_seed(0)
    world = ShapesWorld()
    sizes = {"grid": 4, "dim": 4, "width": 4, "warmup": warmup}
    config = TokenizerConfig(**sizes, quantizer=quantizer, quantizer_options=options or {}, infotok=infotok)
    backbone = Backbone.tiny(len(world.vocabulary), hidden=8, layers=1, heads=2, positions=64)
    made = cls(SharedTokenizer.from_config(config), backbone, world.vocabulary)
    made.loss(ShapesWorld(nuisance=0.9).batch(64, torch.Generator().manual_seed(0)), torch.Generator().manual_seed(0))
    return made


def test_what_does_not_vary_is_not_unexplained():
    made = shapes_host(options={"codebook_size": 16})
    sizes = {"n": 24, "seed": 1, "captions": 4, "renders": 24}
    rates = {
        dials: score_rates(made, ShapesWorld(nuisance=dials[0], jitter=dials[1]), **sizes)
        for dials in ((0.0, 0), (0.0, 2), (0.9, 2))
    }
    assert rates[0.0, 0]["unexplained_renders"] == rates[0.0, 0]["unexplained_backgrounds"] == 0
    assert rates[0.0, 2]["unexplained_backgrounds"] == 0 < rates[0.0, 2]["unexplained_renders"]
    assert rates[0.9, 2]["unexplained_backgrounds"] > 0
    named = score_rates(made, ShapesWorld(nuisance=0.0, jitter=2, name_offsets=True), **sizes)
    assert named["unexplained_renders"] == 0
    assert made.training  # the mode is restored


def test_a_world_without_redraw_and_how_many_at_once():
    made = model("masked", 20)
    plain = SimpleNamespace(batch=Cards().batch)
    assert isinstance(Cards(), Redraws)
    assert not isinstance(plain, Redraws)
    few, many = (score_rates(made, plain, n=24, at_once=at_once) for at_once in (5, 24))
    assert few.keys() == CODE_RATES
    assert few == pytest.approx(many, rel=1e-4)
    assert score_rates(made, Cards(), seed=3) == score_rates(made, Cards(), seed=3)


# --- continuous tokens ------------------------------------------------------------------------------------------------

SPREAD, NOISE = 0.05, 0.1  # standard deviations of an image about its caption's mean, and of the tokens' noise


class Pixels(nn.Module):
    """An encoder whose one token is the image's first two pixels."""

    length, dim = 1, 2

    def forward(self, images):
        return images[:, 0, 0, None, :2]


class Grey(nn.Module):
    length, dim = 1, 2

    def forward(self, tokens):
        return tokens.new_full((len(tokens), 3, 4, 4), 0.5)


class Lamps:
    """Images whose first two pixels are normal about 0.3 or 0.7, as the caption says."""

    def batch(self, n, generator, questions=1):
        on = torch.arange(n) % 2
        images = torch.zeros(n, 3, 4, 4)
        noise = torch.randn(n, 2, generator=generator)
        images[:, 0, 0, :2] = (0.3 + 0.4 * on[:, None] + SPREAD * noise).clamp(0, 1)
        return SimpleNamespace(images=images, captions=1 + on[:, None], text=on[:, None].float())


def lamps_host(quantizer):
    backbone = Backbone.tiny(len(WORDS.words), hidden=8, layers=1, heads=2, positions=8)
    return ContinuousModel(SharedTokenizer(Pixels(), None, quantizer, Grey()), backbone, WORDS)


def test_rates_of_a_gaussian_channel_are_shannons():
    quantizer = GaussianTokens(2, noise=NOISE)
    nn.init.eye_(quantizer.bottleneck.to_mean.weight)
    nn.init.zeros_(quantizer.bottleneck.to_mean.bias)
    rates = score_rates(lamps_host(quantizer), Lamps(), n=20_000, seed=2)
    assert rates.keys() == SHARES | {"rate_standard", "rate_text"}
    assert rates["rate_text"] == pytest.approx(2 * 0.5 * math.log(1 + (SPREAD / NOISE) ** 2), rel=0.05)
    square = 0.5**2 + 0.2**2 + SPREAD**2  # the mean of a token's squared mean
    standard = 2 * 0.5 * (NOISE**2 + square - 1 - math.log(NOISE**2))
    assert rates["rate_standard"] == pytest.approx(standard, rel=0.01)
    total = 0.2**2 + SPREAD**2 + NOISE**2
    assert rates["explained_variance"] == pytest.approx(0.2**2 / total, abs=0.01)
    assert rates["noise_variance"] == pytest.approx(NOISE**2 / total, abs=0.01)
    assert rates["explained_variance"] + rates["unexplained_variance"] == pytest.approx(1)


def test_tokens_without_noise_have_shares_of_variance_only():
    rates = score_rates(lamps_host(None), Lamps(), n=20_000, seed=2)
    assert rates.keys() == SHARES
    assert rates["unexplained_variance"] == pytest.approx(SPREAD**2 / (0.2**2 + SPREAD**2), abs=0.005)
    assert rates["noise_variance"] == 0


@pytest.mark.parametrize(
    ("quantizer", "infotok", "rated"),
    [
        ("continuous", None, True),
        (None, {"noise": 0.2}, True),
        (None, {"estimator": "hsic", "consistency": 1.0, "text_dim": 52}, False),
    ],
)
def test_continuous_hosts_on_shapes(quantizer, infotok, rated):
    made = shapes_host(ContinuousModel, quantizer, infotok=infotok)
    rates = score_rates(made, ShapesWorld(), n=64)
    assert rates.keys() == (SHARES | {"rate_standard", "rate_text"} if rated else SHARES)
    assert all(math.isfinite(value) for value in rates.values())
    if rated:
        assert rates["rate_standard"] > 0 < rates["rate_text"]


def test_gaussian_tokens_have_no_rates_before_the_end_of_the_warm_up():
    made = shapes_host(ContinuousModel, "continuous", warmup=3)
    expected = r"^model, tokens: got 'features', expected Gaussian tokens; 1 of 3 training steps of warm-up are done"
    with pytest.raises(ValueError, match=expected):
        score_rates(made, ShapesWorld(), n=4)


# --- arithmetic coding ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [0, 20])
@pytest.mark.parametrize("kind", KINDS)
def test_codes_are_read_back_and_their_bits_are_the_cross_entropy(kind, steps):
    made, many = model(kind, steps), CardBatch(torch.arange(1000) % 8)
    codes = made.tokenizer.codes(many.images)
    words, bits = write_codes(made, many.captions, codes, at_once=300)
    assert torch.equal(read_codes(made, many.captions, words, at_once=300), codes)
    result = code_bits(made, many, at_once=300)
    assert result == {"bits": 32 * len(words), "ideal_bits": pytest.approx(bits), "images": 1000}
    nats = score_rates(made, Cards(), n=1000)["cross_entropy"]
    assert bits == pytest.approx(1000 * nats / math.log(2), rel=1e-4)
    assert abs(result["bits"] - bits) <= 0.01 * bits + 64  # two words at the end


def test_a_reader_with_other_captions_reads_other_codes():
    made, codes = model("autoregressive", 20), model("autoregressive", 20).tokenizer.codes(EVERY.images)
    words, _ = write_codes(made, EVERY.captions, codes)
    assert not torch.equal(read_codes(made, EVERY.captions.flip(0), words), codes)


def test_a_host_that_is_not_deterministic_is_found_out(monkeypatch):
    made = model("autoregressive", 20)
    flipped = made.tokenizer.codes(EVERY.images).flip(0)
    monkeypatch.setattr("infotok.evaluation.arithmetic.read_codes", lambda *_: flipped)
    with pytest.raises(RuntimeError, match="not deterministic"):
        code_bits(made, EVERY)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="model: got 'ContinuousModel', expected a host with codes"):
        code_bits(lamps_host(None), EVERY)
    with pytest.raises(TypeError, match="model: got 'int', expected a UnifiedModel"):
        score_rates(3, Cards())
    with pytest.raises(TypeError, match=r"world: got 'int', expected a world, with \.batch"):
        score_rates(model("masked"), 3)
    with pytest.raises(ValueError, match="renders: got 1, expected an integer"):
        score_rates(model("masked"), Cards(), renders=1)
    with pytest.raises(ValueError, match="n: got 1, expected an integer"):
        score_rates(model("masked"), Cards(), n=1)
