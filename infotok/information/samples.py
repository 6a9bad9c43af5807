"""The door: what every estimator accepts as samples, and what it says to anything else."""

import numpy as np
import torch

from infotok.errors import require

Samples = np.ndarray | torch.Tensor


def as_samples(x: Samples, name: str, *, discrete: bool = False) -> np.ndarray:
    """`x` as a float64 array of shape (N, d); a vector counts as one column.

    Raises TypeError unless `x` holds numbers (floats, or with `discrete=True` also integers and booleans),
    ValueError for fewer than two samples, no column, more than two axes, NaN or infinity.
    """
    x = x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)
    kinds = "fiub" if discrete else "f"
    expected = "numbers" if discrete else "floats (for integers: method='discrete', 'mixed' or 'auto')"
    require(x.dtype.kind in kinds, name, str(x.dtype), expected, error=TypeError)
    require(x.ndim in (1, 2), name, x, "samples of shape (N, d)")
    x = x.reshape(len(x), -1).astype(np.float64)
    require(len(x) >= 2, name, x, "at least two samples")
    require(x.shape[1] >= 1, name, x, "at least one column")
    require(np.isfinite(x).all(), name, "NaN or infinity", "finite values")
    return x


def paired(x: Samples, y: Samples, *, discrete: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Both sides as arrays (N, dx) and (N, dy) of equally many samples; errors as in `as_samples`."""
    x, y = as_samples(x, "x", discrete=discrete), as_samples(y, "y", discrete=discrete)
    require(len(x) == len(y), "y", f"{len(y)} samples", f"as many as x has, {len(x)}")
    return x, y


def standardized(x: np.ndarray, name: str) -> np.ndarray:
    """Columns of zero mean and unit variance; a constant column raises ValueError, since it has no scale."""
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
