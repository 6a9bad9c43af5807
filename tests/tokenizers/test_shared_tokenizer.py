"""The shared tokenizer: shapes, gradients, InfoTok's places, warm-up, configuration, checkpoints, every refusal."""

import dataclasses
import math
import resource
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from infotok.bottleneck import InfoTok
from infotok.checkpoints import load_checkpoint, save_checkpoint
from infotok.tokenizers import (
    ConvDecoder,
    ConvEncoder,
    SharedTokenizer,
    TokenizerConfig,
    VectorQuantizer,
)
from infotok.tokenizers.config import QUANTIZERS
from infotok.worlds import ShapesWorld

torch.set_num_threads(1)
SMALL = {"width": 8, "dim": 8}
OPTIONS = {
    "vector": {"codebook_size": 16},
    "residual": {"codebook_size": 8, "codebooks": 2},
    "multicodebook": {"codebook_size": 8, "codebooks": 2, "decay": 0.9},
    "scalar": {"levels": (4, 3)},
    "lookup_free": {"codebook_size": 16},
    "spherical": {"codebook_size": 16},
    "simvq": {"codebook_size": 16},
    "gumbel": {"codebook_size": 16},
    "continuous": {},
}
WORLD = ShapesWorld(nuisance=0.5)
BATCH = WORLD.batch(8, torch.Generator().manual_seed(0))
TEXT_DIM = BATCH.text.shape[1]


def make(seed=0, **changes):
    torch.manual_seed(seed)
    return SharedTokenizer.from_config(TokenizerConfig(**{**SMALL, "quantizer_options": OPTIONS["vector"], **changes}))


# --- images ---------------------------------------------------------------------------------------------------------


def test_an_image_is_encoded_as_it_is_alone():
    tokenizer = make()
    tokenizer(BATCH.images)
    together = tokenizer.encode(BATCH.images)
    apart = torch.cat([tokenizer.encode(BATCH.images[i : i + 1]) for i in range(len(BATCH))])
    assert torch.allclose(together, apart, atol=1e-5)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (
            torch.rand(2, 3, 16, 16),
            ValueError,
            r"images: got shape \(2, 3, 16, 16\), expected a tensor of shape \(B, 3, 32, 32\)",
        ),
        (torch.rand(2, 1, 32, 32), ValueError, r"images: got shape \(2, 1, 32, 32\), expected"),
        (torch.rand(3, 32, 32), ValueError, r"images: got shape \(3, 32, 32\), expected"),
        (torch.rand(0, 3, 32, 32), ValueError, r"images: got shape \(0, 3, 32, 32\), expected"),
        (torch.full((1, 3, 32, 32), 255.0), ValueError, "images, range: got '255 to 255', expected values in .0, 1."),
        (torch.full((1, 3, 32, 32), -0.5), ValueError, "images, range: got '-0.5 to -0.5', expected values in .0, 1."),
        (torch.full((1, 3, 32, 32), math.nan), ValueError, "images: got 'NaN or inf', expected finite numbers"),
        (torch.full((1, 3, 32, 32), math.inf), ValueError, "images: got 'NaN or inf', expected finite numbers"),
        (torch.zeros(1, 3, 32, 32, dtype=torch.uint8), TypeError, "images: got torch.uint8, expected dtype float"),
        ("photo.png", TypeError, "images: got 'str', expected a tensor"),
    ],
)
@pytest.mark.parametrize("call", ["encode", "codes", "__call__"])
def test_what_is_no_image_is_an_error(images, error, message, call):
    with pytest.raises(error, match=message):
        getattr(make(), call)(images)


def test_tokens_of_another_shape_are_errors_of_the_decoder():
    with pytest.raises(ValueError, match=r"tokens: got shape \(2, 7, 8\), expected a tensor of shape \(B, 16, 8\)"):
        make().decode(torch.zeros(2, 7, 8))


