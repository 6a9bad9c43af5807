"""SimVQ: a frozen random codebook seen through one learned linear map, so that all codes move together.

    e_k = W b_k with b_k ~ N(0, I) frozen,   loss = |sg(z) - e_k|^2 + commitment |z - sg(e_k)|^2

A vector quantizer updates only the codes it chose, and those it never chooses stay behind and die. Here every gradient
moves the whole space that the codes span (Zhu et al. 2024, arXiv 2411.02038).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.bottleneck.precision import call_in
from infotok.errors import require_choice, require_float
from infotok.tokenizers.quantizers.base import CodebookQuantizer
from infotok.tokenizers.quantizers.gradients import GRADIENTS
from infotok.tokenizers.quantizers.nearest import search
from infotok.tokenizers.quantizers.usage import UsageTracker

__all__ = ["SimVQ"]


class SimVQ(CodebookQuantizer):
    """features (B, L, dim) -> the nearest of `codebook_size` mapped vectors. Options as in `VectorQuantizer`."""

    def __init__(
        self,
        dim: int,
        codebook_size: int,
        *,
        code_dim: int | None = None,
        gradient: str = "straight-through",
        commitment: float = 0.25,
        decay: float = 0.99,
    ) -> None:
        super().__init__(dim, codebook_size, code_dim)
        require_choice("gradient", gradient, tuple(GRADIENTS))
        self.pass_gradient, self.commitment = GRADIENTS[gradient], require_float("commitment", commitment, "[0, inf)")
        self.tracker = UsageTracker(codebook_size, decay)
        self.register_buffer("base", torch.randn(codebook_size, self.code_dim))
        self.map = nn.Linear(self.code_dim, self.code_dim, bias=False)

    @property
    def codebook(self) -> Tensor:
        """W b_k for every k, (K, code_dim)."""
        return call_in(self.base.dtype, self.map, self.base)

    def _vectors(self, codes: Tensor) -> Tensor:
        return F.embedding(codes, self.codebook)

    def _quantize(self, z: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        codebook = self.codebook.to(z.dtype)
        codes = search(z.detach(), codebook.detach())
        vectors = F.embedding(codes, codebook)
        loss = F.mse_loss(vectors, z.detach()) + self.commitment * F.mse_loss(z, vectors.detach())
        return self.pass_gradient(z, vectors), codes, loss
