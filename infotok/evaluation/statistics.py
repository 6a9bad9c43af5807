"""Statistics: differences paired by seed with confidence intervals, and corrections for multiple comparisons.

    difference = paired_difference(infotok_scores, host_scores)       # one score a seed, same seeds, same order
    difference.mean, difference.interval, difference.bootstrap, difference.p
    corrected = holm([d.p for d in differences])                      # or benjamini_hochberg

Two runs of one seed share data order and initial weights, so their difference varies less than either. The t interval
assumes Gaussian differences; the bootstrap (bias-corrected and accelerated, Efron 1987) does not, and is too narrow
for a few seeds. Report both.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import scipy

from infotok.errors import require, require_float, require_int, require_numbers

__all__ = ["Difference", "benjamini_hochberg", "holm", "paired_difference"]

ROUNDING = 1e-12  # differences of scores below it are none


@dataclass(frozen=True)
class Difference:
    """The mean of a - b over pairs, with confidence intervals.

    mean: of a - b, in the unit of the scores.
    interval: confidence interval by Student's t.
    bootstrap: confidence interval by the bootstrap.
    p: two-sided, of mean 0, by Student's t.
    pairs: number of pairs.
    level: of both intervals.

    Example:
        >>> from infotok.evaluation import paired_difference
        >>> difference = paired_difference([0.81, 0.84, 0.80, 0.83], [0.78, 0.80, 0.79, 0.79])  # the same four seeds
        >>> print(difference, difference.better)
        +0.030 [+0.007, +0.053], 4 pairs True
    """

    mean: float
    interval: tuple[float, float]
    bootstrap: tuple[float, float]
    p: float
    pairs: int
    level: float

    @property
    def better(self) -> bool:
        """Whether the t interval lies above zero: what "improves" means in this project."""
        return self.interval[0] > 0

    def asdict(self) -> dict[str, float | int | tuple[float, float]]:
        return asdict(self)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.mean:+.3f} [{low:+.3f}, {high:+.3f}], {self.pairs} pairs"


def paired_difference(
    a: Sequence[float], b: Sequence[float], *, level: float = 0.95, resamples: int = 9999, seed: int = 0
) -> Difference:
    """The mean difference of paired scores, with confidence intervals.

    a, b: scores, paired by position, two or more; of pandas with the same index.
    level: of the intervals, such as 0.95.
    resamples: of the bootstrap.
    seed: of the bootstrap.

    Raises ValueError for fewer than two pairs, unequal lengths or indices, or scores that are not finite. Differences
    that are all equal, up to rounding (1e-12), have an interval of no width and p = 0; if they are zero, p = 1.

    Example:
        >>> from infotok.evaluation import paired_difference
        >>> with_infotok, baseline = [0.81, 0.84, 0.80, 0.83], [0.78, 0.80, 0.79, 0.79]  # the same four seeds
        >>> found = paired_difference(with_infotok, baseline)
        >>> round(found.mean, 3), [round(end, 3) for end in found.interval], round(found.p, 3)
        (0.03, [0.007, 0.053], 0.024)
    """
    indices = [v.index for v in (a, b) if hasattr(v, "iloc")]
    aligned = len(indices) < 2 or len(a) != len(b) or indices[0].equals(indices[1])
    require(
        aligned, "b", "another index than that of a", "scores of the same seeds in the same order, or b.loc[a.index]"
    )
    a, b = require_numbers("a", a, ndim=1), require_numbers("b", b, ndim=1)
    require(a.shape == b.shape, "b", b, f"scores paired with those of a, shape {a.shape}")
    require(len(a) >= 2, "a, b", f"{len(a)} pairs", "2 or more")
    require_float("level", level, "[0.01, 0.9999]"), require_int("resamples", resamples, 1, 2**20)
    require_int("seed", seed, 0, 2**63 - 1)
    require(max(np.abs(a).max(), np.abs(b).max()) < 1e150, "a, b", "values above 1e150", "scores")
    difference = a - b
    mean = float(difference.mean())
    if np.ptp(difference) <= ROUNDING:  # a variance of zero
        mean = mean if abs(mean) > ROUNDING else 0.0  # else rounding would count as an improvement
        return Difference(mean, (mean, mean), (mean, mean), float(mean == 0), len(a), level)
    test = scipy.stats.ttest_1samp(difference, 0.0)
    interval = test.confidence_interval(level)
    rng = np.random.default_rng(seed)
    drawn = scipy.stats.bootstrap((difference,), np.mean, confidence_level=level, n_resamples=resamples, rng=rng)
    return Difference(
        mean,
        (float(interval.low), float(interval.high)),
        (float(drawn.confidence_interval.low), float(drawn.confidence_interval.high)),
        float(test.pvalue),
        len(a),
        level,
    )


def holm(p: Sequence[float]) -> np.ndarray:
    """Adjusted p-values: reject those at or below q, and any false rejection has probability q at most (Holm 1979).

    Sorted, the i-th of m smallest becomes max over j <= i of (m - j + 1) p_(j), at most 1.

    p: (m,) p-values, one for each comparison.

    Example:
        >>> from infotok.evaluation import holm
        >>> holm([0.01, 0.02, 0.30]).round(2)  # three comparisons: times 3, times 2, times 1
        array([0.03, 0.04, 0.3 ])
    """
    p = _checked(p)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1.0)
    return adjusted


def benjamini_hochberg(p: Sequence[float]) -> np.ndarray:
    """Adjusted p-values: reject those at or below q, and an expected share of at most q of them is false.

    p: (m,) p-values, one for each comparison.

    Example:
        >>> from infotok.evaluation import benjamini_hochberg
        >>> benjamini_hochberg([0.01, 0.02, 0.30]).round(2)  # times 3 / 1, 3 / 2, 3 / 3
        array([0.03, 0.03, 0.3 ])
    """
    return scipy.stats.false_discovery_control(_checked(p), method="bh")


def _checked(p: Sequence[float]) -> np.ndarray:
    return require_numbers("p", p, "[0, 1]", ndim=1)
