"""Upper bounds on mutual information, in nats: the VIB rate, CLUB, leave-one-out, Barber-Agakov.

- `gaussian_kl`               the rate of a Gaussian encoder: E_x KL(q(z|x) || r(z)) >= I(X;Z) for every prior r
- `club`, `leave_one_out`     CLUB and L1Out, of one matrix scores[i, j] = log q(y_j | x_i), as in `bounds`
- `difference_of_entropies`   Barber-Agakov with two density models, no negatives: upper where q(y|x) = p(y|x)

The last three are upper bounds only for the true conditional. With a fitted q (`critics.GaussianConditional`) they are
estimates that may be too high or too low. Dimensions are summed, not averaged: information adds up over coordinates.
"""

import math

import torch
from torch import Tensor

from infotok.errors import require, require_float, require_tensor
from infotok.information.scores import checked_scores, off_diagonal

__all__ = ["club", "difference_of_entropies", "gaussian_kl", "leave_one_out"]


def gaussian_kl(
    mean: Tensor, log_variance: Tensor, prior_mean: Tensor | float = 0.0, prior_log_variance: Tensor | float = 0.0
) -> Tensor:
    """KL divergence of diagonal Gaussians KL(N(mu, s2) || N(m, v)), in nats, of shape (...).

        KL = 1/2 sum_j [ (s2_j + (mu_j - m_j)^2) / v_j - 1 + log v_j - log s2_j ]

    Averaged over x it exceeds I(X;Z) by KL(q(z) || r(z)), so it is tight when the prior r is q's own marginal. Values
    are not checked for NaN: this runs inside training loops.

    Args:
        mean: (..., D) mu of the encoder.
        log_variance: (..., D) log s2 of the encoder.
        prior_mean: m, a number or a tensor that broadcasts against `mean`.
        prior_log_variance: log v, likewise.

    Source: Alemi et al. 2017, arXiv 1612.00410.

    Example:
        >>> import torch
        >>> from infotok.information import gaussian_kl
        >>> mean, log_variance = torch.tensor([[0.0, 0.0], [1.0, 2.0]]), torch.zeros(2, 2)
        >>> gaussian_kl(mean, log_variance).tolist()  # sigma = 1: half the squared length of the mean
        [0.0, 2.5]
        >>> gaussian_kl(mean, log_variance, prior_mean=mean).tolist()
        [0.0, 0.0]
    """
    require_tensor("mean", mean, ("...", "D"))
    require_tensor("log_variance", log_variance, tuple(mean.shape))
    prior_mean, prior_log_variance = (
        _prior(name, value, mean)
        for name, value in (("prior_mean", prior_mean), ("prior_log_variance", prior_log_variance))
    )
    log_ratio = log_variance - prior_log_variance
    shift = (mean - prior_mean).square() * torch.exp(-prior_log_variance)
    return 0.5 * (torch.expm1(log_ratio) - log_ratio + shift).sum(-1)  # expm1 keeps small KLs exact in float32


def _prior(name: str, value: Tensor | float, mean: Tensor) -> Tensor:
    """A moment of the prior, which broadcasts against `mean`."""
    value = value if isinstance(value, Tensor) else mean.new_tensor(require_float(name, value))
    require_tensor(name, value)
    fits = value.ndim <= mean.ndim and all(
        a in (1, b) for a, b in zip(value.shape[::-1], mean.shape[::-1], strict=False)
    )
    require(fits, name, value, f"a shape that broadcasts against mean, {tuple(mean.shape)}")
    return value.to(mean)


def club(scores: Tensor) -> Tensor:
    """CLUB, the contrastive log-ratio upper bound E_p[log q(y|x)] - E_q[log q(y|x)], in nats.

    With the true conditional it exceeds I(X;Y) by KL(p(x)p(y) || p(x,y)), which grows fast with dependence: for d
    correlated Gaussian pairs that share I nats it is d (e^(2I/d) - 1). The negatives are the pairs off the diagonal, so
    it is unbiased; a mean over all B^2 pairs, as in some implementations, shrinks it by 1 - 1/B.

    scores: (B, B) log q(y_j | x_i), joint pairs on the diagonal.
    Source: Cheng et al. 2020, eq. 8.

    Example:
        >>> import torch
        >>> from infotok.information import club
        >>> x, noise = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
        >>> y = 0.8 * x + 0.6 * noise  # I(X;Y) = -log 0.6 = 0.51 nats
        >>> scores = -((y - 0.8 * x[:, None]) ** 2) / 0.72  # log p(y_j | x_i) up to a constant
        >>> round(club(scores).item(), 2)  # the bound is e^(2 x 0.51) - 1 = 1.78: far above 0.51
        1.89
    """
    scores = checked_scores(scores)
    return scores.diagonal().mean() - off_diagonal(scores).mean()


def leave_one_out(scores: Tensor) -> Tensor:
    """Leave-one-out upper bound (L1Out), in nats: the batch's other conditionals serve as the marginal of y.

        (1/B) sum_i log [ q(y_i | x_i) / (1/(B-1)) sum_{j != i} q(y_i | x_j) ]

    In expectation it is at least I(X;Y) for the true conditional, and approaches it as B grows beyond e^I.

    scores: (B, B) log q(y_j | x_i), joint pairs on the diagonal.
    Source: Poole et al. 2019, eq. 5.

    Example:
        >>> import torch
        >>> from infotok.information import leave_one_out
        >>> x, noise = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
        >>> y = 0.8 * x + 0.6 * noise  # I(X;Y) = -log 0.6 = 0.51 nats
        >>> scores = -((y - 0.8 * x[:, None]) ** 2) / 0.72  # log p(y_j | x_i) up to a constant
        >>> round(leave_one_out(scores).item(), 2)
        0.52
    """
    scores = checked_scores(scores)
    marginal = off_diagonal(scores.T).logsumexp(1) - math.log(len(scores) - 1)  # (B,): log q(y_i) without x_i
    return (scores.diagonal() - marginal).mean()


def difference_of_entropies(log_marginal: Tensor, log_conditional: Tensor) -> Tensor:
    """Difference of cross-entropies E_p[log q(y|x)] - E_p[log q(y)], in nats.

    Each cross-entropy is an upper bound of its entropy. So with the true q(y|x) the difference is an upper bound of
    I(X;Y), and with the true q(y) a lower one, the Barber-Agakov bound. With both fitted it is neither, but it has no
    ceiling at log B.

    Args:
        log_marginal: (B,) log q(y_i) of the joint sample.
        log_conditional: (B,) log q(y_i | x_i).

    Source: Barber & Agakov 2003; McAllester & Stratos 2020.

    Example:
        >>> import torch
        >>> from torch.distributions import Normal
        >>> from infotok.information import difference_of_entropies
        >>> x, noise = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
        >>> y = 0.8 * x + 0.6 * noise  # I(X;Y) = 0.51 nats
        >>> round(difference_of_entropies(Normal(0.0, 1.0).log_prob(y), Normal(0.8 * x, 0.6).log_prob(y)).item(), 2)
        0.52
    """
    require_tensor("log_marginal", log_marginal, ("B",))
    require(len(log_marginal) > 0, "log_marginal", log_marginal, "one density or more")
    require_tensor("log_conditional", log_conditional, tuple(log_marginal.shape))
    result = (log_conditional - log_marginal).mean()
    require(result.detach().isfinite(), "log densities, mean difference", result.item(), "finite values, no NaN or inf")
    return result
