"""One door to every estimator of mutual information.

    estimate = estimate_mi(x, y)               # method="auto"
    estimate.nats, estimate.interval, estimate.reason
    estimate_mi(x, y, "infonce", critic="concat", steps=500).ceiling

x is (N, dx), y is (N, dy), NumPy or torch; a vector counts as one column. `METHODS` names what there is:

- auto                     several models compared on held-out samples (`infotok.information.auto`)
- cca, gaussian, student   canonical correlations; Gaussian and Student copulas (`copula`)
- ksg, ksg2, mixed         nearest neighbours (`neighbors`)
- discrete                 counting, corrected (`discrete`)
- infonce, nwj, dv, mine, tuba, js, smile, interpolated, club, loo   trained critics (`neural`)
"""

import inspect
import math
import warnings as python_warnings
from collections.abc import Callable
from dataclasses import dataclass, field, fields

import numpy as np
import torch

from infotok.errors import require
from infotok.information.auto import NEIGHBOR_DIMS, PLAN, compare
from infotok.information.copula import GaussianCopula, StudentCopula, normal_scores
from infotok.information.discrete import plugin_mi
from infotok.information.neighbors import ksg_pointwise, mixed_ksg_pointwise
from infotok.information.neural import NEURAL, History, Training, neural_mi
from infotok.information.samples import Samples, as_samples, paired, standardized

Z95 = 1.96
AT_CEILING = 0.9  # share of the ceiling from which a value says more about the ceiling than about the data
MIN_AUTO = 20  # samples
PER_CELL = 5  # samples per cell of the table, on average, from which counting is trusted
FEW = 10  # values that a column of numbers must exceed to be more than labels


@dataclass(frozen=True)
class Estimate:
    """An estimate of I(X;Y) and what to make of it.

    nats: the value; interval: 95 %, of a point estimate for the truth, of a bound for the bound's own mean;
    kind: "point", "lower bound" or "upper bound"; ceiling: the largest value the method can read, if there is one;
    history: {"step", "train", "validation"} of neural methods; reason and candidates {name: nats}: auto's choice.
    """

    nats: float
    interval: tuple[float, float]
    kind: str
    method: str
    ceiling: float | None = None
    history: History = field(default_factory=dict)
    reason: str = ""
    candidates: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def bits(self) -> float:
        return self.nats / math.log(2)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.nats:.3f} nats [{low:.3f}, {high:.3f}] ({self.kind}, {self.method})"


def estimate_mi(
    x: Samples,
    y: Samples,
    method: str = "auto",
    *,
    seed: int = 0,
    device: str = "auto",
    progress: bool = False,
    **options,
) -> Estimate:
    """I(X;Y) in nats from paired samples x (N, dx) and y (N, dy).

    `options` go to the method: k for neighbours, correction for discrete, and for trained critics those of `Training`
    (steps, batch, rate, ...), critic, hidden, layers, clip, alpha. Integers are symbols: auto, mixed and discrete take
    them, the others want floats. Raises TypeError for non-numbers and unknown options; ValueError for an unknown
    method, NaN or infinity, unequal lengths, fewer than two samples, constant columns (auto drops them where others
    vary) and, for cca, gaussian and student, more coordinates than samples. Warns where a bound sits at its ceiling.
    """
    require(method in METHODS, "method", method, f"one of {', '.join(METHODS)}")
    device = _device(device)
    if method in NEURAL:
        estimate = _neural(x, y, method, seed, device, progress, options)
    elif method == "auto":
        estimate = _auto(x, y, seed, device, progress, options)
    else:
        function = _CLASSICAL[method]
        _check_options(method, options, tuple(inspect.signature(function).parameters)[2:])
        estimate = function(x, y, **options)
    for warning in estimate.warnings:
        python_warnings.warn(warning, stacklevel=2)
    return estimate


def _cca(x: Samples, y: Samples) -> Estimate:
    x, y = paired(x, y)
    copula = GaussianCopula.fit(standardized(x, "x"), standardized(y, "y"))
    return _point("cca", copula.nats, copula.log_ratio(standardized(x, "x"), standardized(y, "y")))


