"""Bottlenecks: keep what matters, pay for every nat.

- `gaussian`         the closed form: `gaussian_ib`, `gaussian_ib_curve`, `critical_betas`, `GaussianIB`
- `discrete`         finite alphabets: `discrete_ib`, `discrete_ib_curve`, `deterministic_hull`, `DiscreteIB`
- `priors`           what the receiver expects: `StandardPrior`, `DiagonalPrior`, `FullPrior`, `MixturePrior`
- `variational`      the stochastic layer: `VariationalBottleneck`, `Code`
- `conditional`      what the label does not explain: `ConditionalEntropyBottleneck`, `ConditionalPrior`
- `nonlinear`        a rate from pairwise distances: `NonlinearBottleneck`, `pairwise_rate`, `pairwise_lower_bound`
- `discrete_latent`  tokens that are codes: `DiscreteBottleneck`, `CodeDraw`, `code_log_posterior`, `code_rate`,
  `code_information`
- `hsic`             kernel dependence instead of nats: `HSICBottleneck`, `HSICTerms`
- `infotok`          all of it on anyone's visual tokens: `InfoTok`, `InfoTokTerms`
"""

from infotok.bottleneck.conditional import ConditionalEntropyBottleneck, ConditionalPrior
from infotok.bottleneck.discrete import DiscreteIB, deterministic_hull, discrete_ib, discrete_ib_curve
from infotok.bottleneck.discrete_latent import (
    CodeDraw,
    DiscreteBottleneck,
    code_information,
    code_log_posterior,
    code_rate,
)
from infotok.bottleneck.gaussian import GaussianIB, critical_betas, gaussian_ib, gaussian_ib_curve
from infotok.bottleneck.hsic import HSICBottleneck, HSICTerms
from infotok.bottleneck.infotok import InfoTok, InfoTokTerms
from infotok.bottleneck.nonlinear import NonlinearBottleneck, pairwise_lower_bound, pairwise_rate
from infotok.bottleneck.priors import DiagonalPrior, FullPrior, MixturePrior, StandardPrior
from infotok.bottleneck.variational import Code, VariationalBottleneck

__all__ = [
    "Code",
    "CodeDraw",
    "ConditionalEntropyBottleneck",
    "ConditionalPrior",
    "DiagonalPrior",
    "DiscreteBottleneck",
    "DiscreteIB",
    "FullPrior",
    "GaussianIB",
    "HSICBottleneck",
    "HSICTerms",
    "InfoTok",
    "InfoTokTerms",
    "MixturePrior",
    "NonlinearBottleneck",
    "StandardPrior",
    "VariationalBottleneck",
    "code_information",
    "code_log_posterior",
    "code_rate",
    "critical_betas",
    "deterministic_hull",
    "discrete_ib",
    "discrete_ib_curve",
    "gaussian_ib",
    "gaussian_ib_curve",
    "pairwise_lower_bound",
    "pairwise_rate",
]
