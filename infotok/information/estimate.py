"""`estimate_mi`: mutual information from samples, by any estimator of the package.

    estimate = estimate_mi(x, y)               # method="auto"
    estimate.nats, estimate.interval, estimate.reason
    estimate_mi(x, labels)                     # integers, booleans, text and categories are labels
    estimate_mi(x, y, given=z)                 # conditional: I(X;Y|Z)
    estimate_mi(x, y, "infonce", critic="concat", steps=500).ceiling

The names in `METHODS`:

- auto                     chosen by the kinds of x and y (`routing`); for numbers on held-out samples (`auto`)
- cca, gaussian, student   canonical correlations; Gaussian and Student copulas (`copula`)
- ksg, ksg2, mixed         KSG nearest neighbours, variants 1 and 2, and for mixtures (`neighbors`)
- discrete                 plug-in from counts, with a bias correction (`discrete`)
- infonce, nwj, dv (Donsker-Varadhan), mine, tuba, js, smile, interpolated   lower bounds with a critic (`neural`)
- club, loo                upper bounds with a fitted Gaussian conditional (`neural`)
"""

import inspect
import warnings as python_warnings
from dataclasses import fields, replace
from typing import Any

import numpy as np
import torch

from infotok.errors import require, require_choice, require_flag, require_instance, require_seed
from infotok.information.categories import encode_labels
from infotok.information.classical import CLASSICAL
from infotok.information.functional import exact_relation
from infotok.information.given import given_mi
from infotok.information.isolation import whole_seed
from infotok.information.margins import normal_scores
from infotok.information.neighbors import conditional_ksg_pointwise
from infotok.information.neural import NEURAL, Training, neural_mi
from infotok.information.repeats import distinct_pairs
from infotok.information.result import Z95, Estimate, classified_as, infinite, point
from infotok.information.routing import automatic
from infotok.information.samples import as_samples, dense, kind_of, plain, row_codes, standardized, varying
from infotok.information.variables import Variable, declared, variable

AT_CEILING = 0.9  # share of the ceiling from which the ceiling, not the data, decides the value
TAKES_LABELS = ("auto", "mixed", "discrete")
TAKES = f"{', '.join(TAKES_LABELS)} take labels"
METHODS: tuple[str, ...] = ("auto", *CLASSICAL, *NEURAL)


