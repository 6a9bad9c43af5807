"""The figures of lesson 17, from few and from many rows, each redrawn from its recipe."""

import numpy as np
import pytest

from infotok.lab.exercises import unlearnable as exercises
from infotok.lab.plots import unlearnable as plots
from infotok.lab.plots.style import redraw

GREY = np.full((4, 6, 6), 0.5)
VICTIM = {"CNN": [0.5, 0.4, 0.6], "forest": [0.3, 0.3, 0.3]}
CASES = [
    (plots.examples, {"clean": GREY, "noise": {"patches": GREY}, "poisoned": {"patches": GREY}, "eps": 0.03}),
    (plots.victims, {"panels": {"digits": {"none": VICTIM}}, "chance": 0.1}),
    (
        plots.victims,
        {"panels": {"digits": {"none": VICTIM, "other": VICTIM}, "fashion": {"none": VICTIM}}, "chance": 0.1},
    ),
    (plots.level, {"variances": [4, 1, 0.1], "pattern": [0, 0, 1], "level": 0.5, "rate": 3.0, "kept": 0.0}),
    (
        plots.bottlenecks,
        {
            "curve": {"rate": [2, 20, 200], "kept": [0.0, 0.1, 0.9]},
            "kept": [[14, 0.1, 0.0, 0.2]],
            "followed": {"VIB": [[4, 1.0, 1.0, 1.0]], "VAE": [[14, 0.1, 0.1, 0.1]]},
            "data": "digits",
        },
    ),
]


@pytest.mark.parametrize(("plot", "data"), CASES)
def test_each_is_redrawn_from_its_recipe(plot, data):
    fig = plot(**data)
    assert redraw(fig.recipe).alt == fig.alt


def test_the_level_marks_the_directions_of_the_noise():
    fig = plots.level(variances=[4, 1, 0.1], pattern=[0, 0.1, 1], level=0.5, rate=3.0, kept=0.0)
    marked = [line for line in fig.axes[0].lines if line.get_marker() == "s"]
    assert [list(line.get_xdata()) for line in marked] == [[3]]


def test_the_exercises_know_their_own_numbers():
    assert exercises.variance.answer == pytest.approx(0.0394, abs=1e-4)
    assert exercises.threshold.answer == pytest.approx(40.0)
