"""What every quantizer promises: one interface, honest rates, exact tokens, states without loss, and clear refusals."""

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from infotok.tokenizers import (
    BinarySphericalQuantizer,
    CodebookQuantizer,
    ConvDecoder,
    ConvEncoder,
    FiniteScalarQuantizer,
    GaussianTokens,
    GumbelQuantizer,
    LookupFreeQuantizer,
    MultiCodebookQuantizer,
    Quantized,
    ResidualQuantizer,
    SharedTokenizer,
    SimVQ,
    Usage,
    VectorQuantizer,
)
from infotok.tokenizers.config import QUANTIZERS
from infotok.tokenizers.quantizers.gradients import straight_through
from infotok.tokenizers.quantizers.interface import require_quantizer
from infotok.tokenizers.quantizers.usage import UsageTracker

DIM = 6
DISCRETE = {
    "vector": lambda: VectorQuantizer(DIM, 32),
    "vector, gradient and rotation": lambda: VectorQuantizer(DIM, 32, learning="gradient", gradient="rotation"),
    "vector, cosine and narrow": lambda: VectorQuantizer(DIM, 32, cosine=True, code_dim=3),
    "residual": lambda: ResidualQuantizer(DIM, 8, 3),
    "residual, narrow": lambda: ResidualQuantizer(DIM, 8, 3, code_dim=4, gradient="rotation"),
    "multi-codebook": lambda: MultiCodebookQuantizer(DIM, 8, 3),
    "scalar": lambda: FiniteScalarQuantizer(DIM, [8, 5, 3]),
    "scalar, clip": lambda: FiniteScalarQuantizer(DIM, [2] * DIM, bound="clip"),
    "lookup-free": lambda: LookupFreeQuantizer(DIM, 2**DIM),
    "lookup-free, projected": lambda: LookupFreeQuantizer(DIM, 2**8),
    "spherical": lambda: BinarySphericalQuantizer(DIM, 2**DIM),
    "SimVQ": lambda: SimVQ(DIM, 32),
    "Gumbel": lambda: GumbelQuantizer(DIM, 32),
}
EVERY = DISCRETE | {"Gaussian": lambda: GaussianTokens(DIM)}
every = pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
discrete = pytest.mark.parametrize("make", DISCRETE.values(), ids=DISCRETE)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def features(seed: int = 0, batch: int = 8, length: int = 16) -> torch.Tensor:
    return torch.randn(batch, length, DIM, generator=seeded(seed))


def trained(make, passes: int = 4):
    """A quantizer that has seen some batches, its random draws fixed."""
    torch.manual_seed(0)
    quantizer = make()
    for i in range(passes):
        quantizer(features(i), generator=seeded(i))
    return quantizer.eval()


# --- the interface ---------------------------------------------------------------------------------------------------


@every
def test_every_quantizer_keeps_the_protocol(make):
    """Only what `Quantizer` names is used: a host that relies on no more can take any of them."""
    quantizer, z = trained(make), features(9)
    require_quantizer("quantizer", quantizer)
    out = quantizer(z, torch.arange(16).expand(8, 16) < 12)
    assert isinstance(out, Quantized)
    assert out.tokens.shape == (8, 16, quantizer.dim)
    assert not out.tokens[:, 12:].any()
    assert quantizer.rate(16) == 16 * quantizer.bits_per_token
    assert {*out.usage.asdict()} == {*quantizer.usage.asdict()} == {"entropy_bits", "perplexity", "dead"}
    if quantizer.codebooks:
        assert quantizer.bits_per_token == quantizer.codebooks * math.log2(quantizer.codebook_size)
        assert torch.equal(quantizer.decode(quantizer(z).codes), quantizer(z).tokens)
    else:
        assert quantizer.codebook_size is None
        assert out.codes is None
        with pytest.raises(TypeError, match="codes: got 'continuous tokens, which have none'"):
            quantizer.decode(torch.zeros(8, 16, dtype=torch.long))
    assert quantizer.train().freeze() is quantizer
    assert not quantizer.training
    assert not any(p.requires_grad for p in quantizer.parameters())


