"""Priors r(z), the reference distributions of a variational rate.

    rate(x) = KL(q(z|x) || r(z)),   E_x rate = I(X;Z) + KL(q(z) || r(z)) >= I(X;Z)

The closer r comes to the aggregate posterior q(z) = E_x q(z|x), the tighter the bound (Alemi et al. 2017, arXiv
1612.00410). With q(z|x) = N(mu, diag s2), each of the first four has `rate(mean, log_variance, generator=None)`.

- `gaussian`      `StandardPrior` N(0, I), `DiagonalPrior` N(m, diag v), `FullPrior` N(m, V)
- `mixture`       `MixturePrior` sum_k w_k N(m_k, diag v_k)
- `conditional`   `ConditionalPrior` N(m(y), diag v(y)), conditioned on a label or a vector
- `codes`         `CodePrior` r(k) and `ConditionalCodePrior` r(k|y), of tokens that are codes
"""

from infotok.bottleneck.priors.codes import CodePrior, ConditionalCodePrior
from infotok.bottleneck.priors.conditional import ConditionalPrior
from infotok.bottleneck.priors.gaussian import DiagonalPrior, FullPrior, Prior, StandardPrior, moments, reparametrise
from infotok.bottleneck.priors.mixture import MixturePrior

__all__ = [
    "CodePrior",
    "ConditionalCodePrior",
    "ConditionalPrior",
    "DiagonalPrior",
    "FullPrior",
    "MixturePrior",
    "Prior",
    "StandardPrior",
    "moments",
    "reparametrise",
]
