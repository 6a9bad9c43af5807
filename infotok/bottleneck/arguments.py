"""Checks of constructor arguments that the bottlenecks share: each refuses with one line that names the argument."""

import math
import numbers
from typing import Any

from infotok.errors import require

__all__ = ["check_bandwidth", "check_number", "check_passes", "check_size"]


def check_number(name: str, value: Any, positive: bool = False) -> None:
    """A finite number, 0 or above, or `positive`."""
    finite = _is(value, numbers.Real) and math.isfinite(value) and (value > 0 if positive else value >= 0)
    require(finite, name, value, f"a finite number{' above 0' if positive else ', 0 or above'}")


def check_size(name: str, value: Any, optional: bool = False) -> None:
    """A positive integer; None too where it is `optional`."""
    positive = _is(value, numbers.Integral) and value >= 1
    require(positive or (optional and value is None), name, value, "a positive integer" + optional * ", or None")


def check_passes(name: str, value: Any) -> None:
    """A number of training passes: an integer, 0 or above."""
    require(_is(value, numbers.Integral) and value >= 0, name, value, "a number of training passes, 0 or above")


def check_bandwidth(name: str, sigma: Any) -> None:
    """sigma of a Gaussian kernel, or None for the median distance."""
    positive = _is(sigma, numbers.Real) and math.isfinite(sigma) and sigma > 0
    require(positive or sigma is None, name, sigma, "a finite number above 0, or None for the median distance")


def _is(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)