def test_every_named_quantizer_is_among_those_tested():
    assert {type(make()) for make in EVERY.values()} == {*QUANTIZERS.values()}


class Thermometer(CodebookQuantizer):
    """A quantizer by the recipe in `base`: the first number, cut at K - 1 fixed thresholds."""

    def __init__(self, dim, codebook_size):
        super().__init__(dim, codebook_size, 1)
        self.tracker = UsageTracker(codebook_size)
        self.register_buffer("levels", torch.linspace(-1, 1, codebook_size))

    def _quantize(self, z, generator):
        codes = (z - self.levels).abs().argmin(1)
        vectors = self._vectors(codes).to(z.dtype)
        return straight_through(z, vectors), codes, (z - vectors).square().mean()

    def _vectors(self, codes):
        return self.levels[codes][..., None]


class Sign(nn.Module):
    """A quantizer of another library: no base class, only the protocol."""

    dim, codebooks, codebook_size, bits_per_token = DIM, 1, 2, 1.0
    usage = Usage.of(torch.tensor([0, 1]), 2)

    def forward(self, z, mask=None, generator=None):
        codes = (z[..., 0] > 0).long()
        return Quantized(straight_through(z, self.decode(codes)), codes, z.new_zeros(()), Usage.of(codes, 2))

    def decode(self, codes):
        return (2.0 * codes[..., None] - 1).expand(*codes.shape, DIM)

    def rate(self, length):
        return 1.0 * length

    def freeze(self):
        return self.requires_grad_(False)


@pytest.mark.parametrize("make", [lambda: Thermometer(DIM, 5), Sign])
def test_a_quantizer_that_is_added_fits_into_a_tokenizer(make):
    torch.manual_seed(0)
    images, quantizer = torch.rand(4, 3, 32, 32), make()
    tokenizer = SharedTokenizer(ConvEncoder(32, 4, DIM, 8), None, quantizer, ConvDecoder(32, 4, DIM, 8))
    out = tokenizer(images)
    sum((tokenizer.reconstruction(out.tokens, images) | out.terms).values()).backward()
    assert tokenizer.encoder.layers[0].weight.grad.abs().sum() > 0
    tokenizer.eval()
    codes = tokenizer.codes(images)
    assert torch.equal(quantizer.decode(codes), tokenizer.encode(images))
    assert tokenizer.decode_codes(codes).shape == images.shape
    assert tokenizer.bits_per_image == 16 * math.log2(quantizer.codebook_size)


def test_what_keeps_no_protocol_is_refused():
    with pytest.raises(TypeError, match="quantizer: got 'Linear', expected a Quantizer"):
        SharedTokenizer(ConvEncoder(32, 4, DIM, 8), None, nn.Linear(DIM, DIM), ConvDecoder(32, 4, DIM, 8))


def test_the_recipes_quantizer_is_masked_and_counted_without_code_of_its_own():
    torch.manual_seed(0)
    quantizer, z = Thermometer(DIM, 5), features()
    mask = torch.arange(16).expand(8, 16) < 4
    out, alone = quantizer(z, mask), quantizer(z[:, :4])
    assert torch.equal(out.codes[:, :4], alone.codes)
    assert out.usage.counts.sum() == 8 * 4
    assert quantizer.tracker.counts.sum() > 0
    with pytest.raises(ValueError, match="codes: got '5 to 5', expected 0 to 4"):
        quantizer.decode(torch.full((1, 1), 5))


@every
def test_shapes_and_gradient(make):
    torch.manual_seed(0)
    quantizer, z = make(), features().requires_grad_()
    quantizer(features(1))
    out = quantizer(z)
    assert out.tokens.shape == z.shape
    assert out.loss.shape == ()
    assert out.loss.isfinite()
    target = torch.randn(z.shape, generator=seeded(3))
    ((out.tokens - target).square().mean() + out.loss).backward()
    assert z.grad.isfinite().all()
    assert (z.grad.flatten(1).norm(dim=1) > 0).all()
    for name, parameter in quantizer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@discrete
