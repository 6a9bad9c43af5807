"""Encoding of labels: which values are categories, and their integer codes.

- `is_labels`       whether values are categories by their type, such as text, booleans and one-hot rows
- `encode_labels`   any labels (N,) or (N, columns) as codes (N,) from 0, numbered by first appearance
- `encode_columns`  the same for each column apart, (N, columns)
- `one_hot_codes`   the codes of rows that hold exactly one 1, or None

Codes numbered by first appearance, and estimates from them, do not depend on the names of the labels. Numbers, other
than one-hot rows, are categories only with `discrete_x=True`. Then 1, 1.0 and True are one label, -1 is a label like
any other, and NaN or None is a missing label, which raises ValueError.
"""

from typing import Any

import numpy as np

from infotok.errors import require
from infotok.information.samples import dense

__all__ = ["encode_columns", "encode_labels", "is_labels", "one_hot_codes"]

PLAIN = "fiub"  # kinds of NumPy types that pandas columns share with arrays


def is_labels(values: Any) -> bool:
    """Whether `values` are categories by their type alone; False for integers and floats, where the caller decides.

    True for text, bytes, a vector of booleans, objects that are not all numbers, pandas columns of category, string or
    boolean type, frames of such columns only, and one-hot rows (N, K). A matrix of booleans is a matrix of features,
    dates are numbers.
    """
    if any(getattr(kind, "kind", "") in "mM" for kind in _types(values)):
        return False
    types = [str(kind) for kind in _types(values)]
    if types and all(kind in ("category", "bool", "boolean", "str", "string") for kind in types):
        return (
            len(types) == 1 or any(not kind.startswith("bool") for kind in types) or one_hot_codes(values) is not None
        )
    array = _array(values, "values")
    if array.dtype.kind == "O":
        return any(not isinstance(value, int | float | np.number) for value in array.ravel().tolist())
    single = array.ndim < 2 or array.shape[1] == 1
    return array.dtype.kind in "US" or (array.dtype.kind == "b" and single) or one_hot_codes(array) is not None


def encode_labels(values: Any, name: str = "labels") -> np.ndarray:
    """Labels as integer codes (N,), 0 for the label that appears first.

    values: (N,) or (N, columns), one label per row, of any type of NumPy, torch or pandas; or one-hot rows
    name: of the argument, for errors

    Raises ValueError for missing labels (None, NaN), no rows or more than two axes, TypeError for labels that are lists
    or the like.
    """
    marked = one_hot_codes(values)
    columns = marked[:, None] if marked is not None else encode_columns(values, name)
    codes = np.zeros(len(columns), dtype=np.int64)
    for column in columns.T:
        codes = _numbered(codes * (column.max() + 1) + column)  # numbered anew at once: products stay below N^2
    return codes


def encode_columns(values: Any, name: str = "labels") -> np.ndarray:
    """Integer codes (N, columns), each column of `values` (N,) or (N, columns) by itself.

    Errors are those of `encode_labels`, and begin with `name`.
    """
    array = _array(values, name)
    require(array.ndim in (1, 2), name, array, "labels of shape (N,) or (N, columns)")
    require(array.size > 0, name, array, "at least one label")
    array = array.reshape(len(array), -1)
    missing = int(_missing(array).sum())
    require(missing == 0, name, f"{missing} missing labels (None or NaN)", "a label in every row")
    try:
        return np.stack([_numbered(column) for column in array.T], axis=1)
    except TypeError as reason:
        raise TypeError(f"{name}: got labels of an {reason}, expected text, numbers or the like") from None


def one_hot_codes(values: Any) -> np.ndarray | None:
    """The place of the 1 in each row, (N,), where `values` (N, K), K >= 2, are one-hot rows; else None."""
    array = _array(values, "values")
    if array.dtype.kind not in "fiub" or array.ndim != 2 or array.shape[1] < 2 or len(array) == 0:
        return None
    hot = array == 1
    rows = (hot | (array == 0)).all() and (hot.sum(axis=1) == 1).all()
    return hot.argmax(axis=1) if rows and (hot.any(axis=0).sum() > 1 or len(array) == 1) else None


def _numbered(column: np.ndarray) -> np.ndarray:
    """Values as codes in order of first appearance."""
    if column.dtype.kind == "O":
        seen: dict = {}
        return np.array([seen.setdefault(value, len(seen)) for value in column.tolist()])
    _, first, codes = np.unique(column, return_index=True, return_inverse=True)
    order = np.empty(len(first), dtype=np.int64)
    order[np.argsort(first)] = np.arange(len(first))
    return order[codes.reshape(-1)]


def _array(values: Any, name: str) -> np.ndarray:
    """NumPy, torch, pandas or lists as an array; whatever holds text beside other things keeps both apart."""
    values = dense(values, name)
    if hasattr(values, "to_numpy"):
        plain = all(isinstance(kind, np.dtype) and kind.kind in PLAIN for kind in _types(values))
        return values.to_numpy() if plain else values.to_numpy(object)
    return np.asarray(values, dtype=object) if isinstance(values, list) else values  # ["a", None] keeps its None


def _types(values: Any) -> list:
    """The types of the columns of a pandas frame or series; of anything else none."""
    types = getattr(values, "dtypes", None) if hasattr(values, "to_numpy") else None
    return [] if types is None else list(types) if hasattr(types, "to_numpy") else [types]


def _missing(array: np.ndarray) -> np.ndarray:
    """Where None, NaN, NaT or pandas' NA stands."""
    if array.dtype.kind in "fcmM":
        return np.isnan(array) if array.dtype.kind in "fc" else np.isnat(array)
    if array.dtype.kind != "O":
        return np.zeros(array.shape, dtype=bool)
    return np.array([value is None or _not_itself(value) for value in array.ravel().tolist()], dtype=bool)


def _not_itself(value: Any) -> bool:
    """NaN and NaT are unlike themselves; NA answers NA."""
    return type(value).__name__ == "NAType" or (np.ndim(value) == 0 and value != value)
