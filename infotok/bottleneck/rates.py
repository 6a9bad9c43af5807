"""The rate of visual tokens, I(X;Z) <= E KL(q(z|x) || r(z)), in nats: one function for each kind of token and prior.

- `gaussian_rate`   of Gaussian tokens z ~ N(mean, diag exp log_variance)
- `given_rate`      of Gaussian tokens whose mean and log-variance a call passes
- `code_rate`       of tokens that are codes, k ~ q(k|x)
- `make_prior`      the learned parameters of a prior that InfoTok knows by name

Each rate is a function (prior, tokens, batch) -> nats of each real token, as `Padding.pack` orders them. The paper has
I(X;Z) with a variational estimator; the choice of priors is ours.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from infotok.bottleneck.channel import NoisyTokens
from infotok.bottleneck.inputs import Batch
from infotok.bottleneck.options import Options
from infotok.bottleneck.priors import CodePrior, ConditionalCodePrior, ConditionalPrior, DiagonalPrior
from infotok.errors import require
from infotok.information.upper import gaussian_kl

__all__ = ["Rate", "code_rate", "gaussian_rate", "given_rate", "make_prior"]

Rate = Callable[[nn.Module | None, NoisyTokens, Batch], Tensor]


def make_prior(options: Options) -> nn.Module | None:
    """The parameters of the prior: a module of the user's own, or that of "learned" or "text"; None without any."""
    if options.estimator == "hsic" or not options.weights["compression"]:
        return None
    if isinstance(options.prior, nn.Module):
        return options.prior
    dim, codes, text_dim, length = options.dim, options.codes, options.widths["text"], options.length
    if options.prior == "learned":
        return CodePrior(codes) if codes else DiagonalPrior(dim)
    if options.prior == "text":
        return ConditionalCodePrior(text_dim, codes, length) if codes else ConditionalPrior(text_dim, dim, length)
    return None


# --- Gaussian tokens -------------------------------------------------------------------------------------------------


def gaussian_rate(prior: str) -> Rate:
    """The function KL(N(mean, diag exp log_variance) || r) for the prior of this name."""
    own = {"standard": _standard_rate, "text": _text_rate, "host": _host_rate}
    return own.get(prior, _module_rate)


def _standard_rate(prior: None, tokens: NoisyTokens, batch: Batch) -> Tensor:
    mean, log_variance = tokens.mean, tokens.log_variance  # in half the time of gaussian_kl: most of the step's cost
    return 0.5 * (log_variance.exp() - log_variance + mean.square() - 1).sum(-1)


def _module_rate(prior: nn.Module, tokens: NoisyTokens, batch: Batch) -> Tensor:
    return prior.rate(tokens.mean, tokens.log_variance, batch.generator)


def _text_rate(prior: ConditionalPrior, tokens: NoisyTokens, batch: Batch) -> Tensor:
    m, log_v = prior(batch.condition)
    if prior.length is None and batch.condition is not None:
        m, log_v = m[:, None], log_v[:, None]  # one Gaussian for every token of its image
    return gaussian_kl(tokens.mean, tokens.log_variance, batch.padding.pack(m), batch.padding.pack(log_v))


def _host_rate(prior: None, tokens: NoisyTokens, batch: Batch) -> Tensor:
    host, dim = batch.host, tokens.mean.shape[-1]
    pair = isinstance(host, tuple | list) and len(host) == 2 and all(part.shape[-1] == dim for part in host)
    got = "no such pair" if host is not None else None
    require(pair, "host", got, f'(mean, log_variance) that end in {dim} dimensions, for prior="host"')
    for name, part in zip(("host, mean", "host, log_variance"), host, strict=True):
        _check_broadcast(name, part, (batch.padding.size, batch.padding.length, dim))
    r = (batch.padding.pack(part.to(tokens.mean.dtype)) for part in host)
    return gaussian_kl(tokens.mean, tokens.log_variance, *r)


def given_rate(prior: str, fixed_noise: bool) -> Rate:
    """The rate of tokens that are Gaussian behind InfoTok; with `fixed_noise` it has no gradient to their noise."""
    return partial(_given_rate, gaussian_rate(prior), fixed_noise)  # not a closure, which pickle refuses


def _given_rate(own: Rate, fixed_noise: bool, prior: nn.Module | None, tokens: NoisyTokens, batch: Batch) -> Tensor:
    mean, log_variance = (batch.padding.pack(part.to(tokens.z.dtype)) for part in batch.posterior)
    log_variance = log_variance.detach() if fixed_noise else log_variance
    return own(prior, NoisyTokens(tokens.z, mean, log_variance), batch)


# --- codes -----------------------------------------------------------------------------------------------------------


def code_rate(prior: str, codes: int) -> Rate:
    """The function KL(q(k|x) || r(k)) over `codes` codes, for the prior of this name.

    E KL(q(k|x) || r(k)) >= I(X;K), with equality where r is the aggregate q(k) = E_x q(k|x).
    """
    log_prior = {"standard": _uniform, "learned": _learned, "text": _text, "host": _host}[prior]
    return partial(_code_rate, log_prior, codes)


def _code_rate(log_prior: Callable, codes: int, prior: nn.Module | None, tokens: NoisyTokens, batch: Batch) -> Tensor:
    posterior = batch.posterior if batch.posterior.dtype == torch.float64 else batch.posterior.float()
    log_q = batch.padding.pack(posterior).log_softmax(-1)
    log_r = batch.padding.pack(log_prior(prior, codes, posterior, batch))
    return (log_q.exp() * (log_q - log_r)).sum(-1)


def _uniform(prior: None, codes: int, posterior: Tensor, batch: Batch) -> Tensor:
    return torch.full_like(posterior[:1, :1], -math.log(codes))


def _learned(prior: CodePrior, codes: int, posterior: Tensor, batch: Batch) -> Tensor:
    return prior()


def _text(prior: ConditionalCodePrior, codes: int, posterior: Tensor, batch: Batch) -> Tensor:
    return prior(batch.condition)


def _host(prior: None, codes: int, posterior: Tensor, batch: Batch) -> Tensor:
    fits = isinstance(batch.host, Tensor) and batch.host.shape[-1] == codes
    require(fits, "host", batch.host, f'logits that end in {codes} codes, for prior="host"')
    _check_broadcast("host", batch.host, (batch.padding.size, batch.padding.length, codes))
    return batch.host.to(posterior.dtype).log_softmax(-1)


def _check_broadcast(name: str, value: Tensor, shape: tuple[int, int, int]) -> None:
    ends = zip(value.shape[::-1], shape[::-1], strict=False)
    fits = value.ndim <= 3 and all(size in (1, whole) for size, whole in ends)
    require(fits, name, value, f"a shape that broadcasts against {shape}")
