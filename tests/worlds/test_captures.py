"""CaptureWorld: balanced labels, splits without a shared picture, dials that reach zero; and captures from folders."""

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression

from infotok.worlds import CaptureWorld, load_captures
from infotok.worlds.captures import CAMERAS, Camera

WORLD = CaptureWorld()


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_every_class_and_domain_is_there_equally_often():
    found = WORLD.sample(5, seeded(), domains=["night", "lamp"])
    assert found.images.shape == (20, 3, 32, 32)
    assert (found.images.min(), found.images.max()) >= (0, 0)
    assert found.images.max() <= 1
    assert found.labels.tolist() == 2 * ([1] * 5 + [0] * 5)
    assert found.domains.tolist() == 10 * [WORLD.names.index("night")] + 10 * [WORLD.names.index("lamp")]


def test_splits_share_no_picture():
    kept = [{image.numpy().tobytes() for image in WORLD.pictures[split]} for split in ("train", "validation", "test")]
    assert sum(map(len, kept)) == 1797
    assert len(set.union(*kept)) == 1797


def test_at_gap_1_a_camera_is_the_one_declared_and_at_gap_0_all_are_one():
    for name, camera in CAMERAS.items():
        same = WORLD._camera(name)
        for field in Camera.__dataclass_fields__:
            assert np.allclose(getattr(same, field), getattr(camera, field)), field
    assert len({str(CaptureWorld(gap=0.0)._camera(name)) for name in CAMERAS}) == 1


def spread(world):
    """Distance of the domains' mean colours."""
    found = world.sample(60, seeded())
    means = torch.stack([found.images[found.domains == d].mean((0, 2, 3)) for d in range(4)])
    return torch.cdist(means, means).mean().item()


def test_domains_are_farther_apart_at_a_larger_gap():
    near, usual, far = (spread(CaptureWorld(gap=gap)) for gap in (0.0, 1.0, 1.5))
    assert near < 0.05 < 0.2 < usual < far


def told_apart(world):
    """Accuracy of a classifier of live and spoof on the spectrum of new captures of one domain."""

    def spectrum(captures):
        grey = captures.images.mean(1)
        return torch.log(torch.fft.rfft2(grey).abs() + 1e-3).flatten(1).numpy()

    train, test = (world.sample(150, seeded(s), split, ["studio"]) for s, split in enumerate(("train", "test")))
    fitted = LogisticRegression(max_iter=1000).fit(spectrum(train), train.labels)
    return fitted.score(spectrum(test), test.labels)


def test_a_spoof_without_an_attack_is_told_by_its_bezel_alone_and_with_one_by_its_spectrum():
    no_bezel = CaptureWorld(attack=0.0)
    assert abs(told_apart(no_bezel) - 0.5) < 0.25  # live cards may stand in a frame, and these spoofs show no device
    assert told_apart(WORLD) > 0.9


def test_same_seed_same_bits():
    first, second, other = (WORLD.sample(3, seeded(s)).images for s in (3, 3, 4))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_rows_are_taken_by_index_or_mask():
    found = WORLD.sample(3, seeded())
    live = found.take(found.labels == 1)
    assert len(live) == 12
    assert torch.equal(found.take(torch.tensor([5, 0])).images, found.images[[5, 0]])
    with pytest.raises(ValueError, match=r"rows: got .* expected a mask of 24 rows, or indices below 24"):
        found.take(torch.tensor([24]))
    with pytest.raises(TypeError, match=r"rows: got torch.float32, expected indices"):
        found.take(torch.zeros(3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CaptureWorld("faces"), "source: got 'faces', expected one of digits, fashion"),
        (lambda: CaptureWorld(gap=3.0), r"gap: got 3.0, expected a number in \[0, 2\]"),
        (lambda: CaptureWorld(attack=-1.0), r"attack: got -1.0, expected a number in \[0, 2\]"),
        (lambda: WORLD.sample(0, seeded()), "per_class: got 0, expected a"),
        (lambda: WORLD.sample(1, seeded(), "all"), "split: got 'all', expected one of train, validation, test"),
        (lambda: WORLD.sample(1, seeded(), domains=["sea"]), "domains: got 'sea', expected one of lamp, window"),
        (lambda: WORLD.sample(1, seeded(), domains=["lamp", "lamp"]), "domains: got .* expected each domain once"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.fixture
def folder(tmp_path):
    """Two domains; in the first live has a video of two frames, everything else is a single picture."""
    rng = np.random.default_rng(0)
    for name in ("oulu/live/a/1.png", "oulu/live/a/2.png", "oulu/live/b.jpg", "oulu/spoof/c.png", "msu/live/d.bmp",
                 "msu/spoof/e.png"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (12, 8, 3), dtype=np.uint8)).save(tmp_path / name)
    return tmp_path


def test_captures_are_read_from_folders_and_frames_of_a_video_stay_together(folder):
    found = load_captures(folder, domains=("oulu", "msu"), size=8)
    assert found.names == ("oulu", "msu")
    assert found.labels.tolist() == [1, 1, 1, 0, 1, 0]
    assert found.domains.tolist() == [0, 0, 0, 0, 1, 1]
    assert found.pictures.tolist() == [0, 0, 1, 2, 3, 4]
    middle = np.array(Image.open(folder / "oulu/live/a/1.png"))[2:10] / 255  # the square in the middle
    assert np.allclose(found.images[0].permute(1, 2, 0), middle, atol=1e-6)
    assert load_captures(folder).names == ("msu", "oulu")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("oulu/live/notes.txt", b"hello", r"notes.txt: got 'a file .txt', expected a picture: .png"),
        ("oulu/live/bad.png", b"no picture", r"bad.png: got 10 bytes of another kind, or a damaged header, expected"),
        ("oulu/live/empty.png", b"", r"empty.png: got 0 bytes of another kind"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(folder, name, content, message):
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        load_captures(folder)
    assert "\n" not in str(error.value)


def test_half_a_picture_is_refused(folder):
    path = folder / "oulu/live/a/1.png"
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(ValueError, match=r"1.png: got damaged data .*, expected a whole image"):
        load_captures(folder)


def test_missing_folders_are_named(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"folder: got .*nowhere.*, expected a folder"):
        load_captures(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"domains: got .*casia.*, expected a folder"):
        load_captures(folder, domains=["casia"])
    (folder / "casia" / "live").mkdir(parents=True)
    with pytest.raises(ValueError, match="live: got 'no pictures', expected one picture or more"):
        load_captures(folder)
    (folder / "casia" / "live").rmdir()
    with pytest.raises(FileNotFoundError, match=r"folder: got .*casia.*, expected the folders live and spoof"):
        load_captures(folder)
