"""Quantizers and tokenizers in half and double precision: answers near those in float32, in the type of the input."""

import copy
import math

import pytest
import torch
from torch import nn

from infotok.errors import checks
from infotok.tokenizers import GaussianTokens, SharedTokenizer, TokenizerConfig, VectorQuantizer, nearest_codes
from tests.tokenizers.quantizers.test_quantizers import DISCRETE, every, features, seeded, trained
from tests.tokenizers.test_shared_tokenizer import BATCH, OPTIONS

TOLERANCE = {torch.float16: 5e-3, torch.bfloat16: 4e-2, torch.float64: 1e-5}
dtypes = pytest.mark.parametrize("dtype", TOLERANCE, ids=str)


def converted(quantizer: nn.Module, dtype: torch.dtype) -> tuple[nn.Module, nn.Module]:
    """The quantizer in `dtype`, and one in float32 with the same, rounded, parameters."""
    narrow = copy.deepcopy(quantizer).to(dtype)
    reference = copy.deepcopy(quantizer)
    with torch.no_grad():
        for own, other in zip(reference.parameters(), narrow.parameters(), strict=True):
            own.copy_(other)
    return narrow, reference


@every
@dtypes
def test_forward_and_decode_agree_with_float32(make, dtype):
    narrow, reference = converted(trained(make), dtype)
    z = features(9).to(dtype)
    out, expected = narrow(z), reference(z.float())
    assert out.tokens.dtype == dtype
    assert out.loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    torch.testing.assert_close(out.loss.float(), expected.loss, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(out.tokens.float(), expected.tokens, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    if out.codes is not None:
        assert torch.equal(out.codes, expected.codes)  # distances are not taken in half precision
        assert torch.equal(narrow.decode(out.codes), out.tokens)
        torch.testing.assert_close(narrow.logits(z).float(), reference.logits(z.float()), rtol=1e-4, atol=1e-4)
    assert out.usage.asdict() == pytest.approx(expected.usage.asdict(), rel=1e-4)


@every
@dtypes
def test_training_keeps_wide_statistics(make, dtype):
    torch.manual_seed(0)
    narrow, reference = converted(make(), dtype)
    for i in range(4):
        z = features(i).to(dtype)
        one, two = (
            q.train()(x, generator=seeded(i)) for q, x in ((narrow, z.requires_grad_()), (reference, z.float()))
        )
        torch.testing.assert_close(one.loss.float(), two.loss, rtol=1e-3, atol=1e-4)
        (one.tokens.float().square().mean() + one.loss).backward()
        assert z.grad.dtype == dtype
        assert z.grad.isfinite().all()
    assert all(p.grad.dtype == dtype and p.grad.isfinite().all() for p in narrow.parameters())
    rounded = getattr(narrow, "learning", "") == "gradient"  # its first codebook is a parameter, in half precision
    for name, buffer in narrow.named_buffers():
        assert buffer.dtype not in (torch.float16, torch.bfloat16), name
        if rounded:
            continue
        torch.testing.assert_close(
            buffer.to(reference.get_buffer(name)), reference.get_buffer(name), rtol=1e-3, atol=1e-3
        )


@every
def test_input_of_another_type_than_the_module(make):
    """A float32 module takes doubles, a half module takes floats: tokens are in the type of the features."""
    quantizer, z = trained(make), features(9)
    expected = quantizer(z).tokens
    out = quantizer(z.double()).tokens
    assert out.dtype == torch.float64
    torch.testing.assert_close(out.float(), expected, rtol=1e-4, atol=1e-4)
    assert copy.deepcopy(quantizer).bfloat16()(z).tokens.dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        assert copy.deepcopy(quantizer).half()(z.half()).tokens.dtype == torch.float16


def test_conversion_does_not_round_an_averaged_codebook():
    quantizer = trained(DISCRETE["vector"])
    assert torch.equal(copy.deepcopy(quantizer).half().float().codebook, quantizer.codebook)
    assert quantizer.double().codebook.dtype == torch.float64


def test_nearest_codes_of_half_precision_vectors():
    """In bfloat16 arithmetic 256 and 257 are the same number."""
    codebook = torch.tensor([[256.0, 0.0], [258.0, 0.0], [260.0, 0.0]])
    z = torch.tensor([[260.0, 0.0], [256.0, 0.0]])
    for dtype in (torch.bfloat16, torch.float16):
        assert nearest_codes(z.to(dtype), codebook.to(dtype)).tolist() == [2, 0]
        assert nearest_codes(z.to(dtype), codebook.double()).tolist() == [2, 0]


@pytest.mark.parametrize("dim", [512, 2000])
def test_usage_of_many_gaussian_dimensions_does_not_overflow(dim):
    torch.manual_seed(0)
    quantizer = GaussianTokens(dim)
    out = quantizer(torch.randn(2, 4, dim, generator=seeded(0)))
    assert out.usage.entropy > 1024
    assert out.usage.perplexity == math.inf
    assert quantizer.usage.asdict()["perplexity"] == math.inf


def test_gaussian_averages_survive_a_rate_that_overflows():
    quantizer, z = GaussianTokens(4), torch.randn(2, 8, 4, generator=seeded(0))
    quantizer(z)
    before = quantizer.usage.entropy
    with pytest.raises(ValueError, match="rate: got 'NaN or infinity', expected finite numbers"):
        quantizer(1e25 * z)
    with checks(False):
        quantizer(1e25 * z)
    assert quantizer.usage.entropy == before


@pytest.mark.parametrize("name", OPTIONS)
@dtypes
def test_a_tokenizer_in_another_precision(name, dtype):
    torch.manual_seed(0)
    config = TokenizerConfig(width=8, dim=8, quantizer=name, quantizer_options=OPTIONS[name])
    tokenizer = SharedTokenizer.from_config(config)
    tokenizer(BATCH.images)
    narrow, reference = converted(tokenizer, dtype)
    terms = narrow.loss(BATCH, seeded(0))  # float32 images, as worlds draw them
    sum(terms.values()).backward()
    for key, value in reference.loss(BATCH, seeded(0)).items():
        torch.testing.assert_close(terms[key].float(), value, rtol=0.1, atol=0.02)
    assert all(p.grad.isfinite().all() for p in narrow.parameters())
    tokens = narrow.encode(BATCH.images.to(dtype))
    assert tokens.dtype == narrow.decode(tokens).dtype == dtype
    assert narrow.decode(tokens.float()).dtype == dtype
    if name != "continuous":
        codes = narrow.codes(BATCH.images)
        agree = (codes == reference.eval().codes(BATCH.images)).float().mean()
        assert agree > 0.9
        torch.testing.assert_close(narrow.decode_codes(codes), narrow.decode(tokens))


def test_a_half_precision_quantizer_is_saved_without_loss():
    quantizer = trained(lambda: VectorQuantizer(6, 32, code_dim=3)).half()
    other = VectorQuantizer(6, 32, code_dim=3).half()
    other.load_state_dict(quantizer.state_dict())
    z = features(9).half()
    assert torch.equal(other.eval()(z).tokens, quantizer(z).tokens)
