"""The HSIC bottleneck: kernel dependence in the place of mutual information, without distributions, critics or noise.

    loss = compression * nHSIC(Z, X) - relevance * nHSIC(Z, Y)

nHSIC is the cosine between centred kernel matrices. It is at most 1, does not depend on scale, is *not* in nats, and is
0 only where Z and X are independent (Gaussian kernels). Ma, Lewis & Kleijn 2020, "The HSIC bottleneck" (arXiv
1908.01580), normalise by (K + eps N I)^-1 instead, at a cost of N^3.

    terms = bottleneck(codes, images, labels)
    terms.loss.backward()

- `HSICBottleneck`   the module
- `dependences`      nHSIC of one variable with several others, missing rows left out
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from infotok.bottleneck.missing import check_rows, present_rows
from infotok.errors import require, require_choice, require_flag, require_float, require_int
from infotok.information.kernels import Side, nhsic_with

__all__ = ["HSICBottleneck", "HSICTerms", "dependences", "natural_kernel"]

KERNELS = ("gaussian", "linear", "delta")


@dataclass(frozen=True)
class HSICTerms:
    """The terms of an `HSICBottleneck`.

    loss: the weighted difference, a scalar.
    compression: nHSIC(Z, X); None if it is switched off.
    relevance: nHSIC(Z, Y); None if it is switched off or without y.

    Example:
        >>> import torch
        >>> from infotok.bottleneck import HSICBottleneck
        >>> terms = HSICBottleneck()(torch.randn(8, 4), torch.rand(8, 3, 8, 8))  # without labels
        >>> terms.relevance is None, torch.equal(terms.loss, terms.compression)
        (True, True)
    """

    loss: Tensor
    compression: Tensor | None
    relevance: Tensor | None


class HSICBottleneck(nn.Module):
    """The HSIC bottleneck's loss. It has no parameters: the gradient goes to the encoder of z.

    compression, relevance: weights of the two terms, 0 or above.
    kernel_z, kernel_x: "gaussian", "linear" or "delta".
    kernel_y: "delta" for labels, "linear" for embeddings or bags of words, "gaussian"; None: delta for integers, linear
        for floats.
    bandwidth_z, bandwidth_x: sigma of the Gaussian kernels; None: the median of distances.
    unbiased: the unbiased estimate, of 4 rows or more, or the biased one, of 2 or more.
    chunk: batches above it are computed by so many rows of the kernel matrices at a time.

    Raises TypeError or ValueError for an argument out of its range.

    Example:
        >>> import torch
        >>> from infotok.bottleneck import HSICBottleneck
        >>> _ = torch.manual_seed(0)
        >>> images, labels = torch.rand(64, 3, 8, 8), torch.randint(10, (64,))
        >>> codes = torch.nn.functional.one_hot(labels, 10).float()  # they know the labels, and nothing else
        >>> terms = HSICBottleneck(compression=0.1)(codes, images, labels)
        >>> round(terms.relevance.item(), 2), abs(terms.compression.item()) < 0.1
        (1.0, True)
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
        for name, kernel in (("kernel_z", kernel_z), ("kernel_x", kernel_x), ("kernel_y", kernel_y)):
            if kernel is not None or name != "kernel_y":
                require_choice(name, kernel, KERNELS)
        for name, sigma in (("bandwidth_z", bandwidth_z), ("bandwidth_x", bandwidth_x)):
            if sigma is not None:
                require_float(name, sigma, "(0, inf)")
        require_flag("unbiased", unbiased)
        self.compression = require_float("compression", compression, "[0, inf)")
        self.relevance = require_float("relevance", relevance, "[0, inf)")
        self.kernel_z, self.kernel_x, self.kernel_y = kernel_z, kernel_x, kernel_y
        self.bandwidth_z, self.bandwidth_x = bandwidth_z, bandwidth_x
        self.unbiased, self.chunk = unbiased, require_int("chunk", chunk)

    def forward(self, z: Tensor, x: Tensor, y: Tensor | None = None) -> HSICTerms:
        """The two dependences of z and their weighted difference.

        z: (B, ...) codes.
        x: (B, ...) inputs, floats or uint8 pixels.
        y: (B,) labels, (B, T) token ids, compared position by position, or (B, ...) vectors. Rows that are -100 or NaN
            throughout are missing.

        Raises TypeError or ValueError for unequal or too small batches, other labels below 0, and NaN.
        """
        for name, values in {"z": z, "x": x, "y": y}.items():
            if values is not None or name != "y":
                check_rows(name, values)
        others, present = {}, {}
        if self.compression:
            others["compression"] = Side(x, self.kernel_x, self.bandwidth_x, "x")
        if self.relevance and y is not None:
            others["relevance"] = Side(y, self.kernel_y or natural_kernel(y), None, "y")
            present["relevance"] = present_rows(y, "y", training=self.training)
        side = Side(z, self.kernel_z, self.bandwidth_z, "z")
        terms = dependences(side, others, present, unbiased=self.unbiased, chunk=self.chunk)
        compression, relevance = terms.get("compression"), terms.get("relevance")
        loss = torch.zeros((), device=z.device)
        if compression is not None:
            loss = loss + self.compression * compression
        if relevance is not None:
            loss = loss - self.relevance * relevance
        return HSICTerms(loss, compression, relevance)


def dependences(
    z: Side,
    others: Mapping[str, Side],
    present: Mapping[str, Tensor] | None = None,
    *,
    unbiased: bool = True,
    chunk: int = 2048,
) -> dict[str, Tensor]:
    """nHSIC of z with each of `others`, by name; see `infotok.information.kernels.nhsic_with`.

    z: values (B, ...) and their kernel.
    others: values (B, ...) and their kernels, by name.
    present: (B,) booleans by name, true for rows that are not missing; z is compared on those rows alone.
    unbiased: the unbiased estimate, of 4 rows or more, or the biased one, of 2 or more.
    chunk: rows of the kernel matrices computed at a time.
    """
    size, least = len(z.values), 4 if unbiased else 2
    for other in others.values():
        require(len(other.values) == size, "batch", len(other.values), f"{size} rows, as many as z")
    partial = {name: rows for name, rows in (present or {}).items() if not rows.all()}
    groups = [(None, [name for name in others if name not in partial]), *((rows, [n]) for n, rows in partial.items())]
    found = {}
    for rows, names in groups:
        sides = [_rows(side, rows) for side in (z, *(others[name] for name in names))]
        left = len(sides[0].values)
        require(left >= least, "batch", left, f"at least {least}: HSIC compares inputs with each other")
        found |= dict(zip(names, nhsic_with(sides[0], sides[1:], unbiased=unbiased, chunk=chunk), strict=True))
    return {name: found[name] for name in others}


def natural_kernel(y: Tensor) -> str:
    """The kernel that suits the type of y: "linear" for floats, "delta" for labels."""
    return "linear" if y.is_floating_point() else "delta"


def _rows(side: Side, rows: Tensor | None) -> Side:
    """The side as (B, D), or these rows of it; pixels (uint8) and booleans become floats, unless they are labels."""
    values = side.values if rows is None else side.values[rows]
    if side.kernel != "delta" and values.dtype in (torch.uint8, torch.bool):
        values = values.float()
    return side._replace(values=values if values.ndim == 1 else values.flatten(1))
