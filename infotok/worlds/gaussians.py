"""Continuous pairs (X, Y) that carry their own truth.

- `JointGaussian`     any covariance; made by `.correlated`, `.with_information`, `.dense` or `.sparse`
- `JointStudentT`     the same shapes with heavy tails, which a shared scale makes informative
- `AdditiveUniform`   a uniform signal in uniform noise: nothing Gaussian about it

Every world has `.sample(n, seed) -> (x, y)`, float64 NumPy arrays (n, d_x) and (n, d_y), and `.mutual_information` in
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
    """(X, Y) ~ N(0, cov), X the first `dim_x` coordinates. cov (D, D) must be positive definite."""

    cov: np.ndarray
    dim_x: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "cov", positive_definite(self.cov, "cov"))
        gaussian_mi(self.cov, self.dim_x)  # refuses a dim_x that does not split it

    @classmethod
    def correlated(cls, dim: int, rho: float) -> "JointGaussian":
        """`dim` independent pairs (x_i, y_i), each with correlation rho in (-1, 1): -dim/2 log(1 - rho^2) nats."""
        require_int("dim", dim, 1, WIDEST)
        return cls.sparse(dim, dim, pairs=dim, rho=rho)

    @classmethod
    def with_information(cls, dim: int, nats: float) -> "JointGaussian":
        """`dim` independent pairs that share `nats` in all: rho = sqrt(1 - exp(-2 nats / dim))."""
        require_int("dim", dim, 1, WIDEST), require_float("nats", nats, "[0, inf)")
        return cls.correlated(dim, float(np.sqrt(-np.expm1(-2 * nats / dim))))

    @classmethod
    def dense(cls, dim_x: int, dim_y: int, correlation: float) -> "JointGaussian":
        """Every two of the D coordinates have the same correlation, which must lie in (-1/(D-1), 1)."""
        dim = require_int("dim_x", dim_x, 1, WIDEST) + require_int("dim_y", dim_y, 1, WIDEST)
        require_float("correlation", correlation, "(-1, 1)")
        return cls(np.full((dim, dim), correlation) + (1 - correlation) * np.eye(dim), dim_x)

    @classmethod
    def sparse(cls, dim_x: int, dim_y: int, pairs: int, rho: float) -> "JointGaussian":
        """Only the first `pairs` coordinates of X and Y correlate, each with its partner; the rest is noise."""
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
        return gaussian_mi(self.cov, self.dim_x)

    def sample(self, n: int, seed: Seed) -> tuple[np.ndarray, np.ndarray]:
        normal = checked_generator(n, seed).standard_normal((n, len(self.cov)))
        return _split(normal @ np.linalg.cholesky(self.cov).T, self.dim_x)


@dataclass(frozen=True)
class JointStudentT:
    """(X, Y) = N(0, dispersion) / sqrt(chi2_dof / dof): one random scale for all coordinates, tails of power dof."""

    dispersion: np.ndarray
    dof: float
    dim_x: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "dispersion", positive_definite(self.dispersion, "dispersion"))
        student_t_mi(self.dispersion, self.dof, self.dim_x)  # refuses a bad dof or dim_x

    @cached_property
    def mutual_information(self) -> float:
        return student_t_mi(self.dispersion, self.dof, self.dim_x)

    def sample(self, n: int, seed: Seed) -> tuple[np.ndarray, np.ndarray]:
        rng = checked_generator(n, seed)
        normal = rng.standard_normal((n, len(self.dispersion))) @ np.linalg.cholesky(self.dispersion).T
        return _split(normal / np.sqrt(rng.chisquare(self.dof, (n, 1)) / self.dof), self.dim_x)


@dataclass(frozen=True)
class AdditiveUniform:
    """Y = X + U with X uniform on [0, 1] and U uniform on [-eps, eps]; both one-dimensional."""

    eps: float

    def __post_init__(self) -> None:
        require_float("eps", self.eps, "(0, inf)")

    @cached_property
    def mutual_information(self) -> float:
        return additive_uniform_mi(self.eps)

    def sample(self, n: int, seed: Seed) -> tuple[np.ndarray, np.ndarray]:
        rng = checked_generator(n, seed)
        x = rng.uniform(size=(n, 1))
        return x, x + rng.uniform(-self.eps, self.eps, size=(n, 1))


def _split(joint: np.ndarray, dim_x: int) -> tuple[np.ndarray, np.ndarray]:
    return joint[:, :dim_x].copy(), joint[:, dim_x:].copy()
