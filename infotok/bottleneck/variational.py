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

from infotok.bottleneck.precision import call_in, wide_dtype
from infotok.bottleneck.priors import DiagonalPrior, FullPrior, MixturePrior, StandardPrior, reparametrise
from infotok.errors import (
    require_choice,
    require_finite,
    require_float,
    require_function,
    require_generator,
    require_int,
    require_rows,
)
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
    - beta: the rate weight. This is the VIB convention (beta multiplies the rate); the Lagrangian of
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
        self.dim_in, dim = require_int("dim_in", dim_in), require_int("dim", dim)
        self.beta, self.free_bits = (
            require_float("beta", beta, "[0, inf)"),
            require_float("free_bits", free_bits, "[0, inf)"),
        )
        self.warmup = require_int("warmup", warmup, 0)
        self.to_mean = nn.Linear(dim_in, dim)
        self.to_log_variance = nn.Linear(dim_in, dim)
        nn.init.zeros_(self.to_log_variance.weight)  # every input starts with the same noise, sigma = 1
        nn.init.zeros_(self.to_log_variance.bias)
        self.prior = _prior(prior, dim, components)
        self.register_buffer("passes", torch.zeros((), dtype=torch.long))

    def forward(self, features: Tensor, samples: int | None = None, generator: torch.Generator | None = None) -> Code:
        """Encode. Without `samples`: one reparametrised draw in training mode, the mean in eval mode.

        With `samples=n`, n draws in either mode, stacked in front: (n, ..., dim). Everything is computed in float32 at
        least, with autocast off; the sample has the type of the features. Raises TypeError or ValueError for features
        of another type or shape, without a row, or with NaN or infinity.
        """
        return self._encode(features, samples, generator)

    def _encode(
        self,
        features: Tensor,
        samples: int | None,
        generator: torch.Generator | None,
        *given: Tensor,
        shape: tuple[int | str, ...] = ("...",),
    ) -> Code:
        """`forward`, for features of shape (*shape, dim_in); `given`: what the rate is conditioned on."""
        require_rows("features", features, (*shape, self.dim_in), self.training)
        if generator is not None:
            require_generator("generator", generator)
        dtype = wide_dtype(features.dtype, self.to_mean.weight.dtype)
        with torch.autocast(features.device.type, enabled=False):
            features_in = features.to(dtype)
            mean = call_in(dtype, self.to_mean, features_in)
            log_variance = call_in(dtype, self.to_log_variance, features_in)
            if samples is None:
                sample = reparametrise(mean, log_variance, generator) if self.training else mean
            else:
                drawn = (require_int("samples", samples), *mean.shape)
                sample = reparametrise(mean.expand(drawn), log_variance.expand(drawn), generator)
            rate = self._rate(mean, log_variance, generator, *given)
        require_finite("rate", rate, self.training)
        loss = self.current_beta() * rate.mean().clamp(min=self.free_bits * math.log(2))
        if self.training and not recomputing():
            self.passes += 1
        return Code(sample.to(features.dtype), rate, loss, mean, log_variance)

    def _rate(self, mean: Tensor, log_variance: Tensor, generator: torch.Generator | None) -> Tensor:
        return self.prior.rate(mean, log_variance, generator)

    def current_beta(self) -> Tensor | float:
        """The price of a nat at this point of the warm-up."""
        if not self.warmup:
            return self.beta
        passes = self.passes - 1 if self.training and recomputing() else self.passes  # the first pass has counted
        return self.beta * (passes / self.warmup).clamp(max=1.0)


def _prior(prior: str | nn.Module, dim: int, components: int) -> nn.Module:
    if isinstance(prior, nn.Module):
        require_function("prior, rate", getattr(prior, "rate", None), "a method rate(mean, log_variance, generator)")
        return prior
    makers = {
        "standard": StandardPrior,
        "diagonal": lambda: DiagonalPrior(dim),
        "full": lambda: FullPrior(dim),
        "mixture": lambda: MixturePrior(dim, components),
    }
    require_choice("prior", prior, tuple(makers))
    return makers[prior]()
