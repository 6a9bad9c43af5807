"""Questions drawn without images are those of the batch, in every world, and leave the generator alike."""

import pytest
import torch
from clothes import small_folder
from own_data import rows

from infotok.worlds import FashionWorld, ImageTextWorld, OpenMojiWorld, ShapesWorld
from infotok.worlds.image_text import loading


def seeded():
    return torch.Generator().manual_seed(7)


WORLDS = {
    "shapes": lambda _: ShapesWorld(nuisance=0.8),
    "shapes without noise": lambda _: ShapesWorld(nuisance=0.0, split="test"),
    "larger shapes": lambda _: ShapesWorld(size=64),
    "emoji": lambda _: OpenMojiWorld(10, nuisance=0.5, jitter=1),
    "clothing": lambda folder: FashionWorld(folder=small_folder(folder), nuisance=0.5),
    "own images": lambda _: ImageTextWorld(rows(20), held_out=0.2, workers=2),
}


@pytest.mark.parametrize("name", WORLDS)
def test_they_are_the_questions_of_the_batch(name, tmp_path):
    world, after = WORLDS[name](tmp_path), (seeded(), seeded())
    batch, asked = world.batch(12, after[0], questions=3), world.asked(12, after[1], questions=3)
    assert torch.equal(after[0].get_state(), after[1].get_state())
    for part in ("questions", "answers", "kinds"):
        assert torch.equal(getattr(asked, part), getattr(batch, part)), part


def test_no_image_is_rendered_or_decoded(monkeypatch):
    worlds = ShapesWorld(), ImageTextWorld(rows(20))

    def refused(*_):
        raise AssertionError("an image")

    monkeypatch.setattr(ShapesWorld, "render", refused)
    monkeypatch.setattr(loading, "decode", refused)
    for world in worlds:
        assert len(world.asked(12, seeded()).questions) == 12


def test_impossible_numbers_are_refused():
    with pytest.raises(ValueError, match="questions: got -1, expected an integer from 0 to 65536"):
        ShapesWorld().asked(2, seeded(), questions=-1)
    with pytest.raises(ValueError, match="n: got 0"):
        ImageTextWorld(rows(20)).asked(0, seeded())
