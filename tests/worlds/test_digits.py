"""The image worlds: the bundled digits as they are, the downloads by small files in their real formats."""

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import datasets
from torchvision.datasets import utils

from infotok.worlds import load_images


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args, **kwargs):
        raise OSError("no route to host\nand a second line")

    monkeypatch.setattr(datasets.MNIST, "download", lambda self: refuse())
    monkeypatch.setattr(utils, "download_and_extract_archive", refuse)


def write_idx(path: Path, array: np.ndarray) -> None:
    """The format of Yann LeCun's files: zeros, type code, number of dimensions, sizes, bytes."""
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(header + array.tobytes())


def fake_mnist(root: Path, folder: str) -> np.ndarray:
    raw = root / folder / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, n in (("train", 100), ("t10k", 30)):
        images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        write_idx(raw / f"{part}-images-idx3-ubyte", images)
        write_idx(raw / f"{part}-labels-idx1-ubyte", (np.arange(n) % 10).astype(np.uint8))
    return images  # the test set's


def test_the_bundled_digits_are_split_once_and_for_all() -> None:
    world = load_images()
    parts = (world.train, world.validation, world.test)
    assert [len(part) for part in parts] == [1199, 299, 299]
    for part in parts:
        assert part.images.shape[1:] == (1, 8, 8)
        assert part.images.dtype == torch.float32
        assert part.labels.dtype == torch.int64
        assert part.images.min() >= 0
        assert part.images.max() == 1
        shares = torch.bincount(part.labels, minlength=10) / len(part)
        assert (shares - 0.1).abs().max() < 0.01  # stratified
    assert world.classes == tuple("0123456789")
    assert world.label_entropy == pytest.approx(np.log(10), abs=1e-3)


def test_no_digit_is_in_two_parts_and_the_seed_decides_which() -> None:
    from sklearn.datasets import load_digits

    world, again, other = load_images(), load_images(), load_images(seed=1)
    rows = torch.cat([part.images.flatten(1) for part in (world.train, world.validation, world.test)])
    whole = torch.from_numpy(load_digits().data).float() / 16
    assert torch.equal(rows.unique(dim=0), whole.unique(dim=0))  # all of them, and no two digits are alike
    assert len(rows.unique(dim=0)) == 1797
    assert torch.equal(world.test.images, again.test.images)
    assert not torch.equal(world.test.images, other.test.images)


@pytest.mark.parametrize(("name", "folder"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")])
def test_mnist_files_are_read_and_split(tmp_path: Path, name: str, folder: str) -> None:
    truth = fake_mnist(tmp_path, folder)
    world = load_images(name, root=tmp_path)
    assert [len(part) for part in (world.train, world.validation, world.test)] == [90, 10, 30]
    assert world.train.images.shape[1:] == (1, 28, 28)
    torch.testing.assert_close(world.test.images[:, 0], torch.from_numpy(truth).float() / 255)
    assert world.test.labels.tolist() == [i % 10 for i in range(30)]
    assert torch.bincount(world.validation.labels).tolist() == [1] * 10
    assert len(world.classes) == 10


def test_cifar_files_are_read_and_split(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]:
        records = rng.integers(0, 256, (20, 3073), dtype=np.uint8)
        records[:, 0] = np.arange(20) % 10
        records.tofile(folder / name)
    world = load_images("cifar-10", root=tmp_path)
    assert [len(part) for part in (world.train, world.validation, world.test)] == [90, 10, 20]
    assert world.test.images.shape == (20, 3, 32, 32)
    red = records[3, 1:1025].reshape(32, 32)  # the last file written is the test batch; red comes first
    torch.testing.assert_close(world.test.images[3, 0], torch.from_numpy(red).float() / 255)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar-10"])
def test_without_files_and_network_one_line_says_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        FileNotFoundError, match=rf"^{name}: no files under .* failed \(no route to host\); load_images"
    ):
        load_images(name, root=tmp_path)
    with pytest.raises(FileNotFoundError, match=rf"^{name}: no files under .*download=True"):
        load_images(name, root=tmp_path, download=False)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"name: got 'imagenet', expected one of digits, mnist, fashion-mnist, cifar-10"
    ):
        load_images("imagenet")