def test_codes_name_the_tokens_to_the_bit(make):
    quantizer, z = trained(make), features(9)
    out = quantizer(z)
    several = (quantizer.codebooks,) if quantizer.codebooks > 1 else ()
    assert out.codes.shape == (*z.shape[:2], *several)
    assert out.codes.dtype == torch.long
    assert torch.equal(quantizer.decode(out.codes), out.tokens)


@discrete
def test_training_tokens_are_the_decoded_codes_too(make):
    torch.manual_seed(0)
    quantizer = make()
    quantizer(features(1))
    before = copy.deepcopy(quantizer)
    out = quantizer(features(2))
    assert torch.equal(before.decode(out.codes), out.tokens)


@discrete
def test_likeliest_code_is_the_chosen_one(make):
    quantizer, z = trained(make), features(9)
    logits = quantizer.logits(z)
    codes = quantizer(z).codes
    assert logits.shape == (*codes.shape, quantizer.codebook_size)
    assert torch.equal(logits.argmax(-1), codes)
    torch.testing.assert_close(quantizer.logits(z, temperature=0.5), 2 * logits)


@discrete
def test_logits_may_be_taken_before_the_codebook_learns(make):
    """A regulariser reads logits before the quantizer's own pass changes the codebook in place."""
    torch.manual_seed(0)
    quantizer, z = make(), features().requires_grad_()
    quantizer(features(1))
    rate = quantizer.logits(z).logsumexp(-1).mean()
    (rate + quantizer(z).loss).backward()
    assert z.grad.isfinite().all()


def test_logits_are_minus_the_squared_distance():
    quantizer, z = trained(DISCRETE["vector"]), features(9)
    expected = -torch.cdist(z, quantizer.codebook).square()
    torch.testing.assert_close(quantizer.logits(z), expected, atol=1e-4, rtol=1e-4)


@discrete
def test_rates(make):
    quantizer = trained(make)
    bits = quantizer.codebooks * math.log2(quantizer.codebook_size)
    assert quantizer.bits_per_token == pytest.approx(bits)
    assert quantizer.rate(length=16) == pytest.approx(16 * bits)
    for usage in (quantizer(features(9)).usage, quantizer.usage):
        assert 0 < usage.entropy <= bits + 1e-9
        assert 1 < usage.perplexity <= quantizer.codebook_size + 1e-9
        assert 0 <= usage.dead < 1
        assert usage.rate(16) == pytest.approx(16 * usage.entropy)
        assert usage.asdict() == {"entropy_bits": usage.entropy, "perplexity": usage.perplexity, "dead": usage.dead}


# --- one batch, however cut, in whatever precision -------------------------------------------------------------------


@discrete
def test_codes_do_not_depend_on_how_the_batch_is_cut(make):
    quantizer, z = trained(make), features(9)
    whole = quantizer(z).codes
    if not isinstance(quantizer.project_in, torch.nn.Identity) or "Gumbel" in type(quantizer).__name__:
        z, whole = z.double(), quantizer.double()(z.double()).codes  # a linear layer before the choice rounds by shape
    for size in (1, 3, 5):
        assert torch.equal(torch.cat([quantizer(part).codes for part in z.split(size)]), whole)


@every
def test_autocast_changes_nothing(make):
    quantizer, z = trained(make), features(9)
    expected = quantizer(z)
    with torch.autocast("cpu", torch.bfloat16):
        out = quantizer(z)
        if out.codes is not None:
            assert torch.equal(quantizer.decode(out.codes), expected.tokens)
            assert torch.equal(quantizer.logits(z), quantizer.logits(z).float())
    assert torch.equal(out.tokens, expected.tokens)
    assert torch.equal(out.loss, expected.loss)


