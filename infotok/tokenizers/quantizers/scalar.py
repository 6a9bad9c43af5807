"""Finite scalar quantization (FSQ): each of a few numbers is rounded to a few levels; the codebook is a grid.

    code = the rounded levels as the digits of one number,   K = prod_j levels_j,   no learned codebook, no loss

- bound="tanh": as published, h tanh(z + s) - o is rounded, with L / 2 levels on either side of 0, and divided by
  floor(L / 2) (Mentzer et al. 2023, arXiv 2309.15505). Levels are evenly spaced in tanh z.
- bound="clip": levels are evenly spaced in z, at the step with the minimum squared error for z ~ N(0, 1), and tokens
  are on the scale of the features. This is the uniform quantizer of rate-distortion theory (Max 1960).
"""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import scipy
import torch
from torch import Tensor

from infotok.errors import require, require_choice, require_float, require_instance, require_int
from infotok.modes import keep_constants
from infotok.tokenizers.quantizers.base import CodebookQuantizer
from infotok.tokenizers.quantizers.gradients import straight_through
from infotok.tokenizers.quantizers.usage import LARGEST_CODEBOOK, UsageTracker

__all__ = ["FiniteScalarQuantizer", "gaussian_step", "uniform_error"]


MOST_LEVELS = 2**16  # `uniform_error` adds up the cells one by one


class FiniteScalarQuantizer(CodebookQuantizer):
    """Finite scalar quantizer: features (B, L, dim) -> len(levels) rounded numbers.

    - dim: numbers per token; with len(levels) other than dim, linear layers map in and out
    - levels: levels of each number, such as [8, 5, 5, 5] for 1000 codes; 2 or more, 3 or more with bound="tanh"
    - bound: "tanh" or "clip", see above
    - decay: of the usage over training passes, in [0, 1)

    Raises TypeError or ValueError for an option of another type or out of range.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import FiniteScalarQuantizer
        >>> quantizer = FiniteScalarQuantizer(dim=2, levels=[3, 3], bound="clip")
        >>> out = quantizer(torch.tensor([[[0.1, -2.0], [0.7, 1.0]]]))
        >>> out.tokens.round(decimals=1), out.codes  # levels -1.2, 0 and 1.2; codes from 0 to 8
        (tensor([[[ 0.0000, -1.2000],
                 [ 1.2000,  1.2000]]]), tensor([[1, 8]]))
    """

    def __init__(self, dim: int, levels: Sequence[int], *, bound: str = "tanh", decay: float = 0.99) -> None:
        require_instance("levels", levels, (list, tuple), "a list of integers")
        require(len(levels) > 0, "levels", levels, "one number of levels or more")
        for count in levels:
            require_int("levels", count, 2, LARGEST_CODEBOOK)
        require_choice("bound", bound, ("tanh", "clip"))
        # an even number of levels has one more below 0 than above it, and of two levels that leaves one
        require(bound == "clip" or min(levels) > 2, "levels", min(levels), "3 or above, or bound='clip'")
        super().__init__(dim, math.prod(levels), len(levels))
        self.levels, self.bound = list(levels), bound
        self.tracker = UsageTracker(self.codebook_size, decay)
        keep_constants(self)

    def _constants(self) -> dict[str, Tensor]:
        """The grid: digit i of dimension j stands for (i - zero_j) * step_j."""
        count = torch.tensor(self.levels)
        digits = torch.cat([torch.ones(1, dtype=torch.long), count.cumprod(0)[:-1]])
        if self.bound == "tanh":
            zero, step = (count // 2).float(), 1 / (count // 2).float()
        else:
            zero, step = (
                (count - 1).float() / 2,
                torch.tensor([gaussian_step(size) for size in self.levels], dtype=torch.float),
            )
        return {"count": count, "digits": digits, "zero": zero, "step": step}

    def _to_code_space(self, z: Tensor) -> Tensor:
        """z on the scale of the grid, between its outer levels."""
        if self.bound == "clip":
            edge = self.zero * self.step
            return z.clamp(-edge, edge)
        half = ((self.count - 1) * 1.001 / 2).to(z.dtype)  # a little more, so that the outer levels are reached
        offset = (0.5 * (self.count % 2 == 0)).to(z.dtype)
        return (half * torch.tanh(z + torch.atanh(offset / half)) - offset) * self.step

    def _vectors(self, codes: Tensor) -> Tensor:
        return ((codes[..., None] // self.digits) % self.count - self.zero) * self.step

    def _quantize(self, z: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        place = self._to_code_space(z)
        digit = (place / self.step + self.zero).detach().round().long().clamp_(min=0).minimum(self.count - 1)
        codes = (digit * self.digits).sum(-1)
        return straight_through(place, self._vectors(codes).to(place.dtype)), codes, z.new_zeros(())


def uniform_error(levels: int, step: float) -> float:
    """The mean squared error of a uniform quantizer: E (z - q(z))^2 for z ~ N(0, 1), levels centred on 0.

    Each cell [a, b] with value v adds int_a^b (z - v)^2 phi(z) dz = [Phi (1 + v^2) - phi (z - 2 v)] from a to b.

    - levels: number of values, from 1 to 2^16
    - step: distance between neighbouring values, above 0

    Raises TypeError or ValueError for an argument of another type or out of range.

    Example:
        >>> from infotok.tokenizers import gaussian_step, uniform_error
        >>> round(uniform_error(2, gaussian_step(2)), 3)  # the sign of a Gaussian, 1 bit: 1 - 2 / pi
        0.363
        >>> round(uniform_error(1, 1.0), 3)  # one value: the variance
        1.0
    """
    levels, step = require_int("levels", levels, 1, MOST_LEVELS), require_float("step", step, "(0, 1e100]")
    values = step * (np.arange(levels) - (levels - 1) / 2)
    inner = (values[1:] + values[:-1]) / 2
    low, high = [-math.inf, *inner], [*inner, math.inf]

    def primitive(edge: float, value: float) -> float:
        tail = scipy.stats.norm.pdf(edge) * (edge - 2 * value) if math.isfinite(edge) else 0.0
        return scipy.stats.norm.cdf(edge) * (1 + value**2) - tail

    return float(sum(primitive(b, v) - primitive(a, v) for a, b, v in zip(low, high, values, strict=True)))


def gaussian_step(levels: int) -> float:
    """The step of a uniform quantizer with the minimum squared error for N(0, 1) (Max 1960).

    It is 1.596, 1.224, 0.996, 0.843 for 2, 3, 4, 5 levels.

    - levels: number of values, from 2 to 2^16

    Raises TypeError or ValueError for another number of levels.

    Example:
        >>> from infotok.tokenizers import gaussian_step
        >>> [round(gaussian_step(levels), 3) for levels in (2, 3, 4, 5)]
        [1.596, 1.224, 0.996, 0.843]
    """
    return _gaussian_step(require_int("levels", levels, 2, MOST_LEVELS))


@cache
def _gaussian_step(levels: int) -> float:
    search = scipy.optimize.minimize_scalar(
        lambda step: uniform_error(levels, step), bounds=(1e-4, 2.0), method="bounded"
    )
    return float(search.x)
