"""Finite sources with known mutual information and, for two of them, a known information-bottleneck curve.

- `DiscreteSource`         any joint table p(x, y): `.sample(n, seed)`, `.mutual_information`
- `BinarySymmetricSource`  a fair bit and its noisy copy; the information-bottleneck curve in closed form
- `ErasureSource`          a symbol and its copy with erasures; the curve is a line
- `HierarchicalSource`     leaves of a tree; coarse branches are less noisy, so clusters split level by level

Everything is in nats. `p_xy` (X, Y) is the table; samples are integer arrays x (n,), y (n,).
"""

import math
from collections.abc import Sequence

import numpy as np
import scipy
from numpy.typing import ArrayLike
from scipy.special import entr

from infotok.errors import require, require_float, require_int, require_numbers
from infotok.information.exact import discrete_mi, joint_table
from infotok.worlds.sampling import Seed, checked_generator

MANY = 2**14  # symbols: a table of 2 GiB

__all__ = ["BinarySymmetricSource", "DiscreteSource", "ErasureSource", "HierarchicalSource"]


class DiscreteSource:
    """Two discrete variables with any joint distribution.

    p_xy: (X, Y) table of probabilities that sums to 1.

    Example:
        >>> from infotok.worlds import DiscreteSource
        >>> world = DiscreteSource([[0.4, 0.1], [0.1, 0.4]])
        >>> x, y = world.sample(1000, seed=0)
        >>> round(world.mutual_information, 3), round(float((x == y).mean()), 1)
        (0.193, 0.8)
    """

    def __init__(self, p_xy: ArrayLike):
        self.p_xy = joint_table("p_xy", p_xy)

    @property
    def mutual_information(self) -> float:
        """I(X;Y), in nats."""
        return discrete_mi(self.p_xy)

    def sample(self, n: int, seed: Seed = 0) -> tuple[np.ndarray, np.ndarray]:
        """n samples: x (n,) and y (n,), row and column indices of the table.

        n: number of samples.
        seed: an integer, or a NumPy generator.
        """
        cell = checked_generator(n, seed).choice(self.p_xy.size, size=n, p=self.p_xy.ravel())
        return np.unravel_index(cell, self.p_xy.shape)


class BinarySymmetricSource(DiscreteSource):
    """The binary symmetric source: X a fair bit, Y = X flipped with probability p.

    The optimal T of the information bottleneck is X flipped with some probability q,

        I(T;X) = log 2 - h(q),    I(T;Y) = log 2 - h(q (1-p) + (1-q) p),

    and T is constant below beta = 1/(1-2p)^2. Source: Wyner & Ziv 1973, "Mrs. Gerber's lemma".

    flip: p, in [0, 1/2).

    Example:
        >>> from infotok.worlds import BinarySymmetricSource
        >>> world = BinarySymmetricSource(flip=0.1)
        >>> round(world.mutual_information, 3), round(world.critical_beta, 3)
        (0.368, 1.562)
        >>> [round(float(nats), 3) for nats in world.optimum(beta=3.0)]  # I(T;X) and I(T;Y) of the bottleneck
        [0.658, 0.358]
    """

    def __init__(self, flip: float):
        require_float("flip", flip, "[0, 0.5)")
        self.flip = flip
        super().__init__(np.array([[1 - flip, flip], [flip, 1 - flip]]) / 2)

    @property
    def critical_beta(self) -> float:
        """The beta above which the optimal T is not constant."""
        return 1 / (1 - 2 * self.flip) ** 2

    def relevance(self, rate: ArrayLike) -> np.ndarray:
        """The information-bottleneck curve: the largest I(T;Y) at I(T;X) = `rate`, in nats; rates in [0, log 2]."""
        rate = require_numbers("rate", rate)
        require(((rate >= 0) & (rate <= np.log(2))).all(), "rate", rate, "rates from 0 to log 2 nats")
        q = np.array([_inverse_binary_entropy(np.log(2) - r) for r in rate.ravel()]).reshape(rate.shape)
        return np.log(2) - _binary_entropy(self._through(q))

    def optimum(self, beta: float) -> tuple[float, float]:
        """(I(T;X), I(T;Y)) in nats at the minimum of I(T;X) - beta I(T;Y).

        beta: weight of I(T;Y), a number from 0.
        """
        require_float("beta", beta, "[0, inf)")
        contrast = 1 - 2 * self.flip
        if beta * contrast**2 <= 1:
            return 0.0, 0.0

        def slope(bias: float) -> float:  # of the Lagrangian in the bias u = 1 - 2q of T: atanh(u) - beta c atanh(c u)
            return np.arctanh(bias) - beta * contrast * np.arctanh(contrast * bias)

        # atanh(u) outgrows the other term only at the optimum, however close to 0 or 1 that lies
        below = 1e-9
        above = 1 - 1e-16
        bias = (
            scipy.optimize.brentq(slope, below, above, xtol=1e-16, rtol=1e-15)
            if slope(above) > 0 > slope(below)
            else 1.0
        )
        q = (1 - bias) / 2
        return np.log(2) - _binary_entropy(q), np.log(2) - _binary_entropy(self._through(q))

    def _through(self, q: np.ndarray) -> np.ndarray:
        return q + self.flip - 2 * q * self.flip


