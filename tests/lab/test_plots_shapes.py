"""The pictures of ShapesWorld over a grid of values, each redrawn from its recipe byte for byte."""

import json

import numpy as np
import pytest
import torch

from infotok.lab.plots import redraw, shapes
from infotok.lab.plots.style import png
from infotok.worlds import ShapesWorld


def shown(n: int, size: int = 32, named: bool = False) -> dict:
    world = ShapesWorld(size=size, name_offsets=named)
    batch = world.batch(n, torch.Generator().manual_seed(0))
    return {"images": shapes.pixels(batch.images), "captions": world.captions(batch.scenes)}


@pytest.mark.parametrize(
    "data", [shown(1), shown(6), {**shown(4, size=64, named=True), "columns": 2}, {**shown(3), "columns": 3}]
)
def test_scenes_stand_above_their_captions(data: dict) -> None:
    fig = shapes.scenes(**data)
    labels = [ax.get_xlabel().replace("\n", " ") for ax in fig.axes]
    assert labels == data["captions"]
    assert png(redraw(json.loads(json.dumps(fig.recipe)))) == png(fig)


def test_rows_have_names() -> None:
    images = [shown(3)["images"]] * 2
    fig = shapes.rows(images=images, names=["originals", "copies"], titles=["a", "b", "c"])
    assert [ax.get_ylabel() for ax in fig.axes if ax.get_ylabel()] == ["originals", "copies"]
    assert png(redraw(json.loads(json.dumps(fig.recipe)))) == png(fig)


def test_pixels_are_bytes() -> None:
    images = torch.tensor([-0.2, 0.0, 0.5, 1.0, 1.3]).view(1, 1, 1, 5).expand(1, 3, 2, 5)
    bytes_ = shapes.pixels(images)
    assert bytes_.dtype == np.uint8
    assert bytes_.shape == (1, 2, 5, 3)
    assert bytes_[0, 0, :, 0].tolist() == [0, 0, 128, 255, 255]
    with pytest.raises(ValueError, match=r"images: got shape \(2, 5\), expected shape \(B, 3, S, S\)"):
        shapes.pixels(images[0, 0])
