"""Kernel matrices for HSIC, computed some rows at a time, at any scale of their values.

- `Side`             one variable: values, kernel, bandwidth
- `kernel_matrices`  checked sides -> a `KernelMatrix` each

Distances come from one matrix product, in a unit of their own (a power of two, so nothing is rounded) where squares
would over- or underflow, and from differences where |a|^2 + |b|^2 - 2 a . b would cancel.
"""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from infotok.errors import checking, require, require_flag, require_float, require_int
from infotok.information.samples import dense, require_dense

__all__ = ["Kernel", "KernelMatrix", "Side", "features", "in_unit", "kernel_matrices", "some_rows"]

Kernel = Literal["gaussian", "linear", "delta"]
MEDIAN_ROWS = 500  # rows, evenly spaced, that stand for all in the median: 125 thousand distances
SAFE_EXPONENT = 20  # magnitudes from 2^-20 to 2^20 are computed as they are, others in a unit of their own
CANCELLATION = 1024  # |a|^2 over 2 sigma^2 from which |a|^2 + |b|^2 - 2 a . b is too coarse in float32


class Side(NamedTuple):
    """One variable of HSIC.

    values: (N, D) or (N,) floats, or labels for the delta kernel
    kernel: "gaussian", "linear" or "delta"
    bandwidth: sigma of the Gaussian kernel; None for the median distance
    name: of the values in errors
    """

    values: Tensor | ArrayLike
    kernel: Kernel = "gaussian"
    bandwidth: float | None = None
    name: str = "x"


class KernelMatrix(NamedTuple):
    """A kernel matrix (N, N) whose rows are computed on demand."""

    rows: Callable[[int, int], Tensor]  # (start, stop) -> those rows
    size: int  # N
    dtype: torch.dtype  # of the values
    device: torch.device
    unit: float = 1.0  # what the matrix is to be multiplied by; only linear kernels have one


def kernel_matrices(sides: list[Side], unbiased: bool, chunk: int) -> list[KernelMatrix]:
    """A `KernelMatrix` of each side; TypeError or ValueError where values, kernels or sizes do not fit.

    sides: of as many samples each. unbiased, chunk: as in `hsic`.
    """
    require_int("chunk", chunk)
    require_flag("unbiased", unbiased)
    checked = []
    for side in sides:
        known = side.kernel in ("gaussian", "linear", "delta")
        require(known, f"kernel_{side.name}", side.kernel, "one of gaussian, linear, delta")
        checked.append((_labels if side.kernel == "delta" else features)(side.values, side.name))
    first, n, least = sides[0].name, len(checked[0]), 4 if unbiased else 2
    for side, values in zip(sides, checked, strict=True):
        require(len(values) == n, f"{side.name}, samples", len(values), f"as many as {first}, {n}")
    require(n >= least, f"{first}, samples", n, f"at least {least} for the {'un' * unbiased}biased estimator")
    with torch.autocast(checked[0].device.type, enabled=False):
        return [_matrix(values, side) for values, side in zip(checked, sides, strict=True)]


def _matrix(values: Tensor, side: Side) -> KernelMatrix:
    kind = (len(values), values.dtype, values.device)
    if side.kernel == "delta":
        return KernelMatrix(lambda start, stop: _agreement(values[start:stop], values), *kind)
    values, unit = in_unit(values)
    values = values - values.mean(0)  # products that cancel less
    if values.detach().abs().amax() < 1e-5:
        values = values * (values != values[0]).any()  # a constant is exactly 0, whatever its mean was rounded to
    values, again = in_unit(values)
    unit = unit * again
    if side.kernel == "linear":
        return KernelMatrix(lambda start, stop: values[start:stop] @ values.T, *kind, unit * unit)
    return KernelMatrix(_gaussian(values, side.bandwidth, unit, side.name), *kind)


def _agreement(a: Tensor, b: Tensor) -> Tensor:
    """The share of positions at which labels (A,) or ids (A, L) are those of b: (A, B)."""
    if a.ndim == 1:
        return (a[:, None] == b[None]).float()
    columns = zip(a.unbind(1), b.unbind(1), strict=True)  # one position at a time: no (A, B, L) exists
    return sum((one[:, None] == other[None]).float() for one, other in columns) / a.shape[1]


def _gaussian(values: Tensor, bandwidth: float | None, unit: float, name: str) -> Callable[[int, int], Tensor]:
    """Rows of exp(-|a - b|^2 / 2 sigma^2); distances come from a product unless |a|^2 is far above 2 sigma^2."""
    few = len(values) <= MEDIAN_ROWS
    some = values if few else values[some_rows(values)]
    given = None if bandwidth is None else _double_variance(bandwidth, unit, name)
    largest = values.detach().square().sum(1).amax()
    for direct in (False, True):
        distances = _square_distances(some, some, direct) if few or given is None else None
        scale = 2 * _median(distances) if given is None else given
        if largest <= CANCELLATION * scale:
            break
    if few:
        return lambda start, stop: torch.exp(-distances[start:stop] / scale)
    return lambda start, stop: torch.exp(-_square_distances(values[start:stop], values, direct) / scale)


