"""The base class of quantizers with several codebooks: C vector quantizers, C log2 K bits per token."""

from abc import abstractmethod

import torch
from torch import Tensor, nn

from infotok.errors import require_int
from infotok.tokenizers.quantizers.base import CodebookQuantizer
from infotok.tokenizers.quantizers.usage import Usage
from infotok.tokenizers.quantizers.vector import VectorQuantizer

__all__ = ["CompositeQuantizer"]


MOST_CODEBOOKS = 256  # codebooks: each is a module of its own


class CompositeQuantizer(CodebookQuantizer):
    """A quantizer with several codebooks of equal size: codes (B, L, C), logits (B, L, C, K).

    A subclass makes the vector quantizers, `self.quantizers`; each counts its own usage.
    """

    def __init__(self, dim: int, codebook_size: int, codebooks: int, code_dim: int | None) -> None:
        super().__init__(dim, codebook_size, code_dim)
        self.codebooks = require_int("codebooks", codebooks, 2, MOST_CODEBOOKS)  # for one there is VectorQuantizer

    def _make(self, width: int, **options: object) -> nn.ModuleList:
        return nn.ModuleList(VectorQuantizer(width, self.codebook_size, **options) for _ in range(self.codebooks))

    def logits(self, z: Tensor, temperature: float = 1.0) -> Tensor:
        """The log posterior of each codebook's codes, (B, L, C, K), as in `CodebookQuantizer`.

        - z: features (B, L, dim)
        - temperature: a number above 0
        """
        self._check_logits(z, temperature)
        with torch.autocast(z.device.type, enabled=False):
            return torch.stack(self._posteriors(self._projected(z), temperature), -2)

    @abstractmethod
    def _posteriors(self, z: Tensor, temperature: float) -> list[Tensor]: ...

    @property
    def usage(self) -> Usage:
        """Usage of each codebook over the last training passes."""
        return Usage.stack([quantizer.usage for quantizer in self.quantizers])

    def _count(self, codes: Tensor, z: Tensor) -> None:
        """Nothing: each codebook has counted its own codes."""