# --- quantizers in their place ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", QUANTIZERS)
def test_every_quantizer_trains_the_encoder_and_decodes_its_codes(name):
    tokenizer = make(quantizer=name, quantizer_options=OPTIONS[name])
    out = tokenizer(BATCH.images)
    assert out.tokens.shape == out.features.shape == (8, 16, 8)
    assert out.terms.keys() == {"quantizer"}
    out.tokens.square().sum().backward()  # a host's loss
    assert all(p.grad.abs().sum() > 0 for p in tokenizer.encoder.layers[0].parameters())
    tokens = tokenizer.eval().encode(BATCH.images)
    if name != "continuous":
        codes = tokenizer.codes(BATCH.images)
        assert codes.dtype == torch.long
        assert torch.allclose(tokenizer.quantizer.decode(codes), tokens, atol=1e-5)
        assert torch.allclose(tokenizer.decode_codes(codes), tokenizer.decode(tokens), atol=1e-5)
        assert tokenizer.bits_per_image == 16 * tokenizer.quantizer.bits_per_token


def test_bits_per_image():
    assert make().bits_per_image == 16 * 4
    assert make(grid=2).bits_per_image == 4 * 4
    assert make(quantizer=None, quantizer_options={}).bits_per_image == math.inf


def test_continuous_tokens_have_no_codes():
    for changes in ({"quantizer": None, "quantizer_options": {}}, {"quantizer": "continuous", "quantizer_options": {}}):
        with pytest.raises(ValueError, match="codes: got 'none', expected quantized tokens"):
            make(**changes).codes(BATCH.images)
    with pytest.raises(ValueError, match="this tokenizer has no quantizer"):
        make(quantizer=None, quantizer_options={}).decode_codes(torch.zeros(1, 16, dtype=torch.long))


@pytest.mark.parametrize(
    ("codes", "error", "message"),
    [
        (torch.full((2, 16), 16), ValueError, "codes: got '16 to 16', expected 0 to 15"),
        (torch.full((2, 16), -1), ValueError, "codes: got '-1 to -1', expected 0 to 15"),
        (torch.zeros(2, 16), TypeError, "codes: got torch.float32, expected dtype integer"),
        (
            torch.zeros(16, dtype=torch.long),
            ValueError,
            r"codes: got shape \(16,\), expected a tensor of shape \(B, L\)",
        ),
        (
            torch.zeros(2, 9, dtype=torch.long),
            ValueError,
            r"tokens: got shape \(2, 9, 8\), expected a tensor of shape \(B, 16, 8\)",
        ),
    ],
)
def test_codes_out_of_range_or_shape_are_errors(codes, error, message):
    with pytest.raises(error, match=message):
        make().decode_codes(codes)


def test_initial_weights_do_not_depend_on_infotok():
    plain, regulated = make(), make(infotok={"text_dim": TEXT_DIM, "consistency": 0.1})
    for name, value in plain.state_dict().items():
        assert torch.equal(value, regulated.state_dict()[name]), name


def test_encoding_changes_nothing():
    tokenizer = make(infotok={"text_dim": TEXT_DIM, "consistency": 0.1})
    tokenizer(BATCH.images, text=BATCH.text)
    tokenizer.decoder.eval()  # a part in a mode of its own
    before = {name: value.clone() for name, value in tokenizer.state_dict().items()}
    modes = [module.training for module in tokenizer.modules()]
    first = tokenizer.encode(BATCH.images)
    assert torch.equal(first, tokenizer.encode(BATCH.images))
    assert not first.requires_grad
    assert [module.training for module in tokenizer.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in tokenizer.state_dict().items())


def test_a_warm_up_is_an_autoencoder_without_codes():
    tokenizer = make(warmup=2)
    with pytest.raises(ValueError, match="expected quantized tokens; 0 of 2 training steps of warm-up"):
        tokenizer.codes(BATCH.images)
    for _ in range(2):
        out = tokenizer(BATCH.images)
        assert out.codes is None
        assert out.usage is None
        assert out.terms == {}
        assert out.tokens is out.features
    assert int(tokenizer.quantizer.tracker.counts.sum()) == 0  # the quantizer has seen nothing
    out = tokenizer(BATCH.images)
    assert out.codes.shape == (8, 16)
    assert out.terms.keys() == {"quantizer"}


