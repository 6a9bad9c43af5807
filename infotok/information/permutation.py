"""Permutation tests of independence: p-values from shuffled samples.

    p = (1 + #{b : T(x, y_b) >= T(x, y)}) / (1 + B),      y_b the samples y in random order, T a statistic

Under independence P(p <= alpha) <= alpha for every alpha, N and T, with ties as well (Phipson and Smyth 2010, Stat.
Appl. Genet. Mol. Biol. 9, 39). Given labels z, the order is random within each label: a test of conditional
independence.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy

from infotok.errors import require, require_int, require_seed
from infotok.information.categories import encode_labels, is_labels
from infotok.information.isolation import whole_seed
from infotok.information.margins import normal_scores
from infotok.information.samples import as_samples, kind_of, plain
from infotok.information.variables import declared

STATISTICS = ("auto", "counts", "correlation", "hsic")
MOST = 1_000_000  # permutations
LANDMARKS = 60  # kernel features of each side
SAME = 1e-10  # share of the statistic that rounding may take


@dataclass(frozen=True)
class PermutationTest:
    """The result of a permutation test.

    p_value: at least 1 / (B + 1)
    statistic: of the samples as they are
    null: (B,) of shuffled samples
    method: name of the statistic

    Example:
        >>> import numpy as np
        >>> from infotok.information import permutation_test
        >>> x, noise = np.random.default_rng(0).standard_normal((2, 100))
        >>> test = permutation_test(x, x + noise, "correlation", permutations=99)
        >>> test.p_value, test.null.shape, bool(test.statistic > test.null.max())
        (0.01, (99,), True)
    """

    p_value: float
    statistic: float
    null: np.ndarray = field(repr=False)
    method: str

    def __str__(self) -> str:
        return f"p = {self.p_value:.3g} ({self.method}, {len(self.null)} permutations)"


def permutation_test(
    x: Any,
    y: Any,
    method: str | Callable[[np.ndarray, np.ndarray], float] = "auto",
    *,
    permutations: int = 999,
    given: Any = None,
    discrete_x: bool | None = None,
    discrete_y: bool | None = None,
    seed: int = 0,
) -> PermutationTest:
    """Permutation test of the hypothesis that x and y are independent, or independent given labels.

    Args:
        x: (N,) or (N, d) numbers or labels.
        y: (N,) or (N, d), likewise.
        method: the statistic. "counts": plug-in mutual information of labels. "correlation": squared correlations of
            normal scores, for monotone dependence. "hsic": HSIC with Gaussian kernels of ranks or labels, for any
            dependence. "auto": counts for two labels, else hsic. Or a function (x, y) -> float of NumPy arrays.
        permutations: B, a positive integer; p is at least 1 / (B + 1).
        given: (N,) labels to condition on, or None.
        discrete_x: True treats numbers as labels.
        discrete_y: the same for y.
        seed: of the permutations; the result is deterministic.

    Raises ValueError for unequal lengths, fewer than 4 samples, NaN, an unknown method or an impossible B; TypeError
    for floats as `given`.

    Example:
        >>> import numpy as np
        >>> from infotok.information import permutation_test
        >>> x, noise = np.random.default_rng(0).standard_normal((2, 100))
        >>> print(permutation_test(x, x**2 + noise))
        p = 0.001 (hsic, 999 permutations)
        >>> print(permutation_test(x, noise))
        p = 0.398 (hsic, 999 permutations)
    """
    known = callable(method) or (isinstance(method, str) and method in STATISTICS)
    require(known, "method", method, f"one of {', '.join(STATISTICS)} or a function")
    require_int("permutations", permutations, 1, MOST)
    require_seed("seed", seed)
    discrete_x, discrete_y = declared(discrete_x, "x"), declared(discrete_y, "y")
    x, y = plain(x, "x"), plain(y, "y")
    strata = np.zeros(len(x), dtype=np.int64) if given is None else _strata(given)
    if callable(method):
        x, y = np.asarray(x), np.asarray(y)
        name, statistic = getattr(method, "__name__", "function"), lambda order: float(method(x, y[order]))
    else:
        x, y = _operand(x, "x", discrete_x), _operand(y, "y", discrete_y)
        labels = x.ndim == y.ndim == 1
        name = method if method != "auto" else "counts" if labels else "hsic"
        both = "labels on both sides (discrete_x=True treats numbers as labels)"
        require(name != "counts" or labels, "method", "counts", both)
        statistic = None
    for other, values in (("y", y), ("given", strata)):
        require(len(values) == len(x), other, f"{len(values)} samples", f"as many as x has, {len(x)}")
    require(len(x) >= 4, "x", f"{len(x)} samples", "at least 4")
    if name == "counts" and statistic is None:
        statistic = _counts(x, y, strata)
    elif statistic is None:
        feature = _correlates if name == "correlation" else _kernel_features
        landmarks = whole_seed(seed)
        statistic = _covariance(feature(x, landmarks), feature(y, landmarks), strata)
    observed = statistic(np.arange(len(x)))
    null = np.array([statistic(order) for order in _orders(strata, permutations, seed)])
    exceed = int((null >= observed - SAME * abs(observed)).sum())
    return PermutationTest((1 + exceed) / (1 + permutations), observed, null, name)


def _orders(strata: np.ndarray, permutations: int, seed: int) -> Iterator[np.ndarray]:
    """Random orders (N,) that leave every sample in its stratum."""
    rng = np.random.default_rng(seed)
    together = np.argsort(strata, kind="stable")
    for _ in range(permutations):
        order = np.empty(len(strata), dtype=np.int64)
        order[together] = np.lexsort((rng.random(len(strata)), strata))
        yield order


def _counts(x: np.ndarray, y: np.ndarray, strata: np.ndarray) -> Callable[[np.ndarray], float]:
    """sum n log n / N over the cells of x, y and stratum: mutual information up to a constant."""
    cells = encode_labels(np.stack([x, strata], axis=1)) * (y.max() + 1)
    powers = np.arange(len(x) + 1) * np.log(np.arange(len(x) + 1).clip(min=1)) / len(x)
    dense = (cells.max() + y.max() + 1) <= 50 * len(x)

    def statistic(order: np.ndarray) -> float:
        joint = cells + y[order]
        counts = np.bincount(joint) if dense else np.unique(joint, return_counts=True)[1]
        return float(powers[counts].sum())

    return statistic


def _covariance(u: np.ndarray, v: np.ndarray, strata: np.ndarray) -> Callable[[np.ndarray], float]:
    """sum over strata of n |cov(u, v)|^2, features (N, p) and (N, q): with kernel features, HSIC."""
    parts = [np.flatnonzero(strata == stratum) for stratum in range(strata.max() + 1)]
    u = u.copy()
    for rows in parts:
        u[rows] -= u[rows].mean(axis=0)

    def statistic(order: np.ndarray) -> float:
        moved = v[order]
        return sum(float(np.square(u[rows].T @ moved[rows]).sum()) / len(rows) for rows in parts) / len(u)

    return statistic


def _kernel_features(values: np.ndarray, seed: int) -> np.ndarray:
    """(N, m) features whose products approximate exp(-|a - b|^2 / 2 s^2) of ranks, s the median distance; or labels."""
    if values.ndim == 1:
        return _indicators(values)
    from sklearn.kernel_approximation import Nystroem
    from sklearn.metrics.pairwise import euclidean_distances

    ranks = scipy.stats.rankdata(values, axis=0) / len(values)
    some = ranks[np.random.default_rng(seed).permutation(len(ranks))[:500]]
    distances = euclidean_distances(some)
    median = np.median(distances[distances > 0]) if distances.any() else 1.0
    kernel = Nystroem(gamma=1 / (2 * median**2), n_components=min(LANDMARKS, len(ranks)), random_state=seed % 2**32)
    return kernel.fit_transform(ranks)


def _correlates(values: np.ndarray, seed: int) -> np.ndarray:
    """Normal scores, or labels as indicators."""
    return _indicators(values) if values.ndim == 1 else normal_scores(values)


def _indicators(codes: np.ndarray) -> np.ndarray:
    """(N, K) zeros and ones of the most frequent labels."""
    frequent = np.argsort(-np.bincount(codes), kind="stable")[:LANDMARKS]
    return (codes[:, None] == frequent).astype(np.float64)


def _operand(values: Any, name: str, discrete: bool | None) -> np.ndarray:
    """Labels as codes (N,), or numbers (N, d)."""
    if discrete or (discrete is None and is_labels(values)):
        return encode_labels(values, name)
    values = values.to_numpy() if hasattr(values, "to_numpy") else values
    return as_samples(values, name, discrete=True)


def _strata(given: Any) -> np.ndarray:
    kind = kind_of(plain(given, "given"))
    hint = "labels (bin real numbers first: the test is exact within labels)"
    require(kind != "f", "given", "floats", hint, TypeError)
    return encode_labels(given, "given")
