"""Nearest-neighbour estimators of mutual information: KSG, conditional KSG, and KSG for mixtures.

- `ksg`              KSG, two continuous variables (Kraskov, Stögbauer and Grassberger 2004, variants 1 and 2)
- `conditional_ksg`  conditional mutual information I(X;Y|Z) (Frenzel and Pompe 2007)
- `mixed_ksg`        any mixture of discrete and continuous (Gao, Kannan, Oh and Viswanath 2017)

All use the maximum norm and return nats. Distances are those of normal scores (`margins`): mutual information does not
change under increasing maps of single columns, and one outlier cannot set the scale of the rest. Tied values are spread
over the ranks that they share, by random numbers that do not depend on the global state.

The search is by k-d tree in few dimensions. In many, an approximate search of the tree bounds the distance, and sets of
bits (`infotok.information.counting`) list the points within it; they also count the neighbours of one side. Memory
stays linear in N. All use `torch.get_num_threads()` threads.
"""

import numpy as np
import torch
from scipy.spatial import cKDTree
from scipy.special import digamma

from infotok.errors import require
from infotok.information.counting import count_within, neighbors_within
from infotok.information.margins import isolated_atoms, untied_scores
from infotok.information.repeats import distinct_pairs
from infotok.information.samples import Samples, as_samples, paired

TREE_DIMS = 6  # up to which a tree alone finds the nearest about as fast (5000 and 20,000 samples)
DOUBLE_DIMS = 2  # up to which neighbours are counted in double precision
SLACK = 1.5  # a bound on the distance to the k-th neighbour is at most 1 + SLACK times as large, and mostly 1.1 times
SPREAD = 16  # SPREAD * (k + 1) points are within it for hardly any point, unless values repeat


def ksg(x: Samples, y: Samples, *, k: int = 3, variant: int = 1) -> float:
    """KSG estimate of I(X;Y) of continuous variables, in nats.

    With eps_i the distance from sample i to its k-th neighbour in the joint space,

        variant 1:  psi(k) + psi(N) - < psi(n_x + 1) + psi(n_y + 1) >,       n_x = #{j : |x_i - x_j| < eps_i}
        variant 2:  psi(k) - 1/k + psi(N) - < psi(n_x) + psi(n_y) >,         n_x = #{j : |x_i - x_j| <= eps_x,i}

    where eps_x,i is the extent of the k neighbours along x alone.

    Args:
        x: (N, dx) or (N,) floats.
        y: (N, dy) or (N,) floats.
        k: which neighbour, from 1 to N - 1; small k has less bias and more variance.
        variant: 1 or 2 of the two formulas.

    Raises ValueError for samples that repeat others (a density has none), constant columns and k >= N.
    Source: Kraskov et al. 2004, Phys. Rev. E 69, 066138.

    Example:
        >>> import numpy as np
        >>> from infotok.information import ksg
        >>> x, noise = np.random.default_rng(0).standard_normal((2, 1000))
        >>> round(ksg(x, 0.8 * x + 0.6 * noise), 2)  # the truth is 0.51 nats
        0.51
    """
    return float(ksg_pointwise(x, y, k=k, variant=variant).mean())


def ksg_pointwise(x: Samples, y: Samples, *, k: int = 3, variant: int = 1) -> np.ndarray:
    """Pointwise terms (N,) of `ksg`, in nats: noisy, nearly unbiased values of log p(x,y) / p(x)p(y)."""
    x, y = paired(x, y)
    _check_k(k, len(x))
    require(variant in (1, 2) and variant is not True, "variant", variant, "1 or 2")
    _check_distinct(x, y)
    rng = _rng()
    x, y = untied_scores(x, rng, "x"), untied_scores(y, rng, "y")
    constant = digamma(k) + digamma(len(x))
    if variant == 1:
        radius = neighbor_radius(np.hstack([x, y]), k)
        return constant - digamma(count_closer(x, radius) + 1) - digamma(count_closer(y, radius) + 1)
    neighbors = _nearest(np.hstack([x, y]), k)  # (N, k)
    extent = [np.abs(v[:, None] - v[neighbors]).max(axis=(1, 2)) for v in (x, y)]
    counts = [count_closer(v, e, inclusive=True) for v, e in zip((x, y), extent, strict=True)]
    return constant - 1 / k - digamma(counts[0]) - digamma(counts[1])


