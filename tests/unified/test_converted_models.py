"""Hosts that were converted as a whole by `.to(dtype)`: training, answers and drawings in other precision."""

import copy

import pytest
import torch

from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.unified import AutoregressiveModel, Backbone, ContinuousModel, MaskedModel, TrainConfig, train
from infotok.worlds import ShapesWorld

WORLD = ShapesWorld()
KINDS = {
    "autoregressive": (AutoregressiveModel, "vector", {"codebook_size": 16}),
    "masked": (MaskedModel, "lookup_free", {"codebook_size": 16}),
    "continuous": (ContinuousModel, "continuous", {}),
    "without quantizer": (ContinuousModel, None, {}),
}
DTYPES = (torch.bfloat16, torch.float16, torch.float64)


def build(kind, infotok=None):
    torch.manual_seed(0)
    make, quantizer, options = KINDS[kind]
    config = TokenizerConfig(dim=8, width=8, quantizer=quantizer, quantizer_options=options, infotok=infotok)
    backbone = Backbone.tiny(len(WORLD.vocabulary), hidden=16, layers=1, heads=2)
    return make(SharedTokenizer.from_config(config), backbone, WORLD.vocabulary)


def drawn(n=8):
    return WORLD.batch(n, torch.Generator().manual_seed(0), questions=2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_losses_are_those_of_float32_and_stay_wide(kind, dtype):
    batch, whole = drawn(), build(kind)
    model = copy.deepcopy(whole).to(dtype)
    wanted, found = (
        {k: v for k, v in m.train().loss(batch, torch.Generator().manual_seed(1)).items()} for m in (whole, model)
    )
    assert found.keys() == wanted.keys()
    for name, term in found.items():
        assert term.dtype == (torch.float64 if dtype == torch.float64 else torch.float32), name
        assert term.item() == pytest.approx(wanted[name].item(), rel=0.1, abs=0.05), name
    sum(found.values()).backward()
    assert all(p.grad.dtype == dtype for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_answers_and_drawings(kind, dtype):
    batch, model = drawn(4), build(kind).to(dtype)
    model.loss(batch, torch.Generator().manual_seed(1))  # a codebook, and the scale of tokens
    images = batch.images.to(dtype)
    assert model.answer(images, batch.questions).shape == (4, 2)
    assert model.answer_probabilities(images, batch.questions).sum(-1).sub(1).abs().max() < 1e-3
    own = model.answer_log_probabilities(images, batch.questions, batch.answers[..., None])
    assert own.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    for guidance in (1.0, 2.0):
        generator = torch.Generator().manual_seed(2)
        assert model.generate(batch.captions, generator, guidance=guidance).isfinite().all()


@pytest.mark.parametrize("kind", ["autoregressive", "masked", "continuous"])
def test_the_hosts_prediction_regularises_in_bfloat16(kind):
    codes = {} if kind == "continuous" else {"codes": 16}
    options = {"text_dim": drawn(1).text.shape[1], "length": 16, "compression": 0.01, "prior": "host"}
    model = build(kind, options | codes).to(torch.bfloat16).train()
    terms = model.loss(drawn(), torch.Generator().manual_seed(1))
    sum(terms.values()).backward()
    assert all(term.isfinite() for term in terms.values())


@pytest.mark.parametrize("kind", KINDS)
def test_training_runs_in_bfloat16(kind):
    model = build(kind).to(torch.bfloat16)
    rows = train(model, WORLD, TrainConfig(steps=3, batch=8, questions=1, warmup=1, log_every=1))
    assert len(rows) == 3
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}


def test_the_scale_of_continuous_tokens_is_a_float32_average():
    """In bfloat16 an average over 100 steps would stand still: its steps are below the type's."""
    model = build("continuous").to(torch.bfloat16).train()
    assert model.mean_square.dtype == torch.float32
    model.passes.fill_(1000), model.mean_square.fill_(1.0)
    model._measure(torch.full((2, 16, 8), 1.1, dtype=torch.bfloat16))
    assert model.mean_square.item() == pytest.approx(1 + 0.01 * 0.2075, abs=1e-4)
    assert build("continuous").double().mean_square.dtype == torch.float64
