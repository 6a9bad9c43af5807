"""Discrete latents: a token is one of K codes, and its rate is a sum instead of an integral.

    q(k|x) ∝ exp(-|z - e_k|^2 / temperature)          rate = KL(q(k|x) || r(k)) = sum_k q(k|x) log q(k|x) / r(k)

E rate >= I(X;K), with equality where r is the aggregate q(k) = E_x q(k|x). A soft posterior is what lets a rate be
differentiated: as the temperature falls it hardens into the nearest code, whose information is its entropy, H(K).

- `code_log_posterior`   log q(k|x) of vectors z and a codebook
- `code_rate`            the rate against any r, in nats
- `code_information`     I(X;K) itself for X uniform over the batch
- `DiscreteBottleneck`   codebook, posterior, draw and price in one layer

Soft assignments as in Agustsson et al. 2017 (arXiv 1704.00648); the prior's role as in van den Oord et al. 2017.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.bottleneck.precision import wide_dtype
from infotok.errors import (
    require,
    require_choice,
    require_finite,
    require_float,
    require_generator,
    require_int,
    require_rows,
    require_tensor,
)
from infotok.noise import rand

__all__ = ["CodeDraw", "DiscreteBottleneck", "code_information", "code_log_posterior", "code_rate"]


def code_log_posterior(z: Tensor, codebook: Tensor, temperature: float | Tensor = 1.0) -> Tensor:
    """log q(k|x) = log softmax_k(-|z - e_k|^2 / temperature): z (..., D), codebook (K, D) -> (..., K)."""
    require_rows("z", z, ("...", "D"))
    require_rows("codebook", codebook, ("K", z.shape[-1]))
    if isinstance(temperature, Tensor):
        require_tensor("temperature", temperature, (), values="(0, inf)")
    else:
        require_float("temperature", temperature, "(0, inf)")
    log_q = _log_posterior(z, codebook, temperature)
    require_finite("log q(k|x)", log_q)
    return log_q


def _log_posterior(z: Tensor, codebook: Tensor, temperature: float | Tensor) -> Tensor:
    dtype = wide_dtype(z.dtype, codebook.dtype)
    z, codebook = z.to(dtype), codebook.to(dtype)
    closeness = 2 * z @ codebook.T - codebook.square().sum(1)  # -|z - e|^2 + |z|^2, which the softmax forgets
    return torch.log_softmax(closeness / temperature, dim=-1)


def code_rate(log_posterior: Tensor, log_prior: Tensor) -> Tensor:
    """KL(q(k|x) || r(k)) over the last dimension, in nats: (..., K) and what broadcasts against it -> (...)."""
    require_rows("log_posterior", log_posterior, ("...", "K"))
    require_rows("log_prior", log_prior, ("...", log_posterior.shape[-1]))
    pairs = zip(log_prior.shape[::-1], log_posterior.shape[::-1], strict=False)
    fits = all(a == b or 1 in (a, b) for a, b in pairs)
    require(fits, "log_prior", log_prior, f"a shape that broadcasts against {tuple(log_posterior.shape)}")
    rate = unchecked_code_rate(log_posterior, log_prior)
    require_finite("rate", rate)
    return rate


def unchecked_code_rate(log_posterior: Tensor, log_prior: Tensor) -> Tensor:
    """`code_rate` inside training steps, where no device is to be asked for values."""
    return (log_posterior.exp() * (log_posterior - log_prior)).sum(-1)


def code_information(log_posterior: Tensor) -> Tensor:
    """I(X;K) = H(K) - H(K|X) in nats, X uniform over all but the last dimension: (..., K) -> scalar.

    It is the smallest rate that any fixed prior can have. On a batch of N it is at most log N.
    """
    require_rows("log_posterior", log_posterior, ("...", "K"))
    rows = log_posterior.reshape(-1, log_posterior.shape[-1])
    aggregate = torch.logsumexp(rows, 0) - math.log(len(rows))
    return unchecked_code_rate(rows, aggregate).mean()


@dataclass(frozen=True)
class CodeDraw:
    """What one pass through `DiscreteBottleneck` gives. Rates in nats."""

    sample: Tensor  # the drawn code's vector, gradients through the expected one, (..., dim)
    codes: Tensor  # which code, (...)
    rate: Tensor  # KL(q(k|x) || r(k)), (...)
    loss: Tensor  # scalar: beta times the charged rate
    log_posterior: Tensor  # log q(k|x), (..., K)


class DiscreteBottleneck(nn.Module):
    """features (..., dim) -> one of `codes` vectors, drawn from q(k|x) in training and the nearest one in eval mode.

    prior "uniform" (the rate is log K - H(K|x)) or "learned"; beta is the rate weight; free_bits are bits per code
    that cost nothing on average. The codebook starts as N(0, 1): give it features of unit scale.
    """

    def __init__(
        self,
        dim: int,
        codes: int,
        *,
        prior: str = "learned",
        temperature: float = 1.0,
        beta: float = 1e-2,
        free_bits: float = 0.0,
    ) -> None:
        super().__init__()
        self.dim, codes = require_int("dim", dim), require_int("codes", codes)
        self.temperature, self.beta = (
            require_float("temperature", temperature, "(0, inf)"),
            require_float("beta", beta, "[0, inf)"),
        )
        self.free_bits = require_float("free_bits", free_bits, "[0, inf)")
        require_choice("prior", prior, ("uniform", "learned"))
        self.codebook = nn.Parameter(torch.randn(codes, self.dim))
        logits = torch.zeros(codes)
        self.prior_logits = nn.Parameter(logits) if prior == "learned" else nn.Buffer(logits)

    def forward(self, features: Tensor, generator: torch.Generator | None = None) -> CodeDraw:
        """Encode; see `CodeDraw`. In float32 at least, with autocast off; the sample has the type of the features.

        Raises TypeError or ValueError for features of another type or shape, without a row, or with NaN or infinity.
        """
        require_rows("features", features, ("...", self.dim), self.training)
        if generator is not None:
            require_generator("generator", generator)
        with torch.autocast(features.device.type, enabled=False):
            log_q = _log_posterior(features, self.codebook, self.temperature)  # (..., K)
            codebook = self.codebook.to(log_q.dtype)
            codes = _draw(log_q, generator) if self.training else log_q.argmax(-1)
            expected = log_q.exp() @ codebook
            sample = expected + (F.embedding(codes, codebook) - expected).detach()
            rate = unchecked_code_rate(log_q, self.prior_logits.to(log_q.dtype).log_softmax(0))
        require_finite("rate", rate, self.training)
        loss = self.beta * rate.mean().clamp(min=self.free_bits * math.log(2))
        return CodeDraw(sample.to(features.dtype), codes, rate, loss, log_q)


def _draw(log_q: Tensor, generator: torch.Generator | None) -> Tensor:
    """k ~ q by the Gumbel-max trick: argmax of log q plus Gumbel noise."""
    uniform = rand(log_q.shape, generator, log_q.device)  # float32: the same in any precision
    noise = -torch.log(-torch.log(uniform.clamp(1e-7, 1 - 1e-7)))
    return (log_q.detach() + noise).argmax(-1)