def conditional_ksg(x: Samples, y: Samples, z: Samples, *, k: int = 3) -> float:
    """Conditional mutual information I(X;Y|Z) of continuous variables by nearest neighbours, in nats.

        psi(k) - < psi(n_xz + 1) + psi(n_yz + 1) - psi(n_z + 1) >

    Args:
        x: (N, dx) or (N,) floats.
        y: (N, dy) or (N,) floats.
        z: (N, dz) or (N,) floats, the variable conditioned on.
        k: which neighbour, from 1 to N - 1.

    Errors as in `ksg`. `estimate_mi(x, y, given=z)` also takes labels. Source: Frenzel and Pompe 2007, Phys. Rev. Lett.
    99, 204101.

    Example:
        >>> import numpy as np
        >>> from infotok.information import conditional_ksg, ksg
        >>> z, a, b = np.random.default_rng(0).standard_normal((3, 1000))
        >>> x, y = z + a, z + b  # dependent through z alone: I(X;Y) = 0.14, I(X;Y|Z) = 0
        >>> round(ksg(x, y), 2), round(conditional_ksg(x, y, z), 2)
        (0.11, 0.03)
    """
    return float(conditional_ksg_pointwise(x, y, z, k=k).mean())


def conditional_ksg_pointwise(x: Samples, y: Samples, z: Samples, *, k: int = 3) -> np.ndarray:
    """Pointwise terms (N,) of `conditional_ksg`, in nats."""
    x, y = paired(x, y)
    z = as_samples(z, "z")
    require(len(z) == len(x), "z", f"{len(z)} samples", f"as many as x has, {len(x)}")
    _check_k(k, len(x))
    _check_distinct(np.hstack([x, z]), y)
    rng = _rng()
    x, y, z = (untied_scores(v, rng, name) for v, name in ((x, "x"), (y, "y"), (z, "z")))
    radius = neighbor_radius(np.hstack([x, y, z]), k)
    n_xz, n_yz, n_z = (count_closer(np.hstack(v), radius) for v in ([x, z], [y, z], [z]))
    return digamma(k) - (digamma(n_xz + 1) + digamma(n_yz + 1) - digamma(n_z + 1))


def mixed_ksg(x: Samples, y: Samples, *, k: int = 3) -> float:
    """KSG for mixtures: I(X;Y) where either side may be discrete, continuous or both, in nats.

        < psi(k_i) + ln N_i - psi(n_x + 1) - psi(n_y + 1) >

    An atom, a value that a tenth of the samples or more share, is one point far from all others; ties of fewer samples
    are spread. Where at least k others coincide with a sample (eps_i = 0), k_i, n_x and n_y count those that do and
    ln N_i is ln N; elsewhere it is the term of `ksg`, psi(N).

    Args:
        x: (N, dx) or (N,) numbers; labels of unordered classes one-hot.
        y: (N, dy) or (N,) numbers.
        k: which neighbour, from 1 to N - 1.

    Errors as in `ksg`, but repeated samples are counted as they are. Source: Gao et al. 2017, NeurIPS.

    Example:
        >>> import numpy as np
        >>> from infotok.information import mixed_ksg
        >>> rng = np.random.default_rng(0)
        >>> label = rng.integers(2, size=1000)
        >>> round(mixed_ksg(label, label + rng.uniform(0.0, 0.5, size=1000)), 2)  # y tells the label: ln 2 = 0.69
        0.69
    """
    return float(mixed_ksg_pointwise(x, y, k=k).mean())


def mixed_ksg_pointwise(x: Samples, y: Samples, *, k: int = 3) -> np.ndarray:
    """Pointwise terms (N,) of `mixed_ksg`, in nats."""
    x, y = paired(x, y, discrete=True)
    _check_k(k, len(x))
    rng, columns = _rng(), x.shape[1] + y.shape[1]
    x, y = isolated_atoms(x, rng, "x", columns), isolated_atoms(y, rng, "y", columns)
    xy = np.hstack([x, y])
    radius = neighbor_radius(xy, k)
    atom = radius == 0
    n_x, n_y = count_closer(x, radius), count_closer(y, radius)
    neighbors = np.full(len(x), k)
    if atom.any():
        n_x[atom], n_y[atom], neighbors[atom] = (_repeats(v)[atom] - 1 for v in (x, y, xy))
        neighbors[atom] += 1
    samples = np.where(atom, np.log(len(x)), digamma(len(x)))
    return digamma(neighbors) + samples - digamma(n_x + 1) - digamma(n_y + 1)


