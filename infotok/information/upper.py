"""Upper bounds on mutual information, in nats.

- `gaussian_kl`   the rate of a Gaussian encoder: E_x KL(q(z|x) || r(z)) >= I(X;Z) for every r
"""

import torch
from torch import Tensor

from infotok.errors import require


def gaussian_kl(
    mean: Tensor, log_variance: Tensor, prior_mean: Tensor | float = 0.0, prior_log_variance: Tensor | float = 0.0
) -> Tensor:
    """KL(N(mu, diag s2) || N(m, diag v)), summed over the last dimension, in nats.

        KL = 1/2 sum_j [ (s2_j + (mu_j - m_j)^2) / v_j - 1 + log v_j - log s2_j ]

    mean and log_variance = log s2 are (..., D) and the result is (...); m and log v broadcast against them.
    Averaged over x it bounds I(X;Z) from above by KL(q(z) || r(z)), so it is tight when r is q's own marginal
    (Alemi et al. 2017, arXiv 1612.00410). Values are not checked for NaN here: this sits inside training loops.
    """
    require(mean.shape == log_variance.shape, "log_variance", log_variance, f"the shape of mean, {tuple(mean.shape)}")
    prior_log_variance = torch.as_tensor(prior_log_variance, dtype=mean.dtype, device=mean.device)
    log_ratio = log_variance - prior_log_variance
    shift = (mean - prior_mean).square() * torch.exp(-prior_log_variance)
    return 0.5 * (torch.expm1(log_ratio) - log_ratio + shift).sum(-1)  # expm1 keeps small KLs exact in float32
