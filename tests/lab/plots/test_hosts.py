"""What shows unified hosts at work, over a grid of values, each picture redrawn from its recipe byte for byte."""

import json

import numpy as np
import pytest
import torch

from infotok.images import packed, unpacked
from infotok.lab.exercises import hosts as exercises
from infotok.lab.plots import hosts, redraw, training
from infotok.lab.plots.style import png
from infotok.unified.masked import mask_schedule
from infotok.worlds import ShapesWorld

rng = np.random.default_rng(0)
WORLD = ShapesWorld(nuisance=0.3)
BATCH = WORLD.batch(8, torch.Generator().manual_seed(0))
PICTURES, CAPTIONS = packed(BATCH.images), WORLD.captions(BATCH.scenes)
WORDS = [WORLD.vocabulary.words[i] for i in WORLD.vocabulary.answer_ids]
SIDES = {"understanding": 0.97, "shuffled": 0.36, "question_only": 0.41}
READ = {"generations": 0.0, "reconstructions": 0.9, "renders": 1.0}
SCORES = {side: {"mean": share} for side, share in SIDES.items()} | {
    by: {"present": share} for by, share in READ.items()
}


def shares(*shape):
    weights = rng.random(shape)
    return weights / weights.sum(-1, keepdims=True)


def curve(n):
    losses = {"understanding": np.linspace(3, 0.2, n), "reconstruction": np.geomspace(1, 0.1, n)}
    scored = {"scored": [n, 10 * n], "answered": [0.4, 0.9], "drawn": [0.0, 0.8]}
    return {
        "step": list(range(10, 10 * n + 10, 10)),
        **losses,
        "generation": [None] * (n // 3) + [2.0] * (n - n // 3),
        **scored,
    }


CASES = [
    (
        hosts.masks,
        {"mask": np.tril(np.ones((9, 9), int)), "parts": ["image", "question"], "sizes": [4, 5], "title": "t"},
    ),
    *[(training.learning, {"curve": curve(n), "longer": curve(80), "unit": "nats per code"}) for n in (2, 50)],
    (training.scores, {"known": SCORES, "novel": SCORES, "here": {"steps": 9, "answered": 0.7, "drawn": 0.1}}),
    (training.by_kind, {"kinds": ["shape", "colour"], "host": [1.0, 0.9], "blind": [0.3, 0.0]}),
    *[
        (
            hosts.drawings,
            {
                "prompts": CAPTIONS[:n],
                "pictures": PICTURES[:n],
                "readings": CAPTIONS[:n],
                "right": [i % 2 == 0 for i in range(n)],
            },
        )
        for n in (1, 4, 8)
    ],
    *[
        (
            hosts.answer,
            {
                "picture": PICTURES[0],
                "question": "which colour is at top-left ?",
                "words": WORDS,
                "probabilities": shares(len(WORDS)),
                "truth": truth,
                "attention": shares(4, 4),
            },
        )
        for truth in WORDS[:2]
    ],
    (
        hosts.attention,
        {"picture": PICTURES[0], "questions": ["a ?", "b ?"], "weights": shares(2, 3, 4, 4), "names": ["1", "2", "3"]},
    ),
    (hosts.surprise, {"pictures": PICTURES[:3], "nats": rng.random((3, 4, 4)), "names": CAPTIONS[:3]}),
    *[
        (
            hosts.unmasking,
            {
                "prompt": CAPTIONS[0],
                "pictures": PICTURES[:1] * n,
                "settled": np.arange(16).reshape(4, 4) % n,
                "still": mask_schedule(n, 16),
            },
        )
        for n in (1, 8)
    ],
    (
        hosts.rounds,
        {
            "steps": [1, 2, 4, 8, 16],
            "right": [0.1, 0.4, 0.7, 0.8, 0.8],
            "ceiling": 0.95,
            "sure": [0.8, 0.9, 0.9, 0.95, 0.95],
            "objects": [0.3, 0.25, 0.2, 0.2, 0.2],
            "true_objects": 0.58,
        },
    ),
    (
        hosts.flow,
        {
            "prompt": CAPTIONS[1],
            "pictures": PICTURES[:4],
            "times": [0.0, 0.3, 0.6, 1.0],
            "paths": rng.normal(size=(16, 9, 2)),
            "kept": 0.4,
        },
    ),
    (
        hosts.guided,
        {"guidance": [0.0, 1.0, 3.0], "right": [0.02, 0.8, 0.9], "spread": [0.2, 0.1, 0.08], "ceiling": 0.95},
    ),
]


@pytest.mark.parametrize(("plot", "data"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_picture_and_its_recipe_are_one(plot, data):
    figure = plot(**data)
    recipe = json.loads(json.dumps(figure.recipe))
    assert png(redraw(recipe)) == png(figure)
    for ax in figure.axes:
        assert not ax.get_visible() or ax.get_xlabel() or ax.get_ylabel() or ax.get_title() or ax.get_title(loc="left")


def test_a_packed_picture_comes_back():
    pixels = np.stack([unpacked(picture) for picture in PICTURES]).transpose(0, 3, 1, 2)
    assert np.abs(pixels / 255 - BATCH.images.numpy()).max() <= 0.5 / 255 + 1e-6


def test_exercises_follow_from_the_package():
    hidden = mask_schedule(4, 16)
    assert exercises.rounds.answer == hidden[2] - hidden[3]
    noise = 2 * (1.5 - 0.5 * 2)
    assert exercises.velocity.answer == 2 - noise
    assert exercises.guidance.answer == pytest.approx(0.4 + 2 * (1.0 - 0.4))