def neighbor_radius(points: np.ndarray, k: int) -> np.ndarray:
    """Maximum-norm distance (N,) from each of `points` (N, d) to its k-th neighbour."""
    tree = cKDTree(points)
    radius = _radius_by_sets(tree, points, k) if points.shape[1] > TREE_DIMS else None
    return _kth_distance(tree, points, k) if radius is None else radius


def count_closer(points: np.ndarray, radius: np.ndarray, *, inclusive: bool = False) -> np.ndarray:
    """Number (N,) of other points closer than `radius` (N,) to each of `points` (N, d); `inclusive`: or as close."""
    # The margin keeps the k-th neighbour on its proper side of the sphere in spite of rounding. Above a few dimensions
    # single precision is faster.
    few = points.shape[1] <= DOUBLE_DIMS
    margin = (1e-13 if few else 1e-6) * np.abs(points).max()
    reach = radius + margin if inclusive else radius - margin
    if points.shape[1] == 1:
        order = np.sort(points[:, 0])
        left = np.searchsorted(order, points[:, 0] - reach, side="left")
        right = np.searchsorted(order, points[:, 0] + reach, side="right")
        return np.maximum(right - left - 1, 0)
    if few:
        return np.maximum(count_within(points, reach, np.less_equal) - 1, 0)
    return np.maximum(count_within(points.astype(np.float32), reach.astype(np.float32), np.less) - 1, 0)


def _radius_by_sets(tree: cKDTree, points: np.ndarray, k: int) -> np.ndarray | None:
    """`neighbor_radius` from the distances to all points within a bound, which sets of bits list.

    None for few points, and where ties leave too many of them at one distance.
    """
    n, most = len(points), SPREAD * (k + 1)
    if n < 4 * most:
        return None
    bound = _kth_distance(tree, points, k, slack=SLACK)
    pairs = neighbors_within(points, bound, np.less_equal, most * n)
    if pairs is None:
        return None
    count = np.bincount(pairs[0], minlength=n)
    many = count > most
    order = np.argsort(pairs[0], kind="stable")
    order = order[~many[pairs[0][order]]]
    row, other = (v[order] for v in pairs)
    distance = np.zeros(len(row))
    for column in np.ascontiguousarray(points.T):
        np.maximum(distance, np.abs(column[row] - column[other]), out=distance)
    count[many] = 0
    table = np.full((n, count.max()), np.inf)
    table[row, np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)] = distance
    radius = np.partition(table, k, axis=1)[:, k].copy()
    radius[many] = _kth_distance(tree, points[many], k)
    return radius


def _kth_distance(tree: cKDTree, points: np.ndarray, k: int, slack: float = 0.0) -> np.ndarray:
    """Maximum-norm distance (M,) from each of `points` (M, d), which the tree holds, to its k-th neighbour there.

    slack: the distance may be that of a farther point, up to 1 + slack times as far.
    """
    # The nearest of the points themselves is each one's own.
    return tree.query(points, k=[k + 1], p=np.inf, eps=slack, workers=torch.get_num_threads())[0][:, 0]


def _nearest(points: np.ndarray, k: int) -> np.ndarray:
    """Indices of the k nearest other points, the farthest of them last, (N, k)."""
    return cKDTree(points).query(points, k=k + 1, p=np.inf, workers=torch.get_num_threads())[1][:, 1:]


def _repeats(points: np.ndarray) -> np.ndarray:
    """How often each row occurs among the rows, (N,)."""
    _, index, count = np.unique(points, axis=0, return_inverse=True, return_counts=True)
    return count[index.reshape(-1)]


def _check_k(k: int, n: int) -> None:
    whole = isinstance(k, int | np.integer) and not isinstance(k, bool)
    require(whole and 1 <= k < n, "k", k, f"an integer from 1 to N - 1 = {n - 1}")


def _check_distinct(x: np.ndarray, y: np.ndarray) -> None:
    kept = distinct_pairs(x, y)
    repeats = 0 if kept is None else len(x) - len(kept)
    require(repeats == 0, "x, y", f"{repeats} samples that repeat another", "distinct samples (estimate_mi drops them)")


def _rng() -> np.random.Generator:
    """The generator that breaks ties: the same samples give the same value."""
    return np.random.default_rng(0)
