"""SimVQ: a fixed random codebook seen through one learned linear map, so that all codes move together.

    e_k = W b_k with b_k ~ N(0, I) fixed,   loss = |sg(z) - e_k|^2 + commitment |z - sg(e_k)|^2

A vector quantizer updates only the codes that were chosen, which leads to dead codes and codebook collapse. Here every
gradient moves W, and with it all codes (Zhu et al. 2024, arXiv 2411.02038).
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
    """SimVQ quantizer: features (B, L, dim) -> the nearest of `codebook_size` mapped vectors.

    - dim: numbers per token
    - codebook_size: codes, K, from 2 to 2^20
    - code_dim: width of the code vectors, `dim` by default
    - gradient: the encoder's gradient, "straight-through" or "rotation" (see `gradients`)
    - commitment: weight of the commitment loss, from 0
    - decay: of the usage over training passes, in [0, 1)

    Raises TypeError or ValueError for an option of another type or out of range.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import SimVQ
        >>> _ = torch.manual_seed(0)
        >>> quantizer = SimVQ(dim=8, codebook_size=32)
        >>> out = quantizer(torch.randn(64, 16, 8))
        >>> out.codes.shape, quantizer.codebook.shape, quantizer.map.weight.numel()  # W alone is learned
        (torch.Size([64, 16]), torch.Size([32, 8]), 64)
    """

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
        """The code vectors W b_k, (K, code_dim)."""
        return call_in(self.base.dtype, self.map, self.base)

    def _vectors(self, codes: Tensor) -> Tensor:
        return F.embedding(codes, self.codebook)

    def _quantize(self, z: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        codebook = self.codebook.to(z.dtype)
        codes = search(z.detach(), codebook.detach())
        vectors = F.embedding(codes, codebook)
        loss = F.mse_loss(vectors, z.detach()) + self.commitment * F.mse_loss(z, vectors.detach())
        return self.pass_gradient(z, vectors), codes, loss
