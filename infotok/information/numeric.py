"""Numbers in types that NumPy does not compute with, as NumPy numbers.

pandas has nullable, Arrow and sparse columns, and columns of Python objects; a list may hold decimals. Their values are
the numbers that they would be as floats or integers, so that no estimate depends on how a table was read.
"""

from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np

__all__ = ["as_numpy_numbers", "numeric_kind"]


def as_numpy_numbers(values: Any) -> Any:
    """`values` with numbers of such types as NumPy numbers; all else as it is. Missing numbers become NaN.

    values: an array, a list, or a pandas series, index or frame
    """
    if isinstance(values, np.ndarray):
        return _of_objects(values) if values.dtype.kind == "O" else values
    types = getattr(values, "dtypes", None) if hasattr(values, "to_numpy") else None
    if types is None:
        return values
    if not hasattr(types, "to_numpy"):  # a series or an index
        return _column(values)
    targets = {j: found for j in range(values.shape[1]) if (found := _target(values.iloc[:, j]))}
    return values.set_axis(range(values.shape[1]), axis=1).astype(targets) if targets else values  # names may repeat


def numeric_kind(kind: Any) -> str:
    """The NumPy kind "f", "i" or "u" of a pandas type of numbers that is not NumPy's; "" for any other type."""
    found = "" if isinstance(kind, np.dtype) else getattr(kind, "kind", "")
    return found if found in ("f", "i", "u") and not hasattr(kind, "categories") else ""


def _column(values: Any) -> Any:
    target = _target(values)
    return values.astype(target).to_numpy() if target else values


def _target(column: Any) -> str:
    """The NumPy type that the numbers of a column have; "" where they have it, or where they are no numbers."""
    if column.dtype.kind == "O" and isinstance(column.dtype, np.dtype):
        found = _of_objects(column.to_numpy()).dtype
        return "" if found.kind == "O" else str(found)
    kind = numeric_kind(column.dtype)
    if not kind:
        return ""
    return "float64" if kind == "f" or column.isna().any() else {"i": "int64", "u": "uint64"}[kind]


def _of_objects(array: np.ndarray) -> np.ndarray:
    """Python numbers as floats, or integers where all are; anything else, booleans among them, stays."""
    flat = array.ravel().tolist()
    if not flat or not all(isinstance(value, Real | Decimal) and not isinstance(value, bool) for value in flat):
        return array
    try:
        return array.astype(np.int64 if all(isinstance(value, Integral) for value in flat) else np.float64)
    except (OverflowError, ValueError):  # integers beyond 64 bits
        return array
