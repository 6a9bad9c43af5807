"""Rank transforms of single columns to normal margins; mutual information does not change.

- `normal_scores`   every column to standard normal by its ranks; ties share a score
- `untied_scores`   normal scores in which tied values are spread at random over the ranks that they share
- `isolated_atoms`  the same, but values that many samples share stay one point, far from all others

All are one-to-one maps of single columns. The noise of the last two carries no information: the tied value follows from
the spread one. So I(X;Y) is exactly the same, without the ties, outliers and units of measurement that mislead
distances (Rüschendorf 2009, "On the distributional transform").
"""

from collections.abc import Callable

import numpy as np
import scipy
from scipy.special import ndtri

from infotok.information.samples import as_samples, varying

# An atom stays one point where it has that many samples: a count is then more exact than distances.
ATOM_SHARE = 0.1
ATOM_COUNT = 20
CELL_COUNT = 3  # samples expected where one atom of each column meets
ATOM_GAP = 20.0  # between atoms: normal scores of 2^64 samples lie within it


def normal_scores(x: np.ndarray) -> np.ndarray:
    """Normal scores, the normal quantile of rank / (N + 1): margins N(0, 1), the same dependence.

    x: (N, d) or (N,) numbers. Returns the same shape. TypeError or ValueError for anything else, NaN and infinity.

    Example:
        >>> import numpy as np
        >>> from infotok.information import normal_scores
        >>> normal_scores(np.array([1.0, 10.0, 1e6])).round(2)  # an outlier is no further out than its rank
        array([-0.67,  0.  ,  0.67])
    """
    ranks = scipy.stats.rankdata(as_samples(x, "x", discrete=True), axis=0)
    return ndtri(ranks / (len(ranks) + 1)).reshape(np.shape(x))


def scores_of_parts(x: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """A function: indices (n,), in order -> the `normal_scores` of these rows of x (N, d), for many parts of x.

    Where no value is tied, the order of all samples is that of every part, and is found once.
    """
    order = np.argsort(x, axis=0)  # (N, d)
    values = np.take_along_axis(x, order, axis=0)
    if (values[1:] == values[:-1]).any():
        return lambda rows: normal_scores(x[rows])

    def scores(rows: np.ndarray) -> np.ndarray:
        inside, result = np.zeros(len(x), dtype=bool), np.empty(x.shape)
        inside[rows] = True
        quantiles = ndtri(np.arange(1, len(rows) + 1) / (len(rows) + 1))
        for column, places in zip(result.T, order.T, strict=True):
            column[places[inside[places]]] = quantiles
        return result[rows]

    return scores


def without(rows: np.ndarray, n: int) -> np.ndarray:
    """The indices from 0 to n - 1 that are not among `rows`, in order."""
    kept = np.ones(n, dtype=bool)
    kept[rows] = False
    return np.flatnonzero(kept)


def untied_scores(x: np.ndarray, rng: np.random.Generator, name: str) -> np.ndarray:
    """Normal scores (N, d) of x (N, d) with ties broken at random by `rng`. ValueError for a constant column."""
    x = varying(x, name)
    order, random = np.argsort(x, axis=0), rng.random(x.shape)  # (N, d)
    values = np.take_along_axis(x, order, axis=0)
    tied = (values[1:] == values[:-1]).any(axis=0)
    order[:, tied] = np.lexsort((random[:, tied], x[:, tied]), axis=0)  # by value, then at random
    scores = ndtri(np.arange(1, len(x) + 1) / (len(x) + 1))
    untied = np.empty(x.shape)
    np.put_along_axis(untied, order, np.broadcast_to(scores[:, None], x.shape), axis=0)
    return untied


def isolated_atoms(x: np.ndarray, rng: np.random.Generator, name: str, columns: int) -> np.ndarray:
    """`untied_scores`, but each atom, a value that many samples share, is one point, `ATOM_GAP` from the next.

    x: (N, d) numbers
    rng: breaks ties
    name: of x, for errors
    columns: columns of both sides together; with more of them fewer samples share atoms of all columns, so that a value
        must be shared by more samples to count as an atom
    """
    share = max(ATOM_SHARE, (CELL_COUNT / len(x)) ** (1 / columns))
    placed = untied_scores(x, rng, name)
    for j in range(x.shape[1]):
        _, index, count = np.unique(x[:, j], return_inverse=True, return_counts=True)
        least = max(ATOM_COUNT, share * len(x)) if len(count) > 2 else 1  # a column of two values is a label
        atoms = np.flatnonzero(count >= least)
        place = np.zeros(len(count))
        place[atoms] = ATOM_GAP * np.arange(1, len(atoms) + 1)
        placed[:, j] = np.where(place[index] > 0, place[index], placed[:, j])
    return placed
