"""The rate of InfoTok's tokens, I(X;Z) <= E KL(q(z|x) || r(z)) per image in nats: its priors r and its two forms.

- `make_prior`      the learned parameters of a prior that InfoTok knows by name
- `gaussian_rates`  KL of Gaussian tokens, token by token
- `code_log_prior`  log r(k) of tokens that are codes
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from infotok.bottleneck.conditional import ConditionalPrior, vectors
from infotok.bottleneck.padding import Padding
from infotok.bottleneck.priors import DiagonalPrior
from infotok.errors import require
from infotok.information.upper import gaussian_kl

__all__ = ["CodeTable", "CodeText", "code_log_prior", "gaussian_rates", "make_prior"]


class CodeTable(nn.Module):
    """r(k): one learned distribution over K codes."""

    def __init__(self, codes: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(codes))

    def forward(self, text: Tensor | None = None) -> Tensor:
        return self.logits.log_softmax(0)  # (K,)


class CodeText(nn.Module):
    """r(k|t): logits linear in the text, one table per token where the length is known. No text is t = 0."""

    def __init__(self, text_dim: int, codes: int, length: int | None) -> None:
        super().__init__()
        self.text_dim, self.codes = text_dim, codes
        self.head = nn.Linear(text_dim, codes * (length or 1))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, text: Tensor | None = None) -> Tensor:
        flat = (
            self.head.bias[None]
            if text is None
            else self.head(vectors(text, self.text_dim, "text", self.training).to(self.head.weight))
        )
        return flat.view(len(flat), -1, self.codes).log_softmax(-1)  # (B or 1, L or 1, K)


def make_prior(name: str, dim: int, codes: int | None, text_dim: int | None, length: int | None) -> nn.Module | None:
    """The prior "learned" or "text", on Gaussian tokens or on codes; None for "standard" and "host"."""
    if name == "learned":
        return CodeTable(codes) if codes else DiagonalPrior(dim)
    if name == "text":
        return CodeText(text_dim, codes, length) if codes else ConditionalPrior(text_dim, dim, length)
    return None


def gaussian_rates(
    name: str,
    prior: nn.Module | None,
    mean: Tensor,
    log_variance: Tensor,
    text: Tensor | None,
    host: Any,
    padding: Padding,
    generator: torch.Generator | None,
) -> Tensor:
    """KL(N(mean, exp log_variance) || r) of each real token; mean and log_variance as `padding.pack` gives them."""
    if name == "standard":  # gaussian_kl in half its time: this is the most expensive line of the step
        return 0.5 * (log_variance.exp() - log_variance + mean.square() - 1).sum(-1)
    if name == "host":
        dim = mean.shape[-1]
        pair = isinstance(host, tuple | list) and len(host) == 2 and all(part.shape[-1] == dim for part in host)
        got = "no such pair" if host is not None else None
        require(pair, "host", got, f'(mean, log_variance) that end in {dim} dimensions, for prior="host"')
        return gaussian_kl(mean, log_variance, *(padding.pack(part.to(mean.dtype)) for part in host))
    if name == "text":
        m, log_v = prior(text)
        if prior.length is None and text is not None:
            m, log_v = m[:, None], log_v[:, None]  # one Gaussian for every token of its image
        return gaussian_kl(mean, log_variance, padding.pack(m), padding.pack(log_v))
    return prior.rate(mean, log_variance, generator)


def code_log_prior(
    name: str, prior: nn.Module | None, codes: int, text: Tensor | None, host: Any, like: Tensor
) -> Tensor:
    """log r(k), which broadcasts against posteriors (B, L, K)."""
    if name == "host":
        fits = isinstance(host, Tensor) and host.shape[-1] == codes
        require(fits, "host", host, f'logits that end in {codes} codes, for prior="host"')
        return host.to(like.dtype).log_softmax(-1)
    if name == "standard":
        return torch.full_like(like[:1, :1], -math.log(codes))
    return prior(text)