def test_the_loss_is_named_weighted_terms():
    tokenizer = make(l1=0.5, l2=2.0).eval()
    terms = tokenizer.loss(BATCH)
    drawn = tokenizer.decode(tokenizer.encode(BATCH.images))
    assert terms.keys() == {"l1", "l2", "quantizer"}
    assert torch.isclose(terms["l1"], 0.5 * (drawn - BATCH.images).abs().mean())
    assert torch.isclose(terms["l2"], 2 * (drawn - BATCH.images).square().mean())
    assert make(l2=0.0, l1=1.0).loss(BATCH).keys() == {"l1", "quantizer"}


def train(tokenizer, steps, seed=0):
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(tokenizer.parameters(), 1e-2)
    losses = []
    for _ in range(steps):
        loss = sum(tokenizer.loss(WORLD.batch(16, generator, questions=1), generator).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_training_lowers_the_loss_and_repeats_bit_for_bit():
    losses = train(make(warmup=3), 24)
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])
    assert losses[:6] == train(make(warmup=3), 6)


# --- InfoTok in its place --------------------------------------------------------------------------------------------


def test_infotok_before_the_quantizer_makes_it_a_noisy_channel_in_training_only():
    tokenizer = make(infotok={"text_dim": TEXT_DIM, "compression": 1e-3, "consistency": 0.1})
    generator = torch.Generator().manual_seed(0)
    out = tokenizer(BATCH.images, text=BATCH.text, generator=generator)
    assert out.terms.keys() == {"quantizer", "infotok"}
    assert torch.equal(out.terms["infotok"], out.infotok.loss)
    assert set(out.infotok.asdict()) == {"loss", "compression_nats", "consistency_nats"}
    tokenizer.eval()
    assert torch.equal(tokenizer(BATCH.images).tokens, tokenizer(BATCH.images).tokens)


def test_infotok_after_the_quantizer_charges_for_codes():
    tokenizer = make(infotok={"compression": 1e-3, "placement": "after", "codes": 16}, warmup=1)
    assert tokenizer(BATCH.images).infotok.compression is None  # no codes yet
    out = tokenizer(BATCH.images)
    log_q = tokenizer.quantizer.logits(out.features).log_softmax(-1)
    rate = (log_q.exp() * (log_q + math.log(16))).sum((1, 2)).mean()
    assert 0 < out.infotok.compression <= 16 * math.log(16)
    assert torch.isclose(out.infotok.compression, rate, rtol=0.3)  # the codebook has moved since
    assert torch.equal(tokenizer.eval()(BATCH.images).tokens, tokenizer.quantizer(out.features).tokens)
    grads = torch.autograd.grad(out.terms["infotok"], tokenizer.encoder.layers[0].weight)
    assert grads[0].abs().sum() > 0


def test_infotok_charges_for_the_noise_that_continuous_tokens_have():
    """One noise: InfoTok adds none, and its rate against N(0, I) is the quantizer's own, per image."""
    own = {"quantizer": "continuous", "quantizer_options": {}, "infotok": {"compression": 1e-3, "noise": None}}
    tokenizer = make(**own)
    out = tokenizer(BATCH.images, generator=torch.Generator().manual_seed(0))
    assert out.infotok.compression.item() == pytest.approx(16 * out.usage.entropy * math.log(2), rel=1e-5)
    mean, log_variance = tokenizer.quantizer.posterior(out.features)
    noise = (out.tokens - mean) / (0.5 * log_variance).exp()
    assert noise.std().item() == pytest.approx(1, rel=0.05)
    assert torch.equal(tokenizer.eval().encode(BATCH.images), mean)


def test_hsic_reads_images_and_text():
    options = {"estimator": "hsic", "text_dim": TEXT_DIM, "compression": 0.5, "consistency": 1.0}
    terms = make(infotok=options).loss(BATCH)
    assert terms.keys() == {"l2", "quantizer", "infotok"}


@pytest.mark.parametrize(
    "options",
    [
        {"estimator": "hsic", "consistency": 1.0},  # compares images with each other
        {"prior": "host"},  # reads the host's predictions
        {"placement": "after", "codes": 16},
        {"consistency": 1.0, "prior": "text"},
    ],
)
def test_one_image_is_encoded_whatever_infotok_needs_in_training(options):
    tokenizer = make(infotok={"text_dim": TEXT_DIM, "compression": 0.1, **options})
    plain = make()
    assert torch.equal(tokenizer.encode(BATCH.images[:1]), plain.encode(BATCH.images[:1]))
    assert torch.equal(tokenizer.codes(BATCH.images[:1]), plain.codes(BATCH.images[:1]))


