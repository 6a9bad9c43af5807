"""Continuous tokens (a VAE's latents): Gaussian, with the KL divergence from N(0, I) as their rate.

    q(z|x) = N(mu, diag sigma^2),   tokens = mu + sigma noise in training, mu in eval mode
    loss = weight KL(q || N(0, I))

There are no codes. The KL divergence is the rate of a channel whose receiver expects N(0, I) (Kingma & Welling 2013,
arXiv 1312.6114; as tokens, Rombach et al. 2021, arXiv 2112.10752). This is `VariationalBottleneck` with the interface
of a quantizer.
"""

import math

import torch
from torch import Tensor, nn

from infotok.bottleneck import VariationalBottleneck
from infotok.bottleneck.precision import call_in, wide_dtype
from infotok.distributed import mean_over_ranks
from infotok.errors import require, require_float, require_int
from infotok.tokenizers.quantizers.base import TokenLayer
from infotok.tokenizers.quantizers.interface import Quantized
from infotok.tokenizers.quantizers.uneven import row_weight
from infotok.tokenizers.quantizers.usage import ContinuousUsage

__all__ = ["GaussianTokens"]


class GaussianTokens(TokenLayer):
    """Continuous tokens: features (B, L, dim) -> Gaussian tokens (B, L, dim), noisy in training.

    `bits_per_token` is measured: the mean rate over the last training passes, 0 before the first.

    - dim: numbers per token
    - weight: rate weight, per nat and token, from 0
    - noise: sigma at the start, above 0
    - decay: of the measured rate over training passes, in [0, 1)

    Raises TypeError or ValueError for an option of another type or out of range.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import GaussianTokens
        >>> _ = torch.manual_seed(0)
        >>> quantizer = GaussianTokens(dim=8)
        >>> out = quantizer(torch.randn(64, 16, 8))
        >>> out.tokens.shape, out.codes, quantizer.codebook_size  # continuous: no codes
        (torch.Size([64, 16, 8]), None, None)
    """

    codebooks = 0
    codebook_size = None

    def __init__(self, dim: int, *, weight: float = 1e-3, noise: float = 0.1, decay: float = 0.99) -> None:
        super().__init__()
        dim, decay = require_int("dim", dim), require_float("decay", decay, "[0, 1)")
        noise, weight = require_float("noise", noise, "(0, inf)"), require_float("weight", weight, "[0, inf)")
        self.bottleneck = VariationalBottleneck(dim, dim, beta=weight)
        nn.init.constant_(self.bottleneck.to_log_variance.bias, 2 * math.log(noise))
        self.dim, self.decay = dim, decay
        self.register_buffer("rates", torch.zeros(dim))
        self.register_buffer("weight_seen", torch.zeros(()))

    def _forward(self, z: Tensor, generator: torch.Generator | None) -> Quantized:
        self._check_finite("features", z)
        dtype = wide_dtype(z.dtype, self.dtype)
        with torch.autocast(z.device.type, enabled=False):
            code = call_in(dtype, self.bottleneck, z.to(dtype), generator=generator)
            with torch.no_grad():
                mean, log_variance = code.mean.flatten(0, 1), code.log_variance.flatten(0, 1)
                rates = 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).mean(0)  # (dim,)
                if self._updates:
                    self._remember(mean_over_ranks(rates * row_weight(len(mean), rates)))
        return Quantized(code.sample.to(z.dtype), None, code.loss, ContinuousUsage(rates))

    def _remember(self, rates: Tensor) -> None:
        """Move the averages, unless these rates hold NaN or infinity."""
        finite = rates.isfinite().all()
        self.rates.lerp_(torch.where(finite, rates.to(self.rates), self.rates), 1 - self.decay)
        seen = torch.where(finite, torch.ones_like(self.weight_seen), self.weight_seen)
        self.weight_seen.lerp_(seen, 1 - self.decay)

    def posterior(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The mean and the log-variance of q(z|x), both (B, L, dim), float32 at least.

        - z: features (B, L, dim)

        Raises TypeError or ValueError for features of another type or shape, NaN or infinity.
        """
        self._check_shape(z), self._check_finite("features", z)
        dtype, layers = wide_dtype(z.dtype, self.dtype), (self.bottleneck.to_mean, self.bottleneck.to_log_variance)
        with torch.autocast(z.device.type, enabled=False):
            mean, log_variance = (call_in(dtype, layer, z.to(dtype)) for layer in layers)
        return mean, log_variance

    def decode(self, codes: Tensor) -> Tensor:
        """TypeError: continuous tokens have no codes.

        - codes: not used
        """
        require(False, "codes", "continuous tokens, which have none", "the tokens themselves", TypeError)

    def logits(self, z: Tensor, temperature: float = 1.0) -> Tensor:
        """TypeError: continuous tokens have no codes.

        - z, temperature: not used
        """
        require(False, "logits", "continuous tokens, which have no codes", "a quantizer with a codebook", TypeError)

    @property
    def bits_per_token(self) -> float:
        """The mean rate over the last training passes, in bits."""
        return self.usage.entropy

    @property
    def usage(self) -> ContinuousUsage:
        """The mean rate of each dimension over the last training passes."""
        return ContinuousUsage(self.rates / self.weight_seen.clamp(min=1e-12))

    def extra_repr(self) -> str:
        return f"dim={self.dim}"
