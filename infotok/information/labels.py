"""I(X;Y) between features x and labels y: how well classifiers predict the labels of samples they have not seen.

    I(X;Y) = H(Y) - H(Y|X) >= H(Y) - E[-log q(y|x)]          for every classifier q (Barber and Agakov 2003)

1. Several classifiers (`classifiers`) are fitted to some folds and give log q(y|x) on another (`crossfit`). Their
   mixture with the labels' frequencies, fitted across folds as well, is q: where x says nothing it is the frequencies.
2. The bound is too low by what q has yet to learn. With an error of c / n, twice the samples halve it, so that what
   doubling the samples gained last is what remains to be gained; it is added, and it widens the interval.
3. In at most three columns the neighbours of the same label are counted as well (Ross 2014): no bound, nearly unbiased,
   and chosen where it is higher by more than its error.

The value is at most H(Y), the entropy of the labels as counted, at least 0, and the same whatever they are called.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
import scipy
from scipy.spatial import cKDTree
from scipy.special import digamma, entr, gammaincinv, ndtri

from infotok.errors import require
from infotok.information.categories import encode_labels
from infotok.information.classifiers import candidates, with_leading
from infotok.information.crossfit import LearningCurve, learning_curve, stratified_folds

FOLDS, FEW_FOLDS, MANY = 5, 3, 10_000  # fewer folds from so many samples on
NEIGHBOR_DIMS, NEIGHBOR_MARGIN, NEIGHBORS = 3, 3.0, 3
FAR = 8.0  # standard deviations from which a column's outliers spoil distances
Z95 = 1.96


@dataclass(frozen=True)
class LabelInformation:
    """An estimate of I(X;Y), y labels.

    nats: the value; interval: 95 %; ceiling: H(Y); candidates: {name: nats} of each classifier alone, of their mixture
    and of the neighbours; reason: where the value comes from; pointwise (N,): log ratios with the value as their mean.
    """

    nats: float
    interval: tuple[float, float]
    ceiling: float
    candidates: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    pointwise: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False)


def label_mi(
    x: np.ndarray, y: np.ndarray, *, seed: int = 0, folds: int = FOLDS, groups: np.ndarray | None = None
) -> LabelInformation:
    """I(X;Y) in nats of real features x (N, d) and labels y (N,) of any type.

    groups: (N,) integers; samples of one group, such as copies of one image, stay in one fold. Deterministic for a
    seed. Raises ValueError for unequal lengths, fewer than 10 samples or NaN.
    """
    codes = encode_labels(y, "y")
    x = np.asarray(x, dtype=np.float64).reshape(len(x), -1)
    require(len(x) == len(codes), "y", f"{len(codes)} labels", f"as many as x has samples, {len(x)}")
    require(len(x) >= 10, "x", f"{len(x)} samples", "at least 10")
    require(np.isfinite(x).all(), "x", "NaN or infinity", "finite values")
    x = scaled(x)
    place = stratified_folds(codes, folds if len(x) < MANY else min(folds, FEW_FOLDS), seed, groups)
    if codes.max() == 0 or x.shape[1] == 0:
        return constant(codes)
    mixture = from_curve(classified(x, codes, place, seed), codes, groups)
    alone = groups is None and x.shape[1] <= NEIGHBOR_DIMS  # copies would be neighbours of themselves
    return _with_neighbors(mixture, x, codes) if alone else mixture


def classified(
    x: np.ndarray, codes: np.ndarray, place: np.ndarray, seed: int, base: LearningCurve | None = None
) -> LearningCurve:
    """Held-out gains of all classifiers that `scaled` features x (N, d) allow; those of `base` join them."""
    x = with_leading(x, seed)
    return learning_curve(candidates(len(x), x.shape[1], int(codes.max()) + 1), x, codes, place, seed, base=base)


def constant(codes: np.ndarray) -> LabelInformation:
    """What features or labels that do not vary carry: nothing."""
    return LabelInformation(0.0, (0.0, 0.0), entropy_of(codes), reason="a constant", pointwise=np.zeros(len(codes)))


def from_curve(curve: LearningCurve, codes: np.ndarray, groups: np.ndarray | None = None) -> LabelInformation:
    """The value of a mixture's held-out gains, with the mean of these, a lower bound, among its candidates."""
    result = from_terms(curve.terms, curve.half, codes, groups)
    scores = {**curve.scores, "held-out bound": float(curve.terms.mean()), "mixture": result.nats}
    reason = f"classifiers on held-out samples: {', '.join(curve.used) or 'none better than the frequencies'}"
    return replace(result, candidates=scores, reason=reason)


