"""Companion methods by the paper's authors, each with its information-theoretic reading.

- `pruning`     gradient-flow iterative pruning and the usual criteria: `prune`, `GradientFlowPruner`
- `gates`       a number for every hidden unit or weight: `Gates`, `hard_top_k`; `shrink` cuts units out
- `importance`  scores of units: `importance`, `gradient_norm_flow`
- `soft_mask`   a mask under a budget: `soft_top_k`, `cubic_sparsity`
- `masked_contrastive`   MCAE: a masked autoencoder with a supervised contrastive loss: `MaskedAutoencoder`, `MCAE`
- `contrastive`          the loss, with a choice of positives over domains: `supervised_contrastive`
- `detection`            errors of a detector: `half_total_error_rate`, `equal_error_threshold`
- `unlearnable`   unlearnable examples: `class_patterns`, `poison`, `shortcut_share`, `ShortcutShare`, `kept_share`,
  `orthogonal_projection`, `linear_directions`; made for the data: `error_minimizing_noise`, `feature_collapse_noise`,
  `class_density_noise`
"""

from infotok.companions.contrastive import POSITIVES, positive_pairs, supervised_contrastive
from infotok.companions.detection import equal_error_threshold, half_total_error_rate
from infotok.companions.gates import Gates, shrink
from infotok.companions.importance import gradient_norm_flow, importance
from infotok.companions.masked_contrastive import MCAE, MaskedAutoencoder, MCAETerms, Reconstruction
from infotok.companions.pruning import GradientFlowPruner, prune
from infotok.companions.soft_mask import cubic_sparsity, soft_top_k
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
    "MCAE",
    "POSITIVES",
    "Gates",
    "GradientFlowPruner",
    "MCAETerms",
    "MaskedAutoencoder",
    "Reconstruction",
    "ShortcutShare",
    "class_density_noise",
    "class_patterns",
    "cubic_sparsity",
    "equal_error_threshold",
    "error_minimizing_noise",
    "feature_collapse_noise",
    "gradient_norm_flow",
    "half_total_error_rate",
    "importance",
    "kept_share",
    "linear_directions",
    "orthogonal_projection",
    "poison",
    "positive_pairs",
    "prune",
    "shortcut_share",
    "shrink",
    "soft_top_k",
    "supervised_contrastive",
]
