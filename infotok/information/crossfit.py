"""Cross-fitting: gains of classifiers over the labels' frequencies on held-out samples, in nats.

    gain_i = log q(y_i|x_i) - log p(y_i),      q and the frequencies p from the other folds

- `stratified_folds`   the fold of each sample, every label spread over all folds
- `held_out_gains`     {classifier: gains (N, temperatures)}: each q also as q^t, normalised
- `pooled`             gains (N,) of the mixture of all these q and of p that is best on the other folds
- `learning_curve`     the mixture's gains, and those with half of the samples, from which its limit is extrapolated

A label that the other folds do not have is given p's probability, so that its gain is 0.
"""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import log_softmax

from infotok.information.classifiers import Fit, Predict

FEW_CLASSES, MANY_CLASSES = 100, 1000  # where temperatures become costly
BLOCK = 4_000_000  # probabilities in memory at once
LEAST = -50.0  # nats, below which a gain is as good as minus infinity
STEPS = 100  # of expectation maximisation
USED = 0.01  # weight in the mixture from which a classifier is fitted a second time


def stratified_folds(codes: np.ndarray, folds: int, seed: int, groups: np.ndarray | None = None) -> np.ndarray:
    """The fold (N,) of each sample, stratified by label.

    codes: (N,) label codes; folds: how many; seed: of the order; groups: (N,) integers, samples of one group share a
    fold.
    """
    if groups is not None:
        _, first, group = np.unique(groups, return_index=True, return_inverse=True)
        return stratified_folds(codes[first], folds, seed)[group.reshape(-1)]
    order = np.random.default_rng(seed).permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    place = np.empty(len(codes), dtype=np.int64)
    place[order] = np.arange(len(codes)) % folds
    return place


def held_out_gains(
    fits: Mapping[str, Fit], x: np.ndarray, codes: np.ndarray, place: np.ndarray, seed: int, *, half: bool = False
) -> dict[str, np.ndarray]:
    """Held-out gains {name: (N, temperatures)} of each classifier, in nats.

    fits: {name: fit}
    x: (N, d) features
    codes: (N,) label codes from 0
    place: (N,) folds
    seed: of the classifiers
    half: fit to half of the samples of the other folds only
    """
    gains: dict[str, list] = {name: [] for name in fits}
    tests = [np.flatnonzero(place == fold) for fold in range(place.max() + 1)]
    for fold, test in enumerate(tests):
        train = np.flatnonzero(place != fold)
        if half:
            train = train[stratified_folds(codes[train], 2, seed + 1 + fold) == 0]
        counts = np.bincount(codes[train], minlength=codes.max() + 1) + 0.5
        prior = counts / counts.sum()
        present, y = np.unique(codes[train], return_inverse=True)
        place_of = np.full(len(prior), -1)
        place_of[present] = np.arange(len(present))
        label = place_of[codes[test]]  # (n,): -1 for a label that is not present
        offset = np.log(prior[present].sum()) - np.log(prior[codes[test]])
        for name, fit in fits.items():
            one = len(present) == 1
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "The number of unique classes")  # scikit-learn's; `routing` warns
                own = np.zeros((len(test), 1)) if one else _own(fit(x[train], y, seed), x[test], label, len(present))
            gains[name].append(np.where(label[:, None] >= 0, own + offset[:, None], 0.0))
    back = np.argsort(np.concatenate(tests))
    return {name: np.concatenate(_aligned(parts))[back] for name, parts in gains.items()}


