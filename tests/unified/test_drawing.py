"""Batches drawn one step ahead: the same run, resumed too, errors at their step, nothing too much, no thread left."""

import threading

import pytest
import torch
from own_data import rows
from trainings import SMALL, WORLD, altered, bits_repeat, build, losses, whole_run

from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.unified import train
from infotok.unified.drawing import drawing_ahead
from infotok.unified.training import draw_batch
from infotok.worlds import ImageTextWorld, ShapesWorld
from infotok.worlds.image_text import BadRecord

NAME = "infotok-batches"


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with bits_repeat():
        yield


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith(NAME)]


class Ahead(ShapesWorld):
    """Asks for its batches to be drawn ahead; notes each draw and its thread, and may fail at one of them."""

    prefetch = True
    fails = None

    def batch(self, *args, **options):
        self.drawn.append(threading.current_thread().name)
        if len(self.drawn) == self.fails:
            raise KeyboardInterrupt
        return super().batch(*args, **options)


Ahead.__name__ = "ShapesWorld"  # the class is part of a run's identity


def ahead(fails=None):
    world = Ahead(nuisance=WORLD.nuisance)
    world.drawn, world.fails = [], fails
    return world


# --- the same run -----------------------------------------------------------------------------------------------------


def test_a_run_that_draws_ahead_is_the_same_bit_for_bit():
    world, model = ahead(), build()
    rows_, weights = whole_run()
    assert losses(train(model, world, SMALL)) == rows_
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert len(world.drawn) == 1 + SMALL.steps, "the meter's and one a step: none beyond the last"
    assert [name.startswith(NAME) for name in world.drawn] == [False, False] + [True] * (SMALL.steps - 1)
    assert not threads()


@pytest.mark.parametrize("fails", [2, 4, 9])  # the first step's, in between, the last step's
def test_a_run_that_is_interrupted_resumes_bit_for_bit(tmp_path, fails):
    with pytest.raises(KeyboardInterrupt):
        train(build(), ahead(fails=fails), SMALL, tmp_path)
    assert not threads()
    model, (rows_, weights) = build(), whole_run()
    world = ahead()
    assert losses(train(model, world, SMALL, tmp_path)) == rows_
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    begun = max(0, fails - 2) // SMALL.save_every * SMALL.save_every  # the step of the last checkpoint
    assert len(world.drawn) == 1 + SMALL.steps - begun


def test_an_error_in_the_step_ends_the_thread():
    def on_step(step, row):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train(build(), ahead(), SMALL, on_step=on_step)
    assert not threads()


def test_a_wrong_attribute_is_one_line():
    world = ahead()
    world.prefetch = 2
    with pytest.raises(TypeError, match=r"^source\.prefetch: got [^\n]*, expected a bool$"):
        train(build(), world, SMALL)


# --- own images -------------------------------------------------------------------------------------------------------


def tokenizer():
    torch.manual_seed(0)
    return SharedTokenizer.from_config(TokenizerConfig(size=16, grid=2, dim=4, width=4, quantizer=None))


def trained(world, config, folder=None):
    model, steps = tokenizer(), []
    try:
        train(model, world, config, folder, on_step=lambda step, row: steps.append(row["loss"]))
    except BadRecord as error:
        return str(error), steps, model
    return None, steps, model


def test_own_images_are_drawn_ahead_with_workers_alone():
    made = rows(12)
    assert [ImageTextWorld(made, workers=workers).prefetch for workers in (0, 1, 4)] == [False, True, True]
    assert ImageTextWorld(made, workers=1, held_out=0.3).with_split("test").prefetch
    _, alone, one = trained(ImageTextWorld(made, size=16, cache=0), SMALL)
    _, many, other = trained(ImageTextWorld(made, size=16, cache=2**13, workers=3), SMALL)
    assert alone == many
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_a_faulty_record_stops_the_run_at_its_step(tmp_path):
    """Also where it is found while an earlier step computes: that step is finished, and the line is the same."""
    config, made = altered(SMALL, batch=1, steps=40), rows(24)
    world = ImageTextWorld(made, size=16, held_out=0)
    drawn = [int(draw_batch(world, config, step).scenes) for step in range(40)]
    step = next(i for i in range(3, 40) if drawn[i] not in drawn[:i])
    made[drawn[step]] = made[drawn[step]] | {"image": made[drawn[step]]["image"][:60]}
    line, alone, _ = trained(ImageTextWorld(made, size=16, held_out=0), config, tmp_path / "alone")
    again, ahead_, _ = trained(ImageTextWorld(made, size=16, held_out=0, workers=2), config, tmp_path / "ahead")
    assert line is not None
    assert line.startswith(f"record {drawn[step]}: got ")
    assert (again, ahead_) == (line, alone)
    assert len(alone) == step
    assert not threads()


# --- the function alone -----------------------------------------------------------------------------------------------


def test_the_next_batch_is_drawn_while_a_step_computes():
    second = threading.Event()

    def draw(step):
        if step == 1:
            second.set()
        return step * 10

    with drawing_ahead(draw, 3, ahead=True) as batch_of:
        assert batch_of(0) == 0
        assert second.wait(60), "step 1 is drawn though nobody has asked for it"
        assert [batch_of(1), batch_of(2)] == [10, 20]
    with drawing_ahead(draw, 3, ahead=False) as batch_of:
        assert batch_of is draw


def test_a_failed_draw_that_nobody_asks_for_raises_nothing():
    def draw(step):
        if step:
            raise ValueError(step)
        return step

    with drawing_ahead(draw, 9, ahead=True) as batch_of:
        batch_of(0)
    assert not threads()
