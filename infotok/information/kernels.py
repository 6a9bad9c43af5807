"""Kernel dependence: the Hilbert-Schmidt independence criterion, exact at any N in row blocks, differentiable.

- `hsic`   squared norm of the cross-covariance in two kernel spaces: 0 if and only if independent (Gaussian kernels)
- `nhsic`  the same as a cosine, HSIC(x, y) / sqrt(HSIC(x, x) HSIC(y, y)): 1 for identical inputs. With linear kernels
           and the biased estimator it is linear CKA (Kornblith et al. 2019). Not in nats.
- `median_distance`  the bandwidth: the median of pairwise *distances* (not of their squares: that sigma has no unit)

A training step is `loss = nhsic(z, x)`. Inputs (N, D), or (N,) for one column; NumPy or torch. Three kernels:

- "gaussian"  exp(-|a - b|^2 / 2 sigma^2), sigma by default the median distance: invariant to shift, rotation and scale
- "linear"    a . b, for features such as text embeddings or bags of words: invariant to shift and rotation
- "delta"     1 if the rows are equal, for labels, token ids and strings

Gretton et al. 2005 (biased), Song et al. 2012 (unbiased, eq. 5). Distances are computed in float32 at least, with
autocast off, and sums are accumulated in float64: HSIC is a small difference of large sums.
"""

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from infotok.errors import require

__all__ = ["hsic", "median_distance", "nhsic"]

Kernel = Literal["gaussian", "linear", "delta"]
MEDIAN_ROWS = 500  # rows, evenly spaced, that stand for all in the median: 125 thousand distances


def hsic(
    x: Tensor | ArrayLike,
    y: Tensor | ArrayLike,
    *,
    kernel_x: Kernel = "gaussian",
    kernel_y: Kernel = "gaussian",
    bandwidth_x: float | None = None,
    bandwidth_y: float | None = None,
    unbiased: bool = True,
    chunk: int = 1024,
) -> Tensor:
    """HSIC(x, y) as a differentiable scalar; `chunk` rows of the kernel matrices exist at a time.

    unbiased, N >= 4:  [ tr(KL) + (1'K1)(1'L1) / ((N-1)(N-2)) - 2 (1'KL1) / (N-2) ] / N(N-3), both diagonals set to 0:
                       averages to 0 for independent inputs, so single values may be negative
    biased, N >= 2:    tr(KHLH) / N^2, H = I - 1/N: never negative, and about 1/N too high

    A constant x or y gives 0. Refuses NaN, inf, unequal N, too few samples, and integers where floats are needed.
    """
    return _statistics(x, y, kernel_x, kernel_y, bandwidth_x, bandwidth_y, unbiased, chunk, pairs=("xy",))[0]


def nhsic(
    x: Tensor | ArrayLike,
    y: Tensor | ArrayLike,
    *,
    kernel_x: Kernel = "gaussian",
    kernel_y: Kernel = "gaussian",
    bandwidth_x: float | None = None,
    bandwidth_y: float | None = None,
    unbiased: bool = True,
    chunk: int = 1024,
) -> Tensor:
    """HSIC(x, y) / sqrt(HSIC(x, x) HSIC(y, y)) as a differentiable scalar, at most 1; arguments as in `hsic`.

    Where a kernel matrix is constant it says nothing (all rows equal or, unbiased, all labels different): the answer is
    0, with gradient 0. Ma et al. 2020 normalise by (K + eps N I)^-1 instead, at a cost of N^3; that is not 1 for
    identical inputs.
    """
    xy, xx, yy = _statistics(
        x, y, kernel_x, kernel_y, bandwidth_x, bandwidth_y, unbiased, chunk, pairs=("xy", "xx", "yy")
    )
    return 0.0 * xy if xx <= 0 or yy <= 0 else xy / (xx * yy).sqrt()


def median_distance(x: Tensor | ArrayLike) -> Tensor:
    """The median over pairs i < j of |x_i - x_j|, differentiable; over 500 evenly spaced rows when N is larger.

    Where more than half of the pairs coincide it is the median of the distances above 0, and 1 where all do.
    """
    x = _features(x, "x")
    require(len(x) > 1, "x, samples", len(x), "at least 2")
    rows = torch.linspace(0, len(x) - 1, min(len(x), MEDIAN_ROWS), device=x.device).round().long()
    distances = torch.pdist(x[rows])
    apart = distances if distances.median() > 0 else distances[distances > 0]
    return apart.median() if len(apart) else torch.ones_like(distances[0])


# --- kernels in row blocks ---------------------------------------------------------------------------------------

Rows = Callable[[int, int], Tensor]  # (start, stop) -> those rows of an (N, N) kernel matrix


def _kernel(values: Tensor, kernel: Kernel, bandwidth: float | None, name: str) -> tuple[Tensor, Callable]:
    """(operand, function): function(operand, start, stop) is rows start:stop of the kernel matrix."""
    if kernel == "delta":
        return values, lambda v, start, stop: (v[start:stop, None] == v[None]).float()
    values = values - values[0]  # exactly 0 where x is constant
    values = values - values.mean(0)  # products that cancel less
    if kernel == "linear":
        return values, lambda v, start, stop: v[start:stop] @ v.T
    if bandwidth is None:
        bandwidth = median_distance(values)
    else:
        require(np.isfinite(bandwidth) and bandwidth > 0, f"bandwidth_{name}", bandwidth, "a finite number above 0")
    return values / (2**0.5 * bandwidth), lambda v, start, stop: _minus_square_distances(v[start:stop], v).exp_()


