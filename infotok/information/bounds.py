"""Variational lower bounds on mutual information: InfoNCE, NWJ, Donsker-Varadhan, MINE, TUBA, SMILE and others.

Each is a differentiable function of one score matrix, in nats. scores[i, j] = f(x_i, y_j) is a critic's score of a
pair. The joint pairs (x_i, y_i) are on the diagonal; the B (B - 1) others are samples of p(x) p(y). Below, E_p is the
mean of the diagonal and E_q that of the rest. A training step is

    loss = -infonce(critic(x, y))

- `donsker_varadhan`  E_p[f] - log E_q[e^f]                         f* = log r + any constant
- `mine`              Donsker-Varadhan with MINE's bias-corrected gradient
- `nwj`               E_p[f] - E_q[e^(f-1)]                         f* = log r + 1
- `tuba`              NWJ with a baseline a(x) in the place of e    f* = log r + log a(x)
- `infonce`           InfoNCE, B-way classification, at most log B  f* = log r + any c(x)
- `jensen_shannon`    NWJ's value, Jensen-Shannon's gradient        f* = log r
- `smile`             SMILE, DV with a clipped partition function   f* = log r   (an estimate, not a bound)
- `interpolated`      alpha = 0 is TUBA, alpha = 1 is InfoNCE       f* = log r + log a(x)

f* is the best critic and r(x, y) = p(x, y) / p(x) p(y), so that E_p[log r] is I(X;Y). "Lower bound" holds in
expectation over batches that the critic was not trained on. Donsker-Varadhan is the exception: the log of a batch mean
is below the log of E_q[e^f], so on a finite batch its mean is *above* the bound. NWJ is unbiased with a variance of at
least about (e^I - 1) / B^2. Source: Poole et al. 2019, "On variational bounds of mutual information".

scores: (B, B) floats with B >= 2. Every function raises TypeError or ValueError for others, for NaN or infinity, and
for a partition function that overflows. Half precision is computed in float32.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from infotok.errors import require, require_float, require_instance
from infotok.information.scores import (
    MovingAverage,
    checked_baseline,
    checked_scores,
    exponential,
    jensen_shannon_divergence,
    leave_one_out_mean,
    log_mean_exp,
    off_diagonal,
    with_gradient_of,
)

__all__ = [
    "MovingAverage",
    "donsker_varadhan",
    "infonce",
    "interpolated",
    "jensen_shannon",
    "mine",
    "nwj",
    "smile",
    "tuba",
]


def donsker_varadhan(scores: Tensor) -> Tensor:
    """Donsker-Varadhan bound E_p[f] - log E_q[e^f], in nats: the tightest for a given critic, biased upwards.

    scores: (B, B) scores of all pairs, joint pairs on the diagonal.
    Source: Donsker & Varadhan 1983; Belghazi et al. 2018, eq. 10.

    Example:
        >>> import torch
        >>> from infotok.information import donsker_varadhan
        >>> x, noise = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
        >>> y = 0.8 * x + 0.6 * noise  # I(X;Y) = -log 0.6 = 0.51 nats
        >>> scores = y**2 / 2 - (y - 0.8 * x[:, None]) ** 2 / 0.72 + 0.51  # log p(y|x) / p(y), the best critic
        >>> round(donsker_varadhan(scores).item(), 2)
        0.52
    """
    scores = checked_scores(scores)
    return scores.diagonal().mean() - log_mean_exp(off_diagonal(scores))


def mine(scores: Tensor, average: MovingAverage) -> Tensor:
    """MINE: Donsker-Varadhan's value with the gradient E_p[df] - E_q[e^f df] / (moving average of E_q[e^f]), in nats.

    DV's own gradient divides by one batch's mean, whose inverse is biased; the average over batches is not.

    Args:
        scores: (B, B) scores of all pairs, joint pairs on the diagonal.
        average: one `MovingAverage()` per critic, passed at every training step.

    Source: Belghazi et al. 2018, eq. 12 and section 3.2.

    Example:
        >>> import torch
        >>> from infotok.information import MovingAverage, mine
        >>> average = MovingAverage()  # one for each critic, kept over the training
        >>> scores = torch.eye(64, requires_grad=True)  # a critic's scores of one batch
        >>> loss = -mine(scores, average)
        >>> loss.backward()
        >>> round(-loss.item(), 3), scores.grad.shape
        (1.0, torch.Size([64, 64]))
    """
    scores = checked_scores(scores)
    require_instance("average", average, MovingAverage)
    joint = scores.diagonal().mean()
    log_partition = log_mean_exp(off_diagonal(scores))
    surrogate = joint - exponential(log_partition - average.update(log_partition.detach()))
    return with_gradient_of(surrogate, value=joint - log_partition)


def nwj(scores: Tensor) -> Tensor:
    """NWJ bound E_p[f] - E_q[e^(f-1)], in nats: unbiased for a given critic, with a variance that grows like e^I.

    scores: (B, B) scores of all pairs, joint pairs on the diagonal.
    Source: Nguyen, Wainwright & Jordan 2010, also called f-GAN KL and MINE-f; Poole et al. 2019, eq. 4.

    Example:
        >>> import torch
        >>> from infotok.information import nwj
        >>> x, noise = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
        >>> y = 0.8 * x + 0.6 * noise  # I(X;Y) = -log 0.6 = 0.51 nats
        >>> scores = y**2 / 2 - (y - 0.8 * x[:, None]) ** 2 / 0.72 + 0.51  # log p(y|x) / p(y), the best critic
        >>> round(nwj(scores + 1).item(), 2)  # its best critic is log r + 1
        0.52
    """
    scores = checked_scores(scores)
    return scores.diagonal().mean() - exponential(log_mean_exp(off_diagonal(scores)) - 1)


def tuba(scores: Tensor, log_baseline: Tensor | float) -> Tensor:
    """TUBA bound 1 + E_p[f - log a(x)] - E_q[e^f / a(x)], in nats, for every baseline a > 0.

    Tight at a(x) = E_p(y)[e^f]. It is the Barber-Agakov bound made tractable and unnormalised.

    Args:
        scores: (B, B) scores of all pairs, joint pairs on the diagonal.
        log_baseline: log a(x_i), a number or (B,) with one entry per row; it may be learned. 1 gives `nwj`.

    Source: Poole et al. 2019, eq. 3.

    Example:
        >>> import torch
        >>> from infotok.information import tuba
        >>> x, noise = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
        >>> y = 0.8 * x + 0.6 * noise  # I(X;Y) = -log 0.6 = 0.51 nats
        >>> scores = y**2 / 2 - (y - 0.8 * x[:, None]) ** 2 / 0.72 + 0.51  # log p(y|x) / p(y), the best critic
        >>> round(tuba(scores, log_baseline=0.0).item(), 2)  # E_q[e^f] = 1: the best baseline is 1
        0.52
    """
    scores = checked_scores(scores)
    baseline = checked_baseline(log_baseline, scores)  # (B,)
    joint = scores.diagonal() - baseline
    return 1 + joint.mean() - exponential(log_mean_exp(off_diagonal(scores - baseline[:, None])))


def infonce(scores: Tensor) -> Tensor:
    """InfoNCE bound, in nats: log B minus a cross-entropy; low variance, at most log B.

        (1/B) sum_i log [ e^f(x_i, y_i) / (1/B) sum_j e^f(x_i, y_j) ]

    Each row is a B-way classification of y given x. The transpose, `infonce(scores.T)`, classifies x given y; CLIP
    trains on the mean of both.

    scores: (B, B) scores of all pairs, joint pairs on the diagonal; -1e4, say, masks a false negative (a duplicate).
    Source: van den Oord et al. 2018; Poole et al. 2019, eq. 10.

    Example:
        >>> import torch
        >>> from infotok.information import infonce
        >>> x, noise = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
        >>> y = 0.8 * x + 0.6 * noise  # I(X;Y) = -log 0.6 = 0.51 nats
        >>> scores = y**2 / 2 - (y - 0.8 * x[:, None]) ** 2 / 0.72 + 0.51  # log p(y|x) / p(y), the best critic
        >>> round(infonce(scores).item(), 2), round(infonce(scores[:4, :4]).item(), 2)  # of 4: at most log 4 = 1.39
        (0.52, 0.16)
    """
    scores = checked_scores(scores)
    partner = torch.arange(len(scores), device=scores.device)
    return math.log(len(scores)) - F.cross_entropy(scores, partner)


def jensen_shannon(scores: Tensor) -> Tensor:
    """Jensen-Shannon training of a critic: NWJ's value at f + 1, the gradient of the Jensen-Shannon objective.

        value E_p[f + 1] - E_q[e^f] in nats,    gradient of E_p[-softplus(-f)] - E_q[softplus(f)]

    The objective has its maximum at f = log r too and a bounded gradient, but its value is not mutual information.

    scores: (B, B) scores of all pairs, joint pairs on the diagonal.
    Source: Nowozin et al. 2016; Hjelm et al. 2019 (Deep InfoMax); Poole et al. 2019.

    Example:
        >>> import torch
        >>> from infotok.information import jensen_shannon
        >>> x, noise = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
        >>> y = 0.8 * x + 0.6 * noise  # I(X;Y) = -log 0.6 = 0.51 nats
        >>> scores = y**2 / 2 - (y - 0.8 * x[:, None]) ** 2 / 0.72 + 0.51  # log p(y|x) / p(y), the best critic
        >>> round(jensen_shannon(scores).item(), 2)
        0.52
    """
    scores = checked_scores(scores)
    value = 1 + scores.detach().diagonal().mean() - exponential(log_mean_exp(off_diagonal(scores.detach())))
    return with_gradient_of(jensen_shannon_divergence(scores), value)


def smile(scores: Tensor, clip: float = 5.0) -> Tensor:
    """SMILE estimate E_p[f] - log E_q[e^clamp(f, -clip, clip)], in nats: less variance than DV, more bias; no bound.

    The value is Donsker-Varadhan's with a clipped partition function. No critic can be trained on it, since a constant
    added to f raises it without limit; so the gradient is Jensen-Shannon's, as in the authors' code.

    Args:
        scores: (B, B) scores of all pairs, joint pairs on the diagonal.
        clip: the largest |f| in the partition function, in nats; `math.inf` gives Donsker-Varadhan's value.

    Source: Song & Ermon 2020, "Understanding the limitations of variational mutual information estimators", eq. 18.

    Example:
        >>> import torch
        >>> from infotok.information import smile
        >>> x, noise = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
        >>> y = 0.8 * x + 0.6 * noise  # I(X;Y) = -log 0.6 = 0.51 nats
        >>> scores = y**2 / 2 - (y - 0.8 * x[:, None]) ** 2 / 0.72 + 0.51  # log p(y|x) / p(y), the best critic
        >>> round(smile(scores, clip=5.0).item(), 2)
        0.52
    """
    require_float("clip", clip, "(0, inf]")
    scores = checked_scores(scores)
    clip = min(clip, torch.finfo(scores.dtype).max)
    clipped = off_diagonal(scores.detach()).clamp(-clip, clip)
    value = scores.detach().diagonal().mean() - log_mean_exp(clipped)
    return with_gradient_of(jensen_shannon_divergence(scores), value)


def interpolated(scores: Tensor, *, alpha: float, log_baseline: Tensor | float = 1.0) -> Tensor:
    """Interpolated bound I_alpha, in nats, between TUBA (no bias, high variance) and InfoNCE (low variance).

        1 + E_p[f - log A] - E_q[e^f / A],    A = alpha mean_j e^f(x, y_j) + (1 - alpha) a(x)

    The mean runs over B - 1 candidates: one is always left out, so that numerator and A are independent. Hence

    - alpha = 0 is exactly `tuba(scores, log_baseline)`, and `nwj(scores)` with the default log a = 1;
    - alpha = 1 is InfoNCE over B - 1 candidates, averaged over the one left out: at most log(B - 1);
    - in between it is at most 1 + log((B - 1) / alpha).

    Args:
        scores: (B, B) scores of all pairs, B >= 3, joint pairs on the diagonal.
        alpha: from 0 to 1, as in the paper's equation; its published notebook counts the other way.
        log_baseline: log a(x_i), a number or (B,).

    Source: Poole et al. 2019, eq. 14.

    Example:
        >>> import torch
        >>> from infotok.information import interpolated
        >>> x, noise = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
        >>> y = 0.8 * x + 0.6 * noise  # I(X;Y) = -log 0.6 = 0.51 nats
        >>> scores = y**2 / 2 - (y - 0.8 * x[:, None]) ** 2 / 0.72 + 0.51  # log p(y|x) / p(y), the best critic
        >>> [round(interpolated(scores, alpha=alpha, log_baseline=0.0).item(), 2) for alpha in (0.0, 0.5, 1.0)]
        [0.52, 0.52, 0.52]
    """
    require_float("alpha", alpha, "[0, 1]")
    scores = checked_scores(scores)
    require(len(scores) > 2, "scores", scores, "at least 3 pairs, since one candidate is left out")
    baseline = checked_baseline(log_baseline, scores)  # (B,)
    log_weight, log_rest = (scores.new_tensor(v).log() for v in (alpha, 1 - alpha))
    log_a = torch.logaddexp(log_weight + leave_one_out_mean(scores), log_rest + baseline[:, None])
    # log_a[i, k] is log A of row i without candidate k: (B, B)
    joint = off_diagonal(scores.diagonal()[:, None] - log_a)  # k != i, so the positive is among the candidates
    marginal = off_diagonal(scores - log_a.diagonal()[:, None])  # k = i, so all candidates are negatives
    return 1 + joint.mean() - exponential(log_mean_exp(marginal))
