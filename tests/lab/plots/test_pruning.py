"""The pictures of the lesson on pruning, drawn small and drawn again from their recipes."""

import json

import numpy as np
import pytest

from infotok.lab.plots import pruning as plots
from infotok.lab.plots.style import png, redraw

RNG = np.random.default_rng(0)
BY_VARIANT = {"Fisher": {"loss": [0.1, 0.2, 0.3, 5], "distance": None}, "dense": {"loss": [0.1, 0.1, 0.1, 2]}}
KNOWN = {"late, batch 64": {"fisher": [0.5, 0.6], "gradient_flow": [-0.1]}, "early, batch 64": {}}
GRID = [
    (plots.mask, {"scores": [0.1, -0.2], "masks": {"0.1": [0.9, 0.1]}, "rate_weights": {"0.1": 0.0}}),
    (
        plots.variants,
        {
            "found": {"digits": BY_VARIANT, "fashion": BY_VARIANT},
            "schedules": {"dense": "not pruned", "Fisher": "one shot", "missing": "soft"},
            "panels": {"loss": "loss", "distance": "distance"},
        },
    ),
    (plots.quality, {"panels": {"repeats": KNOWN, "loss": KNOWN}}),
    (plots.bits, {"curves": {name: [[10, 1.6, 3], [100, 1.5, 32]] for name in "abcd"}}),
    (plots.samples, {"rows": {"dense": RNG.random((3, 8, 8)), "Fisher": RNG.random((3, 8, 8)) * 2 - 0.5}}),
]


@pytest.mark.parametrize(("plot", "data"), GRID)
def test_a_recipe_redraws_the_same_bytes(plot, data):
    fig = plot(**data)
    assert png(redraw(json.loads(json.dumps(fig.recipe)))) == png(fig)


def test_an_interval_of_two_seeds_is_a_point_alone():
    fig = plots.variants(
        found={"digits": BY_VARIANT}, schedules={"dense": "not pruned", "Fisher": "one shot"}, panels={"loss": "loss"}
    )
    drawn = [line.get_xdata() for line in fig.axes[0].lines[1:]]
    assert [len(points) for points in drawn] == [1, 2, 1]  # the dense network's mean; an interval and its mean
