"""Small real images with labels: handwritten digits of scikit-learn; MNIST, Fashion-MNIST and CIFAR-10 by download.

    world = load_images()                     # 1797 digits of 8 x 8 pixels, no network needed
    world = load_images("mnist", root="data") # also "fashion-mnist" and "cifar-10"

Images are float32 in [0, 1], (N, channels, height, width); labels are int64, (N,). The split is fixed by `seed`,
stratified by label: a sixth of the digits for validation and a sixth for test; the downloads keep their published
test set and give a tenth of the rest to validation. I(X;Y) is not known exactly here; it is at most H(Y),
`world.label_entropy`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from infotok.errors import require, require_choice, require_flag, require_int
from infotok.information.exact import entropy

__all__ = ["ImageWorld", "Split", "load_images"]

NAMES = ("digits", "mnist", "fashion-mnist", "cifar-10")
CIFAR_10 = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR_10_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"


@dataclass(frozen=True)
class Split:
    """Images with labels.

    images: (N, C, H, W) float32 in [0, 1]
    labels: (N,) int64

    Example:
        >>> from infotok.worlds import load_images
        >>> split = load_images("digits").test
        >>> len(split), split.images.shape, split.labels[:5].shape
        (299, torch.Size([299, 1, 8, 8]), torch.Size([5]))
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class ImageWorld:
    """A labelled image data set in three splits, with the names of its classes.

    train, validation, test: the splits.
    classes: name of each label, in order.

    Example:
        >>> from infotok.worlds import load_images
        >>> world = load_images("digits")
        >>> len(world.classes), round(world.label_entropy, 2)  # ln 10 = 2.30: all digits are nearly as frequent
        (10, 2.3)
    """

    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...]

    @property
    def label_entropy(self) -> float:
        """H(Y) of the training labels, in nats."""
        counts = torch.bincount(self.train.labels, minlength=len(self.classes))
        return entropy((counts / counts.sum()).double().numpy())


def load_images(name: str = "digits", root: str | Path = "data", *, seed: int = 0, download: bool = True) -> ImageWorld:
    """A labelled image data set by name.

    Args:
        name: "digits", "mnist", "fashion-mnist" or "cifar-10".
        root: folder of the files.
        seed: of the split.
        download: get missing files.

    Raises ValueError for an unknown name and FileNotFoundError where files are missing and cannot be downloaded.

    Example:
        >>> from infotok.worlds import load_images
        >>> world = load_images("digits")  # of scikit-learn; no network is needed
        >>> world.train.images.shape, len(world.validation), len(world.test)
        (torch.Size([1199, 1, 8, 8]), 299, 299)
    """
    require_choice("name", name, NAMES), require_int("seed", seed, 0, 2**32 - 1), require_flag("download", download)
    require(isinstance(root, str | Path), "root", type(root).__name__, "a folder's path", TypeError)
    if name == "digits":
        return _load_digits(seed)
    read, classes = _SOURCES[name]
    try:
        rest, test = read(Path(root), False)
    except (RuntimeError, OSError):  # of torchvision and NumPy for a missing file
        if not download:
            raise FileNotFoundError(
                f"{name}: no files under {root}; load_images(..., download=True) gets them"
            ) from None
        try:
            rest, test = read(Path(root), True)
        except Exception as reason:  # whatever the network does: offline, refused, half a file
            raise FileNotFoundError(
                f"{name}: no files under {root} and the download failed ({_first_line(reason)}); "
                'load_images("digits") needs no network'
            ) from reason
    kept, validation = _stratified(rest.labels, len(rest) // 10, seed)
    return ImageWorld(_take(rest, kept), _take(rest, validation), test, classes)


def _load_digits(seed: int) -> ImageWorld:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = torch.from_numpy(bunch.images).float().unsqueeze(1) / 16  # (1797, 1, 8, 8), sixteen grey levels
    whole = Split(images, torch.from_numpy(bunch.target).long())
    sixth = len(whole) // 6
    rest, test = _stratified(whole.labels, sixth, seed)
    kept, validation = _stratified(whole.labels[rest], sixth, seed)
    parts = [_take(whole, index) for index in (rest[kept], rest[validation], test)]
    return ImageWorld(*parts, classes=_DIGITS)


def _read_mnist(dataset: str, root: Path, download: bool) -> tuple[Split, Split]:
    from torchvision import datasets

    def part(train: bool) -> Split:
        data = getattr(datasets, dataset)(str(root), train=train, download=download)
        return Split(data.data.float().unsqueeze(1) / 255, data.targets.long())

    return part(True), part(False)


def _read_cifar10(root: Path, download: bool) -> tuple[Split, Split]:
    """The binary edition, one label byte and 3 x 32 x 32 pixels a record; the Python edition is made of pickles."""
    folder = root / "cifar-10-batches-bin"
    if download:
        from torchvision.datasets.utils import download_and_extract_archive

        download_and_extract_archive(CIFAR_10, str(root), md5=CIFAR_10_MD5)

    def part(files: list[str]) -> Split:
        records = np.concatenate([np.fromfile(folder / file, dtype=np.uint8).reshape(-1, 3073) for file in files])
        images = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32)).float() / 255
        return Split(images, torch.from_numpy(records[:, 0]).long())

    return part([f"data_batch_{i}.bin" for i in range(1, 6)]), part(["test_batch.bin"])


def _stratified(labels: Tensor, held_out: int, seed: int) -> tuple[Tensor, Tensor]:
    """Indices (kept, held out), every class in proportion."""
    from sklearn.model_selection import train_test_split

    kept, held = train_test_split(np.arange(len(labels)), test_size=held_out, stratify=labels, random_state=seed)
    return torch.from_numpy(kept), torch.from_numpy(held)


def _take(split: Split, index: Tensor) -> Split:
    return Split(split.images[index], split.labels[index])


def _first_line(reason: Exception) -> str:
    return str(reason).splitlines()[0] if str(reason) else type(reason).__name__


_DIGITS = tuple("0123456789")
_CLOTHES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
_THINGS = ("aeroplane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "lorry")
_Reader = Callable[[Path, bool], tuple[Split, Split]]
_SOURCES: dict[str, tuple[_Reader | None, tuple[str, ...]]] = {
    "digits": (None, _DIGITS),
    "mnist": (lambda root, download: _read_mnist("MNIST", root, download), _DIGITS),
    "fashion-mnist": (lambda root, download: _read_mnist("FashionMNIST", root, download), _CLOTHES),
    "cifar-10": (_read_cifar10, _THINGS),
}
