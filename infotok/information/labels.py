"""Mutual information between features and labels: the Barber-Agakov bound with cross-fitted classifiers.

    I(X;Y) = H(Y) - H(Y|X) >= H(Y) - E[-log q(y|x)]          for every classifier q (Barber and Agakov 2003)

1. Several classifiers (`classifiers`) are fitted to some folds and give log q(y|x) on another (`crossfit`). Their
   mixture with the labels' frequencies, fitted across folds too, is q; where x is uninformative it is the frequencies.
2. The bound is too low by what q has not learned yet. With an error of c / n, doubling the samples halves it, so the
   gain of the last doubling equals what remains. It is added to the value and widens the interval.
3. In at most three columns, neighbours of the same label are counted too (Ross 2014): no bound, nearly unbiased, and
   chosen where it is higher by more than its error.

The value is between 0 and H(Y), the plug-in entropy of the labels, and does not depend on their names.
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
    """An estimate of I(X;Y) with labels y.

    nats: the value
    interval: 95 % confidence interval in nats
    ceiling: H(Y) in nats
    candidates: {name: nats} of each classifier alone, of their mixture and of the neighbours
    reason: which of them the value comes from
    pointwise: (N,) log ratios whose mean is the value
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
    """Mutual information of real features and labels, in nats. Deterministic for a seed.

    Args:
        x: (N, d) floats.
        y: (N,) labels of any type.
        seed: of folds and classifiers.
        folds: 2 or more.
        groups: (N,) integers; samples of one group, such as copies of one image, stay in one fold.

    Raises ValueError for unequal lengths, fewer than 10 samples or NaN.
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
    """Held-out gains of all classifiers that suit `scaled` features x (N, d), and of those of `base`."""
    x = with_leading(x, seed)
    return learning_curve(candidates(len(x), x.shape[1], int(codes.max()) + 1), x, codes, place, seed, base=base)


def constant(codes: np.ndarray) -> LabelInformation:
    """The estimate 0 for features or labels that do not vary."""
    return LabelInformation(0.0, (0.0, 0.0), entropy_of(codes), reason="a constant", pointwise=np.zeros(len(codes)))


def from_curve(curve: LearningCurve, codes: np.ndarray, groups: np.ndarray | None = None) -> LabelInformation:
    """The value from a mixture's held-out gains; their mean, a lower bound, is among its candidates."""
    result = from_terms(curve.terms, curve.half, codes, groups)
    scores = {**curve.scores, "held-out bound": float(curve.terms.mean()), "mixture": result.nats}
    reason = f"classifiers on held-out samples: {', '.join(curve.used) or 'none better than the frequencies'}"
    return replace(result, candidates=scores, reason=reason)


def from_terms(
    terms: np.ndarray, half: np.ndarray, codes: np.ndarray, groups: np.ndarray | None = None
) -> LabelInformation:
    """The value from held-out gains (N,) and those of fits to half of the samples, clipped to 0 and H(Y)."""
    remaining = max(float((terms - half).mean()), 0.0)
    pointwise = 2 * terms - half if remaining else terms
    return _cut_off(pointwise, remaining, codes, groups)


def _cut_off(
    pointwise: np.ndarray, bias: float, codes: np.ndarray, groups: np.ndarray | None = None
) -> LabelInformation:
    """Mean of `pointwise`, clipped; the interval is wider by `bias`, and upwards since plug-in H(Y) is too low."""
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
    """Plug-in entropy of label codes (N,), in nats."""
    return float(entr(np.bincount(codes) / len(codes)).sum())


def scaled(x: np.ndarray) -> np.ndarray:
    """Columns of x (N, d) with mean 0 and variance 1, without constant ones; with far outliers by their ranks."""
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
    """Pointwise terms (N,) of Ross's nearest-neighbour estimator for labels, in nats.

        psi(N) - psi(N_y) + psi(k) - psi(m),    m samples at most as far as the k-th neighbour of the same label

    Where several samples are equally far, k counts them all; a label's only sample has the term 0.

    x: (N, d) scaled features; codes: (N,) label codes; k: which neighbour.
    Source: Ross 2014, PLoS ONE 9, e87357.
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
