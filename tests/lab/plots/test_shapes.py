"""The pictures of ShapesWorld over a grid of values, each redrawn from its recipe byte for byte."""

import json

import pytest
import torch

from infotok.images import packed
from infotok.lab.plots import redraw, shapes
from infotok.lab.plots.style import png
from infotok.worlds import ShapesWorld


def shown(n: int, size: int = 32, named: bool = False) -> dict:
    world = ShapesWorld(size=size, name_offsets=named)
    batch = world.batch(n, torch.Generator().manual_seed(0))
    return {"images": packed(batch.images), "captions": world.captions(batch.scenes)}


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
