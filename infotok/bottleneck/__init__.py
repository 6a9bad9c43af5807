"""Bottlenecks: keep what matters, pay for every nat.

- `gaussian`      the closed form: `gaussian_ib`, `gaussian_ib_curve`, `critical_betas`, `GaussianIB`
- `priors`        what the receiver expects: `StandardPrior`, `DiagonalPrior`, `FullPrior`, `MixturePrior`
- `variational`   the stochastic layer: `VariationalBottleneck`, `Code`
"""

from infotok.bottleneck.gaussian import GaussianIB, critical_betas, gaussian_ib, gaussian_ib_curve
from infotok.bottleneck.priors import DiagonalPrior, FullPrior, MixturePrior, StandardPrior
from infotok.bottleneck.variational import Code, VariationalBottleneck

__all__ = [
    "Code",
    "DiagonalPrior",
    "FullPrior",
    "GaussianIB",
    "MixturePrior",
    "StandardPrior",
    "VariationalBottleneck",
    "critical_betas",
    "gaussian_ib",
    "gaussian_ib_curve",
]
