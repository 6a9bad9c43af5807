"""Bottlenecks: keep what matters, pay for every nat.

- `gaussian`      the closed form: `gaussian_ib`, `gaussian_ib_curve`, `critical_betas`, `GaussianIB`
- `discrete`      finite alphabets: `discrete_ib`, `discrete_ib_curve`, `deterministic_hull`, `DiscreteIB`
- `priors`        what the receiver expects: `StandardPrior`, `DiagonalPrior`, `FullPrior`, `MixturePrior`
- `variational`   the stochastic layer: `VariationalBottleneck`, `Code`
"""

from infotok.bottleneck.discrete import DiscreteIB, deterministic_hull, discrete_ib, discrete_ib_curve
from infotok.bottleneck.gaussian import GaussianIB, critical_betas, gaussian_ib, gaussian_ib_curve
from infotok.bottleneck.priors import DiagonalPrior, FullPrior, MixturePrior, StandardPrior
from infotok.bottleneck.variational import Code, VariationalBottleneck

__all__ = [
    "Code",
    "DiagonalPrior",
    "DiscreteIB",
    "FullPrior",
    "GaussianIB",
    "MixturePrior",
    "StandardPrior",
    "VariationalBottleneck",
    "critical_betas",
    "deterministic_hull",
    "discrete_ib",
    "discrete_ib_curve",
    "gaussian_ib",
    "gaussian_ib_curve",
]
