"""Vector quantization against rate-distortion theory, against another library, and against collapse."""

import math
import resource

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri
from torch.utils._python_dispatch import TorchDispatchMode
from vector_quantize_pytorch import ResidualVQ, VectorQuantize

from infotok.tokenizers import (
    MultiCodebookQuantizer,
    ResidualQuantizer,
    SimVQ,
    VectorQuantizer,
    nearest_codes,
    rotate,
    straight_through,
)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gaussian_grid(n: int = 200_000) -> torch.Tensor:
    """N(0, 1) as n quantiles, (1, n, 1): averages over it are integrals, without sampling noise."""
    return torch.special.ndtri((torch.arange(n).double() + 0.5) / n).float().view(1, n, 1)


def train(quantizer, passes: int, root: torch.Tensor | None = None, seed: int = 0):
    """On 2048 vectors of N(0, root root^T) a pass."""
    generator, root = seeded(seed), torch.eye(quantizer.dim) if root is None else root
    for _ in range(passes):
        quantizer(torch.randn(1, 2048, quantizer.dim, generator=generator) @ root.T, generator=generator)
    return quantizer.eval()


def error(quantizer, z: torch.Tensor) -> float:
    """Mean square error per number."""
    return (quantizer(z).tokens - z).square().mean().item()


# --- rate-distortion theory ------------------------------------------------------------------------------------------


def lloyd_max(levels: int) -> float:
    """The least error of N(0, 1) in so many levels, by Lloyd's iteration on exact integrals."""
    values = ndtri((np.arange(levels) + 0.5) / levels)
    for _ in range(5000):
        edges = np.concatenate([[-np.inf], (values[1:] + values[:-1]) / 2, [np.inf]])
        mass, density = np.diff(ndtr(edges)), np.exp(-(edges**2) / 2) / math.sqrt(2 * math.pi)
        values = -np.diff(density) / mass
    return float(1 - (mass * values**2).sum())