def _double_variance(bandwidth: float, unit: float, name: str) -> float:
    """2 sigma^2 in this unit, within the range of float32."""
    sigma = require_float(f"bandwidth_{name}", bandwidth, "(0, inf)") / unit
    return min(max(2 * sigma * sigma, 1e-37), 1e37)


def _square_distances(a: Tensor, b: Tensor, direct: bool = False) -> Tensor:
    """|a_i - b_j|^2, (A, B): by a matrix product, or `direct` from differences where products would cancel."""
    if direct:
        return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square()
    products = a @ b.T
    if a is not b:
        return (a.square().sum(1)[:, None] + b.square().sum(1) - 2 * products).clamp(min=0)
    squares = products.diagonal()
    distances = (squares[:, None] + squares - 2 * products).clamp(min=0)
    return distances - torch.diag(distances.diagonal())


def _median(distances: Tensor) -> Tensor:
    """The median over pairs of a symmetric matrix with diagonal 0; of those above 0 where most are 0, else 1.

    Squared distances have the median of the distances, squared: the same pair, and no root is needed.
    """
    n = len(distances)
    rank = n + (n * (n - 1) + 1) // 2  # behind the n zeros of the diagonal, the middle of the n (n - 1) others
    middle = distances.flatten().kthvalue(rank).values
    if middle > 0:
        return middle
    apart = distances[distances > 0]
    return apart.median() if len(apart) else torch.ones_like(middle)


def some_rows(values: Tensor) -> Tensor:
    """Indices of the evenly spaced rows of `values` (N, ...) from which the median distance is computed."""
    return torch.linspace(0, len(values) - 1, min(len(values), MEDIAN_ROWS), device=values.device).round().long()


def in_unit(values: Tensor) -> tuple[Tensor, float]:
    """`values` / unit, and the unit: a power of two, so nothing is rounded; 1 unless squares over- or underflow."""
    exponent = math.frexp(values.detach().abs().amax().item())[1]
    if abs(exponent) <= SAFE_EXPONENT:
        return values, 1.0
    top = 1020 if values.dtype == torch.float64 else 126
    unit = 2.0 ** max(-top, min(top, exponent))
    return values / unit, unit


# --- checks of the inputs ----------------------------------------------------------------------------------------


def features(values: Tensor | ArrayLike, name: str) -> Tensor:
    """Real features `values`, (N,) or (N, D), as (N, D) in float32 or float64; errors begin with `name`."""
    floats = "floats: convert numbers with .float(), or use the delta kernel for labels"
    if isinstance(values, Tensor):
        require_dense(values, name)
    else:
        values = np.asarray(dense(values, name))
        require(values.dtype.kind == "f", name, values.dtype, floats, TypeError)
        native = np.float32 if values.dtype.itemsize <= 4 else np.float64
        values = torch.as_tensor(np.array(values, native, order="C"))  # a copy: any byte order, strides, read-only
    require(values.is_floating_point(), name, values.dtype, floats, TypeError)
    require(values.ndim in (1, 2) and values.numel() > 0, name, values, "shape (N,) or (N, D)")
    values = values if values.dtype in (torch.float32, torch.float64) else values.float()
    if checking(values):
        require(values.detach().abs().amax().isfinite(), name, values, "finite values, no NaN or inf")
    return values[:, None] if values.ndim == 1 else values


def _labels(values: Tensor | ArrayLike, name: str) -> Tensor:
    """Labels (N,) or token ids (N, L), strings as integers."""
    kinds = "integer, boolean or string labels"
    if isinstance(values, Tensor):
        require_dense(values, name)
    else:
        values = np.asarray(dense(values, name))
        require(values.dtype.kind in "biuUS", name, values.dtype, kinds, TypeError)
        coded = values.dtype.kind in "USu"  # torch computes with few unsigned types
        codes = np.unique(values, return_inverse=True)[1].reshape(values.shape) if coded else values.astype(np.int64)
        values = torch.as_tensor(np.ascontiguousarray(codes))
    require(values.ndim in (1, 2) and values.numel() > 0, name, values, "shape (N,) or (N, L)")
    require(not values.is_floating_point() and not values.is_complex(), name, values.dtype, kinds, TypeError)
    least = int(values.min())
    require(least >= 0, f"{name}, labels", least, "0 or above: leave out rows whose label is missing")
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
