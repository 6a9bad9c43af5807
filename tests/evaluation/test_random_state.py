"""Evaluation leaves every global generator as it was, those of GPUs included."""

import random

import numpy as np
import pytest
import torch

from infotok.evaluation import (
    ceilings,
    code_bits,
    evaluate,
    paired_difference,
    probe_tokenizer,
    probe_tokens,
    score_fidelity,
    score_rates,
    score_reconstructions,
    shuffle_images,
)
from infotok.experiments.diffusion import make_model
from infotok.experiments.transfer import carried
from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.unified import AutoregressiveModel, Backbone, ContinuousModel
from infotok.worlds import ShapesWorld, shapes_features

WORLD = ShapesWorld()


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def host(quantizer="vector"):
    torch.manual_seed(0)
    options = {"codebook_size": 8} if quantizer == "vector" else {}
    config = TokenizerConfig(dim=8, width=8, quantizer=quantizer, quantizer_options=options)
    make = AutoregressiveModel if quantizer == "vector" else ContinuousModel
    backbone = Backbone.tiny(len(WORLD.vocabulary), hidden=16, layers=1, heads=2)
    model = make(SharedTokenizer.from_config(config), backbone, WORLD.vocabulary)
    model.loss(WORLD.batch(8, seeded()), seeded())
    return model.eval()


BATCH, FEATURES = WORLD.batch(120, seeded()), shapes_features()
CALLS = {
    "evaluate": lambda: evaluate(host_of["vector"], WORLD, n=8),
    "evaluate, continuous": lambda: evaluate(host_of["continuous"], WORLD, n=8),
    "score_rates": lambda: score_rates(host_of["vector"], WORLD, 16, 0, renders=2),
    "score_rates, continuous": lambda: score_rates(host_of["continuous"], WORLD, 16, 0, renders=2),
    "code_bits": lambda: code_bits(host_of["vector"], BATCH[:4]),
    "probe_tokens": lambda: probe_tokens(BATCH.images[:, :, ::8, ::8], BATCH.scenes, WORLD, steps=2, width=8),
    "probe_tokenizer": lambda: probe_tokenizer(host_of["vector"].tokenizer, WORLD, images=100, steps=2, width=8),
    "score_fidelity": lambda: score_fidelity(
        BATCH.images[:60], BATCH.images[60:], features=FEATURES, subsets=2, subset_size=20
    ),
    "score_reconstructions": lambda: score_reconstructions(BATCH.images, BATCH.images, BATCH.scenes, WORLD),
    "ceilings": lambda: ceilings(BATCH, WORLD),
    "shuffle_images": lambda: shuffle_images(BATCH, seeded()),
    "paired_difference": lambda: paired_difference([1.0, 2.0, 4.0], [0.0, 1.5, 3.0]),
    "make_model": lambda: make_model(0),
    "carried": lambda: carried({"own": host_of["vector"].tokenizer}, WORLD, images=100, steps=2, width=8),
}
host_of = {}


@pytest.fixture(scope="module", autouse=True)
def hosts():
    host_of.update({name: host(name) for name in ("vector", "continuous")})


def states():
    numbers = np.random.get_state()  # noqa: NPY002 - the global generator is what is watched
    return torch.get_rng_state().tolist(), random.getstate(), numbers[1].tolist(), numbers[2]


@pytest.mark.parametrize("name", CALLS)
def test_every_global_generator_is_left_alone(name, monkeypatch):
    def refuse(*_):
        raise AssertionError("this would seed the generators of GPUs, which are not put back")

    for module in (torch, torch.random, torch.cuda, torch.cuda.random):
        monkeypatch.setattr(module, "manual_seed", refuse)
    for module in (torch.cuda, torch.cuda.random):
        monkeypatch.setattr(module, "manual_seed_all", refuse)
    before = states()
    CALLS[name]()
    assert states() == before