def estimate_mi(
    x: Any,
    y: Any,
    method: str = "auto",
    *,
    given: Any = None,
    discrete_x: bool | None = None,
    discrete_y: bool | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: bool = False,
    **options,
) -> Estimate:
    """Mutual information I(X;Y) in nats from N paired samples, or conditional I(X;Y|Z) with `given`.

    Args:
        x: (N,) or (N, dx) samples: NumPy, torch, pandas or lists. Text, booleans, categories, one-hot rows and integers
            of few values are labels; several columns of integers are several symbols per sample; floats and uint8
            pixels are numbers.
        y: (N,) or (N, dy) samples of the same types.
        method: one of `METHODS`; "auto" chooses and gives its reason in `.reason`.
        given: (N,) or (N, dz) samples of Z of the same types. Columns that x or y share with it add nothing.
        discrete_x: True to treat x as labels, False as numbers, None to decide by its type, as in scikit-learn.
        discrete_y: the same for y.
        seed: of folds, initial weights and batches; the global random state does not change.
        device: where critics are trained: "auto", "cpu" or a torch device.
        progress: show the training steps on stderr.
        options: of the method: k for neighbours; correction for discrete; for trained critics those of `Training`
            (steps, batch, rate, ...), critic, hidden, layers, clip, alpha.

    Returns:
        Estimate: `.nats`, `.bits`, `.interval`, `.kind`, `.ceiling`, `.reason`, `.warnings`. The value is infinite
        where a continuous y is a function of x. The warnings are issued as Python warnings too: dropped columns,
        repeated samples (each distinct pair then counts once), rows shared by several samples, a bound at its ceiling.

    Raises:
        TypeError: for labels where a method needs numbers, numbers where it needs labels, and unknown options.
        ValueError: for an unknown method, NaN, infinity, masked values, unequal lengths, fewer than two samples,
            constant columns ("auto" drops them where others vary) and, for cca, gaussian and student, more coordinates
            than samples.

    Example:
        >>> import numpy as np
        >>> from infotok.information import estimate_mi
        >>> x, noise = np.random.default_rng(0).standard_normal((2, 1000))
        >>> print(estimate_mi(x, 0.8 * x + 0.6 * noise))  # the truth is 0.51 nats
        0.502 nats [0.453, 0.551] (point, auto: gaussian)
        >>> print(estimate_mi(x, x > 0))  # labels: H(Y) = 0.69 nats
        0.691 nats [0.670, 0.693] (point, auto: labels)
    """
    require_choice("method", method, METHODS)
    require_seed("seed", seed)
    require_flag("progress", progress)
    seed = whole_seed(seed)
    discrete_x, discrete_y = declared(discrete_x, "x"), declared(discrete_y, "y")
    device = _device(device)
    orders = _other_orders(x=x, y=y, given=given)
    if method == "discrete":
        x, y = _counted(x, "x", discrete_x), _counted(y, "y", discrete_y)
    elif method in TAKES_LABELS:
        x, y = variable(x, "x", discrete_x), variable(y, "y", discrete_y)
    else:
        x, y = _numbers(x, "x", discrete_x), _numbers(y, "y", discrete_y)
    require(len(x) == len(y), "y", f"{len(y)} samples", f"as many as x has, {len(x)}")
    if given is not None:
        z = variable(given, "given")
        require(len(z) == len(x), "given", f"{len(z)} samples", f"as many as x has, {len(x)}")
        (x, z, y), notes = _distinct(x, z, y)
        estimate = _given(x, y, z, method, seed, options)
    else:
        (x, y), notes = _distinct(x, y)
        estimate = _estimate(x, y, method, seed, device, progress, options)
    estimate = replace(estimate, warnings=(*orders, *notes, *estimate.warnings))
    for warning in estimate.warnings:
        python_warnings.warn(warning, stacklevel=2)
    return estimate


def _other_orders(**values: Any) -> tuple[str, ...]:
    """A note for each variable of pandas whose index is not that of the first: pandas would pair them by it."""
    (first, index), *others = [
        (name, v.index) for name, v in values.items() if hasattr(v, "to_numpy") and hasattr(v, "iloc")
    ] or [("", None)]
    return tuple(
        f"{first}, {name}: the indices of pandas differ; samples are paired by position (to pair them by index: "
        f"{name}.loc[{first}.index]; to keep positions: {name}.to_numpy())"
        for name, other in others
        if len(other) == len(index) and not index.equals(other)
    )


def _estimate(x: Variable, y: Variable, method: str, seed: int, device: str, progress: bool, options: dict) -> Estimate:
    if method == "auto":
        _check_options(method, options, ())
        return automatic(x, y, seed, device, progress)
    if method in NEURAL:
        return _neural(x.numbers, y.numbers, method, seed, device, progress, options)
    function = CLASSICAL[method]
    _check_options(method, options, tuple(inspect.signature(function).parameters)[2:])
    if method == "discrete":
        return function(x.label, y.label, **options)
    x, y = varying(x.features, "x"), varying(y.features, "y")
    relation = exact_relation(x, y)
    return infinite(method, relation) if relation else function(x, y, **options)


def _numbers(values: Any, name: str, discrete: bool | None) -> Variable:
    """Samples for a method that needs numbers; integers only with `discrete=False`."""
    require(discrete is not True, f"discrete_{name}", discrete, f"None or False: this method takes numbers, {TAKES}")
    return Variable(name, numbers=as_samples(plain(values, name), name, discrete=discrete is False))