@pytest.mark.parametrize(("levels", "published"), [(2, 0.36338), (4, 0.11748), (8, 0.03455), (16, 0.00950)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_defaults_reach_lloyd_max(levels, published, seed):
    optimum = lloyd_max(levels)
    assert optimum == pytest.approx(published, abs=1e-5)
    quantizer = train(VectorQuantizer(1, levels), 500, seed=seed)
    z = gaussian_grid()
    assert optimum * 0.9999 < error(quantizer, z) < optimum * 1.03
    assert quantizer(z).usage.dead == 0
    assert quantizer.usage.dead == 0


@pytest.mark.parametrize("rho", [0.0, 0.98])
def test_three_ways_to_spend_eight_bits(rho):
    """A pair of N(0, 1) of correlation rho: one codebook of 256, a residual pair of 16, or 16 for each coordinate.

    The last is Lloyd-Max whatever rho is. Independent coordinates lose nothing by being cut apart, and a residual's
    second codebook has to serve all cells of the first; correlated ones waste what the cut cannot see. 256 free codes
    are best at both, and Shannon's bound sqrt(1 - rho^2) 2^-8 is below all (it holds where D <= 1 - rho).
    """
    root = torch.linalg.cholesky(torch.tensor([[1.0, rho], [rho, 1.0]]))
    makers = {
        "vector": lambda: VectorQuantizer(2, 256),
        "residual": lambda: ResidualQuantizer(2, 16, 2),
        "multi": lambda: MultiCodebookQuantizer(2, 16, 2),
    }
    z = torch.randn(1, 50_000, 2, generator=seeded(9)) @ root.T
    errors = {name: error(train(make(), 100, root=root), z) for name, make in makers.items()}
    assert errors["multi"] == pytest.approx(lloyd_max(16), rel=0.05)
    assert math.sqrt(1 - rho**2) * 2.0**-8 < errors["vector"]
    order = ["vector", "multi", "residual"] if rho == 0 else ["vector", "residual", "multi"]
    assert sorted(errors, key=errors.get) == order


def test_residuals_refine_and_the_first_codebook_is_the_vector_quantizers():
    z = torch.randn(1, 4096, 3, generator=seeded(5))
    coarse, fine = VectorQuantizer(3, 16).eval(), ResidualQuantizer(3, 16, 2).eval()
    codebooks = torch.randn(2, 16, 3, generator=seeded(6))
    coarse.start_from(codebooks[0])
    for quantizer, codebook in zip(fine.quantizers, codebooks, strict=True):
        quantizer.start_from(codebook)
    one, two = coarse(z), fine(z)
    assert torch.equal(one.codes, two.codes[..., 0])
    left = z - one.tokens
    assert torch.equal(two.codes[..., 1][0], torch.cdist(left[0], codebooks[1]).argmin(1))
    torch.testing.assert_close(two.tokens, one.tokens + codebooks[1][two.codes[..., 1]])


# --- the nearest code ------------------------------------------------------------------------------------------------


def near_ties(z: torch.Tensor, codebook: torch.Tensor, one: torch.Tensor, two: torch.Tensor) -> bool:
    """Whether codes agree wherever the two distances differ by more than float32 can tell."""
    z, codebook = z.double(), codebook.double()
    first, second = ((z - codebook[codes]).square().sum(1) for codes in (one, two))
    scale = z.square().sum(1) + codebook.square().sum(1).max()
    return bool(((first - second).abs() <= 1e-6 * scale).all())


@given(n=st.integers(1, 700), k=st.integers(2, 300), d=st.integers(1, 40), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_nearest_code_is_the_nearest(n, k, d, seed):
    z, codebook = torch.randn(n, d, generator=seeded(seed)), torch.randn(k, d, generator=seeded(seed + 1))
    exact = torch.cdist(z.double(), codebook.double(), compute_mode="donot_use_mm_for_euclid_dist").argmin(1)
    codes = nearest_codes(z, codebook)
    assert near_ties(z, codebook, codes, exact)
    assert (codes == exact).double().mean() > 0.98
    cut = 1 + seed % n
    assert torch.equal(torch.cat([nearest_codes(part, codebook) for part in z.split(cut)]), codes)


def test_ties_go_to_the_lower_code():
    codebook = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    assert nearest_codes(torch.tensor([[1.0, 0.0], [0.0, 0.0]]), codebook).tolist() == [0, 0]


class LargestTensor(TorchDispatchMode):
    """Sees every tensor that an operation returns."""

    def __init__(self):
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        for value in out if isinstance(out, tuple | list) else [out]:
            if isinstance(value, torch.Tensor):
                self.bytes = max(self.bytes, value.numel() * value.element_size())
        return out


def test_the_search_holds_a_block_of_scores_and_no_matrix():
    z, codebook = torch.randn(1000, 4, generator=seeded(0)), torch.randn(65_536, 4, generator=seeded(1))
    with LargestTensor() as largest:
        nearest_codes(z, codebook)
    assert largest.bytes <= 16 * 2**20
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    nearest_codes(z.repeat(4, 1), codebook)  # 1 GiB of scores in all
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # KiB


def test_a_training_pass_holds_no_matrix_of_vectors_by_codes():
    quantizer, z = VectorQuantizer(4, 8192), torch.randn(2, 2048, 4, generator=seeded(0)).requires_grad_()
    with LargestTensor() as largest:
        out = quantizer(z)
        (out.tokens.sum() + out.loss).backward()
    assert largest.bytes <= 4 * 2**20


def test_search_refuses_another_width():
    with pytest.raises(ValueError, match=r"codebook: got shape \(5, 3\), expected a tensor of shape \(K, 2\)"):
        nearest_codes(torch.zeros(4, 2), torch.zeros(5, 3))


# --- another library -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [16, 512, 4096])
@pytest.mark.parametrize("cosine", [False, True])
def test_codes_agree_with_the_other_library(size, cosine):
    z = torch.randn(4, 512, 16, generator=seeded(size))
    codebook = torch.randn(size, 16, generator=seeded(1))
    ours = VectorQuantizer(16, size, cosine=cosine).eval().start_from(codebook)
    theirs = VectorQuantize(16, codebook_size=size, use_cosine_sim=cosine).eval()
    theirs._codebook.embed.copy_(ours.codebook[None])
    out, (tokens, codes, _) = ours(z), theirs(z)
    if cosine:
        z = torch.nn.functional.normalize(z, dim=-1)
    assert near_ties(z.flatten(0, 1), ours.codebook, out.codes.flatten(), codes.flatten())
    same = out.codes == codes
    assert same.double().mean() > 0.999
    torch.testing.assert_close(out.tokens[same], tokens[same])


def test_residual_codes_agree_with_the_other_library():
    z = torch.randn(4, 512, 8, generator=seeded(0))
    ours = ResidualQuantizer(8, 64, 3).eval()
    theirs = ResidualVQ(dim=8, codebook_size=64, num_quantizers=3).eval()
    for i, (one, two) in enumerate(zip(ours.quantizers, theirs.layers, strict=True)):
        one.start_from(torch.randn(64, 8, generator=seeded(i)))
        two._codebook.embed.copy_(one.codebook[None])
    out, (tokens, codes, _) = ours(z), theirs(z)
    same = (out.codes == codes).all(-1)
    assert same.double().mean() > 0.999
    torch.testing.assert_close(out.tokens[same], tokens[same])


# --- learning --------------------------------------------------------------------------------------------------------


def test_first_step_of_a_fresh_codebook_is_lloyds():
    """Moving averages that start from nothing: each chosen code becomes the mean of the vectors that chose it."""
    z, codebook = torch.randn(1, 500, 3, generator=seeded(0)), torch.randn(12, 3, generator=seeded(1))
    quantizer = VectorQuantizer(3, 12).start_from(codebook)
    codes = quantizer(z).codes[0]
    for k in range(12):
        mine = z[0][codes == k]
        expected = mine.mean(0) if len(mine) else codebook[k]
        torch.testing.assert_close(quantizer.codebook[k], expected, atol=1e-5, rtol=1e-5)


def test_codes_are_discounted_averages_of_what_chose_them():
    """With few vectors a code, every code is sum_t d^(T-t) sums_t / sum_t d^(T-t) counts_t, as in the VQ-VAE paper."""
    quantizer = VectorQuantizer(2, 8, decay=0.8).start_from(torch.randn(8, 2, generator=seeded(1)))
    sums, counts = torch.zeros(8, 2), torch.zeros(8)
    for step in range(12):
        z = torch.randn(1, 40, 2, generator=seeded(step))
        codes = quantizer(z).codes[0]
        sums = 0.8 * sums + torch.zeros(8, 2).index_add(0, codes, z[0])
        counts = 0.8 * counts + torch.bincount(codes, minlength=8)
    torch.testing.assert_close(quantizer.codebook, sums / counts[:, None], atol=1e-4, rtol=1e-4)


def test_losses_are_what_they_say():
    z, codebook = torch.randn(2, 30, 4, generator=seeded(0)), torch.randn(8, 4, generator=seeded(1))
    nearest = codebook[torch.cdist(z, codebook).argmin(-1)]
    square = (z - nearest).square().mean()
    ours = VectorQuantizer(4, 8, commitment=0.3).eval().start_from(codebook)
    torch.testing.assert_close(ours(z).loss, 0.3 * square)
    gradient = VectorQuantizer(4, 8, learning="gradient", commitment=0.3).eval().start_from(codebook)
    loss = gradient(z).loss
    torch.testing.assert_close(loss, 1.3 * square)
    loss.backward()
    expected = torch.zeros(8, 4).index_add(0, ours(z).codes.flatten(), 2 * (nearest - z).flatten(0, 1) / z.numel())
    torch.testing.assert_close(gradient.codebook.grad, expected)


def test_cosine_codes_stay_on_the_sphere():
    quantizer = train(VectorQuantizer(4, 32, cosine=True), 20)
    torch.testing.assert_close(quantizer.codebook.norm(dim=1), torch.ones(32))
    z = torch.randn(1, 50, 4, generator=seeded(3))
    assert torch.equal(quantizer(z).codes, quantizer(7 * z).codes)


# --- collapse --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "collapsed", "learning"),
    [
        (64, torch.zeros(64, 8), "average"),  # every code at one point
        (64, torch.randn(64, 8, generator=seeded(1)) + 100, "average"),  # all far away from the features
        (512, 1e-3 * torch.randn(512, 8, generator=seeded(1)), "average"),
        (64, torch.zeros(64, 8), "gradient"),
    ],
)
def test_a_collapsed_codebook_recovers(size, collapsed, learning):
    quantizer = VectorQuantizer(8, size, learning=learning).start_from(collapsed)
    optimiser = torch.optim.Adam(quantizer.parameters(), lr=1e-3) if learning == "gradient" else None
    fresh = torch.randn(1, 20_000, 8, generator=seeded(77))
    assert quantizer.eval()(fresh).usage.perplexity < 0.5 * size
    quantizer.train()
    generator = seeded(0)
    for _ in range(500):
        loss = quantizer(torch.randn(8, 32, 8, generator=generator), generator=generator).loss
        if optimiser:
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    usage = quantizer.eval()(fresh).usage
    assert 1 - usage.dead >= 0.95
    assert usage.perplexity > 0.5 * size


def test_revival_stops_when_told_and_not_before():
    generator = seeded(0)
    collapsed = torch.zeros(32, 2)
    for until, expected in ((0, 31 / 32), (500, 0.0)):
        quantizer = VectorQuantizer(2, 32, patience=4, revive_until=until).start_from(collapsed)
        for _ in range(30):
            quantizer(torch.randn(1, 256, 2, generator=generator) * 0.1 + 5, generator=generator)
        assert quantizer.usage.dead == expected


def test_more_dead_codes_than_vectors_are_revived_in_turn():
    quantizer = VectorQuantizer(2, 100)
    generator = seeded(0)
    dead = []
    for _ in range(25):
        quantizer(torch.randn(1, 10, 2, generator=generator), generator=generator)
        dead.append(quantizer.usage.dead)
    assert 0.7 < dead[0] <= 0.9
    assert sorted(dead, reverse=True) == dead
    assert dead[-1] == 0


def test_constant_features_are_no_accident():
    quantizer = VectorQuantizer(2, 8)
    for _ in range(5):
        out = quantizer(torch.ones(1, 40, 2))
    assert torch.equal(out.tokens, torch.ones(1, 40, 2))
    assert out.usage.dead == 7 / 8


def test_start_from_refuses():
    quantizer = VectorQuantizer(4, 8)
    with pytest.raises(ValueError, match=r"codebook: got shape \(8, 3\), expected a tensor of shape \(8, 4\)"):
        quantizer.start_from(torch.zeros(8, 3))
    with pytest.raises(ValueError, match=r"codebook: got .NaN or infinity., expected finite numbers"):
        quantizer.start_from(torch.full((8, 4), math.nan))


def test_simvq_moves_codes_that_nobody_chose():
    """Features far from the frozen codes: one linear map brings all of them along."""
    torch.manual_seed(0)
    quantizer = SimVQ(4, 64)
    generator = seeded(0)
    stretch = torch.diag(torch.tensor([6.0, 3.0, 2.0, 0.5]))
    z = torch.randn(1, 4096, 4, generator=generator) @ stretch
    before = (quantizer.eval()(z).usage.perplexity, error(quantizer, z))
    optimiser = torch.optim.Adam(quantizer.train().parameters(), lr=1e-2)
    for _ in range(150):
        optimiser.zero_grad()
        quantizer(torch.randn(1, 512, 4, generator=generator) @ stretch).loss.backward()
        optimiser.step()
    after = (quantizer.eval()(z).usage.perplexity, error(quantizer, z))
    assert after[0] > before[0]
    assert after[1] < 0.5 * before[1]
    assert torch.equal(quantizer.base, SimVQ(4, 64).base) is False
    assert not any(name == "base" for name, _ in quantizer.named_parameters())


# --- gradients -------------------------------------------------------------------------------------------------------


def test_straight_through_passes_the_gradient_on():
    z, q = (torch.randn(5, 3, generator=seeded(i)).requires_grad_() for i in (0, 1))
    upstream = torch.randn(5, 3, generator=seeded(2))
    out = straight_through(z, q)
    assert torch.equal(out, q)
    out.backward(upstream)
    assert torch.equal(z.grad, upstream)
    assert q.grad is None


def test_rotation_is_the_rotation():
    """The Jacobian is |q|/|z| R with R orthogonal, of determinant 1, R z^ = q^, and the identity across their plane."""
    z, q = (torch.randn(6, 5, generator=seeded(i), dtype=torch.double) for i in (0, 1))
    assert torch.equal(rotate(z, q), q)
    for source, target in zip(z, q, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda s, target=target: rotate(s, target), source)
        ratio = target.norm() / source.norm()
        rotation = jacobian / ratio
        torch.testing.assert_close(rotation @ rotation.T, torch.eye(5, dtype=torch.double))
        assert torch.linalg.det(rotation).item() == pytest.approx(1)
        torch.testing.assert_close(jacobian @ source, target)
        plane = torch.linalg.qr(torch.stack([source, target], 1))[0]
        across = torch.eye(5, dtype=torch.double) - plane @ plane.T
        torch.testing.assert_close(rotation @ across, across)


def test_rotation_keeps_the_gradients_angle_to_the_code():
    z = torch.randn(7, 4, generator=seeded(0), dtype=torch.double).requires_grad_()
    q, upstream = (torch.randn(7, 4, generator=seeded(i), dtype=torch.double) for i in (1, 2))
    rotate(z, q).backward(upstream)
    to_code = torch.cosine_similarity(upstream, q, dim=-1)
    to_feature = torch.cosine_similarity(z.grad, z.detach(), dim=-1)
    torch.testing.assert_close(to_code, to_feature)


@pytest.mark.parametrize("z", [torch.zeros(1, 3), -torch.ones(1, 3), torch.full((1, 3), 1e-20)])
def test_rotation_of_nothing_and_to_the_opposite(z):
    z.requires_grad_()
    q = torch.ones(1, 3)
    out = rotate(z, q)
    assert torch.equal(out, q)
    out.sum().backward()
    assert z.grad.isfinite().all()


@pytest.mark.parametrize("offset", [0.0, 10.0, 1e3, 1e5])
def test_the_nearest_code_does_not_depend_on_where_the_origin_is(offset):
    """At an offset of 1e3, 28 % of the codes were others, since products of large numbers cancel."""
    generator = torch.Generator().manual_seed(0)
    codebook, z = (torch.randn(n, 8, generator=generator) + offset for n in (64, 1024))
    exact = torch.cdist(z.double(), codebook.double()).argmin(1)
    assert (nearest_codes(z, codebook) == exact).float().mean() > 0.99
