"""Estimators and bounds of mutual information, in nats.

Start with `estimate_mi(x, y)`; conditional mutual information is `estimate_mi(x, y, given=z)`.

- `estimate`     `estimate_mi`: every estimator by name (`METHODS`), or chosen for the data; returns an `Estimate`
- `exact`        closed forms: `gaussian_mi`, `student_t_mi`, `additive_uniform_mi`, `discrete_mi`, `entropy`,
  `binary_symmetric_channel_mi`, `binary_erasure_channel_mi`
- `bounds`       variational lower bounds: InfoNCE (`infonce`), NWJ (`nwj`), Donsker-Varadhan (`donsker_varadhan`), MINE
  (`mine`, with its `MovingAverage`), `tuba`, `jensen_shannon`, SMILE (`smile`), `interpolated`
- `upper`        upper bounds: `gaussian_kl` (the rate of the VIB), CLUB (`club`), `leave_one_out`, and Barber-Agakov's
  `difference_of_entropies`
- `critics`      networks that score pairs for the bounds: `SeparableCritic`, `BilinearCritic`, `ConcatCritic`,
  `GaussianConditional`
- `neighbors`    nearest neighbours: KSG (`ksg`), conditional (`conditional_ksg`), with discrete parts (`mixed_ksg`)
- `kernels`      kernel dependence: HSIC (`hsic`), its normalised form (`nhsic`), `median_distance`
- `discrete`     plug-in estimates from counts: `plugin_mi`, `plugin_entropy`
- `margins`      `normal_scores`: the rank transform to normal margins
- `probe`        `probe_mi`: a probe, information that token codes or features have about labels
- `permutation`  `permutation_test`: p-values of independence
- `normalized`   `normalized_mi`, `information_correlation`: mutual information on a scale from 0 to 1
- `matrix`       `mi_matrix`: mutual information of every two columns of a table
- `consistency`  `self_consistency`: tests of an estimator that need no ground truth

Behind `estimate_mi`: `routing` and `auto` choose; `classical`, `neural`, `labels`, `tokens` and `conditional` estimate.
Their functions take checked arrays and are reached through `estimate_mi`, so they are not exported.
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
    "student_t_mi",
    "tuba",
]