def _minus_square_distances(a: Tensor, b: Tensor) -> Tensor:
    """-|a_i - b_j|^2 (A, B) as one matrix product; clamped, since rounding can take it above 0."""
    ones_a, ones_b = a.new_ones(len(a), 1), b.new_ones(len(b), 1)
    left = torch.cat([2 * a, -a.square().sum(1, keepdim=True), ones_a], dim=1)
    right = torch.cat([b, ones_b, -b.square().sum(1, keepdim=True)], dim=1)
    return (left @ right.T).clamp_(max=0)


def _statistics(x, y, kernel_x, kernel_y, bandwidth_x, bandwidth_y, unbiased, chunk, pairs) -> list[Tensor]:
    """The HSIC of each of `pairs`, all from one sweep over row blocks."""
    x, y = _operand(x, kernel_x, "x"), _operand(y, kernel_y, "y")
    require(len(x) == len(y), "y, samples", len(y), f"as many as x, {len(x)}")
    least = 4 if unbiased else 2
    require(len(x) >= least, "x, samples", len(x), f"at least {least} for the {'un' * unbiased}biased estimator")
    require(chunk > 0, "chunk", chunk, "at least 1 row")
    with torch.autocast(x.device.type, enabled=False):
        x, rows_x = _kernel(x, kernel_x, bandwidth_x, "x")
        y, rows_y = _kernel(y, kernel_y, bandwidth_y, "y")
        dtype = torch.float64 if torch.float64 in (x.dtype, y.dtype) else torch.float32
        wide = torch.float32 if x.device.type == "mps" else torch.float64

        def block(x: Tensor, y: Tensor, start: int, stop: int) -> Tensor:
            """(pairs + 2, rows): the row sums of each product, then of K and of L."""
            rows = {"x": rows_x(x, start, stop), "y": rows_y(y, start, stop)}  # (rows, N) each
            diagonal = {name: unbiased * matrix.diagonal(start) for name, matrix in rows.items()}
            sums = [(rows[a] * rows[b]).sum(1) - diagonal[a] * diagonal[b] for a, b in pairs]
            sums += [rows[name].sum(1) - diagonal[name] for name in "xy"]
            return torch.stack([each.to(wide) for each in sums])

        sums = torch.cat([_recomputed(block, x, y, *span) for span in _spans(len(x), chunk)], dim=1)  # (pairs + 2, N)
        row_sums = dict(zip("xy", sums[-2:], strict=True))
        return [
            _combine(product.sum(), row_sums[a], row_sums[b], unbiased).to(dtype)
            for product, (a, b) in zip(sums[:-2], pairs, strict=True)
        ]


def _combine(trace: Tensor, k: Tensor, m: Tensor, unbiased: bool) -> Tensor:
    """HSIC from tr(KL) and the row sums k = K1 and m = L1, each (N,)."""
    n = len(k)
    if unbiased:
        value = (trace + k.sum() * m.sum() / ((n - 1) * (n - 2)) - 2 * (k @ m) / (n - 2)) / (n * (n - 3))
    else:
        value = (trace - 2 * (k @ m) / n + k.sum() * m.sum() / n**2) / n**2
    return value * (value.abs() > 1e-13 * trace.abs() / n**2)  # what a constant kernel leaves is rounding: make it 0


def _recomputed(block: Callable, x: Tensor, y: Tensor, start: int, stop: int) -> Tensor:
    """A block whose intermediates are recomputed in the backward pass, unless it is all there is."""
    if stop - start == len(x) or not torch.is_grad_enabled():
        return block(x, y, start, stop)
    return checkpoint(block, x, y, start, stop, use_reentrant=False, preserve_rng_state=False)


def _spans(size: int, chunk: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + chunk, size)) for start in range(0, size, chunk))


# --- the door ----------------------------------------------------------------------------------------------------


def _operand(values: Tensor | ArrayLike, kernel: Kernel, name: str) -> Tensor:
    require(kernel in ("gaussian", "linear", "delta"), f"kernel_{name}", kernel, "one of gaussian, linear, delta")
    return _labels(values, name) if kernel == "delta" else _features(values, name)


def _features(values: Tensor | ArrayLike, name: str) -> Tensor:
    """Real features as (N, D), in float32 or float64."""
    values = values if isinstance(values, Tensor) else torch.as_tensor(np.asarray(values))
    floats = "floats: convert numbers with .float(), or use the delta kernel for labels"
    require(values.is_floating_point(), name, values.dtype, floats, TypeError)
    require(values.ndim in (1, 2) and values.numel() > 0, name, values, "shape (N,) or (N, D)")
    values = values.float() if values.dtype in (torch.float16, torch.bfloat16) else values
    require(values.detach().isfinite().all(), name, values, "finite values, no NaN or inf")
    return values[:, None] if values.ndim == 1 else values


def _labels(values: Tensor | ArrayLike, name: str) -> Tensor:
    """Labels, token ids (N, L) or strings as one integer a row, (N,)."""
    if not isinstance(values, Tensor):
        values = torch.as_tensor(np.unique(np.asarray(values), axis=0, return_inverse=True)[1].reshape(-1))
    require(values.ndim in (1, 2) and values.numel() > 0, name, values, "shape (N,) or (N, L)")
    require(not values.is_floating_point(), name, values.dtype, "integer, boolean or string labels", TypeError)
    return values if values.ndim == 1 else torch.unique(values, dim=0, return_inverse=True)[1]
