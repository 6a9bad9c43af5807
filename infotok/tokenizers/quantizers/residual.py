"""Residual quantization (RQ): each codebook quantizes the error that the codebooks before it leave.

    r_1 = z,   q_i = the code nearest to r_i,   r_{i+1} = r_i - q_i,   tokens = q_1 + ... + q_C,   C log2 K bits

The search takes C K distances instead of K^C. In return the K^C sums are not free: they share the vectors of C
codebooks (Juang & Gray 1982; Lee et al. 2022, arXiv 2203.01941). The loss is the sum over codebooks.
"""

import torch
from torch import Tensor

from infotok.errors import require
from infotok.tokenizers.quantizers.composite import CompositeQuantizer
from infotok.tokenizers.quantizers.precision import wide

__all__ = ["ResidualQuantizer"]


class ResidualQuantizer(CompositeQuantizer):
    """Residual quantizer: features (B, L, dim) -> sums of `codebooks` code vectors.

    - dim: numbers per token
    - codebook_size: codes per codebook, K, from 2 to 2^20
    - codebooks: C, from 2 to 256
    - code_dim: width of the code vectors, `dim` by default
    - options: further arguments of `VectorQuantizer`, all but `cosine`

    Raises TypeError or ValueError for an option of another type or out of range.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import ResidualQuantizer
        >>> _ = torch.manual_seed(0)
        >>> quantizer = ResidualQuantizer(dim=8, codebook_size=32, codebooks=3)
        >>> out = quantizer(torch.randn(64, 16, 8))
        >>> out.tokens.shape, out.codes.shape, quantizer.bits_per_token  # sums of three vectors; 3 x log2 32
        (torch.Size([64, 16, 8]), torch.Size([64, 16, 3]), 15.0)
    """

    def __init__(
        self, dim: int, codebook_size: int, codebooks: int, *, code_dim: int | None = None, **options: object
    ) -> None:
        super().__init__(dim, codebook_size, codebooks, code_dim)
        require("cosine" not in options, "cosine", True, "no such option: residuals are not on a sphere")
        self.quantizers = self._make(self.code_dim, **options)

    def _quantize(self, z: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        left, vectors, codes, loss = z, 0.0, [], 0.0
        for quantizer in self.quantizers:
            part = quantizer(left[None], generator=generator)
            left, vectors = left - part.tokens[0].detach(), vectors + part.tokens[0].detach()
            codes.append(part.codes[0])
            loss = loss + part.loss
        return self.quantizers[0].pass_gradient(z, vectors), torch.stack(codes, -1), loss

    def _vectors(self, codes: Tensor) -> Tensor:
        pairs = zip(self.quantizers, codes.unbind(-1), strict=True)
        return sum(wide(quantizer._vectors(code)) for quantizer, code in pairs)

    def _posteriors(self, z: Tensor, temperature: float) -> list[Tensor]:
        """The logits of each codebook, conditioned on the likeliest codes of those before it."""
        logits = []
        for quantizer in self.quantizers:
            logits.append(quantizer.logits(z, temperature))
            z = z - quantizer._vectors(logits[-1].argmax(-1)).to(z.dtype)
        return logits
