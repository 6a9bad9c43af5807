"""Upper bounds on mutual information, in nats.

- `gaussian_kl`               the rate of a Gaussian encoder: E_x KL(q(z|x) || r(z)) >= I(X;Z) for every r
- `club`, `leave_one_out`     on one matrix scores[i, j] = log q(y_j | x_i), joint pairs on the diagonal, as in `bounds`
- `difference_of_entropies`   two density models, no negatives: an upper bound where q(y|x) = p(y|x)

The last three are upper bounds only for the true conditional; with a fitted q (`critics.GaussianConditional`) they are
estimates that may fall on either side. Sums over dimensions, never means: information adds up over coordinates.
"""

import math

import torch
from torch import Tensor

from infotok.errors import require, require_float, require_tensor
from infotok.information.bounds import checked_scores, off_diagonal

__all__ = ["club", "difference_of_entropies", "gaussian_kl", "leave_one_out"]


def gaussian_kl(
    mean: Tensor, log_variance: Tensor, prior_mean: Tensor | float = 0.0, prior_log_variance: Tensor | float = 0.0
) -> Tensor:
    """KL(N(mu, diag s2) || N(m, diag v)), summed over the last dimension, in nats.

        KL = 1/2 sum_j [ (s2_j + (mu_j - m_j)^2) / v_j - 1 + log v_j - log s2_j ]

    mean and log_variance = log s2 are (..., D) and the result is (...); m and log v broadcast against them.
    Averaged over x it bounds I(X;Z) from above by KL(q(z) || r(z)), so it is tight when r is q's own marginal
    (Alemi et al. 2017, arXiv 1612.00410). Values are not checked for NaN here: this sits inside training loops.
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
    value = value if isinstance(value, Tensor) else torch.tensor(require_float(name, value))
    require_tensor(name, value)
    fits = value.ndim <= mean.ndim and all(
        a in (1, b) for a, b in zip(value.shape[::-1], mean.shape[::-1], strict=False)
    )
    require(fits, name, value, f"a shape that broadcasts against mean, {tuple(mean.shape)}")
    return value.to(mean)


def club(scores: Tensor) -> Tensor:
    """E_p[log q(y|x)] - E_q[log q(y|x)], scores[i, j] = log q(y_j | x_i): the contrastive log-ratio upper bound.

    With the true conditional it exceeds I(X;Y) by KL(p(x)p(y) || p(x,y)), which explodes with dependence: d correlated
    Gaussian pairs sharing I nats read d (e^(2I/d) - 1). The negatives are the pairs off the diagonal, so the
    average is unbiased; sums over all B^2 pairs, as sometimes coded, shrink it by 1 - 1/B. Cheng et al. 2020, eq. 8.
    """
    scores = checked_scores(scores)
    return scores.diagonal().mean() - off_diagonal(scores).mean()


def leave_one_out(scores: Tensor) -> Tensor:
    """(1/B) sum_i log [ q(y_i | x_i) / (1/(B-1)) sum_{j != i} q(y_i | x_j) ], scores[i, j] = log q(y_j | x_i).

    The batch's other conditionals serve as the marginal of y, so in expectation it is at least I(X;Y) for the
    true conditional, and it comes down to it as B grows beyond e^I. Poole et al. 2019, eq. 5 ("L1Out").
    """
    scores = checked_scores(scores)
    marginal = off_diagonal(scores.T).logsumexp(1) - math.log(len(scores) - 1)  # (B,): log q(y_i) without x_i
    return (scores.diagonal() - marginal).mean()


def difference_of_entropies(log_marginal: Tensor, log_conditional: Tensor) -> Tensor:
    """E_p[log q(y|x)] - E_p[log q(y)]: the cross-entropy of a model of y minus that of a model of y given x.

    Both are (B,), log densities of the joint sample. Each cross-entropy bounds its entropy from above, so a true
    q(y|x) makes it an upper bound and a true q(y) a lower one (Barber & Agakov 2003); with both fitted it is neither,
    but it has no log B ceiling (McAllester & Stratos 2020).
    """
    require_tensor("log_marginal", log_marginal, ("B",))
    require(len(log_marginal) > 0, "log_marginal", log_marginal, "one density or more")
    require_tensor("log_conditional", log_conditional, tuple(log_marginal.shape))
    result = (log_conditional - log_marginal).mean()
    require(result.detach().isfinite(), "log densities, mean difference", result.item(), "finite values, no NaN or inf")
    return result
