"""Half and double precision of quantizers: parameters are converted, statistics stay in float32 at least.

A quantizer may be converted by `.half()`, `.bfloat16()` or `.double()`. Its parameters follow; distances, losses and
entropies are computed in float32 or wider, and buffers (averaged codebooks, counts, grids) never get narrower.
"""

from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

__all__ = ["WideBuffers", "wide"]

HALF = (torch.float16, torch.bfloat16)


def wide(values: Tensor) -> Tensor:
    """Half precision as float32; everything else as it is."""
    return values.float() if values.dtype in HALF else values


class WideBuffers(nn.Module):
    """A module whose own buffers stay float32 or wider; `dtype` is the one that it was converted to."""

    dtype = torch.float32

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        own = dict(self.named_buffers(recurse=False))
        super()._apply(fn, recurse)
        self.dtype = fn(torch.empty(0, dtype=self.dtype)).dtype
        for name, buffer in own.items():
            if self._buffers[name].dtype in HALF:
                self._buffers[name] = buffer.to(self._buffers[name].device)  # as it was: not rounded on the way
        return self
