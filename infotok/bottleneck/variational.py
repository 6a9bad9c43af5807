"""The variational information bottleneck: a stochastic layer with a rate in nats (Alemi et al. 2017, arXiv 1612.00410).

    q(z|x) = N(mu(x), diag sigma^2(x)),   rate = KL(q(z|x) || r(z)),   E rate >= I(X;Z)

Train a task on `code.sample` and add `code.loss`; the sum minimises I(X;Z) - (1/beta) I(Z;Y) up to two variational
gaps:

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
from infotok.modes import ends_step, recomputing, steps_before

__all__ = ["Code", "VariationalBottleneck"]


@dataclass(frozen=True)
class Code:
    """The output of a `VariationalBottleneck`.

    sample: (..., dim) codes z, or (samples, ..., dim).
    rate: (...) KL(q(z|x) || r(z)) of each input, in nats.
    loss: beta times the mean rate, or times the free bits where it is below them; a scalar to add to the task's loss.
    mean: (..., dim) means of q(z|x).
    log_variance: (..., dim) log sigma^2 of q(z|x).

    Example:
        >>> import torch
        >>> from infotok.bottleneck import VariationalBottleneck
        >>> bottleneck = VariationalBottleneck(dim_in=8, dim=2, beta=0.1).eval()
        >>> code = bottleneck(torch.randn(5, 8))
        >>> code.sample.shape, code.rate.shape, torch.isclose(code.loss, 0.1 * code.rate.mean()).item()
        (torch.Size([5, 2]), torch.Size([5]), True)
    """

    sample: Tensor
    rate: Tensor
    loss: Tensor
    mean: Tensor
    log_variance: Tensor


class VariationalBottleneck(nn.Module):
    """A stochastic layer: features (..., dim_in) -> a Gaussian code (..., dim) and its rate in nats.

    dim_in: numbers per feature vector.
    dim: numbers per code.
    prior: r(z): "standard" N(0, I), "diagonal" or "full" learned Gaussians, "mixture" of learned Gaussians, or a module
        with `rate(mean, log_variance, generator)`, see `infotok.bottleneck.priors`.
    components: number of Gaussians of the mixture.
    beta: the rate weight, as in the VIB: it multiplies the rate. The Lagrangian of `gaussian_ib`, I(T;X) - beta I(T;Y),
        is the same trade-off at 1/beta.
    free_bits: bits per code, on average over the batch, without a penalty. They keep a code from collapsing before the
        task uses it (Kingma et al. 2016, arXiv 1606.04934, with one group). `rate` does not change.
    warmup: training steps over which beta rises linearly from 0 (Bowman et al. 2016, arXiv 1511.06349).

    Raises TypeError or ValueError for an argument out of its range.

    Example:
        >>> import torch
        >>> from infotok.bottleneck import VariationalBottleneck
        >>> bottleneck = VariationalBottleneck(dim_in=8, dim=2, prior="diagonal", beta=1e-3)
        >>> code = bottleneck(torch.randn(5, 8), generator=torch.Generator().manual_seed(0))
        >>> code.sample.shape, code.rate.shape  # one rate in nats for each input
        (torch.Size([5, 2]), torch.Size([5]))
        >>> code.loss.backward()  # add the loss of a task on code.sample to it
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
        self.register_buffer("passes", torch.zeros((), dtype=torch.long))  # training steps, by its name in checkpoints

    def forward(self, features: Tensor, samples: int | None = None, generator: torch.Generator | None = None) -> Code:
        """The code of `features`, computed in float32 at least with autocast off; samples have the features' type.

        features: (..., dim_in).
        samples: number of draws in either mode, stacked in front: (samples, ..., dim). None: one draw in training mode,
            the mean in eval mode.
        generator: of the draws; None: torch's global one.

        Raises TypeError or ValueError for features of another type or shape, without a row, or with NaN or infinity.
        """
        require_rows("features", features, ("...", self.dim_in), self.training)
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
            rate = self.prior.rate(mean, log_variance, generator)
        require_finite("rate", rate, self.training)
        loss = self.current_beta() * rate.mean().clamp(min=self.free_bits * math.log(2))
        if self.training and ends_step() and not recomputing():
            self.passes += 1
        return Code(sample.to(features.dtype), rate, loss, mean, log_variance)

    def current_beta(self) -> Tensor | float:
        """The rate weight at this step of the warm-up."""
        if not self.warmup:
            return self.beta
        return self.beta * (steps_before(self) / self.warmup).clamp(max=1.0)


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
