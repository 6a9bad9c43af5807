"""`Estimate`: what every method of `estimate_mi` returns."""

import math
from dataclasses import dataclass, field

import numpy as np

from infotok.information.labels import LabelInformation

Z95 = 1.96


@dataclass(frozen=True)
class Estimate:
    """An estimate of I(X;Y), with its interval and how it was made.

    nats: the value; infinite where a continuous y is a function of x
    interval: 95 % confidence interval in nats: of the truth for a point estimate, of the bound's own mean for a bound
    kind: "point", "lower bound" or "upper bound"
    method: the name asked for, and what "auto" chose
    ceiling: the largest value in nats that the method can return, or None
    history: {"step", "train", "validation"} of trained critics
    reason: why "auto" chose the method
    candidates: {name: nats} of what "auto" compared
    warnings: the lines that were also issued as Python warnings

    Example:
        >>> import numpy as np
        >>> from infotok.information import estimate_mi
        >>> x, noise = np.random.default_rng(0).standard_normal((2, 1000))
        >>> estimate = estimate_mi(x, x + noise, "ksg")  # the truth is 0.35 nats, 0.5 bits
        >>> round(estimate.nats, 2), round(estimate.bits, 2), estimate.kind
        (0.35, 0.51, 'point')
        >>> [round(end, 2) for end in estimate.interval]
        [0.3, 0.41]
    """

    nats: float
    interval: tuple[float, float]
    kind: str
    method: str
    ceiling: float | None = None
    history: dict[str, list[float]] = field(default_factory=dict)
    reason: str = ""
    candidates: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def bits(self) -> float:
        """The value in bits, nats / ln 2."""
        return self.nats / math.log(2)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.nats:.3f} nats [{low:.3f}, {high:.3f}] ({self.kind}, {self.method})"


def point(method: str, nats: float, terms: np.ndarray, reason: str = "", bias: float = 0.0) -> Estimate:
    """A point estimate with the standard error of the mean of its pointwise log-ratios.

    method: its name
    nats: the value
    terms: (N,) pointwise log-ratios in nats
    reason: for `Estimate.reason`
    bias: nats that may remain of it; the interval is wider by it on both sides
    """
    reach = Z95 * float(terms.std() / math.sqrt(len(terms))) + bias
    return Estimate(float(nats), (float(nats) - reach, float(nats) + reach), "point", method, reason=reason)


def classified_as(method: str, found: LabelInformation, warnings: tuple[str, ...] = ()) -> Estimate:
    """A classifier-based value as an `Estimate`."""
    return Estimate(
        found.nats,
        found.interval,
        "point",
        method,
        ceiling=found.ceiling if math.isfinite(found.ceiling) else None,
        reason=found.reason,
        candidates=found.candidates,
        warnings=warnings,
    )


def infinite(method: str, reason: str) -> Estimate:
    """The infinite I(X;Y) of continuous variables one of which is a function of the other."""
    note = f"{method}: mutual information is infinite: {reason}"
    return Estimate(math.inf, (math.inf, math.inf), "point", method, reason=reason, warnings=(note,))
