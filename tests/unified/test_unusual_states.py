"""Hosts and quantizers whose state arrives in unusual ways: assigned, on emptied memory, in another type."""

import copy

import pytest
import torch

from infotok.tokenizers import FiniteScalarQuantizer, SharedTokenizer, TokenizerConfig
from infotok.unified import AutoregressiveModel, Backbone, ContinuousModel, MaskedModel
from infotok.worlds import ShapesWorld

WORLD = ShapesWorld()
KINDS = {
    "autoregressive": (AutoregressiveModel, "vector", {"codebook_size": 16}),
    "masked": (MaskedModel, "lookup_free", {"codebook_size": 16}),
    "masked, scalar": (MaskedModel, "scalar", {"levels": [3, 4]}),
    "continuous": (ContinuousModel, "continuous", {}),
}


def build(kind):
    torch.manual_seed(0)
    make, quantizer, options = KINDS[kind]
    config = TokenizerConfig(dim=8, width=8, quantizer=quantizer, quantizer_options=options)
    backbone = Backbone.tiny(len(WORLD.vocabulary), hidden=16, layers=1, heads=2)
    return make(SharedTokenizer.from_config(config), backbone, WORLD.vocabulary)


BATCH = WORLD.batch(4, torch.Generator().manual_seed(0), questions=2)


def images_of(model):
    return model.eval().generate(BATCH.captions, torch.Generator().manual_seed(2))


def spoiled(model):
    """The model moved to the meta device and back onto memory that holds anything."""
    model = model.to("meta").to_empty(device="cpu")
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data.fill_(True if tensor.dtype == torch.bool else 77)
    return model


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_loaded_onto_emptied_memory_is_the_whole_model(kind):
    """Grids, powers of two and frequencies are in no checkpoint: they kept what the memory held."""
    model = build(kind)
    model.loss(BATCH, torch.Generator().manual_seed(1))
    wanted = images_of(model)
    other = spoiled(build(kind))
    other.load_state_dict(model.state_dict())
    assert torch.equal(images_of(other), wanted)
    assert all(torch.equal(a, b) for a, b in zip(model.buffers(), other.buffers(), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_assigned_in_bfloat16(kind):
    """Weights are then bfloat16, and constants and the codebook's type are not."""
    model = build(kind)
    model.loss(BATCH, torch.Generator().manual_seed(1))
    state = {n: t.bfloat16() if t.is_floating_point() else t for n, t in model.state_dict().items()}
    model.load_state_dict(state, assign=True)
    sum(model.train().loss(BATCH, torch.Generator().manual_seed(1)).values()).backward()
    assert images_of(model).isfinite().all()
    assert model.answer(BATCH.images, BATCH.questions).shape == (4, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_host_made_with_float64_as_the_default(kind):
    torch.set_default_dtype(torch.float64)
    try:
        model = build(kind)
        terms = model.loss(BATCH, torch.Generator().manual_seed(1))
        sum(terms.values()).backward()
        assert images_of(model).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert {p.dtype for p in model.parameters()} == {torch.float64}


def test_constants_survive_copies_and_are_in_no_checkpoint():
    quantizer = FiniteScalarQuantizer(8, [3, 4])
    again = copy.deepcopy(quantizer)
    names = {"count", "digits", "zero", "step"}
    assert not names & quantizer.state_dict().keys()
    assert all(torch.equal(getattr(again, name), getattr(quantizer, name)) for name in names)
