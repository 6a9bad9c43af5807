"""Companion methods by the paper's authors, each one module with its information-theoretic reading.

- `unlearnable`   unlearnable examples: `class_patterns`, `poison`, `shortcut_share`, `ShortcutShare`, `kept_share`,
  `orthogonal_projection`, `linear_directions`; made for the data: `error_minimizing_noise`, `feature_collapse_noise`,
  `class_density_noise`
"""

from infotok.companions.unlearnable import (
    ShortcutShare,
    class_patterns,
    kept_share,
    linear_directions,
    orthogonal_projection,
    poison,
    shortcut_share,
)
from infotok.companions.unlearnable_noise import class_density_noise, error_minimizing_noise, feature_collapse_noise

__all__ = [
    "ShortcutShare",
    "class_density_noise",
    "class_patterns",
    "error_minimizing_noise",
    "feature_collapse_noise",
    "kept_share",
    "linear_directions",
    "orthogonal_projection",
    "poison",
    "shortcut_share",
]
