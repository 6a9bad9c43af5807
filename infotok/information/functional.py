"""Detection of continuous variables of which one is a function of the other: infinite mutual information."""

import numpy as np

from infotok.information.margins import normal_scores
from infotok.information.samples import standardized

EXACT = 1e-13  # of a correlation below 1: rounding, and no noise
RANK = 1e-8  # share of the largest singular value from which a direction is more than rounding


def exact_relation(x: np.ndarray, y: np.ndarray) -> str | None:
    """A sentence on the exact relation of x and y, or None where there is none of these kinds.

    Found are y that increase or decrease with x throughout, and linear combinations of columns, or of their normal
    scores, that x and y share. A shared value of few levels does not count: its information is its entropy.

    x: (N, dx), y: (N, dy), no column constant.
    """
    if x.shape[1] == y.shape[1] == 1:
        order = np.argsort(x[:, 0], kind="stable")
        if (np.diff(x[order, 0]) > 0).all():
            steps = np.diff(y[order, 0])
            for way, sign in (("an increasing", 1), ("a decreasing", -1)):
                if (sign * steps > 0).all():
                    return f"y is {way} function of x in all {len(x)} samples"
    for what, scaled in (("", standardized), ("the normal scores of ", lambda v, _: normal_scores(v))):
        if _shared_direction(scaled(x, "x"), scaled(y, "y")):
            return f"a linear combination of {what}the columns of x equals one of y"
    return None


def _shared_direction(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether some combination of columns, of many values, is one of x and one of y."""
    u, v = _orthonormal(x), _orthonormal(y)
    if len(x) <= u.shape[1] + v.shape[1] + 1:
        return False  # so few samples that some combination always is
    left, correlation, _ = np.linalg.svd(u.T @ v)
    shared = left[:, : len(correlation)][:, correlation > 1 - EXACT]
    values = np.round(u @ shared * np.sqrt(len(x)), 9)
    return any(len(np.unique(column)) > len(x) / 2 for column in values.T)


def _orthonormal(x: np.ndarray) -> np.ndarray:
    """An orthonormal basis of the centred columns, without those that follow from others."""
    u, size, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    return u[:, size > RANK * size[0]]