def test_the_host_prior_reaches_infotok():
    tokenizer = make(infotok={"prior": "host", "compression": 1e-3})
    with pytest.raises(ValueError, match="host: got None, expected"):
        tokenizer(BATCH.images)
    host = (torch.zeros(8, 16, 8), torch.zeros(8, 16, 8))
    assert tokenizer(BATCH.images, host=host).infotok.compression > 0


def test_autocast_leaves_codes_and_losses_in_order():
    tokenizer = make(infotok={"text_dim": TEXT_DIM, "consistency": 0.1})
    with torch.autocast("cpu", torch.bfloat16):
        terms = tokenizer.loss(BATCH)
        assert tokenizer.codes(BATCH.images).dtype == torch.long
    sum(terms.values()).backward()
    assert all(p.grad.isfinite().all() for p in tokenizer.encoder.parameters())


def test_text_is_read_only_where_a_term_needs_it():
    images_only = dataclasses.make_dataclass("Images", ["images"])(BATCH.images)
    make(infotok={"compression": 1e-3}).loss(images_only)
    for options in ({"consistency": 0.1}, {"prior": "text"}):
        with pytest.raises(AttributeError, match="text"):
            make(infotok={"text_dim": TEXT_DIM, **options}).loss(images_only)


def test_consistency_alone_raises_what_tokens_say_of_the_text():
    """The tokenizer's own InfoNCE, from near 0 to well above it in a few steps."""
    tokenizer = make(infotok={"text_dim": TEXT_DIM, "compression": 0.0, "consistency": 1.0})
    before = tokenizer(BATCH.images, text=BATCH.text).infotok.consistency.item()
    train(tokenizer, 20)
    after = tokenizer(BATCH.images, text=BATCH.text).infotok.consistency.item()
    assert after > before + 0.3


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"infotok": InfoTok(8, placement="adapter")},
            'infotok, placement: got .adapter., expected "before" or "after"',
        ),
        ({"infotok": InfoTok(6)}, "infotok, dim: got 6, expected the encoder's, 8"),
        ({"quantizer": VectorQuantizer(6, 16)}, "quantizer, dim: got 6, expected the encoder's, 8"),
        ({"decoder": ConvDecoder(32, 4, 6, 8)}, "decoder, dim: got 6, expected the encoder's, 8"),
        ({"decoder": ConvDecoder(32, 8, 8, 8)}, "decoder, length: got 64, expected the encoder's, 16"),
        ({"l2": -1.0}, "l2: got -1.0, expected a number in \\[0, inf\\)"),
        ({"warmup": 1.5}, "warmup: got 1.5, expected a non-negative integer"),
    ],
)
def test_parts_that_do_not_fit_are_errors(parts, message):
    fitting = {
        "encoder": ConvEncoder(32, 4, 8, 8),
        "infotok": None,
        "quantizer": None,
        "decoder": ConvDecoder(32, 4, 8, 8),
    }
    with pytest.raises((TypeError, ValueError), match=message):
        SharedTokenizer(**{**fitting, **parts})


# --- checkpoints ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", QUANTIZERS)
def test_a_saved_tokenizer_is_the_same_one(name, tmp_path):
    infotok = {"text_dim": TEXT_DIM, "consistency": 0.1, "prior": "text"}
    tokenizer = make(quantizer=name, quantizer_options=OPTIONS[name], warmup=1, infotok=infotok)
    for _ in range(3):
        tokenizer(BATCH.images, text=BATCH.text)
    tokenizer.save_pretrained(tmp_path)
    loaded = SharedTokenizer.from_pretrained(tmp_path)
    assert loaded.config == tokenizer.config
    assert not loaded.training
    assert torch.equal(loaded.encode(BATCH.images), tokenizer.encode(BATCH.images))
    assert all(torch.equal(value, loaded.state_dict()[key]) for key, value in tokenizer.state_dict().items())
    again = [
        t.train()(BATCH.images, text=BATCH.text, generator=torch.Generator().manual_seed(0))
        for t in (tokenizer, loaded)
    ]
    assert torch.equal(again[0].tokens, again[1].tokens)  # and training goes on as it would have
    assert torch.equal(again[0].terms["infotok"], again[1].terms["infotok"])


