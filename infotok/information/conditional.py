"""Conditional mutual information I(X;Y|Z) of labels, real features and both, in nats.

    I(X;Y|Z) = H(X,Z) + H(Y,Z) - H(Z) - H(X,Y,Z) = I(X,Z;Y) - I(Z;Y)

- `counted`    labels only, enough samples per cell: plug-in entropies, corrected (Miller 1955)
- `predicted`  y (or x) labels: how much better held-out labels are predicted from x and z than from z alone, on
               the same folds; the classifiers on z join those on x and z, so that x can only add (`crossfit`)
- `linear`     no labels: Gaussian copula and partial canonical correlations, of what is left of x and y when curves
               in z are subtracted, where z is real too (`residuals`)
- `neighbors`  any kinds: nearest neighbours for mixtures (Mesner and Shalizi 2020, IEEE Trans. Inf. Theory 66, 464)

`conditional_mi` chooses: `counted` or `predicted` for labels, `linear` for real x and y. In few dimensions `neighbors`
replaces that value where it is higher by more than its error.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import digamma

from infotok.errors import require
from infotok.information.categories import encode_columns, encode_labels
from infotok.information.copula import GaussianCopula
from infotok.information.crossfit import stratified_folds
from infotok.information.discrete import plugin_entropy
from infotok.information.labels import FOLDS, LabelInformation, classified, entropy_of, from_terms, scaled
from infotok.information.margins import normal_scores, without
from infotok.information.residuals import residuals
from infotok.information.samples import standardized

NEIGHBORS, MARGIN = 3, 3.0
NEIGHBOR_DIMS, LABEL_NEIGHBOR_DIMS = 8, 3  # real columns up to which neighbours compete, without and with labels
LEAST = 20  # samples
SYMBOLS = 100  # of one column that get a column of zeros and ones
PER_CELL = 5  # samples a cell, on average, from which counting is trusted
GROUPS = 20  # left out in turn for the standard error
Z95, T95 = 1.96, 2.09  # of the normal distribution, and of Student's with 19 degrees of freedom


def conditional_mi(x: np.ndarray, y: np.ndarray, z: np.ndarray, *, seed: int = 0) -> LabelInformation:
    """Conditional mutual information I(X;Y|Z), in nats.

    Args:
        x: integer labels, (N,) or (N, columns); or real features, (N,) or (N, d) floats.
        y: likewise.
        z: likewise, the variable conditioned on; a constant gives I(X;Y).
        seed: of folds and classifiers.

    Returns:
        LabelInformation. `ceiling` is the smaller of H(X) and H(Y) of those that are labels, infinite if neither is.
        The value is infinite for a real y whose normal scores are linear in those of x and z, but not in those of z.

    Raises ValueError for unequal lengths, fewer than 20 samples, NaN or infinity.
    """
    x, y, z = (_checked(values, name, len(x)) for values, name in ((x, "x"), (y, "y"), (z, "given")))
    ceiling = min((entropy_of(v) for v in (x, y) if v.ndim == 1), default=math.inf)
    if any(v.ndim == 1 and v.max() == 0 for v in (x, y)):
        return LabelInformation(0.0, (0.0, 0.0), ceiling, reason="a constant", pointwise=np.zeros(len(x)))
    columns = sum(v.shape[1] for v in (x, y, z) if v.ndim == 2)
    if x.ndim == 1 or y.ndim == 1:
        value = _of_labels(x, y, z, seed)
        few = 0 < columns <= LABEL_NEIGHBOR_DIMS
    else:
        if z.ndim == 2:
            x, y = np.split(residuals(np.hstack([x, y]), z, seed), [x.shape[1]], axis=1)
        value, few = linear(x, y, z), columns <= NEIGHBOR_DIMS
    if few and math.isfinite(value.nats):
        value = _better(value, neighbors(x, y, z))
    low, high = value.interval
    nats = min(max(value.nats, 0.0), ceiling)
    low, high = min(max(low, 0.0), nats), max(high, nats)  # a value above the ceiling had its ends there too
    return replace(value, nats=nats, interval=(low, high), ceiling=ceiling)


def linear_or_neighbors(x: np.ndarray, y: np.ndarray) -> float:
    """A fast I(X;Y) in nats of real x (N, dx) and y (N, dy) in few dimensions; infinite for monotone functions."""
    nothing = np.zeros(len(x), dtype=np.int64)
    value = linear(x, y, nothing)
    return _better(value, neighbors(x, y, nothing)).nats if math.isfinite(value.nats) else math.inf


def _of_labels(x: np.ndarray, y: np.ndarray, z: np.ndarray, seed: int) -> LabelInformation:
    """`counted` where there are enough samples; else the side with fewer labels is `predicted`."""
    if x.ndim == y.ndim == z.ndim == 1 and len(x) >= PER_CELL * len(_cells(x, y, z)[1]):
        return counted(x, y, z)
    fewer = y.ndim == 1 and (x.ndim == 2 or y.max() <= x.max())
    return predicted(x, y, z, seed) if fewer else predicted(y, x, z, seed)


def counted(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> LabelInformation:
    """I(X;Y|Z) of labels x, y, z (N,) from counts, each of the four entropies with Miller and Madow's correction."""
    parts = [_cells(*some) for some in ((x, z), (y, z), (z,), (x, y, z))]
    signs = (1, 1, -1, -1)
    entropies = [plugin_entropy(counts) for _, counts in parts]
    surprises = [np.log(len(x) / counts[cell]) for cell, counts in parts]
    nats = float(np.dot(signs, entropies))
    terms = np.dot(signs, surprises)
    plain = float(terms.mean())
    return _point("counted", nats, terms + nats - plain, abs(nats - plain) / 2)


