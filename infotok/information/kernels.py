"""HSIC, the Hilbert-Schmidt independence criterion, and its normalised form nHSIC; exact in row blocks, differentiable.

- `hsic`   HSIC, the squared norm of the cross-covariance in two kernel spaces: 0 if and only if x and y are independent
           (Gaussian kernels)
- `nhsic`  nHSIC, HSIC(x, y) / sqrt(HSIC(x, x) HSIC(y, y)): 1 for identical inputs. With linear kernels and the biased
           estimator it is linear CKA (Kornblith et al. 2019). Not in nats.
- `nhsic_with`       nHSIC of one `Side` with several others; its own kernel matrix is computed once
- `median_distance`  the median heuristic for the bandwidth: of pairwise distances, not of their squares

A training step is `loss = nhsic(z, x)`. Inputs (N, D), or (N,) for one column; NumPy or torch. Three kernels:

- "gaussian"  exp(-|a - b|^2 / 2 sigma^2), sigma by default the median distance: invariant to shift, rotation and scale
- "linear"    a . b, for features such as text embeddings or bags of words: invariant to shift and rotation
- "delta"     1 if the labels are equal, else 0, for labels (N,) and strings. For token ids (N, L) the Hamming kernel:
              the share of the L positions at which two rows have the same id, padding included. (1 only for equal
              rows would be the identity matrix as soon as all rows differ, whatever the ids.)

Gretton et al. 2005 (biased), Song et al. 2012 (unbiased, eq. 5), Szekely & Rizzo 2014 (the same by centring). Values
are computed in float32 at least, with autocast off, at any scale, and sums in float64: HSIC is a small difference of
large sums.
"""

from collections.abc import Iterator, Sequence

import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from infotok.errors import require
from infotok.information.kernel_matrices import (
    Kernel,
    KernelMatrix,
    Side,
    features,
    in_unit,
    kernel_matrices,
    some_rows,
)

__all__ = ["Side", "hsic", "median_distance", "nhsic", "nhsic_with"]


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
    """HSIC(x, y) as a differentiable scalar; 0 for a constant x or y.

        unbiased, N >= 4:  [ tr(KL) + (1'K1)(1'L1) / ((N-1)(N-2)) - 2 (1'KL1) / (N-2) ] / N(N-3), diagonals set to 0
        biased, N >= 2:    tr(KHLH) / N^2, H = I - 1/N

    Args:
        x: (N, D) or (N,) floats; labels (N,) or token ids (N, L) for the delta kernel.
        y: (N, D) or (N,), likewise.
        kernel_x: "gaussian", "linear" or "delta".
        kernel_y: the same for y.
        bandwidth_x: sigma of the Gaussian kernel, in the unit of x; None for the median distance.
        bandwidth_y: the same for y.
        unbiased: mean 0 for independent inputs, so single values may be negative; False: never negative, about 1/N
            too high.
        chunk: above so many samples only `chunk` rows of the kernel matrices are in memory.

    Raises TypeError or ValueError for NaN, infinity, unequal N, too few samples, integers where floats are needed,
    labels below 0 (they often mark a missing label), and linear kernels whose HSIC overflows.

    Example:
        >>> import torch
        >>> from infotok.information import hsic
        >>> x, noise = torch.randn(2, 500, generator=torch.Generator().manual_seed(0))
        >>> round(hsic(x, x**2).item(), 3), round(hsic(x, noise).item(), 3)  # dependent; independent
        (0.031, 0.0)
    """
    x, y = Side(x, kernel_x, bandwidth_x, "x"), Side(y, kernel_y, bandwidth_y, "y")
    kernels = kernel_matrices([x, y], unbiased, chunk)
    n = kernels[0].size
    value = _inner_products(kernels, [(0, 1)], unbiased, chunk)[0] / (n * (n - 3) if unbiased else n**2)
    value = (value * kernels[0].unit * kernels[1].unit).to(_dtype(kernels))
    require(value.detach().isfinite(), "HSIC", value.item(), "a value within range: divide x or y, or use nhsic")
    return value


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
    """Normalised HSIC, HSIC(x, y) / sqrt(HSIC(x, x) HSIC(y, y)), a differentiable scalar, at most 1.

    Errors as in `hsic`. A constant kernel matrix (all rows equal or, unbiased, all labels different)
    gives 0 with gradient 0. Ma et al. 2020 normalise by (K + eps N I)^-1 instead, at a cost of N^3; that is not 1 for
    identical inputs.

    Args:
        x, y: (N, D) or (N,), as in `hsic`.
        kernel_x, kernel_y: "gaussian", "linear" or "delta".
        bandwidth_x, bandwidth_y: sigma of a Gaussian kernel, in the unit of x or y; None for the median distance.
        unbiased: which of the two formulas of `hsic`.
        chunk: above so many samples only `chunk` rows of the kernel matrices are in memory.

    Example:
        >>> import torch
        >>> from infotok.information import nhsic
        >>> x, noise = torch.randn(2, 500, generator=torch.Generator().manual_seed(0))
        >>> [round(nhsic(x, y).item(), 2) for y in (10 * x, x + noise, noise)]  # the same, noisy, independent
        [1.0, 0.34, 0.0]
    """
    x, y = Side(x, kernel_x, bandwidth_x, "x"), Side(y, kernel_y, bandwidth_y, "y")
    return nhsic_with(x, [y], unbiased=unbiased, chunk=chunk)[0]


