"""Mutual information of every two columns of a table, with fast estimators chosen by the kinds of the two.

- two labels          plug-in from counts, corrected, clipped to 0 and the smaller entropy; classifiers (`tokens`) where
                      there are too few samples per cell
- label and number    nearest neighbours of the same label (`labels.ross_pointwise`)
- two numbers         Gaussian copula, or nearest neighbours where they are higher by more than their error
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from infotok.errors import require, require_choice, require_instance, require_seed
from infotok.information.categories import encode_labels, is_labels
from infotok.information.conditional import linear_or_neighbors
from infotok.information.discrete import plugin_mi
from infotok.information.isolation import whole_seed
from infotok.information.labels import entropy_of, ross_pointwise, scaled
from infotok.information.tokens import token_mi
from infotok.information.variables import declared

__all__ = ["mi_matrix"]

FEW = 20  # distinct integers up to which a column is taken for labels
PER_CELL = 5  # samples a cell of the table, on average, from which counting is trusted
LEAST = 10  # rows that both columns have


def mi_matrix(
    frame: Any,
    *,
    missing: Literal["raise", "pairwise"] = "raise",
    discrete: Mapping[str, bool] | None = None,
    seed: int = 0,
) -> Any:
    """Mutual information in nats of every two columns of a pandas DataFrame, as a symmetric DataFrame.

    The diagonal is I(A;A): the entropy of labels, infinity for numbers.

    Args:
        frame: a DataFrame. Text, categories and booleans are labels, and integers of at most 20 distinct values; dates
            are numbers.
        missing: "raise", or "pairwise" to leave out rows in which either of two columns is missing; a pair with fewer
            than 10 rows is then NaN.
        discrete: {column: True for labels, False for numbers}, where the types should not decide.
        seed: of the classifiers.

    Raises TypeError for anything but a frame, ValueError for missing values, infinity, no column, repeated column names
    or fewer than 10 rows.

    Example:
        >>> import numpy as np
        >>> import pandas as pd
        >>> from infotok.information import mi_matrix
        >>> x, noise = np.random.default_rng(0).standard_normal((2, 1000))
        >>> print(mi_matrix(pd.DataFrame({"x": x, "y": x + noise, "positive": x > 0})).round(2))  # I(X;Y) = 0.35
                     x     y  positive
        x          inf  0.35      0.69
        y         0.35   inf      0.21
        positive  0.69  0.21      0.69
    """
    table = hasattr(frame, "columns") and hasattr(frame, "to_numpy") and not isinstance(frame, type)
    require(table, "frame", type(frame).__name__, "a pandas DataFrame", TypeError)
    require_choice("missing", missing, ("raise", "pairwise"))
    require_seed("seed", seed)
    seed = whole_seed(seed)
    require_instance("discrete", discrete, (Mapping, type(None)), "a dict {column: bool}, or None")
    names = list(frame.columns)
    require(names and len(set(names)) == len(names), "frame, columns", names, "one column or more, of different names")
    require(len(frame) >= LEAST, "frame", f"{len(frame)} rows", f"at least {LEAST}")
    discrete = dict(discrete or {})
    unknown = [name for name in discrete if name not in names]
    require(not unknown, "discrete", unknown, f"names of columns, {names}")
    said = {name: declared(flag, str(name)) for name, flag in discrete.items()}
    columns = [_column(frame[name], str(name), missing, said.get(name)) for name in names]
    values = np.empty((len(names), len(names)))
    for i, a in enumerate(columns):
        for j, b in enumerate(columns[: i + 1]):
            values[i, j] = values[j, i] = _own(a) if i == j else _pair(a, b, seed)
    return type(frame)(values, index=frame.columns, columns=frame.columns)


def _column(series: Any, name: str, missing: str, discrete: bool | None) -> tuple[np.ndarray, np.ndarray]:
    """Codes or floats (N,), and where the column has a value, (N,)."""
    there = series.notna().to_numpy()
    gone = int((~there).sum())
    require(
        gone == 0 or missing == "pairwise", f"frame, column '{name}'", f"{gone} missing", "none (or missing='pairwise')"
    )
    known = series[there]
    if discrete is None:
        whole = getattr(series.dtype, "kind", "O") in "iu"
        discrete = len(known) > 0 and (is_labels(known) or (whole and known.nunique() <= FEW))
    if discrete or len(known) == 0:
        codes = np.full(len(series), -1)
        codes[there] = encode_labels(known, name) if len(known) else codes[there]
        return codes, there
    if series.dtype.kind in "mM":
        known = known.astype("int64")
    try:
        numbers = known.to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        numbers = None
    require(numbers is not None, f"frame, column '{name}'", str(series.dtype), "numbers, dates or labels", TypeError)
    require(np.isfinite(numbers).all(), f"frame, column '{name}'", "infinity", "finite values")
    result = np.full(len(series), np.nan)
    result[there] = numbers
    return result, there


def _own(column: tuple[np.ndarray, np.ndarray]) -> float:
    values, there = column
    values = values[there]
    if values.dtype.kind != "f":
        return entropy_of(values) if len(values) else np.nan
    return np.inf if np.ptp(values) > 0 else 0.0


def _pair(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray], seed: int) -> float:
    both = a[1] & b[1]
    if both.sum() < LEAST:
        return np.nan
    a, b = sorted((values[both] for values, _ in (a, b)), key=lambda values: values.dtype.kind == "f")
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    if b.dtype.kind != "f":
        return _labels(encode_labels(a), encode_labels(b), seed)
    if a.dtype.kind != "f":
        codes = encode_labels(a)
        return min(max(float(ross_pointwise(scaled(b[:, None]), codes).mean()), 0.0), entropy_of(codes))
    return max(linear_or_neighbors(a[:, None], b[:, None]), 0.0)


def _labels(a: np.ndarray, b: np.ndarray, seed: int) -> float:
    ceiling = min(entropy_of(a), entropy_of(b))
    if (a.max() + 1) * (b.max() + 1) * PER_CELL <= len(a) or len(np.unique(a * (b.max() + 1) + b)) * PER_CELL <= len(a):
        return min(max(plugin_mi(a, b), 0.0), ceiling)
    a, b = sorted((a, b), key=lambda codes: codes.max(), reverse=True)
    return token_mi(a[:, None], b, seed=seed, network=False).nats
