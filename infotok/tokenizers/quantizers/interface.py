"""The interface of every quantizer, `Quantizer`, and what a pass through one gives, `Quantized`.

`base` has what the quantizers of this package have in common; a module of another library needs only the interface.
"""

from dataclasses import dataclass
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn

from infotok.errors import require, require_tensor
from infotok.tokenizers.quantizers.usage import ContinuousUsage, Usage

__all__ = ["Quantized", "Quantizer", "require_quantizer"]


@dataclass(frozen=True)
class Quantized:
    """The result of one pass through a quantizer.

    - tokens: (B, L, dim)
    - codes: (B, L), or (B, L, C) with C codebooks; None for continuous tokens
    - loss: a scalar, already weighted
    - usage: of this batch; `quantizer.usage` is over time

    Example:
        >>> import torch
        >>> from infotok.tokenizers import LookupFreeQuantizer
        >>> out = LookupFreeQuantizer(dim=3, codebook_size=8)(torch.randn(2, 16, 3))
        >>> out.tokens.shape, out.codes.shape, out.loss.shape, out.usage.counts.sum().item()
        (torch.Size([2, 16, 3]), torch.Size([2, 16]), torch.Size([]), 32)
    """

    tokens: Tensor
    codes: Tensor | None
    loss: Tensor
    usage: Usage | ContinuousUsage

    def padded(self, mask: Tensor) -> "Quantized":
        """The same tokens at the places where `mask` is true; elsewhere tokens and codes are 0.

        - mask: (B, L) bool, with as many true entries as there are tokens (1, N, dim)

        Raises TypeError or ValueError for a mask of another type, shape or number of true entries.
        """
        require_tensor("mask", mask, ("B", "L"), "any")
        require(mask.dtype == torch.bool, "mask", mask.dtype, "booleans, true for a real token", TypeError)
        if not torch.compiler.is_compiling():
            real, found = self.tokens.shape[1], int(mask.sum())
            require(found == real, "mask, real tokens", found, f"as many as there are tokens, {real}")
        tokens = self.tokens.new_zeros(*mask.shape, self.tokens.shape[2]).index_put((mask,), self.tokens[0])
        codes = self.codes
        if codes is not None:
            codes = codes.new_zeros(*mask.shape, *codes.shape[2:]).index_put((mask,), codes[0])
        return Quantized(tokens, codes, self.loss, self.usage)


class Quantizer(Protocol):
    """The interface of a quantizer: features in, tokens and codes out, and tokens from codes again.

    - dim: numbers per token
    - codebooks: codes per token, C; 0 for continuous tokens
    - codebook_size: codes per codebook, K; None for continuous tokens
    - bits_per_token: the capacity C log2 K; for continuous tokens the measured rate
    - usage: how often codes were chosen over the last training passes

    Example:
        >>> import torch
        >>> from infotok.tokenizers import Quantizer, SimVQ
        >>> def bits_per_image(quantizer: Quantizer, length: int) -> float:  # of any of them
        ...     return quantizer.rate(length)
        ...
        >>> bits_per_image(SimVQ(dim=8, codebook_size=64), length=16)  # 16 x log2 64
        96.0
    """

    dim: int
    codebooks: int
    codebook_size: int | None

    def __call__(self, z: Tensor, mask: Tensor | None = None, generator: torch.Generator | None = None) -> Quantized:
        """Features z (B, L, dim) -> `Quantized`; mask (B, L) bool, true for real tokens."""

    def decode(self, codes: Tensor) -> Tensor:
        """Tokens (B, L, dim) of `codes` (B, L), or (B, L, C) with C codebooks."""

    def rate(self, length: int) -> float:
        """Bits per image of `length` tokens."""

    def freeze(self) -> Self:
        """Change nothing any more: parameters, averages and counters."""

    @property
    def bits_per_token(self) -> float: ...

    @property
    def usage(self) -> Usage | ContinuousUsage: ...


def require_quantizer(name: str, value: Any) -> None:
    """TypeError unless `value` is a module with every name of `Quantizer`.

    Their values are not read, as `isinstance` would: a measured rate cannot be computed on the meta device.
    """
    names = {each for each in (*Quantizer.__annotations__, *vars(Quantizer)) if not each.startswith("_")}
    whole = isinstance(value, nn.Module) and names <= {*dir(value)}
    require(whole, name, type(value).__name__, "a Quantizer", TypeError)
