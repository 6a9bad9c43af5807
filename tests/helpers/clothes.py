"""Small folders in the form of Fashion-MNIST, with drawn photographs, for where the real files are absent."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

REAL = Path("/usr/share/datasets/fashion-mnist")
needs_real = pytest.mark.skipif(
    not (REAL / "train-images-idx3-ubyte.gz").is_file(),
    reason="Debian's package dataset-fashion-mnist is not installed",
)


def idx(values: np.ndarray) -> bytes:
    """The bytes of an IDX file."""
    return struct.pack(f">{1 + values.ndim}I", 2048 + values.ndim, *values.shape) + values.astype(np.uint8).tobytes()


def photographs(each: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (10 * each, 28, 28) and labels in random order: random bright patches, no two alike."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.repeat(np.arange(10), each))
    images = np.zeros((10 * each, 28, 28), np.uint8)
    images[:, 4:24, 6:22] = random.integers(60, 256, (10 * each, 20, 16))
    return images, labels


def small_folder(folder: Path, train: int = 6, test: int = 4, packed: bool = False) -> Path:
    """A folder of four files, with `train` and `test` photographs of each kind."""
    for part, each in (("train", train), ("t10k", test)):
        images, labels = photographs(each, seed=each)
        for name, values in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
            if packed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(idx(values), mtime=0))
            else:
                (folder / name).write_bytes(idx(values))
    return folder
