"""The mixture prior r(z) = sum_k w_k N(m_k, diag v_k), whose rate is a Monte Carlo estimate."""

import math

import torch
from torch import Tensor, nn

from infotok.bottleneck.precision import wide_dtype
from infotok.bottleneck.priors.gaussian import Prior, reparametrise
from infotok.errors import require_finite, require_int, require_rows

__all__ = ["MixturePrior"]


class MixturePrior(Prior):
    """A learned mixture of Gaussians, r(z) = sum_k w_k N(m_k, diag v_k).

    Its rate has no closed form. It is estimated without bias by the mean of log q(z|x) - log r(z) over draws z ~ q(z|x)
    (Tomczak & Welling 2018, arXiv 1705.07120).

    dim: numbers per code.
    components: number of Gaussians.
    draws: number of draws z for each rate.

    Example:
        >>> import torch
        >>> from infotok.bottleneck import MixturePrior
        >>> prior = MixturePrior(dim=2, components=1, draws=100_000)
        >>> _ = torch.nn.init.zeros_(prior.mean)  # r = N(0, I), where the rate is known: 2.5 nats
        >>> rate = prior.rate(torch.tensor([1.0, 2.0]), torch.zeros(2), torch.Generator().manual_seed(0))
        >>> abs(rate.item() - 2.5) < 0.05, prior.log_prob(torch.zeros(5, 2)).shape
        (True, torch.Size([5]))
    """

    def __init__(self, dim: int, components: int = 10, draws: int = 1) -> None:
        super().__init__()
        components = require_int("components", components)
        self.dim = dim = require_int("dim", dim)
        self.draws = require_int("draws", draws)
        self.logits = nn.Parameter(torch.zeros(components))
        self.mean = nn.Parameter(torch.randn(components, dim))
        self.log_variance = nn.Parameter(torch.zeros(components, dim))

    def log_prob(self, z: Tensor) -> Tensor:
        """The log-density log r(z) in nats, (...), in float32 at least, with autocast off.

        z: (..., dim) codes.

        Raises TypeError or ValueError as `rate` does.
        """
        require_rows("z", z, ("...", self.dim), self.training)
        with torch.autocast(z.device.type, enabled=False):
            found = self._log_prob(z.to(wide_dtype(z.dtype)))
        require_finite("log density", found, self.training)
        return found

    def _log_prob(self, z: Tensor) -> Tensor:
        logits, mean, log_variance = (p.to(z.dtype) for p in (self.logits, self.mean, self.log_variance))
        precision = torch.exp(-log_variance)  # (K, D)
        centred = mean * precision  # |z - m|^2 / v expanded, so that it is two matrix products
        constant = (mean * centred + log_variance).sum(-1) + z.shape[-1] * math.log(2 * math.pi)  # (K,)
        log_components = -0.5 * (z.square() @ precision.T - 2 * z @ centred.T + constant)  # (..., K)
        return torch.logsumexp(logits.log_softmax(0) + log_components, -1)

    def _rate(self, mean: Tensor, log_variance: Tensor, generator: torch.Generator | None) -> Tensor:
        shape = (self.draws, *mean.shape)
        z = reparametrise(mean.expand(shape), log_variance.expand(shape), generator)
        standardised = (z - mean).square() * torch.exp(-log_variance)
        log_q = -0.5 * (standardised + log_variance + math.log(2 * math.pi)).sum(-1)  # (draws, ...)
        return (log_q - self._log_prob(z)).mean(0)
