"""Companion methods by the paper's authors, each with its information-theoretic reading.

- `pruning`     gradient-flow iterative pruning and the usual criteria: `prune`, `GradientFlowPruner`
- `gates`       a number for every hidden unit or weight: `Gates`, `hard_top_k`; `shrink` cuts units out
- `importance`  scores of units: `importance`, `gradient_norm_flow`
- `soft_mask`   a mask under a budget: `soft_top_k`, `cubic_sparsity`
"""

from infotok.companions.gates import Gates, shrink
from infotok.companions.importance import gradient_norm_flow, importance
from infotok.companions.pruning import GradientFlowPruner, prune
from infotok.companions.soft_mask import cubic_sparsity, soft_top_k

__all__ = [
    "Gates",
    "GradientFlowPruner",
    "cubic_sparsity",
    "gradient_norm_flow",
    "importance",
    "prune",
    "shrink",
    "soft_top_k",
]
