"""Mutual information of many columns, such as images, by the agglomerative information bottleneck on clusters.

k-means cuts each side into many small clusters, without the other side. Then the clusters are merged, two at a time, so
that each merge loses the minimum of information about the other side (Slonim and Tishby 1999). A small table of counts
remains.

By the data processing inequality I(C_x; C_y) <= I(X;Y). The merges and the table come from four folds and are scored on
the fifth by

    E log q(c_y | c_x) / q(c_y),

a lower bound for every q. So more clusters are chosen only where they help on held-out samples.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import xlogy

from infotok.information.margins import without

STARTS = (16, 32, 64)  # clusters per side before merging
SIZES = (2, 3, 4, 6, 8, 12, 16, 24)  # and after
SAMPLES_PER_CLUSTER = 12  # below, k-means clusters are single samples
SMOOTHING = 0.5  # samples that each cell of the table has before any is counted


@dataclass(frozen=True)
class Clustering:
    """The clustering with the highest held-out score.

    terms: (N,) held-out terms in nats
    fitted: their mean on the training samples
    start, size: clusters per side before and after merging
    remaining: nats that more clusters and samples may add, extrapolated from half of them
    """

    terms: np.ndarray
    fitted: float
    start: int
    size: int
    remaining: float


def co_cluster(x: np.ndarray, y: np.ndarray, folds: list[np.ndarray], seed: int) -> Clustering | None:
    """The best clustering over `STARTS` and `SIZES`; None where N is too small.

    x: (N, dx); y: (N, dy); folds: index arrays that partition the samples; seed: of k-means.
    """
    scores: dict[int, Clustering] = {}
    for start in STARTS:
        if len(x) >= SAMPLES_PER_CLUSTER * start:
            scores[start] = _best(x, y, start, folds, seed)
    if not scores:
        return None
    best = max(scores.values(), key=_score)
    coarser = scores.get(best.start // 2)
    remaining = max(_score(best) - _score(coarser), 0.0) if coarser else 0.0
    half = np.random.default_rng(seed).permutation(len(x))[: len(x) // 2]
    start = min(best.start, max(s for s in scores if s == STARTS[0] or len(half) >= SAMPLES_PER_CLUSTER * s))
    of_half = _best(x[half], y[half], start, np.array_split(np.arange(len(half)), len(folds)), seed)
    gained = max(_score(best) - _score(of_half), 0.0) / (np.sqrt(2) - 1)  # to come, where the error shrinks as N^-1/2
    return replace(best, remaining=remaining + float(gained))


def _best(x: np.ndarray, y: np.ndarray, start: int, folds: list[np.ndarray], seed: int) -> Clustering:
    """The best of `SIZES` for `start` clusters a side."""
    scored = _scored(clusters_of(x, start, seed), clusters_of(y, start, seed + 1), start, folds)
    size, (terms, fitted) = max(scored.items(), key=lambda item: item[1][0].mean())
    return Clustering(terms, fitted, start, size, 0.0)


def _score(clustering: Clustering) -> float:
    return float(clustering.terms.mean())


def merge(table: np.ndarray, sizes: tuple[int, ...]) -> dict[int, np.ndarray]:
    """Agglomerative information bottleneck: merge the rows of a table of counts into groups.

    Merging rows i and j loses (n_i + n_j) JS(p(y|i), p(y|j)) / N nats, JS the Jensen-Shannon divergence weighted by
    their counts; the smallest loss comes first.

    table: (K, L) counts; sizes: numbers of groups. Returns {size: group of each row, (K,)} for every size below K.
    """
    rows = table.astype(np.float64)
    group = np.arange(len(rows))
    own = _negative_entropy(rows)
    loss = own[:, None] + own - _negative_entropy(rows[:, None] + rows)
    np.fill_diagonal(loss, np.inf)
    merged = {}
    for left in range(len(rows), 1, -1):
        if left in sizes:
            merged[left] = np.unique(group, return_inverse=True)[1].reshape(-1)
        i, j = np.unravel_index(loss.argmin(), loss.shape)
        rows[i] += rows[j]
        group[group == j] = i
        own[i] = _negative_entropy(rows[i])
        loss[j], loss[:, j] = np.inf, np.inf
        alive = np.isfinite(loss[i]) & (np.arange(len(rows)) != i)
        loss[i, alive] = loss[alive, i] = own[i] + own[alive] - _negative_entropy(rows[i] + rows[alive])
    return merged


def _negative_entropy(counts: np.ndarray) -> np.ndarray:
    """sum_y n(y) log n(y) / n over the last axis."""
    return xlogy(counts, counts).sum(-1) - xlogy(counts.sum(-1), counts.sum(-1))


def clusters_of(x: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """Codes (N,) of k-means clusters of x (N, d); columns are not rescaled, so pixels that hardly vary count less."""
    from sklearn.cluster import KMeans

    _, exponent = np.frexp(np.abs(x).max())
    distinct = len(np.unique(x, axis=0))
    return KMeans(min(clusters, distinct), n_init=2, random_state=seed % 2**32).fit_predict(np.ldexp(x, -exponent))


def _scored(a: np.ndarray, b: np.ndarray, start: int, folds: list[np.ndarray]) -> dict[int, tuple[np.ndarray, float]]:
    """For each size: held-out terms (N,), and the mean of the terms on the samples fitted to."""
    sizes = tuple(size for size in SIZES if size < start)
    terms, fitted = {size: np.empty(len(a)) for size in sizes}, dict.fromkeys(sizes, 0.0)
    for test in folds:
        train = without(test, len(a))
        table = np.zeros((start, start))
        np.add.at(table, (a[train], b[train]), 1)
        for size, rows in merge(table, sizes).items():
            by_rows = _summed(table, rows, size)
            columns = merge(by_rows.T, (size,))[size]
            log_ratio = _log_ratio(_summed(by_rows.T, columns, size).T)
            terms[size][test] = log_ratio[rows[a[test]], columns[b[test]]]
            fitted[size] += log_ratio[rows[a[train]], columns[b[train]]].mean() / len(folds)
    return {size: (terms[size], fitted[size]) for size in sizes}


def _summed(table: np.ndarray, rows: np.ndarray, size: int) -> np.ndarray:
    merged = np.zeros((size, table.shape[1]))
    np.add.at(merged, rows, table)
    return merged


def _log_ratio(table: np.ndarray) -> np.ndarray:
    """log q(c_y | c_x) / q(c_y), smoothed towards q(c_y)."""
    prior = table.sum(0) + SMOOTHING
    prior = prior / prior.sum()
    weight = SMOOTHING * table.shape[1]
    conditional = (table + weight * prior) / (table.sum(1, keepdims=True) + weight)
    return np.log(conditional / prior)