def pooled(gains: list[np.ndarray], place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gains (N,) of a mixture of classifiers, and its mean weights: of the frequencies, then of each column of `gains`.

    The weights are fitted to the other folds by expectation maximisation, with one more sample for the frequencies.

    gains: arrays (N, M) of `held_out_gains`; place: (N,) folds.
    """
    ratio = np.exp(np.hstack([np.zeros((len(place), 1)), *gains]).clip(min=LEAST))
    result, weights = np.empty(len(place)), []
    for fold in range(place.max() + 1):
        test = place == fold
        weights.append(_mixture(ratio[~test]))
        result[test] = np.log(ratio[test] @ weights[-1])
    return result, np.mean(weights, axis=0)


@dataclass
class LearningCurve:
    """Held-out gains of a mixture of classifiers, in nats.

    terms: (N,) of the mixture
    half: (N,) of the mixture fitted to half of the samples
    gains, halves: {classifier: (N, M)} of each
    used: the classifiers with some weight in the mixture
    """

    terms: np.ndarray
    half: np.ndarray
    gains: dict[str, np.ndarray]
    halves: dict[str, np.ndarray]
    used: list[str]

    @property
    def scores(self) -> dict[str, float]:
        """The mean gain of each classifier by itself, in nats, at its best temperature."""
        return {name: float(columns.mean(axis=0).max()) for name, columns in self.gains.items()}


def learning_curve(
    fits: Mapping[str, Fit],
    x: np.ndarray,
    codes: np.ndarray,
    place: np.ndarray,
    seed: int,
    *,
    base: "LearningCurve | None" = None,
    gains: dict[str, np.ndarray] | None = None,
) -> LearningCurve:
    """Held-out gains of the mixture of `fits`, with all and with half of the samples.

    Only classifiers with some weight in the mixture are fitted a second time, to half of the samples.

    fits, x, codes, place, seed: as in `held_out_gains`
    base: classifiers on other features that join the mixture
    gains: {name: (N, M)} that are known already
    """
    base_gains, base_halves = ([*base.gains.values()], [*base.halves.values()]) if base else ([], [])
    known = gains or {}
    gains = {**known, **held_out_gains({k: v for k, v in fits.items() if k not in known}, x, codes, place, seed)}
    terms, weights = pooled([*base_gains, *gains.values()], place)
    ends = np.cumsum([1 + sum(c.shape[1] for c in base_gains)] + [c.shape[1] for c in gains.values()])
    used = [name for name, (a, b) in zip(gains, pairwise(ends), strict=True) if weights[a:b].sum() > USED]
    halves = held_out_gains({name: fits[name] for name in used}, x, codes, place, seed, half=True)
    columns = [*base_halves, *halves.values()]
    half = pooled(columns, place)[0] if columns else np.zeros(len(codes))
    return LearningCurve(terms, half, gains, halves, used)


def _mixture(ratio: np.ndarray) -> np.ndarray:
    """Weights (M,) that maximise the mean of log(ratio @ weights), ratio (N, M): half of them start at the best column.

    The best is the one with the highest mean less its error, so that it is the frequencies where nothing is sure.
    """
    gains = np.log(ratio)
    best = (gains.mean(axis=0) - gains.std(axis=0) / np.sqrt(len(gains))).argmax()
    weights = np.full(ratio.shape[1], 0.5 / ratio.shape[1])
    weights[best] += 0.5
    for _ in range(STEPS):
        weights = weights * ((1 / (ratio @ weights)) @ ratio)
        weights[0] += 1
        weights /= weights.sum()
    return weights


def _own(predict: Predict, x: np.ndarray, label: np.ndarray, classes: int) -> np.ndarray:
    """log q^t(label|x), (n, smoothings x temperatures), in blocks of rows."""
    powers = (0.25, 0.5, 1.0, 2.0, 4.0) if classes <= FEW_CLASSES else (0.5, 1.0, 2.0)
    powers = (1.0,) if classes > MANY_CLASSES else powers
    blocks = []
    for rows in np.array_split(np.arange(len(label)), math.ceil(len(label) * classes / BLOCK)):
        at = np.arange(len(rows)), label[rows]
        columns = [log_softmax(power * log_q, axis=1)[at] for log_q in predict(x[rows]) for power in powers]
        blocks.append(np.stack(columns, axis=1))
    return np.concatenate(blocks)


def _aligned(parts: list[np.ndarray]) -> list[np.ndarray]:
    """Folds that differ in their number of smoothings keep the first ones."""
    width = min(part.shape[1] for part in parts)
    return [part[:, :width] for part in parts]