def _gaussian(x: Samples, y: Samples) -> Estimate:
    x, y = (normal_scores(standardized(v, name)) for v, name in zip(paired(x, y), "xy", strict=True))
    copula = GaussianCopula.fit(x, y)
    return _point("gaussian", copula.nats, copula.log_ratio(x, y))


def _student(x: Samples, y: Samples) -> Estimate:
    x, y = (normal_scores(standardized(v, name)) for v, name in zip(paired(x, y), "xy", strict=True))
    copula = StudentCopula.fit(x, y)
    return _point("student", copula.nats, copula.log_ratio(x, y), reason=f"{copula.dof:.3g} degrees of freedom")


def _ksg(x: Samples, y: Samples, k: int = 3) -> Estimate:
    values = ksg_pointwise(x, y, k=k)
    return _point("ksg", values.mean(), values)


def _ksg2(x: Samples, y: Samples, k: int = 3) -> Estimate:
    values = ksg_pointwise(x, y, k=k, variant=2)
    return _point("ksg2", values.mean(), values)


def _mixed(x: Samples, y: Samples, k: int = 3) -> Estimate:
    values = mixed_ksg_pointwise(x, y, k=k)
    return _point("mixed", values.mean(), values)


def _discrete(x: Samples, y: Samples, correction: str = "miller-madow") -> Estimate:
    x, y = (_symbols(v, name) for v, name in ((x, "x"), (y, "y")))
    require(len(x) == len(y), "y", f"{len(y)} samples", f"as many as x has, {len(x)}")
    _, joint, count = np.unique(np.stack([x, y], 1), axis=0, return_inverse=True, return_counts=True)
    log_ratio = np.log(count[joint.reshape(-1)] * len(x) / (np.bincount(x)[x] * np.bincount(y)[y]))
    return _point("discrete", plugin_mi(x, y, correction=correction), log_ratio)


_CLASSICAL: dict[str, Callable[..., Estimate]] = {
    "cca": _cca,
    "gaussian": _gaussian,
    "student": _student,
    "ksg": _ksg,
    "ksg2": _ksg2,
    "mixed": _mixed,
    "discrete": _discrete,
}
METHODS: tuple[str, ...] = ("auto", *_CLASSICAL, *NEURAL)


def _point(method: str, nats: float, terms: np.ndarray, reason: str = "") -> Estimate:
    """A point estimate whose sampling error is that of the mean of its N pointwise log-ratios."""
    error = Z95 * float(terms.std() / math.sqrt(len(terms)))
    return Estimate(float(nats), (float(nats) - error, float(nats) + error), "point", method, reason=reason)


def _neural(x: Samples, y: Samples, name: str, seed: int, device: str, progress: bool, options: dict) -> Estimate:
    plan_names = tuple(f.name for f in fields(Training) if f.name != "progress")
    _check_options(name, options, ("critic", "hidden", "layers", *NEURAL[name].options, *plan_names))
    x, y = paired(x, y)
    plan = Training(**{k: v for k, v in options.items() if k in plan_names}, progress=progress)
    rest = {k: v for k, v in options.items() if k not in plan_names}
    held_out = neural_mi(standardized(x, "x"), standardized(y, "y"), name, seed=seed, device=device, plan=plan, **rest)
    notes = (held_out.note,) if held_out.note else ()
    if held_out.ceiling is not None and held_out.nats > AT_CEILING * held_out.ceiling:
        notes = (f"{name}: {held_out.nats:.2f} nats sits at the ceiling of {held_out.ceiling:.2f}; expect more",)
    interval = held_out.nats - Z95 * held_out.error, held_out.nats + Z95 * held_out.error
    return Estimate(
        held_out.nats, interval, NEURAL[name].kind, name, held_out.ceiling, held_out.history, warnings=notes
    )


