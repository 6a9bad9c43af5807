"""Measuring mutual information, in nats.

- `exact`    closed forms: `gaussian_mi`, `student_t_mi`, `additive_uniform_mi`, `discrete_mi`, `entropy`,
  `binary_symmetric_channel_mi`, `binary_erasure_channel_mi`
- `upper`    upper bounds: `gaussian_kl`
"""

from infotok.information.exact import (
    additive_uniform_mi,
    binary_erasure_channel_mi,
    binary_symmetric_channel_mi,
    discrete_mi,
    entropy,
    gaussian_mi,
    student_t_mi,
)
from infotok.information.upper import gaussian_kl

__all__ = [
    "additive_uniform_mi",
    "binary_erasure_channel_mi",
    "binary_symmetric_channel_mi",
    "discrete_mi",
    "entropy",
    "gaussian_kl",
    "gaussian_mi",
    "student_t_mi",
]