def nhsic_with(x: Side, others: Sequence[Side], *, unbiased: bool = True, chunk: int = 1024) -> list[Tensor]:
    """nHSIC of x with each of `others`; the kernel matrix of x is computed once.

    x: a `Side`; others: sides of as many samples.
    unbiased, chunk: as in `hsic`.
    """
    kernels = kernel_matrices([x, *others], unbiased, chunk)
    several = range(1, len(kernels))
    pairs = [(0, 0), *((0, i) for i in several), *((i, i) for i in several)]
    xx, *rest = _inner_products(kernels, pairs, unbiased, chunk)
    found = zip(rest[: len(others)], rest[len(others) :], strict=True)
    cosines = [0.0 * xy if xx <= 0 or yy <= 0 else xy / (xx * yy).sqrt() for xy, yy in found]
    return [value.to(_dtype([kernels[0], other])) for value, other in zip(cosines, kernels[1:], strict=True)]


def median_distance(x: Tensor | ArrayLike) -> Tensor:
    """Median over pairs i < j of |x_i - x_j|, differentiable: the median heuristic for a kernel's bandwidth.

    x: (N, D) or (N,) floats; above 500 rows, 500 evenly spaced ones are used. Where more than half of the pairs
    coincide it is the median of the distances above 0, and 1 where all do.

    Example:
        >>> import torch
        >>> from infotok.information import median_distance
        >>> median_distance(torch.tensor([0.0, 1.0, 3.0])).item()  # of the distances 1, 2 and 3
        2.0
    """
    x = features(x, "x")
    require(len(x) > 1, "x, samples", len(x), "at least 2")
    x, unit = in_unit(x)
    distances = torch.pdist(x[some_rows(x)])
    apart = distances if distances.median() > 0 else distances[distances > 0]
    return unit * apart.median() if len(apart) else torch.ones_like(distances[0])


# --- inner products of centred kernel matrices -------------------------------------------------------------------


def _inner_products(kernels: list[KernelMatrix], pairs: list, unbiased: bool, chunk: int) -> list[Tensor]:
    """<K~_a, K~_b> for each (a, b) of `pairs`, exactly 0 where only rounding is left of it."""
    of = _of_blocks if kernels[0].size > chunk else _of_matrices
    with torch.autocast(kernels[0].device.type, enabled=False):
        found = list(of(kernels, pairs, unbiased, chunk))
    return [value * (value.abs() > 1e-13 * trace.abs()) for value, trace in found]


def _of_matrices(
    kernels: list[KernelMatrix], pairs: list, unbiased: bool, chunk: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """(<K~_a, K~_b>, <K_a, K_b>) from whole matrices."""
    matrices = [kernel.rows(0, kernel.size) for kernel in kernels]
    matrices = [matrix.to(_wide(matrix)) for matrix in matrices]
    if unbiased:
        matrices = [matrix - torch.diag(matrix.diagonal()) for matrix in matrices]
    centred = [_centred(matrix, unbiased) for matrix in matrices]
    for a, b in pairs:
        yield (centred[a] * centred[b]).sum(), (matrices[a].detach() * matrices[b].detach()).sum()


def _centred(matrix: Tensor, unbiased: bool) -> Tensor:
    """K~ (N, N): rows that sum to zero, and a zero diagonal if unbiased (Szekely & Rizzo 2014)."""
    if not unbiased:
        mean = matrix.mean(0)
        return matrix - mean - mean[:, None] + mean.mean()
    n = len(matrix)
    rows = matrix.sum(0) / (n - 2)
    centred = matrix - rows - rows[:, None] + rows.sum() / (n - 1)
    return centred - torch.diag(centred.diagonal())


def _of_blocks(kernels: list[KernelMatrix], pairs: list, unbiased: bool, chunk: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The same from one sweep over blocks of rows, which are computed again in the backward pass."""

    def block(start: int, stop: int) -> Tensor:
        """(pairs + kernels, rows): the row sums of each product, then of each matrix."""
        rows = [kernel.rows(start, stop) for kernel in kernels]  # (rows, N) each
        diagonals = [unbiased * matrix.diagonal(start) for matrix in rows]
        sums = [(rows[a] * rows[b]).sum(1) - diagonals[a] * diagonals[b] for a, b in pairs]
        sums += [matrix.sum(1) - diagonal for matrix, diagonal in zip(rows, diagonals, strict=True)]
        return torch.stack([each.to(_wide(each)) for each in sums])

    n = kernels[0].size
    spans = [(start, min(start + chunk, n)) for start in range(0, n, chunk)]
    again = {"use_reentrant": False, "preserve_rng_state": False}
    sums = torch.cat([checkpoint(block, *span, **again) for span in spans], dim=1)  # (pairs + kernels, N)
    row_sums = sums[len(pairs) :]
    for products, (a, b) in zip(sums, pairs, strict=False):
        trace, k, m = products.sum(), row_sums[a], row_sums[b]
        if unbiased:
            yield trace + k.sum() * m.sum() / ((n - 1) * (n - 2)) - 2 * (k @ m) / (n - 2), trace
        else:
            yield trace - 2 * (k @ m) / n + k.sum() * m.sum() / n**2, trace


def _wide(values: Tensor) -> torch.dtype:
    return torch.float32 if values.device.type == "mps" else torch.float64


def _dtype(kernels: list[KernelMatrix]) -> torch.dtype:
    """That of the answer: float64 if any values were."""
    return torch.float64 if any(kernel.dtype == torch.float64 for kernel in kernels) else torch.float32
