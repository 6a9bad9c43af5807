"""The HSIC bottleneck: kernel dependence in the place of mutual information. No distribution, no critic, no noise.

    loss = compression * nHSIC(Z, X) - relevance * nHSIC(Z, Y)

nHSIC is a cosine between kernel matrices (`infotok.information.nhsic`): at most 1, free of scale, *not* nats, and 0
only where Z and X are independent (Gaussian kernels). Ma, Lewis & Kleijn 2020, "The HSIC bottleneck"
(arXiv 1908.01580), normalise by (K + eps N I)^-1 instead, at a cost of N^3.

    terms = bottleneck(codes, images, labels)
    terms.loss.backward()
"""

import math
from dataclasses import dataclass

from torch import Tensor, nn

from infotok.errors import require
from infotok.information.kernels import nhsic

__all__ = ["HSICBottleneck", "HSICTerms", "natural_kernel"]

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
    - bandwidth_z, bandwidth_x fix sigma; unbiased (B >= 4) or biased (B >= 2) estimates; `chunk` rows at a time.

    Everything but the batch dimension is flattened. Errors are those of `nhsic`: unequal batches, too small ones, NaN.
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
        chunk: int = 1024,
    ) -> None:
        super().__init__()
        for name, weight in (("compression", compression), ("relevance", relevance)):
            require(math.isfinite(weight) and weight >= 0, name, weight, "a finite number, 0 or above")
        for name, kernel in (("kernel_z", kernel_z), ("kernel_x", kernel_x), ("kernel_y", kernel_y)):
            known = kernel in KERNELS or (name == "kernel_y" and kernel is None)
            require(known, name, kernel, f"one of {', '.join(KERNELS)}")
        self.compression, self.relevance = compression, relevance
        self.kernel_z, self.kernel_x, self.kernel_y = kernel_z, kernel_x, kernel_y
        self.bandwidth_z, self.bandwidth_x = bandwidth_z, bandwidth_x
        self.unbiased, self.chunk = unbiased, chunk

    def forward(self, z: Tensor, x: Tensor, y: Tensor | None = None) -> HSICTerms:
        """The two dependences of z and their weighted difference."""
        z = z.reshape(len(z), -1)
        shared = {"kernel_x": self.kernel_z, "bandwidth_x": self.bandwidth_z, "unbiased": self.unbiased}
        shared["chunk"] = self.chunk
        compression = relevance = None
        loss = 0.0 * z.sum()
        if self.compression:
            compression = nhsic(
                z, x.reshape(len(x), -1), kernel_y=self.kernel_x, bandwidth_y=self.bandwidth_x, **shared
            )
            loss = loss + self.compression * compression
        if self.relevance and y is not None:
            relevance = nhsic(z, y, kernel_y=self.kernel_y or natural_kernel(y), **shared)
            loss = loss - self.relevance * relevance
        return HSICTerms(loss, compression, relevance)


def natural_kernel(y: Tensor) -> str:
    """Labels are equal or not; vectors have inner products."""
    return "linear" if y.is_floating_point() else "delta"
