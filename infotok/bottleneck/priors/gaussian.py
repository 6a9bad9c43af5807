"""Gaussian priors r(z) and their rates KL(N(mean, diag exp log_variance) || r) in closed form.

- `StandardPrior`   N(0, I), without parameters
- `DiagonalPrior`   N(m, diag v), learned
- `FullPrior`       N(m, V) with any covariance, learned
- `Prior`           the base class of priors, which checks inputs
- `reparametrise`   a draw from q(z|x) through which gradients flow
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from infotok.bottleneck.precision import wide_dtype
from infotok.errors import require_finite, require_generator, require_int, require_rows
from infotok.information.upper import gaussian_kl
from infotok.noise import randn

__all__ = ["DiagonalPrior", "FullPrior", "Prior", "StandardPrior", "moments", "reparametrise"]


def reparametrise(mean: Tensor, log_variance: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A draw z = mean + sigma * noise, noise ~ N(0, I), whose gradient reaches mean and sigma.

    mean: (..., dim) means.
    log_variance: (..., dim) log sigma^2.
    generator: of the noise; None: torch's global one.
    """
    noise = randn(mean.shape, generator, mean.device)  # float32: the same draw in any precision
    return mean + torch.exp(0.5 * log_variance) * noise.to(mean.dtype)


def moments(
    mean: Tensor, log_variance: Tensor, shape: tuple[int | str, ...] = ("...", "D"), training: bool = False
) -> tuple[Tensor, Tensor]:
    """mean and log_variance of `shape`, checked, in float32 at least.

    Raises TypeError or ValueError for empty tensors, unequal shapes, NaN and infinity.
    """
    require_rows("mean", mean, shape, training)
    require_rows("log_variance", log_variance, tuple(mean.shape), training)
    dtype = wide_dtype(mean.dtype, log_variance.dtype)
    return mean.to(dtype), log_variance.to(dtype)


class Prior(nn.Module, ABC):
    """Base class of priors r(z) on vectors of `dim` numbers, or of any number if `dim` is None."""

    dim: int | None = None

    def rate(self, mean: Tensor, log_variance: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The rate KL(N(mean, diag exp log_variance) || r) in nats, (...), in float32 at least, with autocast off.

        mean: (..., dim) means.
        log_variance: (..., dim) log-variances.
        generator: of random draws, for priors whose rate is a Monte Carlo estimate; None: torch's global one.

        Raises TypeError or ValueError for another type or shape, NaN and infinity, and for a rate that overflows.
        """
        if generator is not None:
            require_generator("generator", generator)
        mean, log_variance = moments(mean, log_variance, ("...", self.dim or "D"), self.training)
        with torch.autocast(mean.device.type, enabled=False):
            rate = self._rate(mean, log_variance, generator)
        require_finite("rate", rate, self.training)
        return rate

    @abstractmethod
    def _rate(self, mean: Tensor, log_variance: Tensor, generator: torch.Generator | None) -> Tensor:
        """`rate` of checked inputs."""


class StandardPrior(Prior):
    """The standard normal prior r(z) = N(0, I).

    Example:
        >>> import torch
        >>> from infotok.bottleneck import StandardPrior
        >>> mean, log_variance = torch.tensor([[0.0, 0.0], [1.0, 2.0]]), torch.zeros(2, 2)
        >>> StandardPrior().rate(mean, log_variance).tolist()  # sigma = 1: half the squared length of the mean
        [0.0, 2.5]
    """

    def _rate(self, mean: Tensor, log_variance: Tensor, generator: torch.Generator | None) -> Tensor:
        return gaussian_kl(mean, log_variance)


class DiagonalPrior(Prior):
    """A learned Gaussian prior r(z) = N(m, diag v) with independent dimensions.

    Trained with it, a code tends to independent dimensions: correlated ones cost a higher rate.

    dim: numbers per code.

    Example:
        >>> import torch
        >>> from infotok.bottleneck import DiagonalPrior
        >>> prior = DiagonalPrior(dim=2)
        >>> mean, log_variance = torch.tensor([[0.0, 0.0], [1.0, 2.0]]), torch.zeros(2, 2)
        >>> prior.rate(mean, log_variance).tolist()  # |mean|^2 / 2 at the start, since r = N(0, I)
        [0.0, 2.5]
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim = require_int("dim", dim)
        self.mean = nn.Parameter(torch.zeros(dim))
        self.log_variance = nn.Parameter(torch.zeros(dim))

    def _rate(self, mean: Tensor, log_variance: Tensor, generator: torch.Generator | None) -> Tensor:
        return gaussian_kl(mean, log_variance, self.mean, self.log_variance)


class FullPrior(Prior):
    """A learned Gaussian prior r(z) = N(m, V) with any covariance.

    Its parameter is the whitening W with V^-1 = W^T W, lower triangular with a positive diagonal, so no matrix is
    inverted:

        KL = 1/2 [ sum_j s2_j (W^T W)_jj + |W (mu - m)|^2 - dim - 2 sum log W_jj - sum log s2_j ]

    dim: numbers per code.

    Example:
        >>> import torch
        >>> from infotok.bottleneck import FullPrior
        >>> prior = FullPrior(dim=2)
        >>> mean, log_variance = torch.tensor([[0.0, 0.0], [1.0, 2.0]]), torch.zeros(2, 2)
        >>> prior.rate(mean, log_variance).tolist()  # as of N(0, I), until training learns the covariance
        [0.0, 2.5]
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
