"""Recovery of scenes from real images, reconstructions and generations, side by side."""

import torch
from torch.nn.functional import avg_pool2d

from infotok.evaluation import ceilings
from infotok.worlds import ShapesWorld


def test_ceilings_stand_side_by_side():
    world = ShapesWorld(split="all")
    batch = world.batch(60, torch.Generator().manual_seed(2024))
    table = ceilings(
        batch,
        world,
        reconstruct=lambda images: avg_pool2d(images, 7, 1, 3),
        generate=lambda ids: torch.rand(60, 3, 32, 32),
    )
    assert list(table) == ["renders", "reconstructions", "generations"]
    assert table["renders"]["cells"] > table["reconstructions"]["cells"] > table["generations"]["cells"]
    assert list(ceilings(batch, world)) == ["renders"]