@every
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_features(make, dtype):
    torch.manual_seed(0)
    quantizer, z = make(), features().to(dtype).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        out = quantizer(z)
    assert out.tokens.dtype == dtype
    assert out.loss.dtype == torch.float32
    (out.tokens.float().square().mean() + out.loss).backward()
    assert z.grad.isfinite().all()
    assert all(buffer.dtype != dtype for buffer in quantizer.buffers())


@every
@pytest.mark.parametrize("scale", [1e-20, 1e4, 1e18])
def test_features_of_any_size_give_numbers(make, scale):
    torch.manual_seed(0)
    quantizer = make()
    for i in range(3):
        z = (scale * features(i)).requires_grad_()
        out = quantizer(z)
        assert out.tokens.isfinite().all()
        assert not out.loss.isnan()
        out.tokens.sum().backward()
        assert z.grad.isfinite().all()


@pytest.mark.parametrize("make", [DISCRETE["lookup-free"], DISCRETE["scalar"], DISCRETE["spherical"]])
@given(exponents=st.lists(st.floats(-30, 18), min_size=DIM, max_size=DIM))
@settings(max_examples=30, deadline=None)
def test_bits_and_levels_never_give_nan(make, exponents):
    torch.manual_seed(0)
    quantizer = make()
    scale = 10 ** torch.tensor(exponents, dtype=torch.float32)
    z = (features() * scale * features(1).sign()).requires_grad_()
    out = quantizer(z)
    assert out.tokens.isfinite().all()
    (out.tokens.square().mean() + out.loss).backward()
    assert not z.grad.isnan().any()


# --- states and seeds ------------------------------------------------------------------------------------------------


@every
def test_state_is_saved_without_loss(make):
    """A quantizer loaded in the middle of training goes on as the one that was saved, to the bit."""
    torch.manual_seed(0)
    quantizer = make()
    for i in range(3):
        quantizer(features(i), generator=seeded(i))
    torch.manual_seed(1)
    other = make()
    other.load_state_dict(copy.deepcopy(quantizer.state_dict()))
    for i in range(3, 6):
        one, two = (q(features(i), generator=seeded(i)) for q in (quantizer, other))
        assert torch.equal(one.tokens, two.tokens)
        assert torch.equal(one.loss, two.loss)
    assert quantizer.usage.asdict() == other.usage.asdict()
    for name, value in quantizer.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


@every
def test_same_seed_same_numbers(make):
    def run():
        torch.manual_seed(0)
        quantizer = make()
        return [quantizer(features(i), generator=seeded(i)).tokens for i in range(4)]

    for one, two in zip(run(), run(), strict=True):
        assert torch.equal(one, two)


@every
def test_eval_mode_changes_no_state(make):
    quantizer = trained(make)
    before = copy.deepcopy(quantizer.state_dict())
    one, two = quantizer(features(9)), quantizer(features(9))
    assert torch.equal(one.tokens, two.tokens)
    for name, value in quantizer.state_dict().items():
        assert torch.equal(value, before[name]), name


# --- usage -----------------------------------------------------------------------------------------------------------


def test_usage_of_known_counts():
    usage = Usage.of(torch.tensor([0, 0, 1, 2]), 4)
    assert usage.entropy == pytest.approx(1.5)
    assert usage.perplexity == pytest.approx(2**1.5)
    assert usage.dead == 0.25
    assert usage.rate(10) == pytest.approx(15)


def test_usage_of_several_codebooks_adds_bits():
    codes = torch.tensor([[[0, 3], [0, 2], [1, 1], [1, 0]]])
    usage = Usage.of(codes, 4, codebooks=2)
    assert usage.entropy == pytest.approx(1 + 2)
    assert usage.perplexity == pytest.approx(2**1.5)
    assert usage.dead == 0.25
    halves = Usage.stack([Usage.of(codes[..., i], 4) for i in (0, 1)])
    assert halves.asdict() == usage.asdict()


def test_one_code_has_no_entropy():
    usage = Usage.of(torch.zeros(5, dtype=torch.long), 8)
    assert (usage.entropy, usage.perplexity, usage.dead) == (0, 1, 7 / 8)


