"""Checks and conversion of samples: NumPy, torch, pandas and lists to arrays (N, d)."""

from typing import Any

import numpy as np
import torch

from infotok.errors import require
from infotok.information.numeric import as_numpy_numbers

Samples = np.ndarray | torch.Tensor


def as_samples(x: Samples, name: str, *, discrete: bool = False) -> np.ndarray:
    """`x` as a float64 array of shape (N, d); a vector counts as one column.

    Raises TypeError unless `x` holds numbers (floats, or with `discrete=True` also integers and booleans),
    ValueError for fewer than two samples, no column, more than two axes, NaN or infinity.
    """
    x = np.asarray(plain(x, name))
    kinds = "fiub" if discrete else "f"
    labels = f"for integers: method='discrete', 'mixed' or 'auto', or discrete_{name}=False"
    expected = "numbers" if discrete else f"floats ({labels})"
    require(x.dtype.kind in kinds, name, str(x.dtype), expected, error=TypeError)
    x = x.reshape(len(x), -1).astype(np.float64)
    require(np.isfinite(x).all(), name, "NaN or infinity", "finite values (drop or fill these rows first)")
    return x


def plain(values: Any, name: str) -> Any:
    """The values as NumPy or pandas, of shape (N,) or (N, d), N >= 2; ValueError for other shapes."""
    values = dense(values, name)
    shape = np.shape(values)
    flat = f"samples of shape (N, d): flatten them, {name}.reshape(len({name}), -1)"
    require(len(shape) in (1, 2), name, values, flat if len(shape) > 2 else "samples of shape (N, d)")
    require(shape[0] >= 2, name, np.empty(shape), "at least two samples")
    require(len(shape) == 1 or shape[1] >= 1, name, np.empty(shape), "at least one column")
    return values


def dense(values: Any, name: str) -> Any:
    """The values as NumPy or pandas; TypeError or ValueError for masked, complex, nested and sparse ones."""
    if isinstance(values, torch.Tensor):
        require_dense(values, name)
        values = values.detach().cpu().resolve_conj().resolve_neg()
        values = values.float().numpy() if values.dtype.is_floating_point and values.itemsize < 4 else values.numpy()
    if isinstance(values, np.ma.MaskedArray):
        masked = int(np.ma.getmaskarray(values).sum())
        require(masked == 0, name, f"{masked} masked values", "samples without gaps (drop or fill them first)")
        values = values.data
    if not hasattr(values, "to_numpy"):
        try:
            array = np.asarray(values)
        except ValueError:
            require(False, name, "rows of unequal length", "samples of shape (N, d)")
        values = values if isinstance(values, list) and array.dtype.kind in "US" else array  # ["a", None] keeps None
    values = as_numpy_numbers(values)
    require(kind_of(values) not in "cV", name, kind_name(values), "numbers or labels", TypeError)
    return values


def require_dense(values: torch.Tensor, name: str) -> None:
    """Raise ValueError for tensors that are sparse, nested or without values."""
    whole = values.layout is torch.strided and not values.is_nested and values.device.type != "meta"
    require(whole, name, f"a tensor of layout {values.layout} on {values.device}", "a dense tensor with values")


def kind_of(values: Any) -> str:
    """The NumPy kind of all columns together; "O" for pandas types of its own."""
    types = getattr(values, "dtypes", None) if hasattr(values, "to_numpy") else None
    if types is None:
        return np.asarray(values).dtype.kind
    kinds = {getattr(kind, "kind", "O") for kind in (types if hasattr(types, "to_numpy") else [types])}
    own = any(not isinstance(kind, np.dtype) for kind in (types if hasattr(types, "to_numpy") else [types]))
    return "O" if own or (len(kinds) > 1 and not kinds <= set("fiu")) else "f" if len(kinds) > 1 else kinds.pop()


def kind_name(values: Any) -> str:
    """The type of the values, for a message."""
    return str(getattr(values, "dtype", None) or getattr(values, "dtypes", type(values).__name__))


def paired(x: Samples, y: Samples, *, discrete: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Both sides as arrays (N, dx) and (N, dy) of equally many samples; errors as in `as_samples`."""
    x, y = as_samples(x, "x", discrete=discrete), as_samples(y, "y", discrete=discrete)
    require(len(x) == len(y), "y", f"{len(y)} samples", f"as many as x has, {len(x)}")
    return x, y


def standardized(x: np.ndarray, name: str) -> np.ndarray:
    """Columns of x (N, d) with mean 0 and variance 1. ValueError for a constant column."""
    _, exponent = np.frexp(np.abs(varying(x, name)).max(axis=0))
    x = np.ldexp(x, -exponent)  # exact, and no square overflows or vanishes
    return (x - x.mean(axis=0)) / x.std(axis=0)


def varying(x: np.ndarray, name: str) -> np.ndarray:
    """`x` itself; ValueError if a column is constant."""
    constant = np.flatnonzero(x.min(axis=0) == x.max(axis=0))
    require(constant.size == 0, name, f"constant columns {constant.tolist()[:8]}", "columns that vary")
    return x


def row_codes(x: np.ndarray) -> np.ndarray:
    """The distinct rows of x (N, d) as integers from 0, (N,)."""
    if x.shape[1] == 1:
        return np.unique(x[:, 0], return_inverse=True)[1].reshape(-1)
    return np.unique(x, axis=0, return_inverse=True)[1].reshape(-1)