def _auto(x: Samples, y: Samples, seed: int, device: str, progress: bool, options: dict) -> Estimate:
    """Symbols are counted, repeats go to the mixed estimator, everything else to the comparison of models."""
    _check_options("auto", options, ())
    x, y = paired(x, y, discrete=True)
    notes: list[str] = []
    x, y = _varying(x, "x", notes), _varying(y, "y", notes)
    symbols_x, symbols_y = len(np.unique(x, axis=0)), len(np.unique(y, axis=0))
    if symbols_x * symbols_y * PER_CELL <= len(x):
        reason = f"discrete: {symbols_x} and {symbols_y} symbols in {len(x)} samples"
        return _renamed(_discrete(_rank_rows(x), _rank_rows(y)), reason, notes)
    repeats = min(symbols_x, symbols_y) < 0.9 * len(x)
    if repeats and x.shape[1] + y.shape[1] <= NEIGHBOR_DIMS:
        mixed = _mixed(*(_one_hot(v) if len(np.unique(v, axis=0)) <= FEW else v for v in (x, y)))
        return _renamed(mixed, f"mixed: {symbols_x} and {symbols_y} distinct rows in {len(x)} samples", notes)
    require(len(x) >= MIN_AUTO, "x", f"{len(x)} samples", f"at least {MIN_AUTO} for auto")
    x, y = _full_rank(x, "x", notes), _full_rank(y, "y", notes)
    comparison = compare(x, y, seed=seed, device=device, plan=Training(**{**vars(PLAN), "progress": progress}))
    chosen = comparison.chosen
    return Estimate(
        float(chosen.nats),
        chosen.interval,
        "point",
        f"auto: {chosen.name}",
        history=comparison.candidates[-1].history,
        reason=comparison.reason,
        candidates={candidate.name: float(candidate.nats) for candidate in comparison.candidates},
        warnings=tuple(notes),
    )


def _renamed(estimate: Estimate, reason: str, notes: list[str]) -> Estimate:
    return Estimate(
        estimate.nats,
        estimate.interval,
        "point",
        f"auto: {estimate.method}",
        reason=reason,
        candidates={estimate.method: estimate.nats},
        warnings=tuple(notes),
    )


def _varying(x: np.ndarray, name: str, notes: list[str]) -> np.ndarray:
    """Without its constant columns, which carry no information."""
    varies = np.ptp(x, axis=0) > 0
    require(varies.any(), name, "constant columns only", "at least one column that varies")
    if not varies.all():
        notes.append(f"{name}: {int((~varies).sum())} constant columns dropped")
    return x[:, varies]


def _full_rank(x: np.ndarray, name: str, notes: list[str]) -> np.ndarray:
    """As it is where the columns are independent and few; else its leading principal coordinates, N / 50 at most."""
    scores = normal_scores(x)
    variance, axes = np.linalg.eigh(np.cov(scores, rowvar=False).reshape(x.shape[1], x.shape[1]))
    rank = min(int((variance > 1e-8 * variance[-1]).sum()), max(1, len(x) // 50))
    if rank == x.shape[1]:
        return x
    notes.append(f"{name}: {x.shape[1]} columns reduced to {rank} principal coordinates")
    return scores @ axes[:, -rank:]


def _symbols(x: Samples, name: str) -> np.ndarray:
    """Rows as integers from 0. Floats are refused: counting them counts nothing."""
    require(_is_integer(x), name, "floats", "integers or booleans (discretise real numbers first)", error=TypeError)
    return _rank_rows(as_samples(x, name, discrete=True))


def _rank_rows(x: np.ndarray) -> np.ndarray:
    return np.unique(x, axis=0, return_inverse=True)[1].reshape(-1)


def _one_hot(x: np.ndarray) -> np.ndarray:
    rows = _rank_rows(x)
    return np.eye(rows.max() + 1)[rows]


def _is_integer(x: Samples) -> bool:
    kind = np.asarray(x.detach().cpu() if isinstance(x, torch.Tensor) else x).dtype.kind
    return kind in "iub"


def _device(device: str) -> str:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except Exception as reason:  # which type torch raises depends on the backend
        require(False, "device", device, f"'auto', 'cpu' or a device of this machine ({str(reason).splitlines()[0]})")
    return device


def _check_options(method: str, options: dict, allowed: tuple[str, ...]) -> None:
    unknown = sorted(set(options) - set(allowed))
    expected = f"options of {method}: {', '.join(allowed) or 'none'}"
    require(not unknown, "options", ", ".join(unknown), expected, error=TypeError)
