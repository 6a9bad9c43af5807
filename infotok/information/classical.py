"""The methods of `estimate_mi` without training: copulas, nearest neighbours, counts. Each returns an `Estimate`.

- `cca`, `gaussian`, `student`  canonical correlations of the columns as they came, of their normal scores, and a
                                Student copula
- `ksg`, `ksg2`, `mixed`        KSG nearest neighbours (`neighbors`)
- `discrete`                    plug-in from counts, corrected (`discrete`)

x and y are checked arrays (N, dx) and (N, dy) of numbers without constant columns; label codes (N,) for `discrete`.
"""

import warnings
from collections.abc import Callable

import numpy as np
import scipy

from infotok.errors import require
from infotok.information.copula import GaussianCopula, StudentCopula
from infotok.information.discrete import plugin_mi
from infotok.information.labels import entropy_of
from infotok.information.margins import normal_scores
from infotok.information.neighbors import ksg_pointwise, mixed_ksg_pointwise
from infotok.information.result import Estimate, point
from infotok.information.samples import standardized

PER_CELL = 5  # samples per cell of the table, on average, from which counts are used
HEAVY = 50.0  # excess kurtosis of a column that outliers dominate


def cca(x: np.ndarray, y: np.ndarray) -> Estimate:
    """Canonical correlations of the columns as they are, with the bias of Gaussian samples removed."""
    x, y = standardized(x, "x"), standardized(y, "y")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of nearly identical values; a NaN is not heavy
        heavy = [name for name, v in (("x", x), ("y", y)) if (scipy.stats.kurtosis(v, axis=0) > HEAVY).any()]
    copula = GaussianCopula.fit(x, y)
    found = point("cca", copula.nats, copula.log_ratio(x, y))
    notes = tuple(f"cca: outliers dominate columns of {name}; method='gaussian' uses ranks" for name in heavy)
    return Estimate(found.nats, found.interval, "point", "cca", warnings=notes)


def gaussian(x: np.ndarray, y: np.ndarray) -> Estimate:
    """Gaussian copula: canonical correlations of normal scores."""
    x, y = normal_scores(x), normal_scores(y)
    copula = GaussianCopula.fit(x, y)
    return point("gaussian", copula.nats, copula.log_ratio(x, y))


def student(x: np.ndarray, y: np.ndarray) -> Estimate:
    """Student copula: the degrees of freedom are fitted too."""
    x, y = normal_scores(x), normal_scores(y)
    copula = StudentCopula.fit(x, y)
    return point("student", copula.nats, copula.log_ratio(x, y), reason=f"{copula.dof:.3g} degrees of freedom")


def ksg(x: np.ndarray, y: np.ndarray, k: int = 3) -> Estimate:
    """KSG, variant 1, with the k-th neighbour."""
    values = ksg_pointwise(x, y, k=k)
    return point("ksg", values.mean(), values)


def ksg2(x: np.ndarray, y: np.ndarray, k: int = 3) -> Estimate:
    """KSG, variant 2, with the k-th neighbour."""
    values = ksg_pointwise(x, y, k=k, variant=2)
    return point("ksg2", values.mean(), values)


def mixed(x: np.ndarray, y: np.ndarray, k: int = 3) -> Estimate:
    """KSG for mixtures with the k-th neighbour; the interval is wider by the bias that may remain (`halved_bias`)."""
    values = mixed_ksg_pointwise(x, y, k=k)
    return point("mixed", values.mean(), values, bias=halved_bias(mixed_ksg_pointwise, x, y, k=k))


def discrete(x: np.ndarray, y: np.ndarray, correction: str = "miller-madow") -> Estimate:
    """Plug-in mutual information of label codes x and y (N,), corrected as in `plugin_mi`.

    A correction may leave the range from 0 to the smaller entropy; the interval always reaches into it.
    """
    pairs, joint, count = np.unique(np.stack([x, y], 1), axis=0, return_inverse=True, return_counts=True)
    log_ratio = np.log(count[joint.reshape(-1)] * len(x) / (np.bincount(x)[x] * np.bincount(y)[y]))
    found = point("discrete", plugin_mi(x, y, correction=correction), log_ratio)
    notes = ()
    if len(pairs) * 2 > len(x):
        notes = (f"discrete: {len(pairs)} different pairs in {len(x)} samples; too few for counts, use method='auto'",)
    low, high = found.interval  # of width 0 where all cells have the same log-ratio
    interval = min(low, entropy_of(x), entropy_of(y)), max(high, 0.0)
    return Estimate(found.nats, interval, "point", "discrete", warnings=notes)


def halved_bias(pointwise: Callable[..., np.ndarray], x: np.ndarray, y: np.ndarray, k: int) -> float:
    """Bias of a neighbour estimate in nats, |I_N - I_{N/2}| / (sqrt 2 - 1), where it shrinks as N^-1/2.

    pointwise: a function of x, y and k that returns (N,) terms; x: (N, dx); y: (N, dy); k: which neighbour.
    """
    order = np.random.default_rng(0).permutation(len(x))
    halves = []
    for half in np.array_split(order, 2):
        if (np.ptp(x[half], axis=0) == 0).any() or (np.ptp(y[half], axis=0) == 0).any():
            return 0.0  # a column that varies in a few samples only
        halves.append(pointwise(x[half], y[half], k=min(k, len(half) - 1)).mean())
    return float(abs(pointwise(x, y, k=k).mean() - np.mean(halves)) / (np.sqrt(2) - 1))


def counts_fill(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether codes x and y (N,) have enough samples for each cell of their table."""
    require(len(x) == len(y), "y", f"{len(y)} samples", f"as many as x has, {len(x)}")
    return int((x.max() + 1) * (y.max() + 1)) * PER_CELL <= len(x)


CLASSICAL: dict[str, Callable[..., Estimate]] = {
    function.__name__: function for function in (cca, gaussian, student, ksg, ksg2, mixed, discrete)
}
