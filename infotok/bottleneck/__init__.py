"""Information bottlenecks: what to keep of X when only Y matters.

- `discrete`  finite alphabets: `discrete_ib`, `discrete_ib_curve`, `deterministic_hull`
"""

from infotok.bottleneck.discrete import DiscreteIB, deterministic_hull, discrete_ib, discrete_ib_curve

__all__ = ["DiscreteIB", "deterministic_hull", "discrete_ib", "discrete_ib_curve"]
