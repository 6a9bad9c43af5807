"""Multi-codebook quantization, or product quantization: each of C parts of the features has a codebook of its own.

    z = [z_1, ..., z_C],   k_i = the code nearest to z_i,   tokens = [e_{k_1}, ..., e_{k_C}],   C log2 K bits

C codebooks of K vectors have K^C combinations, and small codebooks suffer less from dead codes (Jegou, Douze & Schmid
2011; for visual tokens UniTok, Ma et al. 2025, arXiv 2502.20321). The loss is the mean over parts.
"""

import torch
from torch import Tensor

from infotok.errors import require
from infotok.tokenizers.quantizers.composite import CompositeQuantizer

__all__ = ["MultiCodebookQuantizer"]


class MultiCodebookQuantizer(CompositeQuantizer):
    """Multi-codebook quantizer: features (B, L, dim) -> `codebooks` codes, each for an equal part of the features.

    - dim: numbers per token
    - codebook_size: codes per codebook, K, from 2 to 2^20
    - codebooks: C, from 2 to 256, a divisor of the width of the code vectors
    - code_dim: width of the C code vectors together, `dim` by default
    - options: further arguments of `VectorQuantizer`

    Raises TypeError or ValueError for an option of another type or out of range.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import MultiCodebookQuantizer
        >>> _ = torch.manual_seed(0)
        >>> quantizer = MultiCodebookQuantizer(dim=8, codebook_size=32, codebooks=4)  # a codebook for every two numbers
        >>> out = quantizer(torch.randn(64, 16, 8))
        >>> out.codes.shape, quantizer.bits_per_token  # 4 x log2 32
        (torch.Size([64, 16, 4]), 20.0)
    """

    def __init__(
        self, dim: int, codebook_size: int, codebooks: int, *, code_dim: int | None = None, **options: object
    ) -> None:
        super().__init__(dim, codebook_size, codebooks, code_dim)
        divides = self.code_dim % codebooks == 0
        require(divides, "codebooks", codebooks, f"a divisor of the width of the code vectors, {self.code_dim}")
        self.quantizers = self._make(self.code_dim // codebooks, **options)

    def _quantize(self, z: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        pieces = zip(self.quantizers, z.chunk(self.codebooks, -1), strict=True)
        parts = [quantizer(piece[None], generator=generator) for quantizer, piece in pieces]
        tokens = torch.cat([part.tokens[0] for part in parts], -1)
        codes = torch.stack([part.codes[0] for part in parts], -1)
        return tokens, codes, sum(part.loss for part in parts) / self.codebooks

    def _vectors(self, codes: Tensor) -> Tensor:
        pieces = zip(self.quantizers, codes.unbind(-1), strict=True)
        return torch.cat([quantizer._vectors(code) for quantizer, code in pieces], -1)

    def _posteriors(self, z: Tensor, temperature: float) -> list[Tensor]:
        pieces = zip(self.quantizers, z.chunk(self.codebooks, -1), strict=True)
        return [quantizer.logits(piece, temperature) for quantizer, piece in pieces]
