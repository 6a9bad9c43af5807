"""The variational information bottleneck: a noisy code whose every nat is paid for.

    q(z|x) = N(mu(x), diag sigma^2(x)),   rate = KL(q(z|x) || r(z)),   E rate >= I(X;Z)

Train a task on `code.sample` and add `code.loss`; the sum minimises I(X;Z) - (1/beta) I(Z;Y) up to the two variational
gaps (Alemi, Fischer, Dillon & Murphy 2017, arXiv 1612.00410):

    code = bottleneck(encoder(images))
    loss = cross_entropy(head(code.sample), labels) + code.loss
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from infotok.bottleneck.priors import DiagonalPrior, FullPrior, MixturePrior, StandardPrior, reparametrise
from infotok.errors import require
from infotok.modes import recomputing

__all__ = ["Code", "VariationalBottleneck"]


@dataclass(frozen=True)
class Code:
    """What one pass through the bottleneck gives. Rates in nats."""

    sample: Tensor  # z (..., dim), or (samples, ..., dim)
    rate: Tensor  # KL(q(z|x) || r(z)) of each input, (...)
    loss: Tensor  # scalar: beta times the charged rate, to add to the task's loss
    mean: Tensor  # (..., dim)
    log_variance: Tensor  # log sigma^2, (..., dim)


class VariationalBottleneck(nn.Module):
    """features (..., dim_in) -> a Gaussian code (..., dim), its rate in nats, and the price to add to a task's loss.

    - prior: "standard" N(0, I), "diagonal" or "full" learned Gaussians, "mixture" of `components` learned Gaussians,
      or a module of your own with `rate(mean, log_variance, generator)` (see `infotok.bottleneck.priors`);
    - beta: the price of a nat. This is the VIB convention (beta multiplies the rate); the Lagrangian of
      `gaussian_ib`, I(T;X) - beta I(T;Y), is the same trade-off at 1/beta;
    - free_bits: bits per code, on average over the batch, that cost nothing; against a code that dies before the task
      has found a use for it (Kingma et al. 2016, arXiv 1606.04934, with one group). `rate` itself stays the honest one;
    - warmup: beta rises linearly from 0 over this many training passes (Bowman et al. 2016, arXiv 1511.06349).
    """

    def __init__(
        self,
        dim_in: int,
        dim: int,
        *,
        prior: str | nn.Module = "standard",
        components: int = 10,
        beta: float = 1e-3,
        free_bits: float = 0.0,
        warmup: int = 0,
    ) -> None:
        super().__init__()
        for name, size in (("dim_in", dim_in), ("dim", dim)):
            require(isinstance(size, int) and size >= 1, name, size, "a whole number, 1 or above")
        require(math.isfinite(beta) and beta >= 0, "beta", beta, "a finite number, 0 or above")
        require(math.isfinite(free_bits) and free_bits >= 0, "free_bits", free_bits, "a finite number, 0 or above")
        require(isinstance(warmup, int) and warmup >= 0, "warmup", warmup, "a whole number of training passes")
        self.dim_in, self.beta, self.free_bits, self.warmup = dim_in, beta, free_bits, warmup
        self.to_mean = nn.Linear(dim_in, dim)
        self.to_log_variance = nn.Linear(dim_in, dim)
        nn.init.zeros_(self.to_log_variance.weight)  # every input starts with the same noise, sigma = 1
        nn.init.zeros_(self.to_log_variance.bias)
        self.prior = _prior(prior, dim, components)
        self.register_buffer("passes", torch.zeros((), dtype=torch.long))

    def forward(self, features: Tensor, samples: int | None = None, generator: torch.Generator | None = None) -> Code:
        """Encode. Without `samples`: one reparametrised draw in training mode, the mean in eval mode.

        With `samples=n`, n draws in either mode, stacked in front: (n, ..., dim).
        """
        require(features.shape[-1] == self.dim_in, "features", features, f"a last dimension of {self.dim_in}")
        mean, log_variance = self.to_mean(features), self.to_log_variance(features)
        if samples is None:
            sample = reparametrise(mean, log_variance, generator) if self.training else mean
        else:
            require(isinstance(samples, int) and samples >= 1, "samples", samples, "a whole number, 1 or above")
            shape = (samples, *mean.shape)
            sample = reparametrise(mean.expand(shape), log_variance.expand(shape), generator)
        rate = self.prior.rate(mean, log_variance, generator)
        charged = rate.mean().clamp(min=self.free_bits * math.log(2))
        loss = self.current_beta() * charged
        if self.training and not recomputing():
            self.passes += 1
        return Code(sample, rate, loss, mean, log_variance)

    def current_beta(self) -> Tensor | float:
        """The price of a nat at this point of the warm-up."""
        if not self.warmup:
            return self.beta
        passes = self.passes - 1 if self.training and recomputing() else self.passes  # the first pass has counted
        return self.beta * (passes / self.warmup).clamp(max=1.0)


def _prior(prior: str | nn.Module, dim: int, components: int) -> nn.Module:
    if isinstance(prior, nn.Module):
        return prior
    makers = {
        "standard": StandardPrior,
        "diagonal": lambda: DiagonalPrior(dim),
        "full": lambda: FullPrior(dim),
        "mixture": lambda: MixturePrior(dim, components),
    }
    require(prior in makers, "prior", prior, f"one of {', '.join(makers)}, or a module")
    return makers[prior]()
