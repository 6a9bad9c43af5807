"""Mutual information of numbers with atoms, values that many samples share, beside a density: the chain rule over them.

With A and B the atoms that x and y lie on, functions of X and of Y,

    I(X;Y) = I(A;B) + I(X;B|A) + I(A;Y|B) + I(X;Y|A,B)

exactly. The first is a table of counts, the next two are of numbers and a label (`labels`), the last is of numbers
without atoms. In one column, X is constant where it lies on an atom; only the samples beside atoms remain there.

A model of the density alone loses shared atoms. Zeros that x and y have together in 3 % of the samples are H(0.03) =
0.135 nats; in the normal scores they are one dense spot, which a copula does not have and few neighbours show.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from infotok.information.classical import discrete
from infotok.information.functional import exact_relation
from infotok.information.labels import LabelInformation, label_mi
from infotok.information.margins import ATOM_COUNT, ATOM_SHARE

FEWEST, SHARE = 5, 0.002  # samples, and share of them, that an atom has at least
TIED = 10  # an atom has more samples than so many times those of a usual value, beyond the first of them
MOST = 8  # atoms of a column
PART = 50  # samples beside atoms from which their dependence is estimated
LOST = 0.05  # share of the samples that may be in smaller parts
Z95 = 1.96


@dataclass(frozen=True)
class Dependence:
    """I(X;Y) of one part of the samples: the value, its terms (n,) and the bias that may remain, in nats."""

    nats: float
    terms: np.ndarray
    bias: float


def atoms_of(x: np.ndarray) -> np.ndarray:
    """The atom of each sample of x (N, d) as codes (N,); 0 beside atoms. For several columns, one code a combination.

    Rounded numbers have no atoms: there every value is shared.
    """
    codes = np.zeros(len(x), dtype=np.int64)
    for column in x.T:
        _, index, count = np.unique(column, return_inverse=True, return_counts=True)
        place = np.zeros(len(count), dtype=np.int64)
        found = _atoms(count)
        place[found] = 1 + np.arange(len(found))
        codes = codes * (place.max() + 1) + place[index]
    _, index, count = np.unique(codes, return_inverse=True, return_counts=True)
    common = count[index] >= FEWEST
    return np.where(common, np.unique(np.where(common, codes, 0), return_inverse=True)[1], 0)


def _atoms(count: np.ndarray) -> np.ndarray:
    """Which of the values with these counts are atoms, the most frequent first."""
    least = max(FEWEST, SHARE * count.sum())
    if count.max() < least:
        return np.zeros(0, dtype=np.int64)
    order = np.argsort(-count, kind="stable")
    sorted_count, most = count[order], 0
    for m in range(1, min(MOST, len(count) - 1) + 1):
        rest = sorted_count[m:]
        usual = rest[np.searchsorted(np.cumsum(rest), rest.sum() / 2)]  # the count of a sample's value, in the median
        if sorted_count[m - 1] >= least and sorted_count[m - 1] > TIED * (usual - 1):
            most = m
    return order[:most]


def rare_atoms(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether some atoms, codes (N,) of `atoms_of` x and y, are too rare for the KSG of mixtures."""
    counts = np.concatenate([np.bincount(codes)[1:] for codes in (a, b)])
    return bool(((counts > 0) & (counts < max(ATOM_COUNT, ATOM_SHARE * len(a)))).any())


def exact_beside(x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray) -> str | None:
    """The sentence of `exact_relation` on the samples beside atoms, codes (N,) of `atoms_of`; None where all are."""
    rows = (a == 0) & (b == 0)
    if rows.all() or rows.sum() < PART or any((np.ptp(side[rows], axis=0) == 0).any() for side in (x, y)):
        return None
    relation = exact_relation(x[rows], y[rows])
    return relation and f"{relation}, beside values that many samples share"


def atomic_mi(
    x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray, density: Callable[..., Dependence], seed: int
) -> LabelInformation | None:
    """I(X;Y) in nats by the chain rule over atoms.

    x: (N, dx); y: (N, dy); a, b: their atoms as codes (N,) from 0
    density: a function of x and y of the samples that lie on the same atoms, or on none
    seed: of folds and classifiers

    None where more than a twentieth of the samples lie in parts too small for an estimate.
    """
    table = discrete(a, b)
    joint = np.bincount(a * (b.max() + 1) + b)
    terms = np.log(joint[a * (b.max() + 1) + b] * len(a) / (np.bincount(a)[a] * np.bincount(b)[b]))
    each, bias, lost = {"the atoms": table.nats}, 0.0, 0
    for side, label, given, name in ((x, b, a, "x and atoms of y"), (y, a, b, "y and atoms of x")):
        each[name] = 0.0
        for rows, varying in _parts(side, given):
            counts = np.sort(np.bincount(label[rows]))
            if len(rows) < PART or len(counts) < 2 or counts[-2] < FEWEST:
                continue
            found = label_mi(side[rows][:, varying], label[rows], seed=seed)
            each[name] += found.nats * len(rows) / len(x)
            terms[rows] += found.pointwise
            spread = Z95 * float(found.pointwise.std()) / math.sqrt(len(rows))
            bias += max(found.interval[1] - found.nats - spread, 0.0) * len(rows) / len(x)
    each["beside atoms"] = 0.0
    for rows, _ in _parts(np.hstack([x, y]), a * (b.max() + 1) + b):
        part = [side[rows][:, np.ptp(side[rows], axis=0) > 0] for side in (x, y)]
        if min(side.shape[1] for side in part) == 0:
            continue
        if len(rows) < PART:
            lost += len(rows)
            continue
        found = density(*part)
        each["beside atoms"] += found.nats * len(rows) / len(x)
        terms[rows] += found.terms
        bias += found.bias * len(rows) / len(x)
    if lost > LOST * len(x):
        return None
    nats = sum(each.values())
    reach = Z95 * float(terms.std()) / math.sqrt(len(terms)) + bias
    reason = f"atoms: {a.max()} of x and {b.max()} of y, by the chain rule"
    return LabelInformation(nats, (nats - reach, nats + reach), math.inf, each, reason, terms)


def _parts(x: np.ndarray, codes: np.ndarray):
    """The samples of each code, as (rows, columns of x that vary there)."""
    for code in np.unique(codes):
        rows = np.flatnonzero(codes == code)
        varying = np.ptp(x[rows], axis=0) > 0
        if varying.any():
            yield rows, varying