def _counted(values: Any, name: str, discrete: bool | None) -> Variable:
    """Rows as labels. Floats raise TypeError: hardly any value would occur twice."""
    floats = kind_of(dense(values, name)) == "f" and discrete is not True
    hint = f"integers or other labels (discretise real numbers first, or pass discrete_{name}=True)"
    require(not floats and discrete is not False, name, "floats" if floats else "discrete=False", hint, TypeError)
    return Variable(name, label=encode_labels(plain(values, name), name))


def _distinct(*sides: Variable) -> tuple[tuple[Variable, ...], tuple[str, ...]]:
    """Each distinct sample once where samples repeat, as after a bootstrap or oversampling, with a note on it."""
    *first, last = [side.numbers for side in sides if side.numbers is not None] or [None]
    others = [side for side in sides if side.numbers is None]
    if last is None or (not first and any(side.symbols is not None for side in others)):
        return sides, ()
    if first:
        kept = distinct_pairs(np.hstack(first), last)
    else:
        kept = distinct_pairs(last, np.stack([side.label for side in others], axis=1), labels=True)
    if kept is not None and others and first:  # two samples of equal numbers and unequal labels are no copies
        whole = row_codes(np.hstack([side.of_a_kind.reshape(len(side), -1) for side in sides]))
        kept = kept if len(np.unique(whole[kept])) > whole.max() else None
    if kept is None:
        return sides, ()
    names, what = ("x, y", "pair") if len(sides) == 2 else ("x, y, given", "sample")
    repeated = f"{len(last) - len(kept)} of {len(last)} samples repeat an earlier {what}"
    note = f"{names}: {repeated}; each distinct {what} counts once"
    return tuple(side.rows(kept) for side in sides), (note,)


def _given(x: Variable, y: Variable, z: Variable, method: str, seed: int, options: dict) -> Estimate:
    """I(X;Y|Z), by the kinds of x, y and z or by the method asked for."""
    require(method in ("auto", "ksg"), "method", method, "'auto' or 'ksg' with given")
    _check_options(method, options, ("k",) if method == "ksg" else ())
    if method == "ksg":
        values = conditional_ksg_pointwise(x.numbers, y.numbers, _measured(z), **options)
        return point("ksg", values.mean(), values)
    return classified_as("auto: conditional", given_mi(x, y, z, seed))


def _measured(side: Variable) -> np.ndarray:
    require(side.numbers is not None, side.name, "labels", "numbers for ksg; auto takes labels", TypeError)
    return side.numbers


def _neural(x: np.ndarray, y: np.ndarray, name: str, seed: int, device: str, progress: bool, options: dict) -> Estimate:
    plan_names = tuple(f.name for f in fields(Training) if f.name != "progress")
    _check_options(name, options, ("critic", "hidden", "layers", *NEURAL[name].options, *plan_names))
    plan = Training(**{k: v for k, v in options.items() if k in plan_names}, progress=progress)
    rest = {k: v for k, v in options.items() if k not in plan_names}
    # Ranks first: mutual information does not change, and one outlier does not set the scale of the rest.
    x, y = (standardized(normal_scores(varying(v, name)), name) for v, name in ((x, "x"), (y, "y")))
    held_out = neural_mi(x, y, name, seed=seed, device=device, plan=plan, **rest)
    notes = (held_out.note,) if held_out.note else ()
    if held_out.ceiling is not None and held_out.nats > AT_CEILING * held_out.ceiling:
        notes = (f"{name}: {held_out.nats:.2f} nats is at the bound's ceiling of {held_out.ceiling:.2f}; expect more",)
    interval = held_out.nats - Z95 * held_out.error, held_out.nats + Z95 * held_out.error
    return Estimate(
        held_out.nats, interval, NEURAL[name].kind, name, held_out.ceiling, held_out.history, warnings=notes
    )


def _device(device: str) -> str:
    require_instance("device", device, (str, torch.device), "'auto', 'cpu' or a device of this machine")
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
