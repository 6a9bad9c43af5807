"""`Estimate`: what every method of `estimate_mi` returns."""

import math
from dataclasses import dataclass, field

import numpy as np

from infotok.information.labels import LabelInformation

Z95 = 1.96


@dataclass(frozen=True)
class Estimate:
    """An estimate of I(X;Y) and what to make of it.

    nats: the value, infinite where a continuous y is a function of x; interval: 95 %, of a point estimate for the
    truth, of a bound for the bound's own mean; kind: "point", "lower bound" or "upper bound"; ceiling: the largest
    value the method can return, if there is one; history: {"step", "train", "validation"} of neural methods; reason and
    candidates {name: nats}: auto's choice; warnings: what was also issued as Python warnings.
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
        return self.nats / math.log(2)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.nats:.3f} nats [{low:.3f}, {high:.3f}] ({self.kind}, {self.method})"


def point(method: str, nats: float, terms: np.ndarray, reason: str = "", bias: float = 0.0) -> Estimate:
    """A point estimate whose sampling error is that of the mean of its N pointwise log-ratios.

    bias: what may remain of it, by which the interval is widened either way.
    """
    reach = Z95 * float(terms.std() / math.sqrt(len(terms))) + bias
    return Estimate(float(nats), (float(nats) - reach, float(nats) + reach), "point", method, reason=reason)


def classified_as(method: str, found: LabelInformation, warnings: tuple[str, ...] = ()) -> Estimate:
    """What classifiers found out about labels, as an `Estimate`."""
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
    """I(X;Y) of continuous variables one of which is a function of the other."""
    note = f"{method}: mutual information is infinite: {reason}"
    return Estimate(math.inf, (math.inf, math.inf), "point", method, reason=reason, warnings=(note,))
