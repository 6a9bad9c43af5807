"""Parts that the bounds share: checks of a score matrix (B, B), its entries off the diagonal, means of exponentials.

- `checked_scores`, `checked_baseline`   the arguments of the bounds
- `off_diagonal`, `log_mean_exp`, `leave_one_out_mean`, `exponential`   sums over samples of p(x) p(y)
- `MovingAverage`   what `mine` divides by
- `jensen_shannon_divergence`, `with_gradient_of`   a value with the gradient of another
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from infotok.errors import checking, require, require_float, require_tensor

__all__ = [
    "MovingAverage",
    "checked_baseline",
    "checked_scores",
    "exponential",
    "jensen_shannon_divergence",
    "leave_one_out_mean",
    "log_mean_exp",
    "off_diagonal",
    "with_gradient_of",
]


def checked_scores(scores: Tensor) -> Tensor:
    """The `scores` (B, B), at least in float32; TypeError or ValueError for others.

    The sum of finite scores is finite, unless masks near the largest float overflow it: then each score is looked at.
    """
    require_tensor("scores", scores)
    square = scores.ndim == 2 and scores.shape[0] == scores.shape[1] >= 2
    require(square, "scores", scores, "a square (B, B) matrix with B >= 2 and the joint pairs on the diagonal")
    scores = scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores
    if checking(scores):
        found = scores.detach()
        finite = found.sum().isfinite() or found.isfinite().all()
        require(finite, "scores", scores, "finite values, no NaN or inf")
    return scores


def checked_baseline(log_baseline: Tensor | float, scores: Tensor) -> Tensor:
    """`log_baseline`, log a, as (B,): one number for all rows of `scores` (B, B), or one per row."""
    if not isinstance(log_baseline, Tensor):
        log_baseline = scores.new_tensor(require_float("log_baseline", log_baseline))
    baseline = require_tensor("log_baseline", log_baseline).to(scores)
    require(baseline.shape in ((), scores.shape[:1]), "log_baseline", baseline, f"a number or shape ({len(scores)},)")
    require(baseline.detach().isfinite().all(), "log_baseline", baseline, "finite values, no NaN or inf")
    return baseline.expand(len(scores))


def off_diagonal(scores: Tensor) -> Tensor:
    """The B (B - 1) entries of `scores` (B, B) off the diagonal, row by row, as (B, B - 1)."""
    size = len(scores)
    return scores.flatten()[1:].view(size - 1, size + 1)[:, :-1].reshape(size, size - 1)


def log_mean_exp(values: Tensor) -> Tensor:
    """log of the mean of e^values over all entries of `values`, of any shape."""
    return torch.logsumexp(values.flatten(), 0) - math.log(values.numel())


def leave_one_out_mean(scores: Tensor) -> Tensor:
    """(B, B): entry (i, k) is log mean_{j != k} e^scores[i, j]. Prefix and suffix sums: a difference would cancel.

    scores: (B, B), in nats.
    """
    ahead = scores.flip(1).logcumsumexp(1).flip(1)
    before = F.pad(scores.logcumsumexp(1)[:, :-1], (1, 0), value=-math.inf)
    after = F.pad(ahead[:, 1:], (0, 1), value=-math.inf)
    return torch.logaddexp(before, after) - math.log(scores.shape[1] - 1)


def exponential(log_value: Tensor) -> Tensor:
    """e^log_value of the scalar `log_value`; ValueError where it overflows."""
    largest = math.log(torch.finfo(log_value.dtype).max)
    got = log_value.detach()
    require(got < largest, "scores, log mean of e^f", got.item(), f"below {largest:.4g}, where e^f overflows")
    return log_value.exp()


def jensen_shannon_divergence(scores: Tensor) -> Tensor:
    """E_p[-softplus(-f)] - E_q[softplus(f)], which is 2 JS(p || q) - 2 log 2 at its maximum.

    scores: f as (B, B), the joint pairs on the diagonal.
    """
    return -F.softplus(-scores.diagonal()).mean() - F.softplus(off_diagonal(scores)).mean()


def with_gradient_of(surrogate: Tensor, value: Tensor) -> Tensor:
    """A scalar with the value of `value` and the gradient of `surrogate`."""
    return value.detach() + (surrogate - surrogate.detach())


@dataclass
class MovingAverage:
    """The running mean of E_q[e^f] that `mine` divides by, as its log; one per critic, updated in place.

    decay: weight of the past in each update, in [0, 1)
    log_mean: a scalar tensor; None before the first batch

    Example:
        >>> import torch
        >>> from infotok.information import MovingAverage
        >>> average = MovingAverage(decay=0.9)
        >>> [round(average.update(torch.tensor(v)).item(), 3) for v in (0.0, 1.0)]  # 0, log(0.9 + 0.1 e)
        [0.0, 0.159]
    """

    decay: float = 0.99
    log_mean: Tensor | None = None

    def __post_init__(self) -> None:
        require_float("decay", self.decay, "[0, 1)")
        if self.log_mean is not None:
            require_tensor("log_mean", self.log_mean, (), values="(-inf, inf)")

    def update(self, log_batch_mean: Tensor) -> Tensor:
        """Add one batch and return the new log mean; the first batch sets it.

        log_batch_mean: scalar, log of the mean of e^f over the batch's E_q pairs.
        """
        require_tensor("log_batch_mean", log_batch_mean, ())
        if self.log_mean is None:
            self.log_mean = log_batch_mean
        elif self.decay > 0:
            old, new = self.log_mean + math.log(self.decay), log_batch_mean + math.log1p(-self.decay)
            self.log_mean = torch.logaddexp(old, new)
        else:
            self.log_mean = log_batch_mean
        return self.log_mean