def test_foreign_truncated_and_other_checkpoints_are_errors(tmp_path):
    tokenizer = make()
    tokenizer.save_pretrained(tmp_path)
    tensors, meta = load_checkpoint(tmp_path)

    save_checkpoint(tmp_path / "other", tensors, {**meta, "config": {**meta["config"], "dim": 12}})
    with pytest.raises(
        ValueError, match=r"other, encoder.layers.\d+.weight: got shape .*, expected shape .* configuration"
    ):
        SharedTokenizer.from_pretrained(tmp_path / "other")
    save_checkpoint(tmp_path / "newer", tensors, {**meta, "config": {**meta["config"], "rotary": True}})
    with pytest.raises(ValueError, match=r"config: got 'rotary', expected .*one of size"):
        SharedTokenizer.from_pretrained(tmp_path / "newer")
    save_checkpoint(tmp_path / "host", tensors, {"kind": "AutoregressiveModel"})
    with pytest.raises(ValueError, match=r"host, kind: got 'AutoregressiveModel', expected SharedTokenizer"):
        SharedTokenizer.from_pretrained(tmp_path / "host")
    with pytest.raises(FileNotFoundError, match=r"config.json: got 'no such file'"):
        SharedTokenizer.from_pretrained(tmp_path / "nowhere")
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"weights.safetensors: got 'a truncated, damaged or foreign file'"):
        SharedTokenizer.from_pretrained(tmp_path)


