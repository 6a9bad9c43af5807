"""Margins: columns by their ranks, before a model is fitted or neighbours are counted. I(X;Y) does not change.

- `normal_scores`   every column to standard normal by its ranks; ties share a score
- `untied_scores`   normal scores in which tied values are spread at random over the ranks that they share
- `isolated_atoms`  the same, but values that many samples share stay one point, far from all others

All are one-to-one maps of single columns. The last two add noise that says nothing: the tied value follows from the
spread one. So I(X;Y) stays exactly what it was, without the ties, the outliers and the units of measurement that
mislead distances (Rüschendorf 2009, "On the distributional transform").
"""

import numpy as np
import scipy
from scipy.special import ndtri

from infotok.information.samples import as_samples, varying

# An atom is kept as one point where cells of that many samples a side are still well filled; counts of cells say
# more about it than distances inside it.
ATOM_SHARE = 0.1
ATOM_COUNT = 20
CELL_COUNT = 3  # samples expected where one atom of each column meets
ATOM_GAP = 20.0  # between atoms: normal scores of 2^64 samples lie within it


def normal_scores(x: np.ndarray) -> np.ndarray:
    """Columns (N, d) through rank / (N + 1) and the normal quantile: margins N(0, 1), the same dependence."""
    ranks = scipy.stats.rankdata(as_samples(x, "x", discrete=True), axis=0)
    return ndtri(ranks / (len(ranks) + 1)).reshape(np.shape(x))


def untied_scores(x: np.ndarray, rng: np.random.Generator, name: str) -> np.ndarray:
    """Normal scores (N, d) of rank / (N + 1), ties broken at random. A constant column raises ValueError."""
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
    """`untied_scores`, but each value that fills cells is a point of its own, `ATOM_GAP` from the next.

    columns: how many columns both sides have together. With more of them a cell, where atoms of all meet, holds fewer
    samples, so a value must be shared by more of them to count as an atom.
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
