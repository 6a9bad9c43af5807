"""The HSIC bottleneck: kernel dependence in the place of mutual information. No distribution, no critic, no noise.

    loss = compression * nHSIC(Z, X) - relevance * nHSIC(Z, Y)

nHSIC is a cosine between centred kernel matrices: at most 1, free of scale, *not* nats, and 0 only where Z and X are
independent (Gaussian kernels). Ma, Lewis & Kleijn 2020, "The HSIC bottleneck" (arXiv 1908.01580), normalise by
(K + eps N I)^-1 instead, at a cost of N^3.

    terms = bottleneck(codes, images, labels)
    terms.loss.backward()

- `HSICBottleneck`   the module
- `dependences`      nHSIC of one z with several others: `infotok.information.nhsic`, with z's kernel computed once
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from infotok.errors import require
from infotok.information.kernels import nhsic

__all__ = ["HSICBottleneck", "HSICTerms", "dependences", "natural_kernel"]

KERNELS = ("gaussian", "linear", "delta")
Side = tuple[Tensor, str, float | None]  # values (B, ...), kernel, bandwidth


@dataclass(frozen=True)
class HSICTerms:
    """The loss and its two parts, in nHSIC; a part that is switched off, or has no y, is None."""

    loss: Tensor
    compression: Tensor | None  # nHSIC(Z, X)
    relevance: Tensor | None  # nHSIC(Z, Y)


class HSICBottleneck(nn.Module):
    """z, x and optionally y, each (B, ...), -> `HSICTerms`. Nothing to learn: the gradient goes to z's encoder.

    - kernel_z, kernel_x: Gaussian by default, sigma the median of distances; kernel_y "delta" for labels by default,
      "linear" for text embeddings or bags of words, None to choose by type (integers delta, floats linear);
    - bandwidth_z, bandwidth_x fix sigma; unbiased (B >= 4) or biased (B >= 2) estimates;
    - chunk: batches above it are computed `chunk` rows of the kernel matrices at a time.

    Everything but the batch dimension is flattened. Unequal batches, too small ones and NaN raise ValueError.
    """

    def __init__(
        self,
        *,
        compression: float = 1.0,
        relevance: float = 1.0,
        kernel_z: str = "gaussian",
        kernel_x: str = "gaussian",
        kernel_y: str | None = "delta",
        bandwidth_z: float | None = None,
        bandwidth_x: float | None = None,
        unbiased: bool = True,
        chunk: int = 2048,
    ) -> None:
        super().__init__()
        for name, weight in (("compression", compression), ("relevance", relevance)):
            require(math.isfinite(weight) and weight >= 0, name, weight, "a finite number, 0 or above")
        for name, kernel in (("kernel_z", kernel_z), ("kernel_x", kernel_x), ("kernel_y", kernel_y)):
            known = kernel in KERNELS or (name == "kernel_y" and kernel is None)
            require(known, name, kernel, f"one of {', '.join(KERNELS)}")
        for name, sigma in (("bandwidth_z", bandwidth_z), ("bandwidth_x", bandwidth_x)):
            positive = sigma is None or (math.isfinite(sigma) and sigma > 0)
            require(positive, name, sigma, "a finite number above 0, or None for the median distance")
        self.compression, self.relevance = compression, relevance
        self.kernel_z, self.kernel_x, self.kernel_y = kernel_z, kernel_x, kernel_y
        self.bandwidth_z, self.bandwidth_x = bandwidth_z, bandwidth_x
        self.unbiased, self.chunk = unbiased, chunk

    def forward(self, z: Tensor, x: Tensor, y: Tensor | None = None) -> HSICTerms:
        """The two dependences of z and their weighted difference."""
        others: dict[str, Side] = {}
        if self.compression:
            others["compression"] = (x, self.kernel_x, self.bandwidth_x)
        if self.relevance and y is not None:
            others["relevance"] = (y, self.kernel_y or natural_kernel(y), None)
        side = (z, self.kernel_z, self.bandwidth_z)
        values = dependences(side, list(others.values()), unbiased=self.unbiased, chunk=self.chunk)
        terms = dict(zip(others, values, strict=True))
        compression, relevance = terms.get("compression"), terms.get("relevance")
        loss = torch.zeros((), device=z.device)
        if compression is not None:
            loss = loss + self.compression * compression
        if relevance is not None:
            loss = loss - self.relevance * relevance
        return HSICTerms(loss, compression, relevance)


def dependences(z: Side, others: Sequence[Side], *, unbiased: bool = True, chunk: int = 2048) -> list[Tensor]:
    """nHSIC(z, other) for each of `others`, as scalars; batches above `chunk` go through `nhsic` row by row.

    With centred kernel matrices K~ and L~ it is <K~, L~> / |K~| |L~|, and 0 where a kernel matrix is constant.
    """
    size, least = len(z[0]), 4 if unbiased else 2
    require(size >= least, "batch", size, f"at least {least}: HSIC compares inputs with each other")
    for values, _, _ in others:
        require(len(values) == size, "batch", len(values), f"{size} rows, as many as z")
    if size > chunk:
        sides = {"kernel_x": z[1], "bandwidth_x": z[2], "unbiased": unbiased, "chunk": chunk}
        return [nhsic(_rows(z[0]), _rows(v), kernel_y=k, bandwidth_y=s, **sides) for v, k, s in others]
    with torch.autocast(z[0].device.type, enabled=False):
        first = _centred_kernel(*z, unbiased)
        return [_cosine(first, _centred_kernel(*other, unbiased)) for other in others]


def natural_kernel(y: Tensor) -> str:
    """Labels are equal or not; vectors have inner products."""
    return "linear" if y.is_floating_point() else "delta"


def _rows(values: Tensor) -> Tensor:
    """(B, ...) -> (B, D), floats in float32 at least; labels (B,) stay as they are."""
    if values.dtype in (torch.float16, torch.bfloat16):
        values = values.float()
    return values if values.ndim == 1 and not values.is_floating_point() else values.reshape(len(values), -1)


def _centred_kernel(values: Tensor, kernel: str, bandwidth: float | None, unbiased: bool) -> Tensor:
    """K~ (B, B) in float64: rows that sum to zero, and a zero diagonal if unbiased (Szekely & Rizzo 2014)."""
    values = _rows(values)
    if kernel == "delta":
        same = values[:, None] == values[None]
        matrix = (same if values.ndim == 1 else same.all(-1)).float()
    else:
        values = values - values.mean(0)  # products that cancel less
        matrix = values @ values.T
        if kernel == "gaussian":
            matrix = torch.exp(-_scaled_distances(matrix, bandwidth))
    require(matrix.sum().isfinite(), "values", values, "finite numbers, no NaN or inf")
    matrix = matrix if matrix.device.type == "mps" else matrix.double()
    n = len(matrix)
    if not unbiased:
        mean = matrix.mean(0)
        return matrix - mean - mean[:, None] + mean.mean()
    matrix = matrix - torch.diag(matrix.diagonal())
    rows = matrix.sum(0) / (n - 2)
    centred = matrix - rows - rows[:, None] + rows.sum() / (n - 1)
    return centred - torch.diag(centred.diagonal())


def _scaled_distances(products: Tensor, bandwidth: float | None) -> Tensor:
    """|a_i - a_j|^2 / 2 sigma^2 from the products a_i . a_j; sigma the median distance over the pairs that differ.

    The median of distances, squared: the same pair is the median of the squares, so none needs a root. (Taking
    the median of squared distances for sigma itself, as some code does, gives it the wrong unit.)
    """
    squares = products.diagonal()
    distances = (squares[:, None] + squares - 2 * products).clamp(min=0)
    distances = distances - torch.diag(distances.diagonal())
    if bandwidth is not None:
        return distances / (2 * bandwidth**2)
    n = len(distances)
    rank = n + (n * (n - 1) + 1) // 2  # behind the n zeros of the diagonal, the middle of the n (n - 1) others
    middle = distances.flatten().kthvalue(rank).values
    if middle == 0:
        apart = distances[distances > 0]
        middle = apart.median() if len(apart) else torch.ones_like(middle)
    return distances / (2 * middle)


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    aa, bb, ab = (a * a).sum(), (b * b).sum(), (a * b).sum()
    smallest = 1e-13 * a.numel()
    constant = aa <= smallest or bb <= smallest
    return (0.0 * ab if constant else ab / (aa * bb).sqrt()).float()
