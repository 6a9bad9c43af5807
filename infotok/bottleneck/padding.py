"""Padded tokens: `Padding` keeps them out of sums, means and gradients."""

import torch
from torch import Tensor

from infotok.errors import require, require_tensor

__all__ = ["Padding"]


class Padding:
    """Which tokens of a batch are real. Without a mask all are, and values keep their shape (B, L, ...).

    size: B, the number of images.
    length: L, the number of tokens per image.
    mask: (B, L) booleans, true for a real token; None: all are real.

    Raises TypeError or ValueError for a mask of another type or shape, and for an image without a real token.
    """

    def __init__(self, size: int, length: int, mask: Tensor | None = None) -> None:
        self.size, self.length, self.mask = size, length, mask
        self.counts: Tensor | None = None
        if mask is None:
            return
        require_tensor("mask", mask, kind="any")
        require(mask.dtype == torch.bool, "mask", mask.dtype, "booleans, true for a real token", TypeError)
        require(mask.shape == (size, length), "mask", mask, f"shape ({size}, {length}), as features")
        self.counts = mask.sum(1)  # (B,)
        fewest = int(self.counts.min())
        require(fewest > 0, "mask, real tokens", fewest, "at least 1 in each image")
        if int(self.counts.sum()) == size * length:
            self.mask = self.counts = None

    def pack(self, values: Tensor) -> Tensor:
        """The real tokens' values, (N, D), of values that broadcast against (B, L, D); all of them without padding."""
        return values if self.mask is None else values.expand(self.size, self.length, values.shape[-1])[self.mask]

    def unpack(self, packed: Tensor) -> Tensor:
        """The inverse of `pack`: (B, L, D), with 0 at padded places."""
        if self.mask is None:
            return packed
        zeros = packed.new_zeros(self.size, self.length, packed.shape[-1])
        return zeros.index_put((self.mask,), packed)

    def pool(self, tokens: Tensor) -> Tensor:
        """The mean of each image's real tokens, (B, D), of `tokens` (B, L, D) that are 0 at padded places."""
        return tokens.mean(1) if self.mask is None else tokens.sum(1) / self.counts[:, None]

    def per_image(self, rates: Tensor) -> Tensor:
        """The sum of packed rates over an image's tokens, averaged over images: a scalar."""
        return rates.sum(1).mean() if self.mask is None else rates.sum() / self.size

    def mean_length(self) -> float | Tensor:
        """The mean number of real tokens per image."""
        return self.length if self.mask is None else self.counts.sum() / self.size

    def spread(self, tokens: Tensor) -> Tensor:
        """The standard deviation over images of the tokens at one place, averaged over places and dimensions."""
        if self.mask is None:
            return tokens.std(0).mean()
        several = self.mask.sum(0) > 1  # (L,)
        mask = self.mask[:, several, None]
        tokens, count = tokens[:, several].masked_fill(~mask, 0), mask.sum(0)  # (B, L', D), (L', 1)
        deviations = (tokens - tokens.sum(0) / count).masked_fill(~mask, 0)
        return (deviations.square().sum(0) / (count - 1)).sqrt().mean()
