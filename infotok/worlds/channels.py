"""Data sources with discrete parts or images whose mutual information is known.

- `StepUniform`        a discrete X and a continuous Y around it
- `GaussianWithAtoms`  a mixture of a continuous pair and a discrete one
- `ImageChannel`       pairs of real images whose labels agree through a symmetric channel

All have `.sample(n, seed) -> (x, y)` and `.mutual_information` in nats, as those of `gaussians` do.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from infotok.errors import require, require_choice, require_float, require_int
from infotok.information.exact import discrete_mi, entropy
from infotok.worlds.digits import NAMES, load_images
from infotok.worlds.sampling import Seed, checked_generator

__all__ = ["GaussianWithAtoms", "ImageChannel", "StepUniform"]


@dataclass(frozen=True)
class StepUniform:
    """Discrete X uniform on {0, ..., m - 1}, continuous Y uniform on [X, X + 2].

        I(X;Y) = log m - (m - 1)/m log 2

    symbols: m, 2 or more. Source: Gao et al. 2017.

    Example:
        >>> from infotok.worlds import StepUniform
        >>> world = StepUniform(symbols=5)
        >>> x, y = world.sample(1000, seed=0)
        >>> round(world.mutual_information, 3), x.dtype.kind, y.dtype.kind  # log 5 - 4/5 log 2; labels and numbers
        (1.055, 'i', 'f')
    """

    symbols: int

    def __post_init__(self) -> None:
        require_int("symbols", self.symbols, 2)

    @property
    def mutual_information(self) -> float:
        """I(X;Y) in nats."""
        return float(np.log(self.symbols) - (self.symbols - 1) / self.symbols * np.log(2))

    def sample(self, n: int, seed: Seed) -> tuple[np.ndarray, np.ndarray]:
        """n samples: x integers (n, 1), y floats (n, 1).

        n: number of samples.
        seed: an integer, or a NumPy generator.
        """
        rng = checked_generator(n, seed)
        x = rng.integers(self.symbols, size=(n, 1))
        return x, x + rng.uniform(0, 2, size=(n, 1))


@dataclass(frozen=True)
class GaussianWithAtoms:
    """Mixture of a Gaussian pair and a pair of signs.

        I(X;Y) = H(weight) + weight I_gaussian + (1 - weight) I_binary

    since X and Y both show which of the two pairs it is.

    rho: correlation of the Gaussian pair
    agree: probability that the two signs are equal
    weight: probability of the Gaussian pair

    Example:
        >>> from infotok.worlds import GaussianWithAtoms
        >>> world = GaussianWithAtoms(rho=0.9, agree=0.8, weight=0.5)
        >>> x, y = world.sample(1000, seed=0)
        >>> round(world.mutual_information, 3), round(float((abs(x) == 1).mean()), 1)  # half of the samples are signs
        (1.205, 0.5)
    """

    rho: float = 0.9
    agree: float = 0.8
    weight: float = 0.5

    def __post_init__(self) -> None:
        require_float("rho", self.rho, "(-1, 1)")
        for name in ("agree", "weight"):
            require_float(name, getattr(self, name), "[0, 1]")

    @property
    def mutual_information(self) -> float:
        """I(X;Y) in nats."""
        same, other = self.agree / 2, (1 - self.agree) / 2
        binary = discrete_mi(np.array([[same, other], [other, same]]))
        which = entropy(np.array([self.weight, 1 - self.weight]))
        return float(which - self.weight * np.log1p(-(self.rho**2)) / 2 + (1 - self.weight) * binary)

    def sample(self, n: int, seed: Seed) -> tuple[np.ndarray, np.ndarray]:
        """n samples: x (n, 1) and y (n, 1).

        n: number of samples.
        seed: an integer, or a NumPy generator.
        """
        rng = checked_generator(n, seed)
        x = rng.standard_normal((n, 1))
        y = self.rho * x + np.sqrt(1 - self.rho**2) * rng.standard_normal((n, 1))
        sign = rng.choice([-1.0, 1.0], size=(n, 1))
        partner = np.where(rng.random((n, 1)) < self.agree, sign, -sign)
        gaussian = rng.random((n, 1)) < self.weight
        return np.where(gaussian, x, sign), np.where(gaussian, y, partner)


@dataclass(frozen=True)
class ImageChannel:
    """Pairs of real images X, Y of labels C, C', where C' is C or, with probability `flip`, another label.

        I(X;Y) = I(C;C') = log K - h(flip) - flip log(K - 1)

    since an image determines its label, and X and Y depend on each other through the labels only.

    flip: probability that C' differs from C
    classes: the K labels, equally likely
    name, root: of the images, as in `load_images`; samples are from the training split

    Example:
        >>> from infotok.worlds import ImageChannel
        >>> world = ImageChannel(flip=0.1, classes=(0, 1))  # pictures of handwritten 0 and 1
        >>> x, y = world.sample(100, seed=0)
        >>> x.shape, round(world.mutual_information, 3)  # that of a binary symmetric channel
        ((100, 64), 0.368)
    """

    flip: float = 0.1
    classes: tuple[int, ...] = (0, 1)
    name: str = "digits"
    root: str = "data"

    def __post_init__(self) -> None:
        require_float("flip", self.flip, "[0, 1]")
        require_choice("name", self.name, NAMES)
        require(isinstance(self.root, str | Path), "root", type(self.root).__name__, "a folder's path", TypeError)
        listed = isinstance(self.classes, tuple | list)
        require(listed, "classes", type(self.classes).__name__, "two or more distinct labels", TypeError)
        for label in self.classes:
            require_int("classes", label, 0)
        distinct = len(set(self.classes)) == len(self.classes) >= 2
        require(distinct, "classes", self.classes, "two or more distinct labels")

    @cached_property
    def mutual_information(self) -> float:
        """I(X;Y) in nats."""
        k = len(self.classes)
        other = self.flip / (k - 1)
        return float(discrete_mi(((1 - self.flip - other) * np.eye(k) + other) / k))

    @cached_property
    def images(self) -> list[np.ndarray]:
        """The images of each class, (count, pixels)."""
        train = load_images(self.name, self.root).train
        missing = [label for label in self.classes if not (train.labels == label).any()]
        require(not missing, "classes", missing, f"labels that {self.name} has")
        return [train.images[train.labels == label].flatten(1).numpy().astype(np.float64) for label in self.classes]

    def sample(self, n: int, seed: Seed) -> tuple[np.ndarray, np.ndarray]:
        """n samples: x and y (n, H W), pixels in [0, 1], one row per image.

        n: number of samples.
        seed: an integer, or a NumPy generator.
        """
        rng = checked_generator(n, seed)
        k = len(self.classes)
        label = rng.integers(k, size=n)
        flipped = rng.random(n) < self.flip
        partner = np.where(flipped, (label + rng.integers(1, k, size=n)) % k, label)
        return self._images_of(label, rng), self._images_of(partner, rng)

    def _images_of(self, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        drawn = np.empty((len(labels), self.images[0].shape[1]))
        for index, images in enumerate(self.images):
            chosen = labels == index
            drawn[chosen] = images[rng.integers(len(images), size=int(chosen.sum()))]
        return drawn
