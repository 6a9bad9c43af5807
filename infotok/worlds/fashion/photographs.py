"""Photographs of FashionWorld: Fashion-MNIST from its four IDX files (Xiao, Rasul & Vollgraf 2017, arXiv 1708.07747).

    load_photographs()                        # of Debian's package dataset-fashion-mnist, or of torchvision in data/
    load_photographs("folder")                # the four files, plain or .gz, or torchvision's FashionMNIST/raw in it
    load_photographs("data", download=True)   # torchvision gets them first, where there is a network

An IDX file is a header of big-endian 32-bit integers, a magic number (2048 + the number of axes, for bytes) and the
length of each axis, then the bytes. Headers and lengths are checked, and no more is read than the header announces.
"""

import gzip
import zlib
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from infotok.errors import refuse, require, require_flag, require_folder

__all__ = ["NAMES", "Photographs", "load_photographs"]

NAMES = ("t-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")  # by label
SIDE = 28  # pixels
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
ROOT = "data"  # torchvision's folder, unless another is given
RAW = Path("FashionMNIST") / "raw"  # below it
PARTS = ("train", "t10k")
MAGIC = 2048  # of bytes; plus the number of axes
MOST = 10**6  # photographs in a file
HOW = "the files of Fashion-MNIST: apt-get install dataset-fashion-mnist, or give the folder that has them"


@dataclass(frozen=True)
class Photographs:
    """Photographs of ten kinds, equally many of each.

    images: (10, train + test, 28, 28) uint8, those for training first; kinds in the order of NAMES
    train: for training, of each kind
    test: for tests, of each kind
    """

    images: Tensor
    train: int
    test: int


def load_photographs(folder: str | Path | None = None, download: bool = False) -> Photographs:
    """All photographs, read once for each folder.

    Args:
        folder: of the four files, or torchvision's root; None for Debian's package, then torchvision's root `data`.
        download: let torchvision get the files where they are missing.

    Raises FileNotFoundError where there are no files, ValueError for a file that is none of Fashion-MNIST.
    """
    if folder is not None:
        require_folder("folder", folder)
    require_flag("download", download)
    places = [DEBIAN, Path(ROOT) / RAW] if folder is None else [Path(folder), Path(folder) / RAW]
    found = _complete(places)
    if found is None and download:
        _download(folder or ROOT)
        found = _complete(places)
    if found is None:
        refuse("folder", "no files in " + " or ".join(map(str, places)), HOW, FileNotFoundError)
    return _load(found.resolve())


def _complete(places: list[Path]) -> Path | None:
    """The first of the folders that has all four files."""
    names = [name for part in PARTS for name in _names(part)]
    return next((place for place in places if all(_file(place, name) for name in names)), None)


def _names(part: str) -> tuple[str, str]:
    return f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"


def _file(folder: Path, name: str) -> Path | None:
    """A file of the folder, plain or compressed."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def _download(root: str | Path) -> None:
    try:
        from torchvision.datasets import FashionMNIST

        FashionMNIST(str(root), download=True)
    except Exception as reason:  # whatever the network does: offline, refused, half a file
        line = (str(reason).splitlines() or [type(reason).__name__])[0]
        refuse("download", line, HOW, FileNotFoundError)


@lru_cache(maxsize=4)
def _load(folder: Path) -> Photographs:
    parts = []
    for part in PARTS:
        pictures, labels = (_file(folder, name) for name in _names(part))
        images, kinds = read_idx(pictures, (SIDE, SIDE)), read_idx(labels, ())
        require(len(images) == len(kinds), str(labels), f"{len(kinds)} labels", f"{len(images)}, one a photograph")
        counts = np.bincount(kinds, minlength=len(NAMES)).tolist()
        even = len(counts) == len(NAMES) and min(counts) == max(counts) > 0  # then log counts[0] nats are exact
        require(even, str(labels), f"labels {counts} times", "equally many photographs of each of the ten kinds")
        order = np.argsort(kinds, kind="stable")
        parts.append(images[order].reshape(len(NAMES), counts[0], SIDE, SIDE))
    train, test = (part.shape[1] for part in parts)
    return Photographs(torch.from_numpy(np.concatenate(parts, 1)), train, test)


def read_idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The bytes of an IDX file, (N, *shape) uint8; ValueError for a file that is not of that form.

    path: of the file, compressed if it ends in .gz; shape: of each entry.
    """
    axes = 1 + len(shape)
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            head = file.read(4 * (1 + axes))
            require(len(head) == 4 * (1 + axes), str(path), f"{len(head)} bytes", "an IDX file")
            magic, n, *sizes = np.frombuffer(head, ">u4").tolist()
            require(magic == MAGIC + axes, str(path), f"magic {magic}", f"{MAGIC + axes}: bytes of {axes} axes")
            expected = f"at most {MOST} entries of shape {shape}"
            require(tuple(sizes) == shape and n <= MOST, str(path), f"{n} entries of shape {tuple(sizes)}", expected)
            length = n * prod(shape)
            body = file.read(length + 1)  # one more than there should be
    except (gzip.BadGzipFile, EOFError, zlib.error) as reason:
        refuse(str(path), f"a broken file ({reason})", "a whole gzip file")
    got = f"{len(body)} bytes" if len(body) <= length else f"more than {length} bytes"
    require(len(body) == length, str(path), got, f"{length}, as its header says")
    return np.frombuffer(body, np.uint8).reshape(n, *shape)
