"""Continuous pairs (X, Y) with known mutual information: Gaussian, Student-t, and a uniform signal in uniform noise.

- `JointGaussian`     any covariance; made by `.correlated`, `.with_information`, `.dense` or `.sparse`
- `JointStudentT`     heavy tails and one shared scale, through which uncorrelated coordinates are dependent
- `AdditiveUniform`   a uniform signal in uniform noise

Every one has `.sample(n, seed) -> (x, y)`, float64 NumPy arrays (n, d_x) and (n, d_y), and `.mutual_information` in
nats, exact. The same seed gives the same numbers bit for bit; a `numpy.random.Generator` may stand for a seed.
The dense and sparse families follow Czyz et al. 2023, "Beyond Normal" (arXiv 2306.11078).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from infotok.errors import require_float, require_int
from infotok.information.exact import additive_uniform_mi, gaussian_mi, positive_definite, student_t_mi
from infotok.worlds.sampling import Seed, checked_generator

WIDEST = 2**14  # coordinates: a covariance of 8 GiB

__all__ = ["AdditiveUniform", "JointGaussian", "JointStudentT"]


@dataclass(frozen=True)
class JointGaussian:
    """Jointly Gaussian (X, Y) ~ N(0, cov).

    cov: (D, D) positive definite covariance
    dim_x: coordinates of X, the first of the D

    Example:
        >>> from infotok.worlds import JointGaussian
        >>> world = JointGaussian.with_information(dim=3, nats=2.0)
        >>> x, y = world.sample(1000, seed=0)
        >>> x.shape, y.shape, round(world.mutual_information, 3)
        ((1000, 3), (1000, 3), 2.0)
    """

    cov: np.ndarray
    dim_x: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "cov", positive_definite(self.cov, "cov"))
        gaussian_mi(self.cov, self.dim_x)  # ValueError for a dim_x that does not split it

    @classmethod
    def correlated(cls, dim: int, rho: float) -> "JointGaussian":
        """Independent pairs (x_i, y_i), each of correlation rho: I = -dim/2 log(1 - rho^2) nats.

        dim: number of pairs.
        rho: correlation of each, in (-1, 1).
        """
        require_int("dim", dim, 1, WIDEST)
        return cls.sparse(dim, dim, pairs=dim, rho=rho)

    @classmethod
    def with_information(cls, dim: int, nats: float) -> "JointGaussian":
        """`dim` independent pairs with I(X;Y) = `nats` in all: rho = sqrt(1 - exp(-2 nats / dim))."""
        require_int("dim", dim, 1, WIDEST), require_float("nats", nats, "[0, inf)")
        return cls.correlated(dim, float(np.sqrt(-np.expm1(-2 * nats / dim))))

    @classmethod
    def dense(cls, dim_x: int, dim_y: int, correlation: float) -> "JointGaussian":
        """Every two of the D = dim_x + dim_y coordinates have the same correlation.

        dim_x, dim_y: dimensions of X and of Y.
        correlation: of every two coordinates, in (-1/(D-1), 1).
        """
        dim = require_int("dim_x", dim_x, 1, WIDEST) + require_int("dim_y", dim_y, 1, WIDEST)
        require_float("correlation", correlation, "(-1, 1)")
        return cls(np.full((dim, dim), correlation) + (1 - correlation) * np.eye(dim), dim_x)

    @classmethod
    def sparse(cls, dim_x: int, dim_y: int, pairs: int, rho: float) -> "JointGaussian":
        """The first `pairs` coordinates of X and Y have correlation rho with their partner; the others are noise.

        dim_x, dim_y: dimensions of X and of Y.
        pairs: number of correlated pairs, at most the smaller dimension.
        rho: their correlation, in (-1, 1).
        """
        require_int("dim_x", dim_x, 1, WIDEST), require_int("dim_y", dim_y, 1, WIDEST)
        require_int("pairs", pairs, 0, min(dim_x, dim_y))
        require_float("rho", rho, "(-1, 1)")
        cov, partners = np.eye(dim_x + dim_y), np.arange(pairs)
        cov[partners, dim_x + partners] = cov[dim_x + partners, partners] = rho
        return cls(cov, dim_x)

    @property
    def blocks(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(cov_x, cov_xy, cov_y), as `gaussian_ib(*world.blocks, beta)` takes them."""
        x, y = slice(None, self.dim_x), slice(self.dim_x, None)
        return self.cov[x, x], self.cov[x, y], self.cov[y, y]

    @cached_property
    def mutual_information(self) -> float:
        """I(X;Y) in nats."""
        return gaussian_mi(self.cov, self.dim_x)

    def sample(self, n: int, seed: Seed) -> tuple[np.ndarray, np.ndarray]:
        """n samples: x (n, dim_x) and y (n, D - dim_x).

        n: number of samples.
        seed: an integer, or a NumPy generator.
        """
        normal = checked_generator(n, seed).standard_normal((n, len(self.cov)))
        return _split(normal @ np.linalg.cholesky(self.cov).T, self.dim_x)


