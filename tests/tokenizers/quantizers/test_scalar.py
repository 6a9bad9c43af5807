"""Quantizers without a learned codebook: rounding, signs, signs on a sphere; and those that draw: Gumbel, Gaussian."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import ndtr
from scipy.stats import norm
from torch.distributions import Normal, kl_divergence
from vector_quantize_pytorch import FSQ, LFQ

from infotok.tokenizers import (
    BinarySphericalQuantizer,
    FiniteScalarQuantizer,
    GaussianTokens,
    GumbelQuantizer,
    LookupFreeQuantizer,
    VectorQuantizer,
    gaussian_step,
    uniform_error,
)
from infotok.tokenizers.quantizers.lookup_free import bit_entropy


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gaussian_grid(n: int = 200_000) -> torch.Tensor:
    """N(0, 1) as n quantiles, (1, n, 1): averages over it are integrals, without sampling noise."""
    return torch.special.ndtri((torch.arange(n).double() + 0.5) / n).float().view(1, n, 1)


# --- finite scalar ---------------------------------------------------------------------------------------------------

MAX_1960 = {2: (1.596, 0.3634), 3: (1.224, 0.1902), 4: (0.9957, 0.1188), 8: (0.5860, 0.03744), 16: (0.3352, 0.01154)}


@pytest.mark.parametrize(("levels", "step"), [(2, 1.0), (5, 0.7), (8, 0.3)])
def test_uniform_error_is_the_integral(levels, step):
    values = step * (np.arange(levels) - (levels - 1) / 2)
    expected = quad(
        lambda z: np.min((z - values) ** 2) * norm.pdf(z), -10, 10, points=(values[1:] + values[:-1]) / 2, limit=200
    )[0]
    assert uniform_error(levels, step) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("levels", MAX_1960)
def test_clipped_levels_reach_the_best_uniform_quantizer(levels):
    step, least = MAX_1960[levels]
    assert gaussian_step(levels) == pytest.approx(step, rel=1e-3)
    assert uniform_error(levels, gaussian_step(levels)) == pytest.approx(least, rel=2e-3)
    z = gaussian_grid()
    out = FiniteScalarQuantizer(1, [levels], bound="clip").eval()(z)
    assert (out.tokens - z).square().mean().item() == pytest.approx(uniform_error(levels, gaussian_step(levels)), 1e-3)
    assert out.usage.dead == 0


def entropy_and_error(step: float) -> tuple[float, float]:
    """Bits and mean square error of N(0, 1) rounded to all multiples of `step`: exact sums over cells."""
    centre = np.arange(-round(12 / step), round(12 / step) + 1) * step
    low, high = centre - step / 2, centre + step / 2
    mass = ndtr(high) - ndtr(low)
    bits = -np.sum(mass[mass > 0] * np.log2(mass[mass > 0]))
    square = mass * (1 + centre**2) - (norm.pdf(high) * (high - 2 * centre) - norm.pdf(low) * (low - 2 * centre))
    return bits, square.sum()


@pytest.mark.parametrize("step", [0.5, 0.25, 0.1])
def test_entropy_coded_rounding_is_a_quarter_bit_above_shannon(step):
    """H - R(D) -> 1/2 log2(2 pi e / 12) = 0.2546 bits as the step falls, R(D) = 1/2 log2(1 / D).

    The next term is step^2 / 24 nats: uniform noise of one step adds half its variance times the Fisher information.
    """
    bits, error = entropy_and_error(step)
    limit = 0.5 * math.log2(2 * math.pi * math.e / 12)
    assert limit == pytest.approx(0.2546, abs=1e-4)
    gap = bits - 0.5 * math.log2(1 / error)
    assert gap == pytest.approx(limit + step**2 / (24 * math.log(2)), abs=0.005 * step**4 + 1e-6)


def test_the_gap_is_seen_in_usage():
    """Codes 0.1 apart, far beyond where z is found: what `usage` measures meets the closed form."""
    quantizer = VectorQuantizer(1, 128).eval().start_from(0.1 * (torch.arange(128.0)[:, None] - 64))
    z = gaussian_grid()
    out = quantizer(z)
    bits, error = entropy_and_error(0.1)
    assert out.usage.entropy == pytest.approx(bits, rel=1e-3)
    assert (out.tokens - z).square().mean().item() == pytest.approx(error, rel=1e-3)
    assert out.usage.rate(16) < quantizer.rate(16) - 16  # an entropy coder saves more than a bit a token


@pytest.mark.parametrize("levels", [[8, 5, 5, 5], [3, 4], [16]])
def test_rounded_codes_agree_with_the_other_library(levels):
    z = 2 * torch.randn(4, 64, len(levels), generator=seeded(0))
    out = FiniteScalarQuantizer(len(levels), levels).eval()(z)
    tokens, codes = FSQ(levels)(z)
    assert torch.equal(out.codes, codes.long())
    torch.testing.assert_close(out.tokens, tokens)


def test_rounding_passes_the_bounds_gradient():
    z = torch.tensor([[[0.1, 50.0]]], requires_grad=True)
    FiniteScalarQuantizer(2, [4, 4], bound="clip")(z).tokens.sum().backward()
    assert z.grad.tolist() == [[[1.0, 0.0]]]


# --- lookup-free and spherical ---------------------------------------------------------------------------------------


def explicit_entropies(z: torch.Tensor, vectors: torch.Tensor, temperature: float) -> tuple[float, float]:
    """E H(q(c|z)) and H(E q(c|z)) from the softmax over all K codes."""
    posterior = (-torch.cdist(z, vectors).square() / temperature).softmax(-1)
    mean = posterior.mean(0)
    return tuple(-torch.special.xlogy(p, p).sum(-1).mean().item() for p in (posterior, mean))


MAKERS = {"lookup-free": LookupFreeQuantizer, "spherical": BinarySphericalQuantizer}
both = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


@both
@pytest.mark.parametrize("temperature", [0.3, 2.0])
def test_entropies_over_bits_are_those_over_codes(make, temperature):
    quantizer = make(4, 16, temperature=temperature, entropy_weight=1.0, diversity=0.0).double().eval()
    if make is LookupFreeQuantizer:
        quantizer.commitment = 0.0
    z = torch.randn(1, 300, 4, generator=seeded(0), dtype=torch.double)
    vectors = quantizer.decode(torch.arange(16)[None])[0].double()
    undecided, diverse = explicit_entropies(quantizer._to_code_space(z[0]), vectors, temperature)
    assert quantizer(z).loss.item() == pytest.approx(undecided, rel=1e-6)
    quantizer.diversity = 1.0
    over_bits = undecided - quantizer(z).loss.item()
    assert over_bits >= diverse - 1e-9  # an upper bound ...
    assert over_bits == pytest.approx(diverse, rel=0.03)  # ... that is close, since these bits are independent


def test_diversity_is_overestimated_where_bits_agree():
    """Two equal bits: codes 00 and 11 alone, ln 2 nats; the sum over bits says 2 ln 2."""
    quantizer = LookupFreeQuantizer(2, 4, commitment=0.0, entropy_weight=1.0, temperature=0.01).double()
    z = torch.tensor([[[1.0, 1.0], [-1.0, -1.0]]], dtype=torch.double)
    assert explicit_entropies(z[0], quantizer.decode(torch.arange(4)[None])[0].double(), 0.01)[1] == pytest.approx(
        math.log(2)
    )
    assert -quantizer(z).loss.item() == pytest.approx(2 * math.log(2))


def test_bit_entropy():
    logits = torch.linspace(-8, 8, 33, dtype=torch.double)
    p = logits.sigmoid().numpy()
    expected = -(p * np.log(p) + (1 - p) * np.log1p(-p))
    np.testing.assert_allclose(bit_entropy(logits).numpy(), expected, rtol=1e-8)
    assert bit_entropy(torch.tensor([math.inf, -math.inf])).tolist() == pytest.approx([0, 0])


def test_signs_agree_with_the_other_library():
    z = torch.randn(4, 64, 6, generator=seeded(0))
    for ours, theirs in (
        (LookupFreeQuantizer(6, 64), LFQ(dim=6, codebook_size=64)),
        (BinarySphericalQuantizer(6, 64), LFQ(dim=6, codebook_size=64, spherical=True)),
    ):
        out, (tokens, codes, _) = ours.eval()(z), theirs.eval()(z)
        torch.testing.assert_close(torch.sign(out.tokens), torch.sign(tokens))
        reverse = sum(((codes >> (5 - b)) & 1) << b for b in range(6))  # theirs puts the first bit first
        assert torch.equal(out.codes, reverse)


def test_spherical_tokens_are_on_the_sphere_and_near():
    z = 10 ** torch.randn(1, 500, 9, generator=seeded(0)) * torch.randn(1, 500, 9, generator=seeded(1))
    out = BinarySphericalQuantizer(9, 512)(z)
    torch.testing.assert_close(out.tokens.norm(dim=-1), torch.ones(1, 500))
    error = (out.tokens - torch.nn.functional.normalize(z, dim=-1)).norm(dim=-1)
    assert error.max() < math.sqrt(2 - 2 / math.sqrt(9)) + 1e-6


@both
def test_the_entropy_term_balances_every_bit(make):
    """An encoder that starts with all bits on and has nothing else to do: with the term each bit is on half the time.

    That is all the term asks for. Two bits may still agree, so the perplexity stays below 32.
    """
    share = {}
    for weight in (0.0, 0.1):
        torch.manual_seed(0)
        encoder, quantizer = torch.nn.Linear(5, 5), make(5, 32, entropy_weight=weight)
        torch.nn.init.constant_(encoder.bias, 1.0)
        optimiser = torch.optim.Adam(encoder.parameters(), lr=0.02)
        for i in range(150):
            optimiser.zero_grad()
            quantizer(encoder(torch.randn(1, 256, 5, generator=seeded(i)))).loss.backward()
            optimiser.step()
        out = quantizer.eval()(encoder(torch.randn(1, 5000, 5, generator=seeded(999))))
        share[weight] = (out.tokens > 0).double().mean((0, 1))
    assert share[0.0].min() > 0.9
    assert (share[0.1] - 0.5).abs().max() < 0.05
    assert 2 < out.usage.perplexity < 31


# --- Gumbel and Gaussian ---------------------------------------------------------------------------------------------


def test_gumbel_draws_from_its_posterior():
    torch.manual_seed(0)
    quantizer = GumbelQuantizer(3, 5)
    z = torch.randn(1, 1, 3, generator=seeded(0))
    codes = quantizer(z.expand(1, 50_000, 3), generator=seeded(1)).codes
    expected = quantizer.logits(z).softmax(-1).flatten().detach()
    found = torch.bincount(codes.flatten(), minlength=5) / 50_000
    assert (found - expected).abs().max() < 4 * 0.5 / math.sqrt(50_000)


def test_gumbel_loss_and_cooling():
    torch.manual_seed(0)
    quantizer = GumbelQuantizer(3, 5, weight=0.3, temperature=2.0, final=0.5, cooling=4)
    temperatures = []
    for i in range(6):
        z = torch.randn(1, 10, 3, generator=seeded(i))
        temperatures.append(quantizer.temperature().item())
        p = quantizer.logits(z).softmax(-1)
        expected = 0.3 * (math.log(5) - (-(p * p.log()).sum(-1)).mean().item())
        assert quantizer(z, generator=seeded(i)).loss.item() == pytest.approx(expected, rel=1e-4)
    assert temperatures == pytest.approx([2.0 * 0.25 ** (min(i, 4) / 4) for i in range(6)])


def test_gumbel_gradient_is_that_of_the_soft_choice():
    torch.manual_seed(0)
    quantizer = GumbelQuantizer(3, 5, weight=0.0).eval()
    z = torch.randn(1, 7, 3, generator=seeded(0)).requires_grad_()
    upstream = torch.randn(1, 7, 3, generator=seeded(1))
    quantizer(z).tokens.backward(upstream)
    other = z.detach().clone().requires_grad_()
    ((quantizer.logits(other)).softmax(-1) @ quantizer.codebook).backward(upstream)
    torch.testing.assert_close(z.grad, other.grad)


def test_gaussian_tokens_are_noisy_in_training_only():
    torch.manual_seed(0)
    quantizer, z = GaussianTokens(4, noise=0.2), torch.randn(2, 5000, 4, generator=seeded(0))
    noisy = quantizer(z, generator=seeded(1)).tokens
    clean = quantizer.eval()(z).tokens
    assert (noisy - clean).std().item() == pytest.approx(0.2, rel=0.02)
    assert torch.equal(quantizer(z).tokens, clean)


def test_gaussian_rate_is_the_divergence():
    torch.manual_seed(0)
    quantizer, z = GaussianTokens(4, weight=0.01, noise=0.3), torch.randn(2, 50, 4, generator=seeded(0))
    out = quantizer(z, generator=seeded(1))
    mean, log_variance = quantizer.bottleneck.to_mean(z), quantizer.bottleneck.to_log_variance(z)
    nats = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(-1).mean()
    torch.testing.assert_close(out.loss, 0.01 * nats)
    assert out.usage.entropy == pytest.approx(nats.item() / math.log(2), rel=1e-5)
    assert quantizer.bits_per_token == pytest.approx(out.usage.entropy, rel=1e-5)
    assert quantizer.rate(length=16) == pytest.approx(16 * out.usage.entropy, rel=1e-5)
    assert out.codes is None


def test_gaussian_tokens_pay_until_they_are_silent():
    """With nothing to gain, the loss closes the channel: no bits, all dimensions dead."""
    torch.manual_seed(0)
    quantizer = GaussianTokens(3, weight=1.0, decay=0.5)
    assert quantizer.usage.entropy == 0
    optimiser = torch.optim.Adam(quantizer.parameters(), lr=0.05)
    for i in range(200):
        optimiser.zero_grad()
        quantizer(torch.randn(1, 64, 3, generator=seeded(i)), generator=seeded(i)).loss.backward()
        optimiser.step()
    assert quantizer.usage.dead == 1
    assert quantizer.bits_per_token < 0.05
