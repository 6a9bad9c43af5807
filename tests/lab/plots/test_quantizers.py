"""The pictures of the lesson on quantizers, drawn small and large, and drawn again from their recipes."""

import json

import numpy as np
import pytest

from infotok.images import packed
from infotok.lab.plots import quantizers as plots
from infotok.lab.plots.style import png, redraw

RNG = np.random.default_rng(0)
CURVE = {"bits": [4, 8], "entropy": [3.0, 6.0], "psnr": [18.0, 20.0]}
ERRORS = {name: [0.36, 0.12] for name in ("lloyd_max", "vector", "uniform", "scalar")}
PICTURES = packed(RNG.random((3, 3, 4, 4)))
GRID = [
    (plots.gaussian, {"bits": [1, 2], **ERRORS, "rounded_bits": [0.6, 3.0], "rounded": [0.7, 0.02]}),
    (plots.spent, {"cloud": RNG.random((1, 9, 2)), "tokens": RNG.random((1, 3, 4, 2)), "titles": [["a", "b", "c"]]}),
    (plots.spent, {"cloud": RNG.random((2, 9, 2)), "tokens": RNG.random((2, 2, 4, 2)), "titles": [["a", "b"]] * 2}),
    (plots.rate_distortion, {"quantizers": {"one": CURVE}, "gaussian": CURVE, "pixels": 16}),
    (plots.rate_distortion, {"quantizers": {str(i): CURVE for i in range(8)}, "gaussian": CURVE, "pixels": 1}),
    (plots.pictures, {"columns": [{"title": "original", "images": PICTURES[:1]}]}),
    (plots.pictures, {"columns": [{"title": str(i), "images": PICTURES} for i in range(9)]}),
]


@pytest.mark.parametrize(("plot", "data"), GRID)
def test_a_recipe_redraws_the_same_bytes(plot, data):
    fig = plot(**data)
    assert png(redraw(json.loads(json.dumps(fig.recipe)))) == png(fig)


@pytest.mark.parametrize("now", [0, 1, 40])
@pytest.mark.parametrize("codebook", [[[0.0, 0.0], [0.0, 0.0]], [[1.0, 1.0], [9.0, 9.0]], [[-1.0, 0.5], [1.0, 0.5]]])
def test_film_counts_codes_in_use(codebook, now):
    fig = plots.film(
        cloud=RNG.random((5, 2)),
        codebook=codebook,
        counts=[5, 0],
        passes=[0, 1, 40],
        used=[0.5, 0.5, 0.5],
        now=now,
        size=2,
    )
    beyond = ", 1 outside the frame" if max(map(max, codebook)) > 3.4 else ""
    assert fig.axes[0].get_title(loc="left") == f"after {now} steps: 1 of 2 codes in use{beyond}"


def test_pictures_show_the_colours_they_are_given():
    red_and_green = np.array([[[1.0, 0.0]], [[0.0, 1.0]], [[0.0, 0.0]]])  # (3, 1, 2)
    fig = plots.pictures(columns=[{"title": "one", "images": packed(red_and_green[None])}])
    assert fig.axes[0].images[0].get_array().tolist() == [[[255, 0, 0], [0, 255, 0]]]
