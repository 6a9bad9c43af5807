"""The figures of lesson 01 over a grid of values, each redrawn from its recipe byte for byte."""

import json

import numpy as np
import pytest

from infotok.lab.exercises import measuring as exercises
from infotok.lab.plots import measuring as plots
from infotok.lab.plots import redraw
from infotok.lab.plots.style import png

rng = np.random.default_rng(0)


def panels(n):
    x = rng.normal(size=n)
    return [{"title": f"panel {i}", "x": x, "y": x**2, "correlation": -0.001, "nats": 0.5} for i in range(4)]


def steps(names, levels, n):
    return {name: rng.normal(levels, 1.0, (n, len(levels))).T for name in names}


def some_limits(sizes, levels):
    names = ("alpha = 1 (InfoNCE)", "alpha = 0.1", "alpha = 0.01", "alpha = 0 (NWJ)")
    return {
        "sizes": sizes,
        "by_size": {name: np.ones((2, len(sizes))) for name in names},
        "truth": levels[-1],
        "levels": levels,
        "spread": {name: np.exp(levels) for name in ("InfoNCE", "SMILE", "Donsker-Varadhan", "NWJ")},
        "theory": np.exp(levels),
    }


SIX = ["InfoNCE", "NWJ", "Donsker-Varadhan", "SMILE", "CLUB", "leave-one-out"]
CASES = [
    *[(plots.meanings, {"panels": panels(n)}) for n in (2, 100)],
    *[(plots.matrix, {"scores": rng.normal(size=(n, n)) + 9 * np.eye(n), "truth": 9.0}) for n in (8, 64)],
    *[
        (plots.staircase, {"levels": at, "estimates": steps(names, at, n), "ceiling": 4.0, "top": 9.0, "settled": s})
        for at, names, n, s in (([2.0, 10.0], SIX, 30, 0.0), ([3.0], ["MINE", "Jensen-Shannon"], 2, 0.67))
    ],
    *[(plots.limits, some_limits(sizes, levels)) for sizes, levels in (([8, 16], [2.0, 4.0]), ([8, 16, 32], [1.0]))],
    (plots.clubs, {"widths": [0.5, 1.0, 2.0], "values": [40.0, 20.0, 10.0], "truth": 15.0, "exact": 20.0}),
    (plots.dimensions, {"dims": [1, 50], "estimates": {"KSG, 3 neighbours": [1, 0.1]}, "truth": 2.0, "samples": 100}),
    *[
        (plots.histogram, {"name": name, "values": values, "truth": 2.0, "ceiling": ceiling})
        for name, values, ceiling in (("InfoNCE", [2.0] * 9, 4.1), ("NWJ", [*rng.normal(size=99), -1e6], None))
    ],
    (plots.guide, {}),
]  # fmt: skip


@pytest.mark.parametrize(("plot", "data"), CASES)
def test_draws_and_redraws_the_same(plot, data):
    figure = plot(**data)
    again = redraw(json.loads(json.dumps(figure.recipe)))
    assert png(figure) == png(again)
    assert "-0.00" not in figure.alt


@pytest.mark.parametrize("exercise", [exercises.batch_for_infonce, exercises.width_of_club])
def test_exercises_accept_their_answers(exercise):
    assert exercise.check(exercise.answer)
    assert not exercise.check(...)


def test_seaborn_leaves_no_figure_of_pyplot_behind():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    plots.matrix(scores=9 * np.eye(8), truth=9.0)
    plots.histogram(name="SMILE", values=[1.0, 2.0, 3.0], truth=2.0)
    assert plt.get_fignums() == before
