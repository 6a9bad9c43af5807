"""Priors r(z) for a variational rate: what the code costs depends on what the receiver expects.

    rate(x) = KL(q(z|x) || r(z)),   E_x rate = I(X;Z) + KL(q(z) || r(z)) >= I(X;Z),   q(z|x) = N(mu, diag s2)

- `StandardPrior`   N(0, I), nothing to learn
- `DiagonalPrior`   N(m, diag v), learned
- `FullPrior`       N(m, V) with any covariance, learned
- `MixturePrior`    sum_k w_k N(m_k, diag v_k), learned; its rate is an unbiased Monte Carlo estimate

Each has `rate(mean, log_variance, generator=None)`: mean and log_variance (..., dim) in, nats (...) out. The closer r
comes to the aggregate q(z) = E_x q(z|x), the tighter the bound (Alemi et al. 2017, arXiv 1612.00410; the mixture as in
Tomczak & Welling 2018, arXiv 1705.07120).
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from infotok.bottleneck.precision import wide_dtype
from infotok.errors import require_finite, require_generator, require_int, require_rows
from infotok.information.upper import gaussian_kl
from infotok.noise import randn

__all__ = ["DiagonalPrior", "FullPrior", "MixturePrior", "StandardPrior", "moments", "reparametrise"]


def reparametrise(mean: Tensor, log_variance: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """z = mu + sigma * noise, noise ~ N(0, I): a draw through which gradients reach mu and sigma."""
    noise = randn(mean.shape, generator, mean.device)  # float32: the same in any precision
    return mean + torch.exp(0.5 * log_variance) * noise.to(mean.dtype)


def moments(
    mean: Tensor, log_variance: Tensor, shape: tuple[int | str, ...] = ("...", "D"), training: bool = False
) -> tuple[Tensor, Tensor]:
    """mean and log_variance of `shape`, in float32 at least; refused if empty, unlike in shape or not finite."""
    require_rows("mean", mean, shape, training)
    require_rows("log_variance", log_variance, tuple(mean.shape), training)
    dtype = wide_dtype(mean.dtype, log_variance.dtype)
    return mean.to(dtype), log_variance.to(dtype)


class Prior(nn.Module, ABC):
    """r(z) over codes of `dim` numbers, or of any number if `dim` is None."""

    dim: int | None = None

    def rate(self, mean: Tensor, log_variance: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """KL(N(mean, exp log_variance) || r) in nats: (..., D) -> (...), float32 at least.

        mean, log_variance: (..., D), of one shape. generator: for priors that draw. Raises TypeError or ValueError for
        another type or shape, no code, NaN or infinity, and a rate that overflows.
        """
        if generator is not None:
            require_generator("generator", generator)
        mean, log_variance = moments(mean, log_variance, ("...", self.dim or "D"), self.training)
        rate = self._rate(mean, log_variance, generator)
        require_finite("rate", rate, self.training)
        return rate

    @abstractmethod
    def _rate(self, mean: Tensor, log_variance: Tensor, generator: torch.Generator | None) -> Tensor:
        """`rate` of inputs that are checked."""


class StandardPrior(Prior):
    """r(z) = N(0, I)."""

    def _rate(self, mean: Tensor, log_variance: Tensor, generator: torch.Generator | None) -> Tensor:
        return gaussian_kl(mean, log_variance)


class DiagonalPrior(Prior):
    """r(z) = N(m, diag v). Pushes the code towards independent coordinates, one per direction of information."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim = require_int("dim", dim)
        self.mean = nn.Parameter(torch.zeros(dim))
        self.log_variance = nn.Parameter(torch.zeros(dim))

    def _rate(self, mean: Tensor, log_variance: Tensor, generator: torch.Generator | None) -> Tensor:
        return gaussian_kl(mean, log_variance, self.mean, self.log_variance)


class FullPrior(Prior):
    """r(z) = N(m, V), by the whitening W with V^-1 = W^T W, lower triangular with a positive diagonal.

    KL = 1/2 [ sum_j s2_j (W^T W)_jj + |W (mu - m)|^2 - dim - 2 sum log W_jj - sum log s2_j ]: no matrix to invert.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim = require_int("dim", dim)
        self.mean = nn.Parameter(torch.zeros(dim))
        self.log_diagonal = nn.Parameter(torch.zeros(dim))
        self.lower = nn.Parameter(torch.zeros(dim, dim))

    def _rate(self, mean: Tensor, log_variance: Tensor, generator: torch.Generator | None) -> Tensor:
        centre, lower, log_diagonal = (p.to(mean.dtype) for p in (self.mean, self.lower, self.log_diagonal))
        whitening = lower.tril(-1) + torch.diag(log_diagonal.exp())  # (D, D)
        spread = log_variance.exp() @ whitening.square().sum(0)  # (...)
        shift = ((mean - centre) @ whitening.T).square().sum(-1)
        return 0.5 * (spread + shift - mean.shape[-1] - 2 * log_diagonal.sum() - log_variance.sum(-1))


class MixturePrior(Prior):
    """r(z) = sum_k w_k N(m_k, diag v_k): one cluster per kind of thing, so saying *which* kind is what costs.

    The rate has no closed form: it is the mean of log q(z|x) - log r(z) over `draws` draws z ~ q(z|x).
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
        """log r(z): (..., D) -> (...), float32 at least. Raises TypeError or ValueError as `rate` does."""
        require_rows("z", z, ("...", self.dim), self.training)
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
