"""Self-consistency tests of an estimator of mutual information, which need no ground truth.

    checks = self_consistency(ksg, x, y)

- independence      I(X; Y') = 0                    Y' is Y shuffled
- data processing   I(T; Y) <= I(X; Y)              T is X with noise added (labels: merged in pairs)
- redundancy        I(X; [Y, h(Y)]) = I(X; Y)       h(Y) adds columns but no information
- bijection         I(g(X); Y) = I(X; Y)            g is asinh, column by column (labels: reversed)
- additivity        I([X1, X2]; [Y1, Y2]) = I(X1; Y1) + I(X2; Y2)   two independent halves of the data, side by side

After Song & Ermon 2020, section 4, who found that many variational estimators fail the last ones.
"""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from infotok.errors import require, require_float, require_function, require_int
from infotok.information.discrete import as_array

__all__ = ["Check", "self_consistency"]


@dataclass(frozen=True)
class Check:
    """The result of one test.

    name: of the property; statement: its equation
    value: what the estimator returned, in nats; expected: what the property asks for, in nats
    passed: whether the two agree within the tolerance

    Example:
        >>> import numpy as np
        >>> from infotok.information import ksg, self_consistency
        >>> x, noise = np.random.default_rng(0).standard_normal((2, 400))
        >>> check = self_consistency(ksg, x, x + noise)[0]
        >>> check.statement, check.expected, check.passed
        ('I(X; shuffled Y) = 0', 0.0, True)
    """

    name: str
    statement: str
    value: float
    expected: float
    passed: bool


def self_consistency(
    estimator: Callable[[np.ndarray, np.ndarray], float],
    x: ArrayLike,
    y: ArrayLike,
    *,
    tolerance: float = 0.1,
    seed: int = 0,
) -> list[Check]:
    """Run the five self-consistency tests and return one `Check` each.

    Args:
        estimator: a function of two NumPy arrays (N, dx) and (N, dy) that returns nats; called eight times.
        x: (N, dx) or (N,) floats, or integer labels for a discrete estimator; rows are independent samples, N >= 8.
        y: (N, dy) or (N,), likewise.
        tolerance: nats, or the fraction of the expected value where that is larger.
        seed: of shuffles and noise.

    Example:
        >>> import numpy as np
        >>> from infotok.information import ksg, self_consistency
        >>> x, noise = np.random.default_rng(0).standard_normal((2, 400))
        >>> for check in self_consistency(ksg, x, x + noise):
        ...     print(f"{check.name}: {check.passed}")
        ...
        independence: True
        data processing: True
        redundancy: True
        bijection: True
        additivity: True
    """
    require_function("estimator", estimator, "a function of two arrays")
    x, y = _matrix(x, "x"), _matrix(y, "y")
    require(len(x) == len(y), "y, samples", len(y), f"as many as x, {len(x)}")
    require(len(x) >= 8, "x, samples", len(x), "at least 8")
    require_float("tolerance", tolerance, "(0, inf)"), require_int("seed", seed, 0, 2**63 - 1)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(x))
    half = len(x) // 2
    first, second = order[:half], order[half : 2 * half]

    def nats(x: np.ndarray, y: np.ndarray) -> float:
        value = estimator(x, y)
        number = np.ndim(value) == 0 and isinstance(value, Real | np.ndarray | Tensor)
        require(number, "estimator's value", type(value).__name__, "a number of nats", TypeError)
        require(np.isfinite(float(value)), "estimator's value", float(value), "a finite number of nats")
        return float(value)

    def check(name: str, statement: str, value: float, expected: float, *, at_most: bool = False) -> Check:
        slack = tolerance * max(1.0, abs(expected))
        passed = value <= expected + slack if at_most else abs(value - expected) <= slack
        return Check(name, statement, value, expected, bool(passed))

    whole = nats(x, y)
    side_by_side = nats(np.hstack([x[first], x[second]]), np.hstack([y[first], y[second]]))
    parts = nats(x[first], y[first]) + nats(x[second], y[second])
    return [
        check("independence", "I(X; shuffled Y) = 0", nats(x, rng.permutation(y)), 0.0),
        check("data processing", "I(T; Y) <= I(X; Y)", nats(_degraded(x, rng), y), whole, at_most=True),
        check("redundancy", "I(X; [Y, h(Y)]) = I(X; Y)", nats(x, np.hstack([y, _bijected(y)])), whole),
        check("bijection", "I(g(X); Y) = I(X; Y)", nats(_bijected(x), y), whole),
        check("additivity", "I([X1, X2]; [Y1, Y2]) = I(X1; Y1) + I(X2; Y2)", side_by_side, parts),
    ]


def _matrix(values: ArrayLike, name: str) -> np.ndarray:
    """(N,) or (N, D), floats or integers, as (N, D)."""
    values = as_array(values, name)
    require(values.ndim in (1, 2) and values.size > 0, name, values, "shape (N,) or (N, D)")
    require(values.dtype.kind in "iuf", name, values.dtype, "floats or integer labels", TypeError)
    require(np.isfinite(values).all(), name, values, "finite values, no NaN or inf")
    return values.reshape(len(values), -1)


def _degraded(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """X with less information: with noise as large as the signal, or neighbouring labels merged."""
    if x.dtype.kind == "f":
        with np.errstate(over="ignore"):
            spread = x.std(0)
        require(np.isfinite(spread).all(), "x", "values above 1e150", "values whose variance is finite")
        return x + spread * rng.standard_normal(x.shape)
    return x // 2


def _bijected(x: np.ndarray) -> np.ndarray:
    """The same information in another form."""
    return np.arcsinh(x) if x.dtype.kind == "f" else x.max(0) - x
