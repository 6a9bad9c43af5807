"""Information bottlenecks: representations that keep what is relevant at a limited rate.

- `gaussian`      of Gaussian variables, in closed form: `gaussian_ib`, `gaussian_ib_curve`, `critical_betas`,
  `reverse_waterfilling`, `GaussianIB`, `ReverseWaterfilling`
- `discrete`      of finite alphabets: `discrete_ib`, `discrete_ib_curve`, `deterministic_hull`, `DiscreteIB`
- `variational`   a stochastic layer for networks: `VariationalBottleneck`, `Code`
- `priors`        its reference distributions: `StandardPrior`, `DiagonalPrior`, `FullPrior`, `MixturePrior`,
  `ConditionalPrior`
- `hsic`          kernel dependence instead of mutual information: `HSICBottleneck`, `HSICTerms`
- `infotok`       all of it on visual tokens: `InfoTok`, `InfoTokTerms`
- `regulariser`   the interface that a tokenizer expects of InfoTok, or of a regulariser of your own: `Regulariser`
"""

from infotok.bottleneck.discrete import DiscreteIB, deterministic_hull, discrete_ib, discrete_ib_curve
from infotok.bottleneck.gaussian import (
    GaussianIB,
    ReverseWaterfilling,
    critical_betas,
    gaussian_ib,
    gaussian_ib_curve,
    reverse_waterfilling,
)
from infotok.bottleneck.hsic import HSICBottleneck, HSICTerms
from infotok.bottleneck.infotok import InfoTok, InfoTokTerms
from infotok.bottleneck.priors import ConditionalPrior, DiagonalPrior, FullPrior, MixturePrior, StandardPrior
from infotok.bottleneck.regulariser import Regulariser
from infotok.bottleneck.variational import Code, VariationalBottleneck

__all__ = [
    "Code",
    "ConditionalPrior",
    "DiagonalPrior",
    "DiscreteIB",
    "FullPrior",
    "GaussianIB",
    "HSICBottleneck",
    "HSICTerms",
    "InfoTok",
    "InfoTokTerms",
    "MixturePrior",
    "Regulariser",
    "ReverseWaterfilling",
    "StandardPrior",
    "VariationalBottleneck",
    "critical_betas",
    "deterministic_hull",
    "discrete_ib",
    "discrete_ib_curve",
    "gaussian_ib",
    "gaussian_ib_curve",
    "reverse_waterfilling",
]
