"""What variants cost: their steps are timed beside the baseline's."""

import pytest
import torch

from infotok.experiments.cost import step_seconds, training_operations
from infotok.experiments.hosts import make_host
from infotok.unified.throughput import operations
from infotok.worlds import ShapesWorld


def test_steps_of_variants_are_timed_beside_the_baseline():
    seconds = step_seconds(["baseline", "InfoNCE 256"], 1, 0)
    assert {name: len(taken) for name, taken in seconds.items()} == {"baseline": 1, "InfoNCE 256": 1}
    assert all(taken[0] > 0 for taken in seconds.values())


def test_the_operations_of_joint_training_are_those_of_a_step_after_the_warm_up():
    """In the warm-up there are no codes to predict, so that a host's step would lack its generation loss."""
    world, draw = ShapesWorld(), torch.Generator().manual_seed(0)
    batch, host = world.batch(32, draw, 8), make_host("masked", {}, 0, world, layers=1, tokenizer_steps=0)
    assert "generation" in host.loss(batch, draw)
    step = operations(lambda: sum(host.loss(batch, draw).values()).backward())
    more, fewer = (training_operations("masked", {}, world, 10, steps, layers=1) for steps in (5, 4))
    assert more - fewer == step
    warm, alone = (make_host("masked", {}, 0, world, tokenizer_steps=steps).tokenizer for steps in (10, 0))
    images = world.batch(32, torch.Generator().manual_seed(0), 1)
    count = [operations(lambda t=t: sum(t.loss(images, draw).values()).backward()) for t in (warm, alone)]
    assert fewer - 4 * step == 3 * count[0] + 7 * count[1], "three of ten steps are the warm-up"


def test_a_variant_of_no_name_is_refused():
    with pytest.raises((KeyError, ValueError)):
        step_seconds(["InfoNCE 3"], 1, 0)
