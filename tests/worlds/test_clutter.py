"""Pictures in clutter: reproducible, in range, at every place, and of labels that no pixel alone tells."""

import pytest
import torch
from clothes import small_folder

from infotok.worlds import ClutterWorld


def test_samples_repeat_themselves_and_splits_share_no_picture():
    world = ClutterWorld(clutter=0.0)
    images, labels = world.sample(50, 3)
    assert images.shape == (50, 1, 20, 20)
    assert (float(images.min()) >= 0, float(images.max()) <= 1) == (True, True)
    again = world.sample(50, torch.Generator().manual_seed(3))
    assert torch.equal(images, again[0])
    assert torch.equal(labels, again[1])
    assert set(world.sample(500, 0)[1].tolist()) == set(range(10))
    assert not torch.equal(world.sample(50, 3, "test")[0], images)


def test_without_clutter_the_picture_is_all_there_is_and_stands_everywhere():
    images = ClutterWorld(clutter=0.0, contrast=0.4).sample(2000, 0)[0]
    there = (images - 0.5).abs() > 1e-6
    assert torch.equal(images[there.logical_not()].unique(), torch.tensor([0.5]))
    assert float((images - 0.5).abs().max()) == pytest.approx(0.4, abs=0.02)
    lighter = torch.where(there, images - 0.5, 0.0).sum((1, 2, 3)) > 0
    assert float(lighter.float().mean()) == pytest.approx(0.5, abs=0.05)
    rows = there.any(3).float().mean((0, 1))
    assert float(rows[[0, -1]].min()) > 0.02, "pictures reach the borders"


def test_the_background_has_the_standard_deviation_asked_for_and_is_smooth():
    images = ClutterWorld(clutter=0.1, contrast=0.0).sample(2000, 0)[0]
    assert float(images[..., 10, 10].std()) == pytest.approx(0.1, rel=0.25)
    assert float((images[..., 1:] - images[..., :-1]).std()) < 0.5 * 0.1


def test_clothes_come_from_a_folder_and_an_absent_one_is_a_line(tmp_path):
    world = ClutterWorld("fashion", folder=str(small_folder(tmp_path)))
    assert world.sample(20, 0, "validation")[0].shape == (20, 1, 20, 20)
    with pytest.raises(FileNotFoundError, match="no files in"):
        ClutterWorld("fashion", folder=str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: ClutterWorld("shoes"), "pictures: got 'shoes', expected"),
        (lambda: ClutterWorld(contrast=2.0), r"contrast: got 2.0, expected a number in \[0, 1\]"),
        (lambda: ClutterWorld(size=8), "size: got 8, expected an integer from 16 to 256"),
        (lambda: ClutterWorld().sample(0), "n: got 0, expected a positive integer"),
        (lambda: ClutterWorld().sample(1, 0, "all"), "split: got 'all', expected"),
    ],
)
def test_bad_input_is_one_clear_line(call, line):
    with pytest.raises(ValueError, match=line):
        call()