class ErasureSource(DiscreteSource):
    """The erasure source: X uniform, Y = X or, with probability `erasure`, "erased" (the last column).

    I(T;Y) = (1 - erasure) I(T;X) for every T. So the information-bottleneck curve is a line, and the minimum of the
    Lagrangian jumps from one end to the other at one beta.

    erasure: probability of an erasure, in [0, 1]
    symbols: number of values of X, 2 or more

    Example:
        >>> from infotok.worlds import ErasureSource
        >>> world = ErasureSource(erasure=0.25)
        >>> round(world.mutual_information, 3), world.relevance([0.2, 0.4])  # 0.75 ln 2; a line of slope 0.75
        (0.52, array([0.15, 0.3 ]))
    """

    def __init__(self, erasure: float, symbols: int = 2):
        require_float("erasure", erasure, "[0, 1]"), require_int("symbols", symbols, 2, MANY)
        self.erasure, self.symbols = erasure, symbols
        lost = np.full((symbols, 1), erasure)
        super().__init__(np.hstack([(1 - erasure) * np.eye(symbols), lost]) / symbols)

    @property
    def critical_beta(self) -> float:
        """The beta at which the optimal T jumps from constant to X."""
        return 1 / (1 - self.erasure) if self.erasure < 1 else np.inf

    def relevance(self, rate: ArrayLike) -> np.ndarray:
        """I(T;Y) at I(T;X) = `rate`, in nats; rates in [0, log symbols]."""
        rate = require_numbers("rate", rate)
        inside = ((rate >= 0) & (rate <= np.log(self.symbols))).all()
        require(inside, "rate", rate, "rates from 0 to log(symbols) nats")
        return (1 - self.erasure) * rate


class HierarchicalSource(DiscreteSource):
    """A hierarchical source: X is a uniform leaf of a tree, and Y follows X from the root, branch by branch.

    Where Y leaves the path of X it takes one of the other branches and every later branch at random. So Y has more
    information about the coarse branches of X than about the fine ones, and a growing beta splits clusters of X from
    the root of the tree.

    branching: (b_1, ..., b_D) children per node at each level; X and Y have prod(b) symbols, the leaves in order
    fidelity: (f_1, ..., f_D) probability that Y follows X at each level

    Example:
        >>> from infotok.worlds import HierarchicalSource
        >>> world = HierarchicalSource(branching=(2, 2), fidelity=(0.95, 0.8))
        >>> world.p_xy.shape, world.information_by_level.round(3), round(world.mutual_information, 3)
        ((4, 4), array([0.495, 0.183]), 0.678)
    """

    def __init__(self, branching: Sequence[int] = (2, 2, 2), fidelity: Sequence[float] = (0.95, 0.9, 0.85)):
        for name, values in (("branching", branching), ("fidelity", fidelity)):
            listed = isinstance(values, tuple | list | np.ndarray) and len(values) >= 1
            require(listed, name, values, "one number for each level", TypeError)
        for b, f in zip(branching, fidelity, strict=False):
            require_int("branching", b, 2, MANY), require_float("fidelity", f, "[0, 1]")
        require(len(fidelity) == len(branching), "fidelity", fidelity, f"one probability per level ({len(branching)})")
        require_int("branching, leaves", math.prod(int(b) for b in branching), 2, MANY)
        self.branching, self.fidelity = tuple(branching), tuple(fidelity)
        p = np.ones((1, 1))  # p(y's node | x's node), the diagonal is the path of x; a level down a node has b children
        for b, f in zip(branching, fidelity, strict=True):
            on_path, astray = np.diag(np.diag(p)), p - np.diag(np.diag(p))
            choice = np.where(np.eye(b), f, (1 - f) / (b - 1))
            p = np.kron(on_path, choice) + np.kron(astray, np.full((b, b), 1 / b))
        super().__init__(p / len(p))

    @property
    def information_by_level(self) -> np.ndarray:
        """I(branch of X at a level; Y | levels above), (D,), in nats; the sum is I(X;Y)."""
        b, f = np.array(self.branching), np.array(self.fidelity)
        reached = np.concatenate([[1.0], np.cumprod(f)[:-1]])
        return reached * (np.log(b) - entr(f) - entr(1 - f) - (1 - f) * np.log(b - 1))


def _binary_entropy(q: ArrayLike) -> np.ndarray:
    return entr(q) + entr(1 - np.asarray(q))


def _inverse_binary_entropy(h: float) -> float:
    """q in [0, 1/2] with h(q) = h."""
    if h <= 0 or h >= np.log(2):
        return 0.0 if h <= 0 else 0.5
    return scipy.optimize.brentq(lambda q: _binary_entropy(q) - h, 0.0, 0.5, xtol=1e-16, rtol=1e-15)
