"""The pictures of lesson 07 over a grid of values, each redrawn from its recipe byte for byte."""

import json

import numpy as np
import pytest

from infotok.images import packed
from infotok.lab.plots import redraw, tokens
from infotok.lab.plots.style import png

rng = np.random.default_rng(0)
NAMES = ["baseline", "caption head", "consistency only", "InfoTok variational", "InfoTok HSIC"]
NATS = {"structure": 11.98, "jitter": 7.73, "nuisance": 77.25}


def images(n):
    return packed(rng.random((n, 3, 32, 32)))


def intervals(n, centre):
    return [[centre - 1 - i, centre, centre + 1 + i] for i in range(n)]


CASES = [
    *[
        (tokens.ledger, {"names": [*NATS, "noise"], "nats": [*NATS.values(), 4944.0], "budgets": b})
        for b in ({}, {"3 bits": 33.3})
    ],
    *[
        (tokens.kept, {"names": NAMES[:n], "nats": {g: rng.normal(0, 3, (n, k)) for g in NATS}, "entropies": NATS})
        for n, k in ((2, 1), (5, 5))
    ],
    *[
        (
            tokens.differences,
            {"names": NAMES[1:], "here": here, "reported": {g: intervals(4, 1.5) for g in NATS}, "seeds": [2, 5]},
        )
        for here in ({g: intervals(4, -2.0) for g in NATS}, {g: [None] * 4 for g in NATS})
    ],
    (
        tokens.plane,
        {
            "names": NAMES,
            "structure": rng.random((5, 4)) * 8,
            "nuisance": rng.random((5, 4)),
            "steps": [0, 50, 200, 500],
            "entropy": 11.98,
        },
    ),
    *[
        (tokens.gallery, {"originals": images(n), "names": NAMES[:k], "drawings": [images(n) for _ in range(k)]})
        for n, k in ((2, 1), (5, 3))
    ],
    (
        tokens.budgets,
        {
            "names": NAMES[:3],
            "bits": [1, 3, 6],
            "structure": rng.random((3, 3, 2)) * 8,
            "nuisance": rng.random((3, 3, 2)),
            "entropies": NATS,
        },
    ),
    *[
        (
            tokens.dial,
            {
                "variant": "baseline",
                "originals": images(3),
                "drawings": images(3),
                "nats": dict.fromkeys(NATS, v),
                "baseline": NATS,
                "budget": 33.3,
                "entropies": NATS,
            },
        )
        for v in (-0.2, 5.0)
    ],
]


@pytest.mark.parametrize(("plot", "data"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_every_picture_redraws_to_the_byte(plot, data):
    figure = plot(**data)
    recipe = json.loads(json.dumps(figure.recipe))
    assert png(redraw(recipe)) == png(figure)
    assert len(figure.alt) > 40


def test_runs_made_here_are_told_from_reported_ones_with_as_many_seeds():
    rows = {group: intervals(4, 1.5) for group in NATS}
    figure = tokens.differences(names=NAMES[1:], here=rows, reported=rows, seeds=[5, 5])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["runs made here, 5 seeds", "reported runs, 5 seeds"]
