"""Detection of continuous variables of which one is a function of the other: infinite mutual information."""

import numpy as np

from infotok.information.margins import ATOM_COUNT, ATOM_SHARE, normal_scores
from infotok.information.samples import standardized

EXACT = 1e-13  # of a correlation below 1: rounding, and no noise
FEWEST = 20  # samples that rise or fall throughout by chance in 2 of 20! orders
SMOOTH = 0.05  # of the distance between neighbours: what smooth functions leave of it beside a straight line
RANK = 1e-8  # share of the largest singular value from which a direction is more than rounding


def exact_relation(x: np.ndarray, y: np.ndarray) -> str | None:
    """A sentence on the exact relation of x and y, or None where there is none of these kinds.

    Found are y that increase or decrease with x throughout, and linear combinations of columns, or of their normal
    scores, that x and y share. A shared value of few levels does not count: its information is its entropy. So single
    values that a tenth of the samples share are left aside, as the zeros of a rectifier; the others are called rare.

    x: (N, dx), y: (N, dy), no column constant.
    """
    if x.shape[1] == y.shape[1] == 1:
        alone = ~(shared_value(x[:, 0]) | shared_value(y[:, 0]))
        order = np.argsort(x[alone, 0], kind="stable")
        if len(order) >= min(FEWEST, len(x)) and (np.diff(x[alone, 0][order]) > 0).all():
            steps = np.diff(y[alone, 0][order])
            where = f"in all {len(x)} samples" if alone.all() else f"in the {len(order)} samples of rare values"
            for way, sign in (("an increasing", 1), ("a decreasing", -1)):
                if (sign * steps > 0).all():
                    return f"y is {way} function of x {where}"
    for what, scaled in (("", standardized), ("the normal scores of ", lambda v, _: normal_scores(v))):
        if _shared_direction(scaled(x, "x"), scaled(y, "y")):
            return f"a linear combination of {what}the columns of x equals one of y"
    return None


def smoothly_related(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether one of two single columns, (N, 1), looks like a smooth function of the other; False for more columns.

    In order of the one, each value of the other lies on the straight line between the two beside it, up to a twentieth
    of their distance. Noise as large as that distance is far above it.
    """
    return x.shape[1] == y.shape[1] == 1 and any(_follows(x[:, 0], y[:, 0]) for x, y in ((x, y), (y, x)))


def _follows(x: np.ndarray, y: np.ndarray) -> bool:
    at, first = np.unique(x, return_index=True)
    if len(at) < FEWEST:
        return False
    y = y[first]
    share = (at[1:-1] - at[:-2]) / (at[2:] - at[:-2])
    distance = y[2:] - y[:-2]
    return bool(np.median(np.abs(y[1:-1] - y[:-2] - share * distance)) < SMOOTH * np.median(np.abs(distance)))


def shared_value(x: np.ndarray) -> np.ndarray:
    """Which of x (N,) are values that a tenth of the samples share."""
    _, index, count = np.unique(x, return_inverse=True, return_counts=True)
    return (count >= max(ATOM_COUNT, ATOM_SHARE * len(x)))[index]


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
