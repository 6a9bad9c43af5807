"""Estimators of mutual information on pairs of Gaussians, where the truth and the optimal critic are known.

    rho = correlation(nats=10.0, dim=20)
    x, y = sample_pairs(rho, dim=20, size=64, generator=generator)      # (64, 20) each
    conditional, ratio = true_scores(x, y, rho)                         # (64, 64) each
    infonce(ratio), club(conditional)

The data are `dim` independent pairs of standard Gaussians, each with correlation rho: I = -dim/2 ln(1 - rho^2) nats.
`with_true_critic`, `by_batch_size` and `in_dimensions` are the experiments of lesson 01, each one run of a sweep.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from infotok.errors import require, require_float, require_int
from infotok.information.bounds import donsker_varadhan, infonce, interpolated, nwj, smile
from infotok.information.critics import SeparableCritic
from infotok.information.neighbors import ksg
from infotok.information.upper import club, leave_one_out

__all__ = [
    "ALPHAS",
    "TRUE_CRITIC",
    "by_batch_size",
    "correlation",
    "in_dimensions",
    "nwj_deviation",
    "sample_pairs",
    "true_scores",
    "with_true_critic",
]

# name -> estimate from ln p(y_j|x_i) and ln r(x_i, y_j), (B, B) each; NWJ's optimal critic is 1 + ln r.
TRUE_CRITIC: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "InfoNCE": lambda conditional, ratio: infonce(ratio),
    "NWJ": lambda conditional, ratio: nwj(1 + ratio),
    "Donsker-Varadhan": lambda conditional, ratio: donsker_varadhan(ratio),
    "SMILE": lambda conditional, ratio: smile(ratio, clip=5.0),
    "CLUB": lambda conditional, ratio: club(conditional),
    "leave-one-out": lambda conditional, ratio: leave_one_out(conditional),
}
ALPHAS = {"alpha = 1 (InfoNCE)": 1.0, "alpha = 0.1": 0.1, "alpha = 0.01": 0.01, "alpha = 0 (NWJ)": 0.0}


def correlation(nats: float, dim: int) -> float:
    """The correlation at which `dim` pairs of Gaussians share `nats`: sqrt(1 - exp(-2 nats / dim))."""
    require_float("nats", nats, "[0, inf)"), require_int("dim", dim)
    return math.sqrt(-math.expm1(-2 * nats / dim))


def sample_pairs(rho: float, dim: int, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """x and y, (size, dim) each, float64: independent pairs of standard Gaussians with correlation rho.

    rho: correlation of a pair, in (-1, 1).
    dim: pairs in a sample.
    size: number of samples.
    generator: of both.
    """
    x, noise = torch.randn(2, size, dim, generator=generator, dtype=torch.float64)
    return x, rho * x + math.sqrt(1 - rho**2) * noise


def true_scores(x: Tensor, y: Tensor, rho: float) -> tuple[Tensor, Tensor]:
    """ln p(y_j | x_i) and the log ratio ln r(x_i, y_j) of pairs with correlation rho: (B, B) each, in nats.

    x, y: (B, dim), as `sample_pairs` draws them.
    rho: their correlation.
    """
    variance = 1 - rho**2
    square = (rho * x).square().sum(1)[:, None] - 2 * rho * x @ y.T + y.square().sum(1)  # |y_j - rho x_i|^2
    conditional = -0.5 * (square / variance + x.shape[1] * math.log(2 * math.pi * variance))
    marginal = -0.5 * (y.square().sum(1) + x.shape[1] * math.log(2 * math.pi))
    return conditional, conditional - marginal


def with_true_critic(nats: float, dim: int, batch: int, draws: int, seed: int) -> dict[str, list[float]]:
    """Estimates with the optimal critic, all on the same batches.

    Args:
        nats: the mutual information.
        dim: dimensions of X, and of Y.
        batch: pairs in a batch.
        draws: how many batches.
        seed: of the batches.

    Returns:
        name of an estimator -> one estimate a batch, (draws,) nats.
    """
    generator, rho = torch.Generator().manual_seed(seed), correlation(nats, dim)
    matrices = [true_scores(*sample_pairs(rho, dim, batch, generator), rho) for _ in range(draws)]
    return {name: [estimate(*pair).item() for pair in matrices] for name, estimate in TRUE_CRITIC.items()}


def by_batch_size(size: int, nats: float, dim: int, draws: int, seed: int) -> dict[str, list[float]]:
    """The interpolated bound with the optimal critic at every alpha, from batches of one size.

    Args:
        size: pairs in a batch.
        nats: the mutual information.
        dim: dimensions of X, and of Y.
        draws: how many batches.
        seed: of the batches.

    Returns:
        name of an alpha -> [mean, its standard error], in nats.
    """
    generator, rho = torch.Generator().manual_seed(seed), correlation(nats, dim)
    ratios = [true_scores(*sample_pairs(rho, dim, size, generator), rho)[1] for _ in range(draws)]
    values = {name: [interpolated(1 + r, alpha=alpha).item() for r in ratios] for name, alpha in ALPHAS.items()}
    return {name: [np.mean(v), np.std(v, ddof=1) / math.sqrt(draws)] for name, v in values.items()}


def nwj_deviation(nats: float, dim: int, batch: int) -> float:
    """The exact standard deviation of NWJ with the optimal critic, for one batch: nats.

    E_p f averages `batch` values of variance dim rho^2. E_q r averages batch (batch - 1) values of variance e^2I - 1;
    r(x_i, y_j) and r(x_j, y_i) have the covariance (1 - rho^4)^-dim - 1, and all others are uncorrelated.

    nats: the mutual information.
    dim: dimensions of X, and of Y.
    batch: pairs in a batch, two or more.
    """
    square = correlation(nats, dim) ** 2
    of_ratio = math.expm1(2 * nats) + math.expm1(-dim * math.log1p(-(square**2)))
    return math.sqrt(dim * square / batch + of_ratio / (batch * (batch - 1)))


def in_dimensions(dim: int, nats: float, samples: int, batch: int, steps: int, seed: int) -> dict[str, float]:
    """Four estimates of the same information, spread over `dim` dimensions.

    Args:
        dim: dimensions of X, and of Y.
        nats: the mutual information.
        samples: pairs in the training sample, and in the fresh sample; two batches or more.
        batch: pairs in a training batch.
        steps: training steps of the critic.
        seed: of the samples and the critic.

    Returns:
        name of an estimate -> nats.
    """
    require(samples >= 2 * batch, "samples", samples, f"at least two batches, {2 * batch}")
    rho, generator = correlation(nats, dim), torch.Generator().manual_seed(seed)
    (x, y), fresh = sample_pairs(rho, dim, samples, generator), sample_pairs(rho, dim, samples, generator)
    torch.manual_seed(seed)
    critic = SeparableCritic(dim, dim)
    optimiser = torch.optim.Adam(critic.parameters(), lr=5e-4, fused=True)
    for _ in range(steps):
        rows = torch.randperm(samples, generator=generator)[:batch]
        loss = -infonce(critic(x[rows].float(), y[rows].float()))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    def learned(a: Tensor, b: Tensor) -> Tensor:
        return critic(a.float(), b.float())

    with torch.no_grad():
        return {
            "KSG, 3 neighbours": ksg(x.numpy(), y.numpy()),
            "InfoNCE, on its training samples": _over_batches(x, y, batch, learned),
            "InfoNCE, on fresh samples": _over_batches(*fresh, batch, learned),
            "InfoNCE, true critic": _over_batches(*fresh, batch, lambda a, b: true_scores(a, b, rho)[1]),
        }


def _over_batches(x: Tensor, y: Tensor, batch: int, score: Callable[[Tensor, Tensor], Tensor]) -> float:
    """InfoNCE averaged over the full batches of a sample."""
    pairs = zip(x.split(batch), y.split(batch), strict=True)
    return torch.stack([infonce(score(a, b)) for a, b in pairs if len(a) == batch]).mean().item()
