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

import torch
from torch import Tensor, nn

from infotok.errors import require
from infotok.information.upper import gaussian_kl
from infotok.noise import randn

__all__ = ["DiagonalPrior", "FullPrior", "MixturePrior", "StandardPrior", "reparametrise"]


def reparametrise(mean: Tensor, log_variance: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """z = mu + sigma * noise, noise ~ N(0, I): a draw through which gradients reach mu and sigma."""
    return mean + torch.exp(0.5 * log_variance) * randn(mean.shape, generator, mean.device, mean.dtype)


class StandardPrior(nn.Module):
    """r(z) = N(0, I)."""

    def rate(self, mean: Tensor, log_variance: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return gaussian_kl(mean, log_variance)


class DiagonalPrior(nn.Module):
    """r(z) = N(m, diag v). Pushes the code towards independent coordinates, one per direction of information."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(dim))
        self.log_variance = nn.Parameter(torch.zeros(dim))

    def rate(self, mean: Tensor, log_variance: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return gaussian_kl(mean, log_variance, self.mean, self.log_variance)


class FullPrior(nn.Module):
    """r(z) = N(m, V), by the whitening W with V^-1 = W^T W, lower triangular with a positive diagonal.

    KL = 1/2 [ sum_j s2_j (W^T W)_jj + |W (mu - m)|^2 - dim - 2 sum log W_jj - sum log s2_j ]: no matrix to invert.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(dim))
        self.log_diagonal = nn.Parameter(torch.zeros(dim))
        self.lower = nn.Parameter(torch.zeros(dim, dim))

    def rate(self, mean: Tensor, log_variance: Tensor, generator: torch.Generator | None = None) -> Tensor:
        whitening = self.lower.tril(-1) + torch.diag(self.log_diagonal.exp())  # (D, D)
        spread = log_variance.exp() @ whitening.square().sum(0)  # (...)
        shift = ((mean - self.mean) @ whitening.T).square().sum(-1)
        return 0.5 * (spread + shift - mean.shape[-1] - 2 * self.log_diagonal.sum() - log_variance.sum(-1))


class MixturePrior(nn.Module):
    """r(z) = sum_k w_k N(m_k, diag v_k): one cluster per kind of thing, so saying *which* kind is what costs.

    The rate has no closed form: it is the mean of log q(z|x) - log r(z) over `draws` draws z ~ q(z|x).
    """

    def __init__(self, dim: int, components: int = 10, draws: int = 1) -> None:
        super().__init__()
        require(components >= 1, "components", components, "a whole number, 1 or above")
        require(draws >= 1, "draws", draws, "a whole number, 1 or above")
        self.draws = draws
        self.logits = nn.Parameter(torch.zeros(components))
        self.mean = nn.Parameter(torch.randn(components, dim))
        self.log_variance = nn.Parameter(torch.zeros(components, dim))

    def log_prob(self, z: Tensor) -> Tensor:
        """log r(z): (..., D) -> (...)."""
        precision = torch.exp(-self.log_variance)  # (K, D)
        centred = self.mean * precision  # |z - m|^2 / v expanded, so that it is two matrix products
        constant = (self.mean * centred + self.log_variance).sum(-1) + z.shape[-1] * math.log(2 * math.pi)  # (K,)
        log_components = -0.5 * (z.square() @ precision.T - 2 * z @ centred.T + constant)  # (..., K)
        return torch.logsumexp(self.logits.log_softmax(0) + log_components, -1)

    def rate(self, mean: Tensor, log_variance: Tensor, generator: torch.Generator | None = None) -> Tensor:
        shape = (self.draws, *mean.shape)
        z = reparametrise(mean.expand(shape), log_variance.expand(shape), generator)
        standardised = (z - mean).square() * torch.exp(-log_variance)
        log_q = -0.5 * (standardised + log_variance + math.log(2 * math.pi)).sum(-1)  # (draws, ...)
        return (log_q - self.log_prob(z)).mean(0)
