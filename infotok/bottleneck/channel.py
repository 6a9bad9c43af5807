"""The channel from features to tokens: an adapter's residual MLP, and the Gaussian noise of a variational rate.

- `TokenChannel`   the module with both, as the options say
- `NoisyTokens`    tokens of one batch, with the mean and log-variance that they were drawn from
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from infotok.bottleneck.options import Options
from infotok.bottleneck.padding import Padding
from infotok.bottleneck.priors import reparametrise
from infotok.modes import steps_before

__all__ = ["NoisyTokens", "TokenChannel"]


@dataclass(frozen=True)
class NoisyTokens:
    """Real tokens of one batch, (N, dim) or (B, L, dim) as `Padding.pack` gives them.

    z: the tokens: a draw from N(mean, diag exp log_variance) in training, else the mean.
    mean: their means.
    log_variance: their log-variances; None where tokens have no noise.
    """

    z: Tensor
    mean: Tensor
    log_variance: Tensor | None


class TokenChannel(nn.Module):
    """The channel of `InfoTok`: features (B, L, dim) -> tokens (B, L, dim), and the count of training steps.

    options: of InfoTok: the placement, the noise and the schedules.
    """

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.options, self.dim, self.placement = options, options.dim, options.placement
        if options.placement == "adapter":
            self.adapter = _adapter(options.dim)
        if options.noisy and not options.fixed_noise:
            self.to_log_variance = _noise_head(options.dim, options.noise)
        self.register_buffer("passes", torch.zeros((), dtype=torch.long))  # training steps, by its name in checkpoints

    def transmit(self, mean: Tensor, generator: torch.Generator | None) -> NoisyTokens:
        """The tokens of packed features `mean`: through the adapter, and in training with noise.

        mean: (N, dim) or (B, L, dim), as `Padding.pack` gives them.
        generator: of the noise; None for torch's own.
        """
        if self.placement == "adapter":
            mean = mean + self.adapter(mean)
        if not self.options.noisy:
            return NoisyTokens(mean, mean, None)
        log_variance = self.log_variance(mean)
        z = reparametrise(mean, log_variance, generator) if self.training else mean
        return NoisyTokens(z, mean, log_variance)

    def log_variance(self, mean: Tensor) -> Tensor:
        """log sigma^2 of the noise on tokens of these means, in their shape.

        mean: (N, dim) or (B, L, dim).
        """
        if self.options.fixed_noise:
            return torch.full_like(mean, 2 * math.log(self.options.noise))
        return self.to_log_variance(mean)

    def returned(self, features: Tensor, z: Tensor, padding: Padding) -> Tensor:
        """The tokens (B, L, dim) that are returned for features and packed tokens z of one dtype.

        features: (B, L, dim), of the encoder.
        z: (N, dim) or (B, L, dim), the tokens that `transmit` gave.
        padding: which tokens are real.
        """
        if self.placement == "after":
            return features
        if self.placement == "adapter" and self.options.blend:
            features = padding.pack(features)
            z = features + self.progress(self.options.blend).to(features.dtype) * (z - features)
        return padding.unpack(z)

    def progress(self, steps: int) -> Tensor:
        """The share, from 0 to 1, of a schedule over the first `steps` training steps."""
        return (steps_before(self) / steps).clamp(max=1.0)

    def extra_repr(self) -> str:
        options = self.options
        shown = {"estimator": options.estimator, "prior": options.prior_name, "placement": self.placement}
        shown |= {name: value for name, value in options.weights.items() if value}
        return ", ".join([str(self.dim), *(f"{name}={value!r}" for name, value in shown.items())])


def _adapter(dim: int) -> nn.Sequential:
    """A residual MLP whose last layer starts at 0, so that features + adapter(features) = features."""
    adapter = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
    nn.init.zeros_(adapter[-1].weight)
    nn.init.zeros_(adapter[-1].bias)
    return adapter


def _noise_head(dim: int, noise: float) -> nn.Linear:
    """The layer that predicts log sigma^2 of each of `dim` numbers; at the start sigma is `noise` for all."""
    head = nn.Linear(dim, dim)
    nn.init.zeros_(head.weight)
    nn.init.constant_(head.bias, 2 * math.log(noise))
    return head