def test_a_configuration_larger_than_its_weights_takes_no_memory(tmp_path):
    make().save_pretrained(tmp_path)
    tensors, meta = load_checkpoint(tmp_path)
    meta["config"]["quantizer_options"]["codebook_size"] = 2**20
    save_checkpoint(tmp_path, tensors, meta)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"got shape .*, expected shape .*1048576"):
        SharedTokenizer.from_pretrained(tmp_path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_a_tokenizer_of_loose_parts_cannot_be_written_down(tmp_path):
    tokenizer = SharedTokenizer(ConvEncoder(32, 4, 8, 8), None, None, ConvDecoder(32, 4, 8, 8))
    with pytest.raises(ValueError, match="config: got None, expected a tokenizer from_config"):
        tokenizer.save_pretrained(tmp_path)


def test_consistency_does_not_wait_for_codes():
    options = {"codes": 16, "prior": "text", "consistency": 1.0, "text_dim": 5}
    config = TokenizerConfig(dim=8, quantizer_options={"codebook_size": 16}, infotok=options, warmup=1)
    tokenizer = SharedTokenizer.from_config(config)
    images, text = torch.rand(6, 3, 32, 32), torch.randn(6, 5)
    warm, then = tokenizer(images, text=text), tokenizer(images, text=text)
    assert warm.codes is None
    assert warm.infotok.compression is None
    assert warm.infotok.consistency is not None
    assert then.infotok.compression is not None


@pytest.mark.parametrize("estimator", ["hsic", "variational"])
def test_one_code_in_use_is_not_hidden_by_terms_before_the_quantizer(estimator):
    """The encoder's output tells images apart (nHSIC is high), but every token falls on the same code."""
    torch.manual_seed(0)
    infotok = {"estimator": estimator, "text_dim": 8, "consistency": 1.0, "compression": 0.0}
    tokenizer = SharedTokenizer.from_config(TokenizerConfig(quantizer_options={"codebook_size": 8}, infotok=infotok))
    codebook = torch.full((8, tokenizer.dim), 100.0)
    codebook[0] = 0.0
    tokenizer.quantizer.start_from(codebook)
    images, text = torch.rand(8, 3, 32, 32), torch.rand(8, 8)
    with pytest.warns(UserWarning, match=r"the tokens are the same for every image \(0.00 bits per token\)"):
        out = tokenizer(images, text=text)
    assert out.usage.perplexity == 1
    assert out.infotok.consistency.isfinite()


class Shrink(nn.Module):
    """A regulariser that is no InfoTok: it pulls tokens to 0 and, if it is told to, reads answers."""

    def __init__(self, placement="before", needs=()):
        super().__init__()
        self.placement, self.needs, self.seen = placement, frozenset(needs), None

    def forward(self, features, **given):
        self.seen = given
        return features, SimpleNamespace(loss=features.square().mean())


@pytest.mark.parametrize("placement", ["before", "after"])
def test_any_regulariser_stands_in_the_tokenizer(placement):
    """It gets the inputs that it needs and no other, and its loss is a term of training."""
    own = Shrink(placement, ["answer", "posterior", "image"])
    parts = ConvEncoder(32, 4, 8, 8), own, VectorQuantizer(8, 16), ConvDecoder(32, 4, 8, 8)
    tokenizer = SharedTokenizer(*parts, warmup=1)
    assert tokenizer.needs == own.needs
    answer = torch.arange(8)
    out = tokenizer(BATCH.images, text=BATCH.text, answer=answer)
    assert own.seen.keys() == {"image", "answer", "mask", "generator", "unavailable"}
    assert own.seen["unavailable"] == {"posterior"}  # in the warm-up there are no codes
    assert own.seen["answer"] is answer
    out = tokenizer(BATCH.images, answer=answer)
    assert own.seen["posterior"].shape == (8, 16, 16)
    assert own.seen["unavailable"] == set()
    assert torch.equal(out.terms["infotok"], out.infotok.loss)
    assert "infotok" in tokenizer.loss(BATCH)
    assert own.seen["unavailable"] == {"host"}


def test_a_tokenizer_without_a_regulariser_needs_nothing():
    assert make().needs == frozenset()


def test_a_tokenizer_trains_alone_before_there_is_a_host():
    tokenizer = make(infotok={"prior": "host", "text_dim": TEXT_DIM, "consistency": 1.0})
    tokenizer.loss(BATCH)["infotok"].backward()
    with pytest.raises(ValueError, match="host: got None"):
        tokenizer(BATCH.images, text=BATCH.text)


@pytest.mark.parametrize(
    ("part", "error", "message"),
    [
        (nn.Identity(), TypeError, "infotok: got 'Identity', expected a module with placement and needs"),
        (Shrink("inside"), ValueError, 'infotok, placement: got \'inside\', expected "before" or "after"'),
        (Shrink(needs=["pixels"]), ValueError, r"infotok, needs: got \['pixels'\], expected some of image, text"),
    ],
)
def test_what_is_no_regulariser_is_named(part, error, message):
    with pytest.raises(error, match=message):
        SharedTokenizer(ConvEncoder(32, 4, 8, 8), part, None, ConvDecoder(32, 4, 8, 8))


class Own(nn.Module):
    """An encoder of a user's own, which checks nothing."""

    def __init__(self, length: int = 64) -> None:
        super().__init__()
        self.length, self.dim = length, 12
        self.project = nn.Conv2d(3, 12, 4, 4)

    def forward(self, images):
        return self.project(images).flatten(2).mT


class OwnDecoder(nn.Module):
    def __init__(self, length: int = 64) -> None:
        super().__init__()
        self.length, self.dim = length, 12

    def forward(self, tokens):
        return tokens


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(2, 3, 32, 32, dtype=torch.uint8), "images: got torch.uint8"),
        (torch.full((2, 3, 32, 32), 255.0), "images, range: got '255 to 255'"),
        (torch.full((2, 3, 32, 32), math.nan), "images: got 'NaN or inf'"),
        (torch.zeros(3, 32, 32), "images: got shape"),
        ([0.5], "images: got 'list'"),
        (torch.zeros(2, 3, 16, 16), r"features, of the encoder: got shape \(2, 16, 12\), expected .*\(2, 64, 12\)"),
    ],
)
def test_images_of_an_own_encoder_are_checked_by_name(images, message):
    tokenizer = SharedTokenizer(Own(), None, None, OwnDecoder())
    for call in (tokenizer, tokenizer.encode):
        with pytest.raises((TypeError, ValueError), match=message):
            call(images)


def test_an_own_encoder_that_misstates_its_length_is_named():
    with pytest.raises(ValueError, match="features, of the encoder"):  # else its bits per image would be wrong
        SharedTokenizer(Own(63), None, None, OwnDecoder(63))(torch.zeros(2, 3, 32, 32))