def test_usage_over_time_forgets():
    """Signs all positive, then all negative: the batch has one code, the moving average has seen both."""
    quantizer = LookupFreeQuantizer(1, 2, decay=0.5)
    quantizer(torch.ones(1, 8, 1))
    for passes in (1, 2, 3):
        batch = quantizer(-torch.ones(1, 8, 1)).usage
        assert batch.entropy == 0
        share = 0.5**passes / (2 - 0.5**passes)  # of the first code, weights 1/2, 1/4, ... into the past
        expected = -(share * math.log2(share) + (1 - share) * math.log2(1 - share))
        assert quantizer.usage.entropy == pytest.approx(expected, rel=1e-5)
    assert quantizer.usage.dead == 0
    for _ in range(32 * 2 // 8):  # 32 K vectors on
        quantizer(-torch.ones(1, 8, 1))
    assert quantizer.usage.dead == 0.5


# --- refusals --------------------------------------------------------------------------------------------------------


@every
@pytest.mark.parametrize(
    ("spoil", "message", "error"),
    [
        (
            lambda z: z[..., :-1],
            r"features: got shape \(8, 16, 5\), expected a tensor of shape \(B, L, 6\)",
            ValueError,
        ),
        (lambda z: z[0], r"features: got shape \(16, 6\), expected a tensor of shape \(B, L, 6\)", ValueError),
        (lambda z: z[:0], r"features: got shape \(0, 16, 6\), expected a tensor of shape \(B, L, 6\)", ValueError),
        (lambda z: z.index_fill(0, torch.tensor(0), math.nan), r"features: got .NaN or infinity.", ValueError),
        (lambda z: z.index_fill(0, torch.tensor(0), -math.inf), r"features: got .NaN or infinity.", ValueError),
        (lambda z: z.long(), "features: got torch.int64, expected dtype float", TypeError),
        (lambda z: z.numpy(), r"features: got .ndarray., expected a tensor", TypeError),
    ],
)
def test_bad_features(make, spoil, message, error):
    with pytest.raises(error, match=message):
        make()(spoil(features()))


@discrete
def test_bad_codes(make):
    quantizer = make()
    codes = quantizer(features()).codes
    size = quantizer.codebook_size
    for wrong, found in ((size, f"0 to {size}"), (-1, "-1 to 0")):
        bad = torch.zeros_like(codes)
        bad.view(-1)[0] = wrong
        with pytest.raises(ValueError, match=f"codes: got .{found}., expected 0 to {size - 1}"):
            quantizer.decode(bad)
    shape = r"a tensor of shape \(B, L, 3\)" if quantizer.codebooks == 3 else r"a tensor of shape \(B, L\)"
    with pytest.raises(ValueError, match=f"codes: .* expected {shape}"):
        quantizer.decode(codes[0])
    with pytest.raises(ValueError, match=f"codes: .* expected {shape}"):
        quantizer.decode(codes[..., None])
    for values in (codes.float(), codes > 0):
        with pytest.raises(TypeError, match=r"codes: got torch\.\w+, expected dtype integer"):
            quantizer.decode(values)
    with pytest.raises(TypeError, match=r"codes: got .list., expected a tensor"):
        quantizer.decode(codes.tolist())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: VectorQuantizer(4, 1), "codebook_size: got 1, expected an integer from 2 to 1048576"),
        (lambda: VectorQuantizer(4, 2**21), "codebook_size: got 2097152, expected an integer from 2 to 1048576"),
        (lambda: VectorQuantizer(4, 16.0), "codebook_size: got 16.0, expected an integer"),
        (lambda: VectorQuantizer(0, 16), "dim: got 0, expected a positive integer"),
        (lambda: VectorQuantizer(4, 16, code_dim=0), "code_dim: got 0, expected a positive integer"),
        (lambda: VectorQuantizer(4, 16, learning="ema"), "learning: got 'ema', expected one of average, gradient"),
        (lambda: VectorQuantizer(4, 16, gradient="none"), "gradient: got 'none', expected one of straight-through, "),
        (lambda: VectorQuantizer(4, 16, commitment=-1), "commitment: got -1, expected a number in \\[0, inf\\)"),
        (lambda: VectorQuantizer(4, 16, decay=1.0), "decay: got 1.0, expected a number in \\[0, 1\\)"),
        (lambda: VectorQuantizer(4, 16, patience=0), "patience: got 0, expected a positive integer"),
        (lambda: VectorQuantizer(4, 16, revive_until=-1), "revive_until: got -1, expected a non-negative integer"),
        (lambda: ResidualQuantizer(4, 16, 1), "codebooks: got 1, expected an integer from 2 to 256"),
        (lambda: ResidualQuantizer(4, 1, 2), "codebook_size: got 1, expected an integer from 2"),
        (lambda: ResidualQuantizer(4, 16, 2, cosine=True), "cosine: got True, expected no such option"),
        (lambda: MultiCodebookQuantizer(4, 16, 3), "codebooks: got 3, expected a divisor of the width .* 4"),
        (lambda: FiniteScalarQuantizer(4, []), "levels: got .*, expected one number of levels or more"),
        (lambda: FiniteScalarQuantizer(4, [5, 1]), "levels: got 1, expected an integer from 2"),
        (lambda: FiniteScalarQuantizer(4, 8), "levels: got 'int', expected a list of integers"),
        (lambda: FiniteScalarQuantizer(4, [5, 2]), "levels: got 2, expected 3 or above, or bound='clip'"),
        (lambda: FiniteScalarQuantizer(4, [5], bound="relu"), "bound: got 'relu', expected one of tanh, clip"),
        (lambda: LookupFreeQuantizer(4, 12), "codebook_size: got 12, expected a power of 2, 2 or above"),
        (lambda: LookupFreeQuantizer(4, 1), "codebook_size: got 1, expected a power of 2, 2 or above"),
        (lambda: LookupFreeQuantizer(4, 16, temperature=0), "temperature: got 0, expected a number in \\(0, inf\\)"),
        (lambda: BinarySphericalQuantizer(4, 16, diversity=-1), "diversity: got -1, expected a number in \\[0, inf\\)"),
        (lambda: SimVQ(4, 1), "codebook_size: got 1, expected an integer from 2"),
        (lambda: SimVQ(4, 16, gradient="none"), "gradient: got 'none', expected one of straight-through, rotation"),
        (lambda: GumbelQuantizer(4, 16, final=0), "final: got 0, expected a number in \\(0, inf\\)"),
        (lambda: GumbelQuantizer(4, 16, cooling=0), "cooling: got 0, expected a positive integer"),
        (lambda: GaussianTokens(4, noise=0), "noise: got 0, expected a number in \\(0, inf\\)"),
        (lambda: GaussianTokens(0), "dim: got 0, expected a positive integer"),
    ],
)
def test_bad_options(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_bad_questions():
    with pytest.raises(ValueError, match="length: got 0, expected a positive integer"):
        VectorQuantizer(4, 16).rate(length=0)
    with pytest.raises(ValueError, match="temperature: got 0, expected a number in \\(0, inf\\)"):
        VectorQuantizer(DIM, 16).logits(features(), temperature=0)
    with pytest.raises(ValueError, match="codebook_size: got 32768, expected at most 16384, for a logit per code"):
        LookupFreeQuantizer(DIM, 2**15).logits(features())
    with pytest.raises(TypeError, match=r"codes: got .continuous tokens, which have none., expected"):
        GaussianTokens(4).decode(torch.zeros(1, 1, dtype=torch.long))
    with pytest.raises(TypeError, match=r"logits: got .continuous tokens, which have no codes., expected"):
        GaussianTokens(4).logits(torch.zeros(1, 1, 4))


@every
def test_shown_by_its_dials(make):
    assert f"dim={DIM}" in repr(make())