def predicted(x: np.ndarray, y: np.ndarray, z: np.ndarray, seed: int) -> LabelInformation:
    """I(X;Y|Z) of labels y (N,): the mean of log q(y|x,z) - log q(y|z) on held-out samples, extrapolated."""
    rest, both = _features(z), np.hstack([_features(z), _features(x)])
    place = stratified_folds(y, FOLDS, seed)
    alone = classified(rest, y, place, seed) if rest.shape[1] else None
    joint = classified(both, y, place, seed, alone)
    terms, half = (joint.terms - alone.terms, joint.half - alone.half) if alone else (joint.terms, joint.half)
    value = from_terms(terms, half, y)
    return replace(
        value, candidates={"predicted": value.nats}, reason=f"predicted: {', '.join(joint.used) or 'nothing'}"
    )


def linear(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> LabelInformation:
    """I(X;Y|Z) of real x and y (N, d) whose normal scores, with those of z or per label z, are jointly Gaussian."""
    if z.ndim == 1:
        return _linear_by_label(x, y, z)
    x, y, z = (_spanned(normal_scores(v)) for v in (x, y, z))
    xz = np.hstack([_independent(x, z), z])
    if xz.shape[1] == z.shape[1] or _independent(y, z).shape[1] == 0:
        return _point("linear", 0.0, np.zeros(len(x)), 0.0)
    y = _independent(y, z)
    if _independent(y, xz).shape[1] < y.shape[1]:
        return _infinite(len(x))
    both, alone = GaussianCopula.fit(xz, y), GaussianCopula.fit(z, y)

    def of_part(part: np.ndarray) -> float:
        return GaussianCopula.fit(xz[part], y[part]).nats - GaussianCopula.fit(z[part], y[part]).nats

    terms = both.log_ratio(xz, y) - alone.log_ratio(z, y)
    value = _point("linear", both.nats - alone.nats, terms, 0.0)
    reach = T95 * _jackknife(of_part, len(x))
    return replace(value, interval=(value.nats - reach, value.nats + reach))


def _independent(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The columns of x (N, d) that are no linear function of z's (N, D)."""
    centred = x - x.mean(axis=0)
    base = z - z.mean(axis=0)
    left = centred - base @ np.linalg.lstsq(base, centred, rcond=None)[0]
    return x[:, left.var(axis=0) > 1e-8 * centred.var(axis=0)]


def _spanned(x: np.ndarray) -> np.ndarray:
    """x (N, d), or coordinates of the space that its columns span where some are linear in others, as one-hot ones."""
    u, size, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    kept = size > 1e-6 * size[0]
    return x if kept.sum() == x.shape[1] else u[:, kept] * math.sqrt(len(x))


def _jackknife(estimate: Callable[[np.ndarray], float], n: int) -> float:
    """Standard error of an estimate on rows, by leaving out a twentieth of the n samples at a time."""
    order = np.random.default_rng(0).permutation(n)
    values = [estimate(without(part, n)) for part in np.array_split(order, GROUPS)]
    return float(np.sqrt((GROUPS - 1) * np.var(values)))


def _linear_by_label(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> LabelInformation:
    """The mean over labels z; labels too rare for a correlation matrix get the mean of the others, or share one."""
    least = 2 * (x.shape[1] + y.shape[1]) + 5
    terms, seen, total = np.zeros(len(x)), np.zeros(len(x), dtype=bool), 0.0
    for rows in (np.flatnonzero(z == label) for label in np.flatnonzero(np.bincount(z) >= least)):
        if any(np.ptp(v[rows], axis=0).min() == 0 for v in (x, y)):
            continue
        scores = normal_scores(x[rows]), normal_scores(y[rows])
        if _independent(scores[1], scores[0]).shape[1] < y.shape[1]:
            return _infinite(len(x))
        copula = GaussianCopula.fit(*scores)
        terms[rows], seen[rows] = copula.log_ratio(*scores), True
        total += copula.nats * len(rows)
    if not seen.any():
        return _pooled(x, y, z)
    nats = total / seen.sum()
    return _point("linear", nats, np.where(seen, terms, nats), 0.0)


def _pooled(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> LabelInformation:
    """One correlation matrix for all labels z, of normal scores of the values less their means for each label.

    Each of a label's samples but the first is contrasted with those before it: independent rows without the means.
    """
    codes = np.unique(z, return_inverse=True)[1]
    count, order = np.bincount(codes), np.argsort(codes, kind="stable")
    if len(z) - len(count) <= x.shape[1] + y.shape[1] + 1:
        reason = "linear: too few samples of each label"
        return LabelInformation(0.0, (0.0, math.inf), math.inf, {"linear": 0.0}, reason, np.zeros(len(z)))
    place = (np.arange(len(z)) - np.repeat(np.cumsum(count) - count, count))[:, None]  # within the label
    centred, contrasts = [], []
    for v in (standardized(x, "x"), standardized(y, "y")):
        left = v - (np.stack([np.bincount(codes, column) for column in v.T], axis=1) / count[:, None])[codes]
        left = left[:, left.var(axis=0) > 1e-12]
        left = _spanned(left) if left.shape[1] else left
        ahead = np.cumsum(left[order], axis=0) - left[order]
        contrast = ((ahead - place * left[order]) / np.sqrt(place * (place + 1)).clip(min=1))[place[:, 0] > 0]
        centred.append(left), contrasts.append(contrast)
    if min(v.shape[1] for v in centred) == 0:
        return _point("linear", 0.0, np.zeros(len(z)), 0.0)
    if _independent(centred[1], centred[0]).shape[1] < centred[1].shape[1]:
        return _infinite(len(z))
    copula = GaussianCopula.fit(*map(normal_scores, contrasts))
    found = _point("linear", copula.nats, copula.log_ratio(*map(normal_scores, centred)), 0.0)
    reach = (found.interval[1] - found.nats) * math.sqrt(len(z) / len(contrasts[0]))
    return replace(found, interval=(found.nats - reach, found.nats + reach))


def neighbors(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> LabelInformation:
    """I(X;Y|Z) by nearest neighbours, in nats.

        < psi(k_i) - psi(n_xz) - psi(n_yz) + psi(n_z) >,    n the samples as close as the k-th neighbour in (x, y, z)

    Real columns are normal scores, in the maximum norm; samples of different labels are far apart. Where several
    samples are equally far, k_i counts them all. x, y, z: label codes (N,), or real features (N, d).
    """
    parts = [v[:, None] * APART if v.ndim == 1 else normal_scores(v) for v in (x, y, z)]
    terms = _neighbor_terms(*parts)
    half = np.random.default_rng(0).permutation(len(x))
    halves = np.mean([_neighbor_terms(*(p[rows] for p in parts)).mean() for rows in np.array_split(half, 2)])
    nats = float(terms.mean())
    rate = 1 / max(2, sum(v.shape[1] for v in (x, y, z) if v.ndim == 2))  # an error of N^-rate: halves show it enlarged
    return _point("neighbors", nats, terms, abs(nats - float(halves)) / (2**rate - 1))


APART = 100.0  # between labels, in standard deviations of real columns


def _neighbor_terms(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    spaces = [np.hstack(v) for v in ([x, y, z], [x, z], [y, z], [z])]
    radius = cKDTree(spaces[0]).query(spaces[0], k=[NEIGHBORS + 1], p=np.inf)[0][:, 0]
    k = _within(spaces[0], radius * (1 + 1e-9)).clip(min=NEIGHBORS)
    n_xz, n_yz, n_z = (_marginal(points, radius) for points in spaces[1:])
    return digamma(k) - digamma(n_xz) - digamma(n_yz) + digamma(n_z)


def _marginal(points: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Number of samples within the radius: the closer ones and the k-th itself, and all at the same distance."""
    within = _within(points, radius * (1 + 1e-9))
    return np.where(radius > 0, np.maximum(within, _within(points, radius * (1 - 1e-9)) + 1), within)


def _within(points: np.ndarray, radius: np.ndarray) -> np.ndarray:
    return cKDTree(points).query_ball_point(points, radius, p=np.inf, return_length=True) - 1


def _better(value: LabelInformation, other: LabelInformation) -> LabelInformation:
    """The neighbours' value where it is higher by more than its error, else the other value."""
    gain = other.nats - value.nats
    error = float((other.pointwise - value.pointwise).std()) / math.sqrt(len(value.pointwise))
    both = {**value.candidates, **other.candidates}
    if gain <= MARGIN * error:
        return replace(value, candidates=both)
    reason = f"neighbors reach {gain:.3f} ± {error:.3f} above {value.reason}"
    return replace(other, candidates=both, reason=reason)


def _infinite(n: int) -> LabelInformation:
    reason = "infinite: the normal scores of y are linear in those of x and of what is given"
    return LabelInformation(math.inf, (math.inf, math.inf), math.inf, {"linear": math.inf}, reason, np.zeros(n))


def _point(name: str, nats: float, terms: np.ndarray, bias: float) -> LabelInformation:
    reach = Z95 * float(terms.std()) / math.sqrt(len(terms)) + bias
    return LabelInformation(
        float(nats), (float(nats - reach), float(nats + reach)), math.inf, {name: float(nats)}, name, terms
    )


def _checked(values: np.ndarray, name: str, n: int) -> np.ndarray:
    """Labels as codes (N,), or real columns (N, d) that vary; columns that all are constant as one label."""
    values = np.asarray(values)
    require(len(values) == n, name, f"{len(values)} samples", f"as many as x has, {n}")
    require(n >= LEAST, name, f"{n} samples", f"at least {LEAST}")
    if values.dtype.kind != "f":
        codes = encode_labels(values, name)
        single = values.ndim == 1 or values.shape[1] == 1 or codes.max() < n / PER_CELL
        return codes if single else np.hstack([_one_hot(column) for column in encode_columns(values, name).T])
    values = values.reshape(n, -1).astype(np.float64)
    require(np.isfinite(values).all(), name, "NaN or infinity", "finite values")
    varying = values[:, np.ptp(values, axis=0) > 0]
    return varying if varying.shape[1] else np.zeros(n, dtype=np.int64)


def _features(values: np.ndarray) -> np.ndarray:
    return scaled(values if values.ndim == 2 else _one_hot(values))


def _one_hot(codes: np.ndarray) -> np.ndarray:
    """(N, K) zeros and ones, for the most frequent symbols where there are many."""
    frequent = np.argsort(-np.bincount(codes), kind="stable")[:SYMBOLS]
    return (codes[:, None] == frequent).astype(np.float64)


def _cells(*codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cell of each sample in the table of several labels, and the count of each cell that occurs."""
    cell = encode_labels(np.stack(codes, axis=1))
    return cell, np.bincount(cell)
