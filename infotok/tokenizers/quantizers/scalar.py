"""Finite scalar quantization: each of a few numbers is rounded to a few levels; the codebook is a grid.

    code = the rounded levels as the digits of one number,   K = prod_j levels_j,   no codebook, no loss

- bound="tanh"  the published way: h tanh(z + s) - o, rounded, with L / 2 levels either side of 0, over floor(L / 2)
  (Mentzer et al. 2023, arXiv 2309.15505). Levels are even in tanh z
- bound="clip"  levels are even in z itself, at the step that has the least square error for z ~ N(0, 1), and tokens are
  on the scale of the features: the uniform quantizer of rate-distortion theory (Max 1960)
"""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import scipy
import torch
from torch import Tensor

from infotok.errors import require, require_choice, require_float, require_instance, require_int
from infotok.tokenizers.quantizers.base import CodebookQuantizer
from infotok.tokenizers.quantizers.gradients import straight_through
from infotok.tokenizers.quantizers.usage import LARGEST_CODEBOOK, UsageTracker

__all__ = ["FiniteScalarQuantizer", "gaussian_step", "uniform_error"]


MOST_LEVELS = 2**16  # whose cells are added up one by one


class FiniteScalarQuantizer(CodebookQuantizer):
    """features (B, L, dim) -> len(levels) rounded numbers; levels such as [8, 5, 5, 5] (1000 codes)."""

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
        count = torch.tensor(self.levels)
        digits = torch.cat([torch.ones(1, dtype=torch.long), count.cumprod(0)[:-1]])
        # digit i of dimension j stands for (i - zero_j) * step_j
        if bound == "tanh":
            zero, step = (count // 2).float(), 1 / (count // 2).float()
        else:
            zero, step = (count - 1) / 2, torch.tensor([gaussian_step(size) for size in self.levels], dtype=torch.float)
        for name, values in {"count": count, "digits": digits, "zero": zero, "step": step}.items():
            self.register_buffer(name, values, persistent=False)

    def _to_code_space(self, z: Tensor) -> Tensor:
        """Where z lies on the grid's own scale, between the outer levels."""
        if self.bound == "clip":
            edge = self.zero * self.step
            return z.clamp(-edge, edge)
        half = (self.count - 1) * 1.001 / 2  # a little more, so that the outer levels are reached
        offset = 0.5 * (self.count % 2 == 0)
        return (half * torch.tanh(z + torch.atanh(offset / half)) - offset) * self.step

    def _vectors(self, codes: Tensor) -> Tensor:
        return ((codes[..., None] // self.digits) % self.count - self.zero) * self.step

    def _quantize(self, z: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        place = self._to_code_space(z)
        digit = (place / self.step + self.zero).detach().round().long().clamp_(min=0).minimum(self.count - 1)
        codes = (digit * self.digits).sum(-1)
        return straight_through(place, self._vectors(codes).to(place.dtype)), codes, z.new_zeros(())


def uniform_error(levels: int, step: float) -> float:
    """E (z - q(z))^2 of z ~ N(0, 1) rounded to `levels` values `step` apart, centred on 0.

    Each cell [a, b] with value v adds int_a^b (z - v)^2 phi(z) dz = [Phi (1 + v^2) - phi (z - 2 v)] from a to b.
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
    """The step of least square error for N(0, 1): 1.596, 1.224, 0.996, 0.843, ... for 2, 3, 4, 5 levels (Max 1960)."""
    return _gaussian_step(require_int("levels", levels, 2, MOST_LEVELS))


@cache
def _gaussian_step(levels: int) -> float:
    search = scipy.optimize.minimize_scalar(
        lambda step: uniform_error(levels, step), bounds=(1e-4, 2.0), method="bounded"
    )
    return float(search.x)
