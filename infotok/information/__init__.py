"""Measuring mutual information, in nats.

- `exact`        closed forms: `gaussian_mi`, `student_t_mi`, `additive_uniform_mi`, `discrete_mi`, `entropy`,
  `binary_symmetric_channel_mi`, `binary_erasure_channel_mi`
- `discrete`     labels, counted: `plugin_mi`, `plugin_entropy`
- `bounds`       lower bounds on one score matrix: `donsker_varadhan`, `mine` (with its `MovingAverage`), `nwj`, `tuba`,
  `infonce`, `jensen_shannon`, `smile`, `interpolated`
- `upper`        upper bounds: `gaussian_kl`, `club`, `leave_one_out`, `difference_of_entropies`
- `critics`      what scores the pairs: `SeparableCritic`, `BilinearCritic`, `ConcatCritic`, `GaussianConditional`
- `kernels`      dependence without a density: `hsic`, `nhsic`, `median_distance`
- `neighbors`    counting neighbours: `ksg`, `conditional_ksg`, `mixed_ksg`
- `margins`      columns by their ranks: `normal_scores`
- `copula`       normal margins first: `gaussian_copula_mi`, `student_copula_mi`
- `probe`        `probe_mi`, what codes (`tokens`) or features carry about labels and attributes
- `permutation`  `permutation_test`, p-values of independence
- `normalized`   `normalized_mi`, `information_correlation`; `matrix`: `mi_matrix` of a table's columns
- `estimate`     one function for all: `estimate_mi`, its `Estimate`, and `METHODS`; `routing` and `auto` choose
- `consistency`  `self_consistency`: does an estimator behave like mutual information?
"""

from infotok.information.bounds import (
    MovingAverage,
    donsker_varadhan,
    infonce,
    interpolated,
    jensen_shannon,
    mine,
    nwj,
    smile,
    tuba,
)
from infotok.information.consistency import Check, self_consistency
from infotok.information.copula import gaussian_copula_mi, student_copula_mi
from infotok.information.critics import BilinearCritic, ConcatCritic, GaussianConditional, SeparableCritic
from infotok.information.discrete import plugin_entropy, plugin_mi
from infotok.information.estimate import METHODS, Estimate, estimate_mi
from infotok.information.exact import (
    additive_uniform_mi,
    binary_erasure_channel_mi,
    binary_symmetric_channel_mi,
    discrete_mi,
    entropy,
    gaussian_mi,
    student_t_mi,
)
from infotok.information.kernels import hsic, median_distance, nhsic
from infotok.information.margins import normal_scores
from infotok.information.matrix import mi_matrix
from infotok.information.neighbors import conditional_ksg, ksg, mixed_ksg
from infotok.information.normalized import information_correlation, normalized_mi
from infotok.information.permutation import PermutationTest, permutation_test
from infotok.information.probe import probe_mi
from infotok.information.upper import club, difference_of_entropies, gaussian_kl, leave_one_out

__all__ = [
    "METHODS",
    "BilinearCritic",
    "Check",
    "ConcatCritic",
    "Estimate",
    "GaussianConditional",
    "MovingAverage",
    "PermutationTest",
    "SeparableCritic",
    "additive_uniform_mi",
    "binary_erasure_channel_mi",
    "binary_symmetric_channel_mi",
    "club",
    "conditional_ksg",
    "difference_of_entropies",
    "discrete_mi",
    "donsker_varadhan",
    "entropy",
    "estimate_mi",
    "gaussian_copula_mi",
    "gaussian_kl",
    "gaussian_mi",
    "hsic",
    "infonce",
    "information_correlation",
    "interpolated",
    "jensen_shannon",
    "ksg",
    "leave_one_out",
    "median_distance",
    "mi_matrix",
    "mine",
    "mixed_ksg",
    "nhsic",
    "normal_scores",
    "normalized_mi",
    "nwj",
    "permutation_test",
    "plugin_entropy",
    "plugin_mi",
    "probe_mi",
    "self_consistency",
    "smile",
    "student_copula_mi",
    "student_t_mi",
    "tuba",
]
