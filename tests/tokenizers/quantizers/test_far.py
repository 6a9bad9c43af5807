"""Nearest codes far from the origin, where products cancel: compared with distances in float64."""

import pytest
import torch

from infotok.tokenizers import (
    MultiCodebookQuantizer,
    ResidualQuantizer,
    SimVQ,
    VectorQuantizer,
    nearest_codes,
)
from infotok.tokenizers.quantizers.nearest import search, shift_to_origin


def exact(z: torch.Tensor, codebook: torch.Tensor) -> torch.Tensor:
    return torch.cdist(z.double(), codebook.double(), compute_mode="donot_use_mm_for_euclid_dist").argmin(-1)


def drawn(layout: str, far: float, codes: int = 64, dim: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    """Vectors and codes 0.01 apart: in one place, in two opposite ones, or with half of the codes at the origin."""
    generator = torch.Generator().manual_seed(0)
    codebook, z = (0.01 * torch.randn(n, dim, generator=generator) for n in (codes, 1000))
    side = torch.arange(codes) % 2
    place = {"one": torch.ones(codes), "two": 2.0 * side - 1, "dead": side}[layout].float() * far
    own = torch.tensor([far]) if layout == "dead" else place[torch.arange(1000) % codes]
    return z + own[:, None], codebook + place[:, None]


@pytest.mark.parametrize("layout", ["one", "two", "dead"])
@pytest.mark.parametrize("far", [0.0, 10.0, 1e3, 1e4, -1e4])
@pytest.mark.parametrize("find", [nearest_codes, search])
def test_codes_are_the_nearest_wherever_they_lie(find, layout, far):
    """At 1e3 at most 6 % of the codes were right."""
    z, codebook = drawn(layout, far)
    codes = find(z, codebook)
    assert (codes == exact(z, codebook)).float().mean() > (0.999 if far else 0.99)
    assert torch.equal(torch.cat([find(part, codebook) for part in z.split(7)]), codes)
    assert torch.equal(find(z.double(), codebook.double()), exact(z, codebook))


def test_features_of_unit_scale_are_compared_as_they_are():
    """Bit for bit the products of the vectors themselves: nothing is moved, and no vector is compared again."""
    z, codebook = (torch.randn(n, 16, generator=torch.Generator().manual_seed(n)) for n in (2048, 64))
    moved = shift_to_origin(z, codebook)
    assert moved[0] is z
    assert moved[1] is codebook
    scores = (
        torch.cat([z, torch.ones(2048, 1)], 1) @ torch.cat([codebook, -0.5 * codebook.square().sum(1)[:, None]], 1).T
    )
    assert torch.equal(search(z, codebook), scores.argmax(1))


def test_a_compiled_search_moves_the_codes_too():
    z, codebook = drawn("one", 1e4)
    compiled = torch.compile(search, backend="eager", fullgraph=True)
    assert (compiled(z, codebook) == exact(z, codebook)).float().mean() > 0.999


def test_vectors_without_a_number_and_beyond_squares_pass_through():
    codebook = torch.randn(8, 4)
    z = torch.stack([torch.full((4,), value) for value in (torch.nan, torch.inf, 1e30, 0.0)])
    assert search(z, codebook).shape == (4,)
    assert search(z[2:], codebook * 1e25).shape == (2,)


def far_features(offset: float) -> torch.Tensor:
    """32 images of 16 tokens, each token near one of 16 centres that are 0.2 apart."""
    generator = torch.Generator().manual_seed(1)
    centres = 0.2 * torch.randn(16, 4, generator=generator)
    return centres.repeat(32, 1, 1) + 0.001 * torch.randn(32, 16, 4, generator=generator) + offset


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e4])
@pytest.mark.parametrize("learning", ["average", "gradient"])
def test_a_codebook_starts_and_learns_far_from_the_origin(offset, learning):
    """k-means start, averages and revival: every centre has a code of its own."""
    z = far_features(offset)
    quantizer = VectorQuantizer(4, 32, learning=learning, commitment=0.25)
    for step in range(5):
        out = quantizer(z, generator=torch.Generator().manual_seed(step))
    quantizer.eval()
    out = quantizer(z)
    assert (out.codes == exact(z, quantizer.codebook)).float().mean() > 0.95  # some codes share a centre: near ties
    assert out.codes.unique().numel() >= 16
    assert (out.tokens - z).abs().max() < 0.01


@pytest.mark.parametrize("make", [ResidualQuantizer, MultiCodebookQuantizer])
def test_several_codebooks_far_from_the_origin(make):
    z, quantizer = far_features(1e3), make(4, 32, 2)
    for step in range(3):
        quantizer(z, generator=torch.Generator().manual_seed(step))
    out = quantizer.eval()(z)
    assert torch.equal(quantizer.logits(z).argmax(-1), out.codes)
    assert (out.tokens - z).square().mean() < 1e-4


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e4])
def test_logits_are_distances_far_from_the_origin(offset):
    z, codebook = drawn("one", offset)
    quantizer = VectorQuantizer(8, 64).start_from(codebook)
    logits = quantizer.logits(z[None])[0]
    expected = -torch.cdist(z.double(), codebook.double(), compute_mode="donot_use_mm_for_euclid_dist").square()
    torch.testing.assert_close(logits.double(), expected, rtol=1e-3, atol=1e-6)
    z = z[None].requires_grad_()
    quantizer.logits(z).logsumexp(-1).sum().backward()
    assert z.grad.isfinite().all()
    assert z.grad.any()


def test_mapped_codes_far_from_the_features():
    """SimVQ's codes lie around the origin: the nearest one counts there too."""
    quantizer, z = SimVQ(4, 32).eval(), far_features(1e3)
    codes = quantizer(z).codes
    distances = torch.cdist(z.double(), quantizer.codebook.detach().double())
    best, own = distances.min(-1).values, distances.gather(-1, codes[..., None])[..., 0]
    assert ((own - best) / best < 1e-6).all()
