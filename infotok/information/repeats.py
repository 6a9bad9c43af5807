"""Detection of repeated samples, as after a bootstrap or oversampling.

A density has no repeats. A pair that occurs twice looks like perfect dependence to an estimator that uses distances,
and like a well-predicted held-out sample to one that splits the samples. Repeats differ from ties (rounded numbers) and
atoms (a value of positive probability), where one value occurs with many partners.
"""

import numpy as np

from infotok.information.samples import row_codes

FEWEST, MOST_COPIES = 20, 20  # distinct pairs; samples per distinct pair: beyond, values are symbols and not copies
MOST_COPIES_OF_ROUNDED = 5
MOST_ATOMS = 4  # pairs that repeat, up to which they are atoms of both sides: zeros, a lowest and a highest value
SHARE = 0.02  # of samples that repeat another, from which they count as repeats
CLUSTERED = 0.1  # share of samples that repeat a row
OCCUPIED = 0.2  # share of the places of a grid that rounded values fill; of real numbers next to none


def distinct_pairs(x: np.ndarray, y: np.ndarray, *, labels: bool = False) -> np.ndarray | None:
    """Indices of the samples that repeat no earlier one, or None where ties and atoms explain the repeats.

    Two samples are one pair counted twice if their x and their y each occur in no other pair.

    x: (N, dx); y: (N, dy)
    labels: y holds classes, each of which occurs with many x, so that x alone decides
    """
    n = len(x)
    if any(_all_differ(column) for column in (x.T if labels else (*x.T, *y.T))):
        return None
    rows, columns = row_codes(x), row_codes(y)
    pairs = rows * (columns.max() + 1) + columns
    _, first, pair, count = np.unique(pairs, return_index=True, return_inverse=True, return_counts=True)
    if len(first) == n:
        return None
    rounded = any(map(_on_a_grid, (x,) if labels else (x, y)))
    copies = (np.bincount(rows)[rows[first]] == count) & (count <= (MOST_COPIES_OF_ROUNDED if rounded else MOST_COPIES))
    if not labels:
        copies &= np.bincount(columns)[columns[first]] == count
    repeated = copies & (count > 1)
    copied = int(count[repeated].sum())  # samples that have a copy
    later = copies[pair.reshape(-1)]
    later[first] = False
    enough = (
        later.sum() >= SHARE * n
        and copies.sum() >= FEWEST
        and repeated.sum() > MOST_ATOMS
        and (not rounded or copied > n / 2)
    )
    return np.flatnonzero(~later) if enough else None


def clustered(x: np.ndarray) -> bool:
    """Whether rows of x (N, d) occur several times with different partners, such as an image with its captions."""
    n, distinct = len(x), int(row_codes(x).max()) + 1
    repeated = n - distinct >= CLUSTERED * n
    return repeated and distinct >= FEWEST and n <= MOST_COPIES * distinct and not _on_a_grid(x)


def _all_differ(column: np.ndarray) -> bool:
    values = np.sort(column)
    return bool((values[1:] > values[:-1]).all())


def _on_a_grid(x: np.ndarray) -> bool:
    """Whether the values of some column are rounded: they fill a good part of the places of an even grid."""
    for column in x.T:
        values = np.unique(column)
        if len(values) < 2:
            continue
        low, high = np.quantile(values, [0.05, 0.95])
        middle = values[(values >= low) & (values <= high)]
        gaps = np.diff(middle)
        if len(gaps) and len(middle) > OCCUPIED * ((middle[-1] - middle[0]) / gaps.min() + 1):
            return True
    return False
