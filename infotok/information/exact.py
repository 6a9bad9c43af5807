"""Closed forms of entropy and mutual information, the ground truth of the benchmarks.

- `gaussian_mi`, `student_t_mi`   jointly Gaussian and Student-t vectors of any dimensions
- `additive_uniform_mi`           a uniform signal in uniform noise
- `entropy`, `discrete_mi`        finite alphabets
- `binary_symmetric_channel_mi`, `binary_erasure_channel_mi`   the two textbook channels

Everything is in nats (divide by ln 2 for bits) and float64. Scalars give a float, arrays an array.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, entr, gammaln, rel_entr

from infotok.errors import require, require_float, require_int, require_numbers

__all__ = [
    "additive_uniform_mi",
    "binary_erasure_channel_mi",
    "binary_symmetric_channel_mi",
    "discrete_mi",
    "entropy",
    "gaussian_mi",
    "positive_definite",
    "student_t_mi",
]


def gaussian_mi(cov: ArrayLike, dim_x: int) -> float:
    """Mutual information of jointly Gaussian (X, Y), in nats.

        I(X;Y) = 1/2 log(det S_x det S_y / det S) = -1/2 sum_i log(1 - rho_i^2),    rho_i the canonical correlations

    Args:
        cov: (D, D) covariance S of the stacked vector (X, Y).
        dim_x: coordinates of X, the first of the D.

    Raises ValueError for a covariance that is asymmetric, indefinite or singular (infinite information).
    Source: Cover & Thomas 2006, section 8.5.

    Example:
        >>> import math
        >>> from infotok.information import gaussian_mi
        >>> round(gaussian_mi([[1.0, 0.8], [0.8, 1.0]], dim_x=1), 3), round(-0.5 * math.log(1 - 0.8**2), 3)
        (0.511, 0.511)
    """
    cov = positive_definite(cov, "cov")
    _check_split(dim_x, len(cov))
    return 0.5 * (_log_det(cov[:dim_x, :dim_x]) + _log_det(cov[dim_x:, dim_x:]) - _log_det(cov))


def student_t_mi(dispersion: ArrayLike, dof: float, dim_x: int) -> float:
    """Mutual information of a multivariate Student-t vector (X, Y), in nats: Gaussian part plus shared scale.

        I = gaussian_mi(dispersion) + h(d_x) + h(d_y) - h(d_x + d_y),
        h(k) = log[Gamma(nu/2) (nu pi)^(k/2) / Gamma((nu+k)/2)] + (nu+k)/2 [psi((nu+k)/2) - psi(nu/2)]

    h(k) is the entropy of the standard k-dimensional t. The h terms do not depend on the dispersion, so uncorrelated
    coordinates are still dependent.

    Args:
        dispersion: (D, D) positive definite matrix.
        dof: degrees of freedom nu, above 0.
        dim_x: coordinates of X, the first of the D.

    Raises ValueError as `gaussian_mi` does. Source: Arellano-Valle et al. 2013.

    Example:
        >>> from infotok.information import gaussian_mi, student_t_mi
        >>> independent = [[1.0, 0.0], [0.0, 1.0]]
        >>> [round(student_t_mi(independent, dof, dim_x=1), 3) for dof in (1.0, 5.0, 100.0)]  # a shared scale
        [0.224, 0.017, 0.0]
        >>> gaussian_mi(independent, dim_x=1)
        0.0
    """
    dof = require_float("dof", dof, "[0.001, 1000000000.0]")
    dispersion = positive_definite(dispersion, "dispersion")
    _check_split(dim_x, len(dispersion))

    def h(k: int) -> float:
        half, both = dof / 2, (dof + k) / 2
        log_volume = gammaln(half) - gammaln(both) + k / 2 * np.log(dof * np.pi)
        return log_volume + both * (digamma(both) - digamma(half))

    dim_y = len(dispersion) - dim_x
    return float(gaussian_mi(dispersion, dim_x) + h(dim_x) + h(dim_y) - h(dim_x + dim_y))


def additive_uniform_mi(eps: ArrayLike) -> float | np.ndarray:
    """Mutual information of X and Y = X + U, X uniform on [0, 1], U uniform on [-eps, eps], in nats.

        I(X;Y) = eps - log(2 eps) for eps <= 1/2, else 1/(4 eps):   h(Y) of a trapezoid minus h(U) = log(2 eps)

    eps: half-width of the noise, above 0, of any shape.

    Example:
        >>> from infotok.information import additive_uniform_mi
        >>> round(additive_uniform_mi(0.5), 3)  # X uniform on [0, 1], noise as wide: 1/2 nat
        0.5
        >>> additive_uniform_mi([0.1, 0.5, 2.0]).round(3)
        array([1.709, 0.5  , 0.125])
    """
    eps = require_numbers("eps", eps, "(0, inf)")
    return _plain(np.where(eps <= 0.5, eps - np.log(2 * eps), 1 / (4 * eps)))


def entropy(p: ArrayLike) -> float | np.ndarray:
    """Entropy H = -sum p log p over the last axis, in nats.

    p: (..., K) probabilities that sum to 1 over the last axis; ValueError otherwise.

    Example:
        >>> from infotok.information import entropy
        >>> round(entropy([0.5, 0.5]), 3)  # a fair coin: ln 2 nats, 1 bit
        0.693
        >>> entropy([[0.25, 0.25, 0.25, 0.25], [1.0, 0.0, 0.0, 0.0]]).round(3)  # one row each
        array([1.386, 0.   ])
    """
    return _plain(entr(_distribution(p, "p", axes=1)).sum(-1))


def discrete_mi(joint: ArrayLike) -> float | np.ndarray:
    """Mutual information I(X;Y) = KL(p(x,y) || p(x) p(y)) of probability tables, in nats.

    joint: (..., X, Y) tables that each sum to 1; ValueError otherwise.

    Example:
        >>> from infotok.information import discrete_mi
        >>> round(discrete_mi([[0.5, 0.0], [0.0, 0.5]]), 3)  # Y = X, a fair bit: ln 2
        0.693
        >>> round(discrete_mi([[0.25, 0.25], [0.25, 0.25]]), 3)  # independent
        0.0
    """
    joint = _distribution(joint, "joint", axes=2)
    product = joint.sum(-1, keepdims=True) * joint.sum(-2, keepdims=True)  # (..., X, Y)
    terms = np.where(product > 0, rel_entr(joint, product), 0.0)  # where it underflows the joint is below 1e-161
    return _plain(np.maximum(terms.sum((-2, -1)), 0.0))


def binary_symmetric_channel_mi(p: ArrayLike) -> float | np.ndarray:
    """Mutual information log 2 - h(p) of a fair bit through the binary symmetric channel, in nats.

    p: probability of a flip, of any shape.

    Example:
        >>> import math
        >>> from infotok.information import binary_symmetric_channel_mi
        >>> [round(binary_symmetric_channel_mi(p) / math.log(2), 3) for p in (0.0, 0.11, 0.5)]  # bits
        [1.0, 0.5, 0.0]
    """
    p = require_numbers("p", p, "[0, 1]")
    return _plain(np.maximum(np.log(2) - entr(p) - entr(1 - p), 0.0))


def binary_erasure_channel_mi(e: ArrayLike) -> float | np.ndarray:
    """Mutual information (1 - e) log 2 of a fair bit through the binary erasure channel, in nats.

    e: probability of an erasure, of any shape.

    Example:
        >>> import math
        >>> from infotok.information import binary_erasure_channel_mi
        >>> round(binary_erasure_channel_mi(0.25) / math.log(2), 3)  # bits: a quarter of the symbols is lost
        0.75
    """
    return _plain((1 - require_numbers("e", e, "[0, 1]")) * np.log(2))


def positive_definite(cov: ArrayLike, name: str) -> np.ndarray:
    """`cov` as a (D, D) float64 array; ValueError, named `name`, unless it is symmetric and positive definite.

    The test is on the correlation scale, so that different units of the coordinates do not matter.
    """
    cov = require_numbers(name, cov)
    require(cov.ndim == 2 and cov.shape[0] == cov.shape[1], name, cov, "a square matrix (D, D)")
    variance = np.diag(cov)
    require((variance > 0).all(), f"{name}, smallest variance", variance.min(), "a number above 0")
    scale = np.sqrt(variance)
    correlation = cov / scale[:, None] / scale
    asymmetry = np.abs(correlation - correlation.T).max()
    require(asymmetry < 1e-8, f"{name}, asymmetry", asymmetry, "0, a symmetric matrix")
    smallest = np.linalg.eigvalsh((correlation + correlation.T) / 2)[0]
    rounding = len(cov) * np.finfo(float).eps
    expected = "above 0: a singular or indefinite matrix has no finite information"
    require(smallest > rounding, f"{name}, smallest correlation eigenvalue", smallest, expected)
    return (cov + cov.T) / 2


def joint_table(name: str, p_xy: ArrayLike) -> np.ndarray:
    """A joint distribution p(x, y) as a table (X, Y) in float64 that sums to exactly 1.

    name: of the argument, for the error
    p_xy: (X, Y) probabilities; ValueError for a negative entry, or a sum that is not 1 up to 1e-9
    """
    table = require_numbers(name, p_xy, ndim=2)
    require((table >= 0).all(), f"{name}, smallest entry", table.min(), "a probability, 0 or above")
    require(abs(table.sum() - 1) < 1e-9, f"{name}, sum", table.sum(), "1")
    return table / table.sum()


def _log_det(cov: np.ndarray) -> float:
    return float(np.linalg.slogdet(cov)[1])


def _check_split(dim_x: int, dim: int) -> None:
    require_int("dim_x", dim_x, -(2**63), 2**63)
    require(0 < dim_x < dim, "dim_x", dim_x, f"between 1 and {dim - 1}, so that X and Y share the {dim} coordinates")


def _distribution(values: ArrayLike, name: str, axes: int) -> np.ndarray:
    array = require_numbers(name, values)
    require(array.ndim >= axes, name, array, f"at least {axes} axes")
    require((array >= 0).all(), f"{name}, smallest entry", array.min(), "a probability, 0 or above")
    total = array.sum(tuple(range(-axes, 0)), keepdims=True)
    worst = total.flat[np.abs(total - 1).argmax()]
    require(abs(worst - 1) < 1e-6, f"{name}, sum", worst, "1")
    return array / total


def _plain(values: np.ndarray) -> float | np.ndarray:
    return float(values) if np.ndim(values) == 0 else values
