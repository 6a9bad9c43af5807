"""A small model in training: what the tests of the loop and of its folder share."""

from contextlib import contextmanager
from functools import cache

import pytest
import torch

from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.unified import AutoregressiveModel, Backbone, TrainConfig, train
from infotok.worlds import ShapesWorld

WORLD = ShapesWorld(nuisance=0.2)
TIMES = ("images_per_second", "data_share", "utilisation")
SMALL = TrainConfig(steps=8, batch=4, questions=2, warmup=2, save_every=2, log_every=1, seed=5)
TWO = TrainConfig(**{**vars(SMALL), "steps": 2})


def build(cls=AutoregressiveModel, quantizer="vector", dim=4, heads=2, **options):
    torch.manual_seed(0)
    config = TokenizerConfig(grid=2, dim=dim, width=4, quantizer=quantizer, quantizer_options={"codebook_size": 8})
    backbone = Backbone.tiny(len(WORLD.vocabulary), hidden=8, layers=1, heads=heads, positions=64)
    return cls(SharedTokenizer.from_config(config), backbone, WORLD.vocabulary, **options)


class Other(ShapesWorld):
    """Another world of the same settings."""


def losses(rows):
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


def altered(config, **changes):
    return TrainConfig(**{**vars(config), **changes})


@contextmanager
def bits_repeat():
    """Bits depend on the number of threads; processes that a test starts have one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@cache
def whole_run():
    """The rows of a run that nothing disturbed, and its weights."""
    model = build()
    return losses(train(model, WORLD, SMALL)), model.state_dict()


def interrupted(folder, monkeypatch, step=7):
    """A run that ends while the batch of this step is drawn; drawing one for the meter is the first."""
    drawn, batch = [], ShapesWorld.batch

    def draw(*args, **kwargs):
        drawn.append(None)
        if len(drawn) == step:
            raise KeyboardInterrupt
        return batch(*args, **kwargs)

    with monkeypatch.context() as stopping:
        stopping.setattr(ShapesWorld, "batch", draw)
        with pytest.raises(KeyboardInterrupt):
            train(build(), WORLD, SMALL, folder)
