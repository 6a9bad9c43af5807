"""Gumbel-softmax quantization: a code is drawn from logits, with a differentiable relaxation for the gradient.

    l = W z + b,   y = softmax((l + g) / temperature), g ~ Gumbel(0, 1),   k = argmax y
    loss = weight KL(softmax(l) || uniform), in nats per token

In value the token is e_k; its gradient is that of sum_k y_k e_k, the straight-through form (Jang et al. 2016, arXiv
1611.01144). There is no noise in eval mode. The loss is that of DALL-E (Ramesh et al. 2021, arXiv 2102.12092).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.bottleneck.precision import call_in, wide_dtype
from infotok.errors import require_float, require_int
from infotok.modes import ends_step, steps_before
from infotok.noise import rand
from infotok.tokenizers.quantizers.base import CodebookQuantizer
from infotok.tokenizers.quantizers.gradients import straight_through
from infotok.tokenizers.quantizers.usage import UsageTracker

__all__ = ["GumbelQuantizer"]


class GumbelQuantizer(CodebookQuantizer):
    """Gumbel-softmax quantizer: features (B, L, dim) -> one of `codebook_size` vectors.

    - dim: numbers per token
    - codebook_size: codes, K, from 2 to 2^20
    - weight: of the loss, from 0
    - temperature: of the relaxation at the start, above 0
    - final: temperature at the end, above 0; it is approached exponentially
    - cooling: training steps from the first temperature to the last, a positive integer
    - decay: of the usage over training passes, in [0, 1)

    Raises TypeError or ValueError for an option of another type or out of range.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import GumbelQuantizer
        >>> _ = torch.manual_seed(0)
        >>> quantizer = GumbelQuantizer(dim=8, codebook_size=32)
        >>> out = quantizer(torch.randn(64, 16, 8), generator=torch.Generator().manual_seed(0))  # draws its codes
        >>> out.tokens.shape, out.codes.shape
        (torch.Size([64, 16, 8]), torch.Size([64, 16]))
    """

    def __init__(
        self,
        dim: int,
        codebook_size: int,
        *,
        weight: float = 5e-4,
        temperature: float = 1.0,
        final: float = 0.5,
        cooling: int = 10_000,
        decay: float = 0.99,
    ) -> None:
        super().__init__(dim, codebook_size)
        self.weight = require_float("weight", weight, "[0, inf)")
        self.initial = require_float("temperature", temperature, "(0, inf)")
        self.final = require_float("final", final, "(0, inf)")
        self.cooling = require_int("cooling", cooling)
        self.tracker = UsageTracker(codebook_size, decay)
        self.to_logits = nn.Linear(dim, codebook_size)
        nn.init.normal_(self.to_logits.weight, std=dim**-0.5)  # features of unit scale have logits of unit scale
        self.codebook = nn.Parameter(torch.randn(codebook_size, dim))
        self.register_buffer("passes", torch.zeros((), dtype=torch.long))

    def temperature(self) -> Tensor:
        """The temperature of the relaxation after the training steps so far."""
        return self.initial * (self.final / self.initial) ** (steps_before(self) / self.cooling).clamp(max=1.0)

    def logits(self, z: Tensor, temperature: float = 1.0) -> Tensor:
        """The log posterior up to a constant, (W z + b) / temperature: (B, L, dim) -> (B, L, K), float32 at least.

        - z: features (B, L, dim)
        - temperature: a number above 0
        """
        self._check_logits(z, temperature)
        with torch.autocast(z.device.type, enabled=False):
            dtype = wide_dtype(z.dtype, self.dtype)
            logits = call_in(dtype, self.to_logits, z.to(dtype)) / temperature
        self._check_finite("logits", logits)
        return logits

    def _vectors(self, codes: Tensor) -> Tensor:
        return F.embedding(codes, self.codebook)

    def _quantize(self, z: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        logits = call_in(z.dtype, self.to_logits, z)  # (N, K)
        noisy = logits + _gumbel(logits, generator) if self.training else logits
        soft = (noisy / self.temperature()).softmax(-1)
        codes = noisy.argmax(-1)
        log_posterior = logits.log_softmax(-1)
        rate = (log_posterior.exp() * log_posterior).sum(-1).mean() + math.log(self.codebook_size)
        if self._updates and ends_step():
            self.passes += 1
        codebook = self.codebook.to(z.dtype)
        return straight_through(soft @ codebook, F.embedding(codes, codebook)), codes, self.weight * rate


def _gumbel(like: Tensor, generator: torch.Generator | None) -> Tensor:
    uniform = rand(like.shape, generator, like.device)  # float32: a seed's codes in any precision
    return -torch.log(-torch.log(uniform.clamp(1e-7, 1 - 1e-7))).to(like.dtype)