@dataclass(frozen=True)
class JointStudentT:
    """Multivariate Student-t (X, Y) = N(0, dispersion) / sqrt(chi2_dof / dof): one random scale for all coordinates.

    dispersion: (D, D) positive definite matrix
    dof: degrees of freedom, above 0; tails fall as a power of it
    dim_x: coordinates of X, the first of the D

    Example:
        >>> import numpy as np
        >>> from infotok.worlds import JointStudentT
        >>> world = JointStudentT(np.eye(2), dof=1.0, dim_x=1)  # not correlated, yet dependent by the shared scale
        >>> round(world.mutual_information, 3), world.sample(1000, seed=0)[0].shape
        (0.224, (1000, 1))
    """

    dispersion: np.ndarray
    dof: float
    dim_x: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "dispersion", positive_definite(self.dispersion, "dispersion"))
        student_t_mi(self.dispersion, self.dof, self.dim_x)  # ValueError for a bad dof or dim_x

    @cached_property
    def mutual_information(self) -> float:
        """I(X;Y) in nats."""
        return student_t_mi(self.dispersion, self.dof, self.dim_x)

    def sample(self, n: int, seed: Seed) -> tuple[np.ndarray, np.ndarray]:
        """n samples: x (n, dim_x) and y (n, D - dim_x).

        n: number of samples.
        seed: an integer, or a NumPy generator.
        """
        rng = checked_generator(n, seed)
        normal = rng.standard_normal((n, len(self.dispersion))) @ np.linalg.cholesky(self.dispersion).T
        return _split(normal / np.sqrt(rng.chisquare(self.dof, (n, 1)) / self.dof), self.dim_x)


@dataclass(frozen=True)
class AdditiveUniform:
    """Y = X + U with X uniform on [0, 1] and U uniform on [-eps, eps]; both one-dimensional.

    eps: half-width of the noise, above 0.

    Example:
        >>> from infotok.worlds import AdditiveUniform
        >>> world = AdditiveUniform(eps=0.5)
        >>> x, y = world.sample(1000, seed=0)
        >>> world.mutual_information, float(abs(y - x).max()) <= 0.5
        (0.5, True)
    """

    eps: float

    def __post_init__(self) -> None:
        require_float("eps", self.eps, "(0, inf)")

    @cached_property
    def mutual_information(self) -> float:
        """I(X;Y) in nats."""
        return additive_uniform_mi(self.eps)

    def sample(self, n: int, seed: Seed) -> tuple[np.ndarray, np.ndarray]:
        """n samples: x (n, 1) and y (n, 1).

        n: number of samples.
        seed: an integer, or a NumPy generator.
        """
        rng = checked_generator(n, seed)
        x = rng.uniform(size=(n, 1))
        return x, x + rng.uniform(-self.eps, self.eps, size=(n, 1))


def _split(joint: np.ndarray, dim_x: int) -> tuple[np.ndarray, np.ndarray]:
    return joint[:, :dim_x].copy(), joint[:, dim_x:].copy()
