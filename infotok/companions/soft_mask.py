"""A soft mask under a budget, and the schedule of the budget.

    m, rate_weight = soft_top_k(scores, keep=64, temperature=0.1)       # 0 < m < 1, m.sum() = 64

A mask under a budget is a bottleneck on the weights. m = sigmoid((a - lambda) / T) maximises

    sum_j m_j a_j + T sum_j h(m_j)   subject to   sum_j m_j = keep,      h the binary entropy in nats;

the multiplier lambda is the rate weight of one unit, as beta is that of a nat in the information bottleneck: a unit
is kept if its score is above lambda. As T falls to 0 the mask becomes the plain choice of the `keep` largest.
"""

import torch
from torch import Tensor

from infotok.errors import require, require_float, require_rows

__all__ = ["cubic_sparsity", "soft_top_k"]

HALVINGS = 100
FARTHEST = 50.0  # temperatures from the extreme scores: sigmoid(-50) is 2e-22


def soft_top_k(scores: Tensor, keep: float, temperature: float) -> tuple[Tensor, float]:
    """The mask sigmoid((a - lambda) / T) that sums to `keep`, and lambda, found by bisection.

    scores: (N,) a.
    keep: the sum of the mask, above 0 and below N.
    temperature: T, in the unit of the scores.

    Raises TypeError or ValueError for scores that are not finite, and for a sum that no such mask has.

    Example:
        >>> import torch
        >>> from infotok.companions import soft_top_k
        >>> mask, rate_weight = soft_top_k(torch.tensor([0.3, -0.2, 0.8, 0.1]), keep=2.0, temperature=0.01)
        >>> mask.round(decimals=2).tolist(), round(rate_weight, 1)  # the two largest, and what a unit has to be worth
        ([1.0, 0.0, 1.0, 0.0], 0.2)
    """
    require_rows("scores", scores, ("N",))
    require_float("temperature", temperature, "[1e-9, 1e9]"), require_float("keep", keep)
    count = len(scores)
    require(1e-9 * count < keep < (1 - 1e-9) * count, "keep", keep, f"a number above 0 and below {count}")
    a = scores.detach().double() / temperature
    require(a.isfinite().all(), "scores", "values too large for the temperature", "finite ratios")
    low, high = a.min() - FARTHEST, a.max() + FARTHEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if torch.sigmoid(a - middle).sum() > keep:
            low = middle
        else:
            high = middle
    return torch.sigmoid(a - high).to(scores), float(high) * temperature


def cubic_sparsity(progress: float, final: float, initial: float = 0.0) -> float:
    """s = s_final + (s_initial - s_final) (1 - progress)^3: fast at first, slow at the end.

    Source: Zhu & Gupta 2017, "To prune, or not to prune", arXiv 1710.01878.

    progress: the share of the schedule that is over, in [0, 1].
    final: the share removed at its end, in [0, 1).
    initial: at its beginning, in [0, 1).

    Example:
        >>> from infotok.companions import cubic_sparsity
        >>> [round(cubic_sparsity(progress, final=0.9), 2) for progress in (0.0, 0.25, 0.5, 1.0)]
        [0.0, 0.52, 0.79, 0.9]
    """
    require_float("progress", progress, "[0, 1]")
    require_float("final", final, "[0, 1)"), require_float("initial", initial, "[0, 1)")
    return float(final + (initial - final) * (1 - progress) ** 3)