def from_terms(
    terms: np.ndarray, half: np.ndarray, codes: np.ndarray, groups: np.ndarray | None = None
) -> LabelInformation:
    """The value behind held-out gains (N,) and those of fits to half of the samples, cut off at 0 and at H(Y)."""
    remaining = max(float((terms - half).mean()), 0.0)
    pointwise = 2 * terms - half if remaining else terms
    return _cut_off(pointwise, remaining, codes, groups)


def _cut_off(
    pointwise: np.ndarray, bias: float, codes: np.ndarray, groups: np.ndarray | None = None
) -> LabelInformation:
    """The interval allows for `bias` either way, and upwards for H(Y), which is counted too low. It ends at log K."""
    n, ceiling = len(pointwise), entropy_of(codes)
    nats = min(max(float(pointwise.mean()), 0.0), ceiling)
    sums = pointwise - pointwise.mean()
    if groups is not None:
        sums = np.bincount(np.unique(groups, return_inverse=True)[1].reshape(-1), weights=sums)
    reach = Z95 * float(np.linalg.norm(sums)) / n + bias
    unseen = float(gammaincinv(codes.max() / 2, 0.95)) / n  # 2N (H - H counted) is chi-squared where labels are even
    interval = max(nats - reach, 0.0), min(nats + reach + unseen, math.log(codes.max() + 1))
    return LabelInformation(nats, interval, ceiling, pointwise=pointwise)


def entropy_of(codes: np.ndarray) -> float:
    """H of the labels as counted, in nats."""
    return float(entr(np.bincount(codes) / len(codes)).sum())


def scaled(x: np.ndarray) -> np.ndarray:
    """Columns (N, d) of mean 0 and variance 1, without constant ones; those with far outliers by their ranks."""
    x = x[:, np.ptp(x / np.abs(x).max(axis=0).clip(min=np.finfo(float).tiny), axis=0) > 0]
    x = _standard(x / np.abs(x).max(axis=0))
    far = np.abs(x).max(axis=0, initial=0) > FAR
    x[:, far] = _standard(ndtri(scipy.stats.rankdata(x[:, far], axis=0) / (len(x) + 1)))
    return x


def _standard(x: np.ndarray) -> np.ndarray:
    x = x - x.mean(axis=0)
    return x / x.std(axis=0)


def _with_neighbors(mixture: LabelInformation, x: np.ndarray, codes: np.ndarray) -> LabelInformation:
    """The count of neighbours instead of the mixture where it is higher by more than its error."""
    terms = ross_pointwise(x, codes)
    gain = float(terms.mean() - mixture.pointwise.mean())
    error = float((terms - mixture.pointwise).std() / np.sqrt(len(terms)))
    both = {**mixture.candidates, "neighbors": float(terms.mean())}
    chosen, reason = mixture, mixture.reason
    if gain > NEIGHBOR_MARGIN * error:
        chosen = _cut_off(terms, gain / 2, codes)
        reason = f"neighbors of the same label reach {gain:.3f} ± {error:.3f} above {mixture.reason}"
    return replace(chosen, candidates=both, reason=reason)


def ross_pointwise(x: np.ndarray, codes: np.ndarray, k: int = NEIGHBORS) -> np.ndarray:
    """The N terms psi(N) - psi(N_y) + psi(k) - psi(m), m samples at most as far as the k-th of the same label.

    Where several samples are equally far, k counts them all; a label's only sample has the term 0. Ross 2014, PLoS ONE
    9, e87357.
    """
    counts = np.bincount(codes)
    radius, same = np.zeros(len(x)), np.ones(len(x))
    for label in np.flatnonzero(counts > 1):
        rows = np.flatnonzero(codes == label)
        tree, size = cKDTree(x[rows]), min(k, len(rows) - 1)
        radius[rows] = tree.query(x[rows], k=[size + 1], p=np.inf)[0][:, 0] * (1 + 1e-9)
        same[rows] = tree.query_ball_point(x[rows], radius[rows], p=np.inf, return_length=True) - 1
    around = cKDTree(x).query_ball_point(x, radius, p=np.inf, return_length=True) - 1
    terms = digamma(len(x)) - digamma(counts[codes]) + digamma(same.clip(min=1)) - digamma(around.clip(min=1))
    return np.where(counts[codes] > 1, terms, 0.0)
