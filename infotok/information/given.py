"""Conditional information of `Variable`s: columns that are given already, and several symbols on both sides.

    I(X,F(Z);Y|Z) = I(X;Y|Z)          for every function F

So columns of x and y that z has too, or that follow from one of its labels, are left out. Otherwise a column that all
three share looks like a dependence. Numbers and single labels then go to `conditional`; symbols on both sides go to the
chain rule of `probe`, with z among the columns before:

    I(X;Y_1, ..., Y_m|Z) = sum_j I(X;Y_j|Z, Y_1, ..., Y_(j-1))
"""

from dataclasses import replace

import numpy as np
import scipy

from infotok.errors import require
from infotok.information.conditional import LEAST, conditional_mi
from infotok.information.labels import FOLDS, LabelInformation, scaled
from infotok.information.probe import chain
from infotok.information.variables import Variable

REPEATS = 2  # samples of each label of z, on average, from which a function of the label is none by chance


def given_mi(x: Variable, y: Variable, z: Variable, seed: int) -> LabelInformation:
    """I(X;Y|Z) in nats of samples x, y and z of equal length; errors as in `conditional_mi`.

    x, y, z: `Variable`s; seed: of folds and classifiers
    """
    require(len(x) >= LEAST, "x", f"{len(x)} samples", f"at least {LEAST}")
    left = without_known(x, z), without_known(y, z)
    if None in left:
        which = "x" if left[0] is None else "y"
        return LabelInformation(0.0, (0.0, 0.0), 0.0, reason=f"{which} is a function of what is given")
    x, y = left
    if x.symbols is None or y.symbols is None:
        return conditional_mi(*(side.of_a_kind for side in (x, y, z)), seed=seed)
    values, columns = (x, y.symbols) if y.symbols.shape[1] <= x.symbols.shape[1] else (y, x.symbols)
    if z.numbers is None:
        return chain(values.symbols, True, columns, seed, FOLDS, given=_codes(z))
    return chain(values.features, False, columns, seed, FOLDS, given=scaled(z.numbers))


def without_known(side: Variable, z: Variable) -> Variable | None:
    """The side without its columns that follow from z; None if none is left.

    Known are columns that are a function of a label or symbol of z, and numbers of the same or the opposite order as a
    column of z.
    """
    whole = side.of_a_kind.reshape(len(side), -1)
    kept = ~np.array([_follows(column, z) for column in whole.T])
    if kept.all():
        return side
    if not kept.any():
        return None
    left = whole[:, kept]
    if side.numbers is not None:
        return replace(side, numbers=left)
    single = left.shape[1] == 1
    return replace(side, label=left[:, 0] if single else None, symbols=None if single else left)


def _follows(column: np.ndarray, z: Variable) -> bool:
    if z.numbers is None:
        codes = np.unique(column, return_inverse=True)[1].reshape(-1)
        return any(_function_of(codes, label) for label in _codes(z).T)
    if column.dtype.kind != "f":
        return False
    ranks = scipy.stats.rankdata(column)
    given = scipy.stats.rankdata(z.numbers, axis=0)
    same, opposite = (given == ranks[:, None]).all(axis=0), (given == len(ranks) + 1 - ranks[:, None]).all(axis=0)
    return bool((same | opposite).any())


def _function_of(codes: np.ndarray, label: np.ndarray) -> bool:
    """Whether each label (N,) has one code (N,), and labels repeat."""
    labels = len(np.unique(label))
    return labels * REPEATS <= len(label) and len(np.unique(label * (codes.max() + 1) + codes)) == labels


def _codes(z: Variable) -> np.ndarray:
    return z.label[:, None] if z.symbols is None else z.symbols
