"""Variational bounds on I(X;Y), each a differentiable function of one score matrix, in nats.

scores[i, j] = f(x_i, y_j) is a critic's score of a pair: the joint pairs (x_i, y_i) lie on the diagonal and the
B (B - 1) others stand for draws from p(x) p(y). Below, E_p averages the diagonal and E_q the rest. A training step is

    loss = -infonce(critic(x, y))

- `donsker_varadhan`  E_p[f] - log E_q[e^f]                         f* = log r + any constant
- `mine`              its value, with MINE's bias-corrected gradient
- `nwj`               E_p[f] - E_q[e^(f-1)]                         f* = log r + 1
- `tuba`              NWJ with a baseline a(x) in the place of e    f* = log r + log a(x)
- `infonce`           B-way classification, at most log B           f* = log r + any c(x)
- `jensen_shannon`    NWJ's value, Jensen-Shannon's gradient        f* = log r
- `smile`             DV with a clipped partition function          f* = log r   (an estimate, not a bound)
- `interpolated`      alpha = 0 is TUBA, alpha = 1 is InfoNCE       f* = log r + log a(x)

where r(x, y) = p(x, y) / p(x) p(y), so that E_p[log r] is I(X;Y) itself. "Lower bound" holds in expectation, over
batches that the critic was not trained on. DV's is the exception: the log of a batch mean is below the log of E_q[e^f],
so on a finite batch it averages *above* its bound. NWJ is unbiased with a variance of at least about (e^I - 1) / B^2.
Poole et al. 2019, "On variational bounds of mutual information", is the map of this file.

Every function refuses (ValueError, TypeError) scores that are not a finite square matrix of floats with B >= 2, and a
partition function that overflows; half precision is computed in float32.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from infotok.errors import checking, require, require_float, require_instance, require_tensor

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
    """E_p[f] - log E_q[e^f]: the tightest bound for a given critic, and biased upwards on a finite batch.

    Donsker & Varadhan 1983; Belghazi et al. 2018, eq. 10.
    """
    scores = checked_scores(scores)
    return scores.diagonal().mean() - log_mean_exp(off_diagonal(scores))


@dataclass
class MovingAverage:
    """The state of `mine`: log of the running mean of E_q[e^f], one per critic, updated in place."""

    decay: float = 0.99
    log_mean: Tensor | None = None

    def __post_init__(self) -> None:
        require_float("decay", self.decay, "[0, 1)")
        if self.log_mean is not None:
            require_tensor("log_mean", self.log_mean, (), values="(-inf, inf)")

    def update(self, log_batch_mean: Tensor) -> Tensor:
        """Take in one batch and return the new log mean; the first batch sets it."""
        require_tensor("log_batch_mean", log_batch_mean, ())
        if self.log_mean is None:
            self.log_mean = log_batch_mean
        elif self.decay > 0:
            old, new = self.log_mean + math.log(self.decay), log_batch_mean + math.log1p(-self.decay)
            self.log_mean = torch.logaddexp(old, new)
        else:
            self.log_mean = log_batch_mean
        return self.log_mean


def mine(scores: Tensor, average: MovingAverage) -> Tensor:
    """Donsker-Varadhan's value with the gradient E_p[df] - E_q[e^f df] / (moving average of E_q[e^f]).

    DV's own gradient divides by one batch's mean, whose inverse is biased; the average over batches is not. Keep one
    `MovingAverage()` per critic and pass it at every training step. Belghazi et al. 2018, eq. 12 and section 3.2.
    """
    scores = checked_scores(scores)
    require_instance("average", average, MovingAverage)
    joint = scores.diagonal().mean()
    log_partition = log_mean_exp(off_diagonal(scores))
    surrogate = joint - _exponential(log_partition - average.update(log_partition.detach()))
    return _with_gradient_of(surrogate, value=joint - log_partition)


def nwj(scores: Tensor) -> Tensor:
    """E_p[f] - E_q[e^(f-1)]: unbiased for a given critic, with a variance that grows like e^I.

    Nguyen, Wainwright & Jordan 2010, also called f-GAN KL and MINE-f; Poole et al. 2019, eq. 4.
    """
    scores = checked_scores(scores)
    return scores.diagonal().mean() - _exponential(log_mean_exp(off_diagonal(scores)) - 1)


def tuba(scores: Tensor, log_baseline: Tensor | float) -> Tensor:
    """1 + E_p[f - log a(x)] - E_q[e^f / a(x)]: a lower bound for every baseline a > 0, tight at a(x) = E_p(y)[e^f].

    `log_baseline` is log a(x_i): a number, or (B,) with one entry per row, and may be learned. log a = 1 is `nwj`.
    Barber & Agakov's bound made tractable and unnormalised; Poole et al. 2019, eq. 3.
    """
    scores = checked_scores(scores)
    baseline = _checked_baseline(log_baseline, scores)  # (B,)
    joint = scores.diagonal() - baseline
    return 1 + joint.mean() - _exponential(log_mean_exp(off_diagonal(scores - baseline[:, None])))


def infonce(scores: Tensor) -> Tensor:
    """log B minus the cross-entropy of telling y_i from the batch's other y_j given x_i: low variance, at most log B.

    (1/B) sum_i log [ e^f(x_i, y_i) / (1/B) sum_j e^f(x_i, y_j) ]. Each row is a B-way classification; the transpose,
    `infonce(scores.T)`, classifies x given y, and CLIP trains on the mean of both. A false negative (a duplicate) can
    be masked by a score such as -1e4. van den Oord et al. 2018; Poole et al. 2019, eq. 10.
    """
    scores = checked_scores(scores)
    partner = torch.arange(len(scores), device=scores.device)
    return math.log(len(scores)) - F.cross_entropy(scores, partner)


def jensen_shannon(scores: Tensor) -> Tensor:
    """NWJ's value at f + 1 with the gradient of E_p[-softplus(-f)] - E_q[softplus(f)].

    The Jensen-Shannon bound is maximal at f = log r as well, its gradient is bounded, and its own value is not in nats
    of I(X;Y): so it trains the critic and NWJ reads it. Nowozin et al. 2016; Hjelm et al. 2019; Poole et al. 2019.
    """
    scores = checked_scores(scores)
    value = 1 + scores.detach().diagonal().mean() - _exponential(log_mean_exp(off_diagonal(scores.detach())))
    return _with_gradient_of(_jensen_shannon_divergence(scores), value)


def smile(scores: Tensor, clip: float = 5.0) -> Tensor:
    """E_p[f] - log E_q[e^clamp(f, -clip, clip)]: less variance than DV, more bias. Not a lower bound.

    The value is the clipped Donsker-Varadhan, which no critic could be trained on (adding a constant to f raises it
    without end); the gradient is Jensen-Shannon's, as in the authors' code. `clip=math.inf` reads as DV.
    Song & Ermon 2020, "Understanding the limitations of variational mutual information estimators", eq. 18.
    """
    require_float("clip", clip, "(0, inf]")
    scores = checked_scores(scores)
    clip = min(clip, torch.finfo(scores.dtype).max)
    clipped = off_diagonal(scores.detach()).clamp(-clip, clip)
    value = scores.detach().diagonal().mean() - log_mean_exp(clipped)
    return _with_gradient_of(_jensen_shannon_divergence(scores), value)


def interpolated(scores: Tensor, *, alpha: float, log_baseline: Tensor | float = 1.0) -> Tensor:
    """I_alpha, between TUBA (alpha = 0: no bias, high variance) and InfoNCE (alpha = 1: low variance, at most log B).

    1 + E_p[f - log A] - E_q[e^f / A] with A = alpha * mean_j e^f(x, y_j) + (1 - alpha) * a(x), where the mean runs over
    B - 1 candidates: one is always left out, so that numerator and A stay independent where the bound needs it. Hence

    - alpha = 0 is exactly `tuba(scores, log_baseline)`, and `nwj(scores)` with the default log a = 1;
    - alpha = 1 is InfoNCE over B - 1 candidates, averaged over the one left out: at most log(B - 1);
    - in between it is at most 1 + log((B - 1) / alpha).

    This is the direction of the paper's equation; its published notebook runs a *logit* of alpha the other way.
    Needs B >= 3. Poole et al. 2019, eq. 14.
    """
    require_float("alpha", alpha, "[0, 1]")
    scores = checked_scores(scores)
    require(len(scores) > 2, "scores", scores, "at least 3 pairs, since one candidate is left out")
    baseline = _checked_baseline(log_baseline, scores)  # (B,)
    log_weight, log_rest = (torch.tensor(v, device=scores.device).log() for v in (alpha, 1 - alpha))
    log_a = torch.logaddexp(log_weight + _leave_one_out_mean(scores), log_rest + baseline[:, None])
    # log_a[i, k] is log A of row i without candidate k: (B, B)
    joint = off_diagonal(scores.diagonal()[:, None] - log_a)  # k != i, so the positive is among the candidates
    marginal = off_diagonal(scores - log_a.diagonal()[:, None])  # k = i, so all candidates are negatives
    return 1 + joint.mean() - _exponential(log_mean_exp(marginal))


# --- what they share ---------------------------------------------------------------------------------------------


def checked_scores(scores: Tensor) -> Tensor:
    """The scores, at least in float32, or an error. A sum finds any NaN or inf, far faster than isfinite."""
    require_tensor("scores", scores)
    square = scores.ndim == 2 and scores.shape[0] == scores.shape[1] >= 2
    require(square, "scores", scores, "a square (B, B) matrix with B >= 2 and the joint pairs on the diagonal")
    scores = scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores
    if checking(scores):
        require(scores.detach().sum().isfinite(), "scores", scores, "finite values, no NaN or inf")
    return scores


def _checked_baseline(log_baseline: Tensor | float, scores: Tensor) -> Tensor:
    """log a as (B,): one number for all rows, or one per row."""
    if not isinstance(log_baseline, Tensor):
        log_baseline = torch.tensor(require_float("log_baseline", log_baseline))
    baseline = require_tensor("log_baseline", log_baseline).to(scores)
    require(baseline.shape in ((), scores.shape[:1]), "log_baseline", baseline, f"a number or shape ({len(scores)},)")
    require(baseline.detach().isfinite().all(), "log_baseline", baseline, "finite values, no NaN or inf")
    return baseline.expand(len(scores))


def off_diagonal(scores: Tensor) -> Tensor:
    """The B (B - 1) entries off the diagonal, row by row, as (B, B - 1)."""
    size = len(scores)
    return scores.flatten()[1:].view(size - 1, size + 1)[:, :-1].reshape(size, size - 1)


def log_mean_exp(values: Tensor) -> Tensor:
    """log of the mean of e^values over all entries."""
    return torch.logsumexp(values.flatten(), 0) - math.log(values.numel())


def _leave_one_out_mean(scores: Tensor) -> Tensor:
    """(B, B): entry (i, k) is log mean_{j != k} e^scores[i, j]. Prefix and suffix sums: a difference would cancel."""
    ahead = scores.flip(1).logcumsumexp(1).flip(1)
    before = F.pad(scores.logcumsumexp(1)[:, :-1], (1, 0), value=-math.inf)
    after = F.pad(ahead[:, 1:], (0, 1), value=-math.inf)
    return torch.logaddexp(before, after) - math.log(scores.shape[1] - 1)


def _exponential(log_value: Tensor) -> Tensor:
    """e^log_value, refused where it overflows."""
    largest = math.log(torch.finfo(log_value.dtype).max)
    got = log_value.detach()
    require(got < largest, "scores, log mean of e^f", got.item(), f"below {largest:.4g}, where e^f overflows")
    return log_value.exp()


def _jensen_shannon_divergence(scores: Tensor) -> Tensor:
    """E_p[-softplus(-f)] - E_q[softplus(f)], which is 2 JS(p || q) - 2 log 2 at its maximum."""
    return -F.softplus(-scores.diagonal()).mean() - F.softplus(off_diagonal(scores)).mean()


def _with_gradient_of(surrogate: Tensor, value: Tensor) -> Tensor:
    """A scalar that reads as `value` and differentiates as `surrogate`."""
    return value.detach() + (surrogate - surrogate.detach())
