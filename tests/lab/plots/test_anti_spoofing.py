"""The figures of lesson 18, each redrawn from its recipe byte for byte."""

import json

import numpy as np
import pytest

from infotok.images import packed
from infotok.lab.plots import anti_spoofing as plots
from infotok.lab.plots import redraw
from infotok.lab.plots.style import png

PICTURES = packed(np.random.default_rng(0).random((3, 3, 8, 8)))
SEEDS = {"cross-entropy": [0.2, 0.3], "my own": [0.5, 0.4]}
CASES = [
    (plots.captures, {"images": {name: {"live": PICTURES, "spoof": PICTURES} for name in ("lamp", "night")}}),
    (plots.completions, {"rows": {"capture": PICTURES, "visible": PICTURES}}),
    (plots.errors, {"source": SEEDS, "target": SEEDS}),
    (plots.differences, {"panels": {name: {"a − b": [-0.2, -0.1, 0.0]} for name in ("HTER", "AUC")}}),
    (plots.information, {"bits": SEEDS, "errors": SEEDS, "ceiling": 1.585}),
    *[
        (plots.threshold, {"known": {"live": [1.0, 2.0], "spoof": [-1.0, 0.0]}, "at": at, "title": "unseen domain",
                           "new_domain": {"live": [0.5, 1.0], "spoof": [0.0, 0.7]}})
        for at in (0.5, 9.0)
    ],
]  # fmt: skip


@pytest.mark.parametrize(("plot", "data"), CASES)
def test_a_figure_is_redrawn_from_its_recipe_byte_for_byte(plot, data):
    fig = plot(**data)
    recipe = json.loads(json.dumps(fig.recipe))
    assert png(redraw(recipe)) == png(fig)
    assert len(fig.alt) > 20


def test_an_interval_that_leaves_out_0_is_filled():
    (ax,) = plots.differences(panels={"HTER": {"a": [-0.2, -0.1, 0.1], "b": [-0.3, -0.2, -0.1]}}).axes
    fills = [line.get_markerfacecolor() for line in ax.lines if line.get_marker() == "o"]
    assert fills == ["white", plots.BLACK]
