"""Fashion-MNIST's files: read as a slow reader reads them; files of another form are refused in one line."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from clothes import REAL, idx, needs_real, photographs, small_folder

from infotok.worlds.fashion import load_photographs
from infotok.worlds.fashion import photographs as files
from infotok.worlds.fashion.photographs import NAMES, read_idx

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def slowly(data: bytes) -> tuple[list[int], list[int]]:
    """Sizes and bytes of an IDX file, number by number."""
    axes = data[3]
    assert data[:3] == b"\0\0\x08"
    sizes = [int.from_bytes(data[4 * i : 4 * i + 4], "big") for i in range(1, 1 + axes)]
    return sizes, list(data[4 + 4 * axes :])


class TestReading:
    @pytest.mark.parametrize("packed", [False, True])
    def test_it_agrees_with_a_slow_reader(self, tmp_path: Path, packed: bool) -> None:
        small_folder(tmp_path, packed=packed)
        found = load_photographs(tmp_path)
        assert (found.train, found.test, len(found.images)) == (6, 4, 10)
        for part, where in (("train", slice(0, 6)), ("t10k", slice(6, 10))):
            names = [f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"]
            data = [gzip.decompress((tmp_path / f"{n}.gz").read_bytes()) if packed else (tmp_path / n).read_bytes()
                    for n in names]  # fmt: skip
            (n, height, width), pixels = slowly(data[0])
            _, labels = slowly(data[1])
            for kind in range(10):
                mine = [i for i in range(n) if labels[i] == kind]
                own = [pixels[i * height * width : (i + 1) * height * width] for i in mine]
                assert found.images[kind, where].flatten(1).tolist() == own

    def test_torchvision_reads_the_same(self, tmp_path: Path) -> None:
        datasets = pytest.importorskip("torchvision.datasets")
        raw = tmp_path / "FashionMNIST" / "raw"
        raw.mkdir(parents=True)
        small_folder(raw)
        found = load_photographs(tmp_path)  # torchvision's root
        for train, where in ((True, slice(0, 6)), (False, slice(6, 10))):
            peer = datasets.FashionMNIST(str(tmp_path), train=train)
            for kind in range(10):
                assert torch.equal(found.images[kind, where], peer.data[peer.targets == kind])

    def test_it_is_read_once(self, tmp_path: Path) -> None:
        small_folder(tmp_path)
        assert load_photographs(tmp_path) is load_photographs(str(tmp_path))

    @needs_real
    def test_the_real_files(self) -> None:
        found = load_photographs(REAL)
        assert found.images.shape == (10, 7000, 28, 28)
        assert (found.train, found.test) == (6000, 1000)
        _, labels = slowly(gzip.decompress((REAL / "t10k-labels-idx1-ubyte.gz").read_bytes()))
        with gzip.open(REAL / "t10k-images-idx3-ubyte.gz") as file:
            _, pixels = slowly(file.read(16 + 784 * 20))
        seen = dict.fromkeys(range(10), 6000)  # the first test photograph of each kind
        for i in range(20):
            kind = labels[i]
            assert found.images[kind, seen[kind]].flatten().tolist() == pixels[784 * i : 784 * (i + 1)]
            seen[kind] += 1

    @needs_real
    def test_no_test_photograph_is_a_training_one(self) -> None:
        """Of 70,000 photographs a handful are the same, or not at all: far from a shift by one file."""
        found = load_photographs(REAL)
        rows = [{bytes(row) for row in part.flatten(0, 1).flatten(1).numpy()}
                for part in (found.images[:, :6000], found.images[:, 6000:])]  # fmt: skip
        assert len(rows[0] & rows[1]) <= 10


def rewritten(folder: Path, name: str, data: bytes) -> Path:
    small_folder(folder)
    (folder / name).write_bytes(data)
    return folder / name


class TestErrors:
    def refusal(self, folder: Path, name: str, data: bytes) -> str:
        path = rewritten(folder, name, data)
        with pytest.raises(ValueError, match="expected") as caught:
            load_photographs(folder)
        line = str(caught.value)
        assert "\n" not in line
        assert line.startswith(f"{path}: got ")
        return line.removeprefix(f"{path}: ").replace("'", "")

    def test_headers(self, tmp_path: Path) -> None:
        images, labels = photographs(6, seed=6)
        line = self.refusal(tmp_path, IMAGES, idx(labels) + bytes(20))
        assert line == "got magic 2049, expected 2051: bytes of 3 axes"
        line = self.refusal(tmp_path, IMAGES, idx(images[:, :, 1:]))
        assert line == "got 60 entries of shape (28, 27), expected at most 1000000 entries of shape (28, 28)"
        huge = idx(images[:0])[:4] + b"\xff\xff\xff\xff" + idx(images[:0])[8:]
        assert self.refusal(tmp_path, IMAGES, huge).startswith("got 4294967295 entries")
        assert self.refusal(tmp_path, LABELS, b"\0\0\x08") == "got 3 bytes, expected an IDX file"

    def test_lengths(self, tmp_path: Path) -> None:
        images, labels = photographs(6, seed=6)
        assert self.refusal(tmp_path, IMAGES, idx(images)[:-1]) == "got 47039 bytes, expected 47040, as its header says"
        line = self.refusal(tmp_path, IMAGES, idx(images) + b"\0")
        assert line == "got more than 47040 bytes, expected 47040, as its header says"
        assert self.refusal(tmp_path, LABELS, idx(labels[1:])) == "got 59 labels, expected 60, one a photograph"

    def test_labels(self, tmp_path: Path) -> None:
        _, labels = photographs(6, seed=6)
        other = labels.copy()
        other[other == 3] = 4
        assert self.refusal(tmp_path, LABELS, idx(other)).startswith("got labels [6, 6, 6, 0, 12, 6, 6, 6, 6, 6] times")
        other[other == 4] = 200
        assert self.refusal(tmp_path, LABELS, idx(other)).endswith("equally many photographs of each of the ten kinds")

    @pytest.mark.parametrize("broken", [lambda b: b[: len(b) // 2], lambda b: b"nonsense" + b, lambda b: b[:-6]])
    def test_compressed_files(self, tmp_path: Path, broken) -> None:
        path = tmp_path / "some-labels-idx1-ubyte.gz"
        path.write_bytes(broken(gzip.compress(idx(np.random.default_rng(0).integers(0, 10, 500)))))
        with pytest.raises(
            ValueError, match=r"some-labels-idx1-ubyte\.gz: got .a broken file .* expected a whole gzip file$"
        ) as e:
            read_idx(path, ())
        assert "\n" not in str(e.value)

    def test_no_more_is_unpacked_than_the_header_says(self, tmp_path: Path) -> None:
        path = tmp_path / "some-labels-idx1-ubyte.gz"
        path.write_bytes(gzip.compress(idx(np.zeros(10)) + bytes(10**8)))
        with pytest.raises(ValueError, match=r"got 'more than 10 bytes', expected 10, as its header says"):
            read_idx(path, ())

    def test_no_files_is_one_line_that_says_what_to_do(self, tmp_path: Path, monkeypatch) -> None:
        small_folder(tmp_path)
        (tmp_path / LABELS).unlink()  # three of four
        for folder in (tmp_path, str(tmp_path / "none")):
            with pytest.raises(FileNotFoundError, match=r"apt-get install dataset-fashion-mnist, or give the folder"):
                load_photographs(folder)
        monkeypatch.setattr(files, "DEBIAN", tmp_path / "debian")
        monkeypatch.chdir(tmp_path)
        with pytest.raises(FileNotFoundError) as caught:
            load_photographs()
        assert str(caught.value).startswith(f"folder: got 'no files in {tmp_path / 'debian'} or data/FashionMNIST/raw")
        assert "\n" not in str(caught.value)

    def test_a_failed_download_is_one_line(self, tmp_path: Path, monkeypatch) -> None:
        datasets = pytest.importorskip("torchvision.datasets")

        def offline(*_, **__):
            raise OSError("no network\nat all")

        monkeypatch.setattr(datasets, "FashionMNIST", offline)
        with pytest.raises(
            FileNotFoundError, match=r"^download: got 'no network', expected the files of Fashion-MNIST"
        ):
            load_photographs(tmp_path, download=True)
        small_folder(tmp_path)
        assert load_photographs(tmp_path, download=True).train == 6  # there already

    @pytest.mark.parametrize(("arguments", "line"), [
        ({"folder": 3}, "folder: got 'int', expected a folder's path"),
        ({"folder": ""}, "folder: got '', expected a folder's path, . for this one"),
        ({"download": 1}, "download: got 1, expected True or False"),
    ])  # fmt: skip
    def test_bad_arguments(self, arguments: dict, line: str) -> None:
        with pytest.raises((TypeError, ValueError)) as caught:
            load_photographs(**arguments)
        assert str(caught.value) == line


def test_names_are_words_in_the_order_of_the_labels() -> None:
    assert NAMES == ("t-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
