"""The HSIC bottleneck: kernel dependence in the place of mutual information. No distribution, no critic, no noise.

    loss = compression * nHSIC(Z, X) - relevance * nHSIC(Z, Y)

nHSIC is a cosine between centred kernel matrices: at most 1, free of scale, *not* nats, and 0 only where Z and X are
independent (Gaussian kernels). Ma, Lewis & Kleijn 2020, "The HSIC bottleneck" (arXiv 1908.01580), normalise by
(K + eps N I)^-1 instead, at a cost of N^3.

    terms = bottleneck(codes, images, labels)
    terms.loss.backward()

- `HSICBottleneck`   the module
- `dependences`      nHSIC of one z with several others, missing rows left out: `infotok.information.kernels.nhsic_with`
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

    Everything but the batch dimension is flattened; uint8 images are taken as they are. Rows of y that are the label
    -100 or NaN throughout are missing, and leave the relevance to the others. Labels (B, T) are token ids, compared
    position by position. Unequal batches, too small ones, other labels below 0 and NaN raise ValueError.
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
        """The two dependences of z and their weighted difference."""
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
    """nHSIC of z with each of `others` by `nhsic_with`, whatever the shape (B, ...) of their values.

    present[name] (B,), boolean: the rows that have this other; z is then compared with it on those rows alone.
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
    """Labels are equal or not; vectors have inner products."""
    return "linear" if y.is_floating_point() else "delta"


def _rows(side: Side, rows: Tensor | None) -> Side:
    """(B, ...) -> (B, D), or only these rows. Pixels (uint8) and masks become floats, unless compared as labels."""
    values = side.values if rows is None else side.values[rows]
    if side.kernel != "delta" and values.dtype in (torch.uint8, torch.bool):
        values = values.float()
    return side._replace(values=values if values.ndim == 1 else values.flatten(1))
