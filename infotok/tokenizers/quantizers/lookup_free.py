"""Lookup-free quantization (LFQ): a token is a word of bits, each the sign of one number; no codebook is stored.

    q_b = sign(z_b),   code = sum_b 2^b [z_b > 0],   K = 2^bits

    loss = commitment |z - sg(q)|^2 + entropy_weight (E_z H(q(c|z)) - diversity H(E_z q(c|z)))

The first term is the commitment loss. The entropies are of the soft posterior q(c|z) ~ exp(-|z - c|^2 / temperature).
It is a product over bits with p_b = sigmoid(4 z_b / temperature), so both entropies are sums over bits:

- E_z H(q(c|z)), exact, is minimised by features that are far from 0, where each code is certain.
- H(E_z q(c|z)), an upper bound, is maximised to avoid codebook collapse. It makes every bit 1 half of the time; it does
  not prevent two bits from being equal.

Yu et al. 2023 (MAGVIT-v2, arXiv 2310.05737).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from infotok.distributed import gather_over_ranks
from infotok.errors import require, require_float
from infotok.modes import keep_constants
from infotok.tokenizers.quantizers.base import CodebookQuantizer
from infotok.tokenizers.quantizers.gradients import straight_through
from infotok.tokenizers.quantizers.uneven import row_weight
from infotok.tokenizers.quantizers.usage import UsageTracker

__all__ = ["LookupFreeQuantizer", "bit_entropy"]


class LookupFreeQuantizer(CodebookQuantizer):
    """Lookup-free quantizer: features (B, L, dim) -> log2(codebook_size) signs.

    - dim: numbers per token; other than log2(codebook_size), linear layers map in and out
    - codebook_size: codes, K, a power of 2 from 2 to 2^20
    - commitment: weight of the commitment loss, a mean over all elements, from 0
    - entropy_weight: weight of the entropies, in nats per token, from 0
    - diversity: weight of the second entropy relative to the first, from 0
    - temperature: of the soft posterior, above 0
    - decay: of the usage over training passes, in [0, 1)

    Raises TypeError or ValueError for an option of another type or out of range.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import LookupFreeQuantizer
        >>> quantizer = LookupFreeQuantizer(dim=3, codebook_size=8)
        >>> out = quantizer(torch.tensor([[[0.3, -2.0, 0.7], [-0.1, -0.5, -0.2]]]))
        >>> out.tokens.tolist(), out.codes.tolist()  # the signs, as bits of a code
        ([[[1.0, -1.0, 1.0], [-1.0, -1.0, -1.0]]], [[5, 0]])
    """

    corner = 1.0  # the magnitude of a code vector's coordinates

    def __init__(
        self,
        dim: int,
        codebook_size: int,
        *,
        commitment: float = 0.25,
        entropy_weight: float = 0.02,
        diversity: float = 1.0,
        temperature: float = 0.1,
        decay: float = 0.99,
    ) -> None:
        power = isinstance(codebook_size, int) and codebook_size >= 2 and codebook_size.bit_count() == 1
        require(power, "codebook_size", codebook_size, "a power of 2, 2 or above")
        bits = codebook_size.bit_length() - 1
        super().__init__(dim, codebook_size, bits)
        self.tracker = UsageTracker(codebook_size, decay)
        self.commitment = require_float("commitment", commitment, "[0, inf)")
        self.entropy_weight = require_float("entropy_weight", entropy_weight, "[0, inf)")
        self.diversity = require_float("diversity", diversity, "[0, inf)")
        self.temperature = require_float("temperature", temperature, "(0, inf)")
        keep_constants(self)

    def _constants(self) -> dict[str, Tensor]:
        """2^j for bit j of a code."""
        return {"powers": 2 ** torch.arange(self.code_dim)}

    def _vectors(self, codes: Tensor) -> Tensor:
        ones = (codes[..., None] & self.powers) > 0  # (..., bits)
        return self.corner * (2.0 * ones - 1.0)

    def _quantize(self, z: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        z = self._to_code_space(z)
        codes = ((z > 0) * self.powers).sum(-1)
        vectors = self._vectors(codes).to(z.dtype)
        loss = self.commitment * F.mse_loss(z, vectors) + self.entropy_weight * self._entropies(z)
        return straight_through(z, vectors), codes, loss

    def _entropies(self, z: Tensor) -> Tensor:
        """E H(q(c|z)) - diversity H(E q(c|z)), in nats: z (N, bits) -> scalar."""
        logits = (4 * self.corner / self.temperature) * z
        conditional = bit_entropy(logits).sum(-1).mean()
        used = logits.sigmoid().mean(0, keepdim=True)
        if self.training:  # over the whole batch, not this rank's share of it
            used = gather_over_ranks(used * row_weight(len(z), used))
        used = used.mean(0).clamp(1e-7, 1 - 1e-7)
        return conditional - self.diversity * bit_entropy(used.logit()).sum()


def bit_entropy(logits: Tensor) -> Tensor:
    """The entropy of a bit, h(sigmoid(logits)) in nats; 0, not NaN, where the bit is certain."""
    bounded = logits.clamp(-50, 50)
    p = bounded.sigmoid()
    return p * F.softplus(-bounded) + (1 - p) * F.softplus(bounded)
