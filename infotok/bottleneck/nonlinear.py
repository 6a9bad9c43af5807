"""The nonlinear information bottleneck: a rate with no prior to choose, from the distances between the codes.

The aggregate q(z) is a mixture of one Gaussian per input, whose entropy is bounded by its pairwise distances:

    I(X;Z) <= -1/N sum_i log 1/N sum_j exp(-KL(q_i || q_j))            `pairwise_rate`
    I(X;Z) >= -1/N sum_i log 1/N sum_j exp(-BD(q_i, q_j))              `pairwise_lower_bound`

with q_i = q(z|x_i) = N(mu_i, diag s2_i) and BD the Bhattacharyya distance (Kolchinsky & Tracey 2017, "Estimating
mixture entropy with pairwise distances"; Kolchinsky, Tracey & Wolpert 2019, "Nonlinear information bottleneck",
arXiv 1705.02436). Both are in nats and hold for X uniform over the N inputs given, so neither exceeds log N: on a
minibatch they say how well the batch's own inputs are told apart.

- `NonlinearBottleneck`   `VariationalBottleneck` with that rate
"""

import math

import torch
from torch import Tensor

from infotok.bottleneck.priors import moments
from infotok.bottleneck.variational import Code, VariationalBottleneck
from infotok.errors import require, require_finite, require_int

__all__ = ["NonlinearBottleneck", "pairwise_lower_bound", "pairwise_rate"]


def pairwise_rate(mean: Tensor, log_variance: Tensor) -> Tensor:
    """The upper bound, input by input: -log 1/N sum_j exp(-KL(q_i || q_j)), (N,) nats; its mean bounds I(X;Z).

    mean and log_variance (N, D). The (N, N) divergences are matrix products, so no (N, N, D) exists.
    """
    rate = _pairwise_rate(*_pairs(mean, log_variance))
    require_finite("rate", rate)
    return rate


def _pairwise_rate(mean: Tensor, log_variance: Tensor) -> Tensor:
    mean = mean - mean.mean(0)  # products that cancel less
    variance, precision = log_variance.exp(), torch.exp(-log_variance)
    cross = (variance + mean.square()) @ precision.T - 2 * mean @ (mean * precision).T  # (N, N)
    row, column = log_variance.sum(1), (mean.square() * precision + log_variance).sum(1)
    kl = 0.5 * (cross + column - row[:, None] - mean.shape[1])
    kl = kl.clamp(min=0) * (1 - torch.eye(len(mean), dtype=mean.dtype, device=mean.device))  # rounding: KL(q_i || q_i)
    return math.log(len(mean)) - torch.logsumexp(-kl, dim=1)


def pairwise_lower_bound(mean: Tensor, log_variance: Tensor, chunk: int = 256) -> Tensor:
    """The lower bound, input by input, (N,) nats; `chunk` rows of the (N, N, D) differences exist at a time.

    BD = 1/8 sum (mu_i - mu_j)^2 / s2 + 1/2 sum log(s2 / sqrt(s2_i s2_j)),  s2 = (s2_i + s2_j) / 2.
    """
    chunk, (mean, log_variance) = require_int("chunk", chunk), _pairs(mean, log_variance)
    variance, rates = log_variance.exp(), []
    for mu, s2, log_s2 in zip(mean.split(chunk), variance.split(chunk), log_variance.split(chunk), strict=True):
        middle = (s2[:, None] + variance) / 2  # (chunk, N, D)
        apart = (mu[:, None] - mean).square() / (4 * middle) + middle.log() - (log_s2[:, None] + log_variance) / 2
        rates.append(math.log(len(mean)) - torch.logsumexp(-0.5 * apart.sum(-1), dim=1))
    rate = torch.cat(rates)
    require_finite("rate", rate)
    return rate


class NonlinearBottleneck(VariationalBottleneck):
    """features (B, dim_in) -> a Gaussian code (B, dim) priced by `pairwise_rate` of its batch, at most log B nats.

    beta, free_bits and warmup as in `VariationalBottleneck`. A batch of one raises ValueError: it has no pair.
    """

    def __init__(self, dim_in: int, dim: int, *, beta: float = 1e-1, free_bits: float = 0.0, warmup: int = 0) -> None:
        super().__init__(dim_in, dim, beta=beta, free_bits=free_bits, warmup=warmup)

    def forward(self, features: Tensor, samples: int | None = None, generator: torch.Generator | None = None) -> Code:
        """Encode; draws as in `VariationalBottleneck`."""
        return self._encode(features, samples, generator, shape=("B",))

    def _rate(self, mean: Tensor, log_variance: Tensor, generator: torch.Generator | None) -> Tensor:
        require(len(mean) >= 2, "features", mean, "at least 2 rows: a batch of one has no pair")
        return _pairwise_rate(mean, log_variance)


def _pairs(mean: Tensor, log_variance: Tensor) -> tuple[Tensor, Tensor]:
    mean, log_variance = moments(mean, log_variance, ("N", "D"))
    require(len(mean) >= 2, "mean", mean, "shape (N, D) with at least 2 inputs")
    return mean, log_variance
