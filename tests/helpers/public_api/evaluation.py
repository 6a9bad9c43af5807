"""Good calls of `infotok.evaluation`."""

from importlib import import_module

import torch

from infotok import evaluation as own
from infotok.worlds import ShapesWorld, mme, shapes_features
from public_api.stopping import stopped
from public_api.unified import model
from public_api.worlds import BATCH, MANY, SCENES, WORLD, seeded

hosts = import_module("infotok.evaluation.evaluate")  # the package has a function of this name
P = [0.01, 0.2, 0.5]
MME = mme(MANY, WORLD, seeded())
TOKENS = torch.randn(120, 4, generator=seeded())


SIDES = {"n": 2, "seed": 0, "at_once": 2}
CALLS = {
    "probe_tokenizer": (
        stopped(own.probe_tokenizer, ShapesWorld, "factors"),
        lambda: {
            "tokenizer": model("masked").tokenizer,
            "world": WORLD,
            "images": 100,
            "seed": 0,
            "steps": 1,
            "width": 4,
        },
    ),
    "probe_tokens": (
        own.probe_tokens,
        lambda: {"tokens": TOKENS, "scenes": MANY.scenes, "world": WORLD, "steps": 1, "width": 4, "seed": 0},
    ),
    "benjamini_hochberg": (own.benjamini_hochberg, lambda: {"p": P}),
    "holm": (own.holm, lambda: {"p": P}),
    "paired_difference": (
        own.paired_difference,
        lambda: {"a": [1.0, 2.0, 4.0], "b": [1.0, 1.0, 2.0], "level": 0.9, "resamples": 99, "seed": 0},
    ),
    "ceilings": (
        own.ceilings,
        lambda: {
            "batch": BATCH,
            "world": WORLD,
            "reconstruct": lambda images: images,
            "generate": lambda captions: BATCH.images,
        },
    ),
    "score_reconstructions": (
        own.score_reconstructions,
        lambda: {"reconstructions": BATCH.images, "images": BATCH.images, "scenes": SCENES, "world": WORLD},
    ),
    "score_fidelity": (
        own.score_fidelity,
        lambda: {
            "generated": BATCH.images,
            "real": BATCH.images,
            "features": shapes_features(),
            "subsets": 2,
            "subset_size": 3,
            "seed": 0,
        },
    ),
    "score_answers": (own.score_answers, lambda: {"predicted": BATCH.answers, "batch": BATCH, "world": WORLD}),
    "score_pope": (own.score_pope, lambda: {"predicted": BATCH.answers, "batch": BATCH, "world": WORLD}),
    "score_mme": (own.score_mme, lambda: {"predicted": MME.answers, "batch": MME}),
    "question_only": (own.question_only, lambda: {"train": BATCH, "test": BATCH}),
    "shuffle_images": (own.shuffle_images, lambda: {"batch": BATCH, "generator": seeded()}),
    "evaluate": (
        stopped(own.evaluate, ShapesWorld, "with_split"),
        lambda: {"model": model("masked"), "world": WORLD, **SIDES},
    ),
    "evaluate_understanding": (
        stopped(own.evaluate_understanding, ShapesWorld, "with_split"),
        lambda: {"model": model("masked"), "world": WORLD, **SIDES},
    ),
    "evaluate_generation": (
        stopped(own.evaluate_generation, hosts, "ceilings"),
        lambda: {"model": model("masked"), "world": WORLD, **SIDES},
    ),
    "score_rates": (
        own.score_rates,
        lambda: {"model": model("masked"), "world": WORLD, **SIDES, "captions": 1, "renders": 2},
    ),
    "code_bits": (own.code_bits, lambda: {"model": model("masked"), "batch": BATCH, "at_once": 2}),
}
