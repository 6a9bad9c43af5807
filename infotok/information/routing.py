"""The method "auto" of `estimate_mi`: chooses the estimator by the kinds of x and y.

label and label       plug-in from counts, with enough samples per cell; else as symbols and label
numbers and label     the bound of cross-fitted classifiers, and nearest neighbours in few columns (`labels`)
symbols and label     the same with classifiers for symbols (`tokens`)
numbers with atoms    KSG for mixtures, in few columns; the chain rule over rare ones (`atoms`)
numbers and numbers   models compared on held-out samples (`auto`)
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import scipy

from infotok.errors import require
from infotok.information.atoms import Dependence, atomic_mi, atoms_of, exact_beside, rare_atoms
from infotok.information.auto import MARGIN, NEIGHBOR_DIMS, PER_COORDINATE, PLAN, Comparison, compare
from infotok.information.classical import counts_fill, discrete, mixed
from infotok.information.clusters import clusters_of
from infotok.information.functional import exact_relation, shared_value, smoothly_related
from infotok.information.labels import FOLDS, entropy_of, label_mi
from infotok.information.margins import normal_scores
from infotok.information.neighbors import mixed_ksg_pointwise
from infotok.information.neural import Training
from infotok.information.probe import chain
from infotok.information.repeats import clustered
from infotok.information.result import Estimate, classified_as, infinite
from infotok.information.samples import row_codes
from infotok.information.tokens import token_mi
from infotok.information.variables import Variable

MIN_AUTO = 20  # samples
MANY_LABELS = 0.5  # different labels per sample from which most occur only once
GROUPS = 16  # into which numbers are cut where the other side is symbols
PER_COLUMN = 5  # samples for each column of one side, at least, where all are kept
PER_PAIR = 2.5  # samples for each pair of columns of both sides


def automatic(x: Variable, y: Variable, seed: int, device: str, progress: bool) -> Estimate:
    """I(X;Y) by the estimator for the two kinds; `reason` and `candidates` say what was chosen.

    x, y: `Variable`s of equal length; seed, device, progress: as in `estimate_mi`.
    """
    notes: list[str] = []
    x, y = _varying(x, notes), _varying(y, notes)
    label_first = x.label is not None
    if x.label is not None and y.label is not None:
        if counts_fill(x.label, y.label):
            shape = f"{x.label.max() + 1} and {y.label.max() + 1} symbols in {len(x)} samples"
            return _named(discrete(x.label, y.label), f"discrete: {shape}", notes)
        label_first = x.label.max() < y.label.max()  # the label is the side of fewer
    label, other = (x, y) if label_first else (y, x)
    require(len(x) >= MIN_AUTO, "x", f"{len(x)} samples", f"at least {MIN_AUTO} for auto")
    if label.label is not None:
        return _of_label(other, label, seed, notes)
    if x.symbols is not None or y.symbols is not None:
        return _of_symbols(x, y, seed, notes)
    return _of_numbers(x.numbers, y.numbers, seed, device, progress, notes)


def _of_label(features: Variable, label: Variable, seed: int, notes: list[str]) -> Estimate:
    """A label and any other variable, by classifiers.

    Where most labels occur once, those are one class. It is a function of the label, so the value is a lower bound.
    """
    labels, different = label.label, int(label.label.max()) + 1
    many = different > MANY_LABELS * len(label)
    if many:
        labels = np.where(np.bincount(labels)[labels] == 1, -1, labels)
        notes.append(
            f"{label.name}: {different} different labels in {len(label)} samples; labels that occur once cannot be "
            "predicted, so the value is too low (are they numbers? then convert them to floats)"
        )
    if features.numbers is None:
        codes = features.symbols if features.label is None else features.label[:, None]
        found, method = token_mi(codes, labels, seed=seed), "auto: symbols"
    else:
        groups = _groups(features.numbers, features.name, notes)
        found, method = label_mi(features.numbers, labels, seed=seed, groups=groups), "auto: labels"
    if many:  # how much single labels tell is not known
        entropy = entropy_of(label.label)
        found = replace(found, interval=(found.interval[0], entropy), ceiling=entropy)
    return classified_as(method, found, tuple(notes))


def _of_symbols(x: Variable, y: Variable, seed: int, notes: list[str]) -> Estimate:
    """Several symbols per sample on one side or both: the chain rule over the columns of one.

    Numbers on the other side are cut into groups first, which loses a little information.
    """
    x, y = (x, y) if x.symbols is not None else (y, x)
    columns = y.symbols if y.symbols is not None else _grouped(y, seed, notes)[:, None]
    if columns.shape[1] == 1:
        return classified_as("auto: symbols", token_mi(x.symbols, columns[:, 0], seed=seed), tuple(notes))
    return classified_as("auto: symbols", chain(x.symbols, True, columns, seed, FOLDS), tuple(notes))


def _grouped(side: Variable, seed: int, notes: list[str]) -> np.ndarray:
    """Numbers as codes (N,) of groups of equal size, or of clusters where they have several columns."""
    count = max(2, min(GROUPS, len(side) // PER_COORDINATE))
    notes.append(f"{side.name}: numbers cut into {count} groups, since the other side is symbols; the value is too low")
    if side.numbers.shape[1] > 1:
        return clusters_of(normal_scores(side.numbers), count, seed)
    order = scipy.stats.rankdata(side.numbers[:, 0], method="average")
    return np.minimum((order - 1) * count // len(side), count - 1).astype(np.int64)


def _of_numbers(x: np.ndarray, y: np.ndarray, seed: int, device: str, progress: bool, notes: list[str]) -> Estimate:
    """Numbers and numbers."""
    for name, side in (("x", x), ("y", y)):
        _groups(side, name, notes)
    few = x.shape[1] + y.shape[1] <= NEIGHBOR_DIMS
    atoms = (atoms_of(x), atoms_of(y)) if few else None
    relation = exact_relation(x, y) or (exact_beside(x, y, *atoms) if few else None)
    if relation:
        found = infinite("auto", relation)
        return replace(found, warnings=(*notes, *found.warnings))
    compared = partial(_compared, seed=seed, device=device, progress=progress)
    said: list[str] = []
    if few and _has_atoms(x, y):
        found = _named(mixed(x, y), "mixed: a tenth of the samples or more share one value", [])
        rivals = [(found.nats, mixed_ksg_pointwise(x, y))]
    else:
        comparison = compared(x, y, said)
        chosen = comparison.chosen  # neighbours are few in an atom's spot and their terms noisy: copulas are the rivals
        models = comparison.candidates[:2] if chosen.name == "neighbors" else [chosen]
        rivals = [(float(model.nats), model.pointwise) for model in models]
        found = Estimate(
            float(chosen.nats),
            chosen.interval,
            "point",
            f"auto: {chosen.name}",
            history=comparison.history,
            reason=comparison.reason,
            candidates={candidate.name: float(candidate.nats) for candidate in comparison.candidates},
            warnings=(*said, *comparison.notes),
        )
    if few and rare_atoms(*atoms):
        found = _with_atoms(x, y, *atoms, found, rivals, compared, seed)
    return replace(found, warnings=(*notes, *found.warnings))


def _compared(x: np.ndarray, y: np.ndarray, notes: list[str], seed: int, device: str, progress: bool) -> Comparison:
    """The models of `auto`, compared; a note where the value may have no limit."""
    kept = _full_rank(x, "x", y.shape[1], notes), _full_rank(y, "y", x.shape[1], notes)
    plan = Training(**{**vars(PLAN), "progress": progress})
    comparison = compare(*kept, seed=seed, device=device, plan=plan, whole=(x, y))
    chosen = comparison.chosen
    if chosen.grows or (chosen.name == "neighbors" and smoothly_related(x, y)):
        grows = f"x, y: {chosen.nats:.2f} nats still grows with N; y may be a function of x, and the truth infinite"
        notes.append(grows)
    return comparison


def _with_atoms(
    x: np.ndarray,
    y: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    found: Estimate,
    rivals: list[tuple],
    compared: Callable,
    seed: int,
) -> Estimate:
    """The chain rule over atoms in place of `found`, where it is above all rivals (nats, terms) by their margin."""
    said: list[str] = []

    def density(x: np.ndarray, y: np.ndarray) -> Dependence:
        comparison = compared(x, y, said)
        said.extend(comparison.notes)
        chosen = comparison.chosen
        return Dependence(chosen.nats, chosen.pointwise, chosen.bias)

    chained = atomic_mi(x, y, a, b, density, seed)
    if chained is None:
        return found
    gains = [
        (chained.nats - nats, float((chained.pointwise - terms).std() / np.sqrt(len(terms)))) for nats, terms in rivals
    ]
    if any(gain <= MARGIN * error for gain, error in gains):
        return replace(found, candidates={**found.candidates, "atoms": chained.nats})
    gain, error = min(gains)
    name = "copulas" if len(rivals) > 1 else found.method.removeprefix("auto: ")
    reason = f"{chained.reason}, {gain:.3f} ± {error:.3f} above {name}"
    candidates = {**found.candidates, **chained.candidates}
    return classified_as("auto: atoms", replace(chained, reason=reason, candidates=candidates), tuple(said))


def _named(estimate: Estimate, reason: str, notes: list[str]) -> Estimate:
    return replace(
        estimate,
        method=f"auto: {estimate.method}",
        reason=reason,
        candidates={estimate.method: estimate.nats},
        warnings=(*notes, *estimate.warnings),
    )


def _varying(side: Variable, notes: list[str]) -> Variable:
    """The side without its constant columns, which have no information."""
    columns = side.numbers if side.label is None and side.symbols is None else side.symbols
    if columns is None:
        require(side.label.max() > 0, side.name, "constant columns only", "at least one column that varies")
        return side
    varies = columns.min(axis=0) < columns.max(axis=0)
    require(varies.any(), side.name, "constant columns only", "at least one column that varies")
    if varies.all():
        return side
    notes.append(f"{side.name}: {int((~varies).sum())} constant columns dropped")
    kept = columns[:, varies]
    return replace(side, numbers=kept) if side.symbols is None else replace(side, symbols=kept)


def _groups(side: np.ndarray, name: str, notes: list[str]) -> np.ndarray | None:
    """Groups (N,) of samples that share a row, such as an image with several captions; None where none do."""
    if side.shape[1] == 1 or not clustered(side):  # ties in one column are spread
        return None
    rows = row_codes(side)
    notes.append(
        f"{name}: {rows.max() + 1} distinct rows in {len(rows)} samples; samples that share a row are not "
        "independent, and the interval may be too narrow"
    )
    return rows


def _has_atoms(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether a tenth of the samples or more share one value of some column."""
    return any(shared_value(column).any() for side in (x, y) for column in side.T)


def _full_rank(x: np.ndarray, name: str, others: int, notes: list[str]) -> np.ndarray:
    """x where its columns are linearly independent and few; else its leading principal components.

    A Gaussian copula has a parameter for each pair of columns, so that few columns on one side, `others`, leave samples
    for many on this one: N / 5 and N / (2.5 others) at most, and N / 50 in any case.
    """
    scores, n = normal_scores(x), len(x)
    variance, axes = np.linalg.eigh(np.cov(scores, rowvar=False).reshape(x.shape[1], x.shape[1]))
    most = max(1, n // PER_COORDINATE, min(n // PER_COLUMN, int(n / (PER_PAIR * others))))
    rank = min(int((variance > 1e-8 * variance[-1]).sum()), most)
    if rank == x.shape[1]:
        return x
    lost = "; what the others say of the other side is lost" if rank == most else ""
    notes.append(f"{name}: {x.shape[1]} columns reduced to {rank} principal components{lost}")
    return scores @ axes[:, -rank:]
