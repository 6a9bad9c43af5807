"""The terms of InfoTok's objective: their names, what each compares the tokens with, and their values in one batch."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from infotok.errors import checking, require

__all__ = ["COMPARED_WITH", "TERMS", "InfoTokTerms", "weighted_loss"]

TERMS = ("compression", "relevance", "generation", "consistency")
COMPARED_WITH = {"relevance": "answer", "generation": "target", "consistency": "text"}  # the input of each term


@dataclass(frozen=True)
class InfoTokTerms:
    """The values of InfoTok's terms in one batch. A term that is switched off or left out is None.

    loss: the weighted sum, a scalar to add to the training loss.
    unit: "nats", or "nhsic" for normalised HSIC.
    compression: I(X;Z) per image: an upper bound in nats, or nHSIC(Z, image).
    relevance: I(Z;Y_u): a lower bound in nats, or nHSIC(Z, answer).
    generation: I(Z;Y_g): a lower bound in nats, or nHSIC(Z, target).
    consistency: I(Z;T): a lower bound in nats, or nHSIC(Z, text).
    dropped: the terms that were left out of this batch, and why.
    ceilings: the largest value that each term can have, where it is known: log N for InfoNCE with N candidates, H(T)
        for a decoder of attributes, labels or ids, 1 for nHSIC.

    Example:
        >>> import torch
        >>> from infotok.bottleneck import InfoTok
        >>> infotok = InfoTok(dim=4, compression=0.01).eval()
        >>> tokens, terms = infotok(torch.zeros(2, 16, 4))
        >>> sorted(terms.asdict()), terms.unit, terms.consistency
        (['compression_nats', 'loss'], 'nats', None)
    """

    loss: Tensor
    unit: str
    compression: Tensor | None = None
    relevance: Tensor | None = None
    generation: Tensor | None = None
    consistency: Tensor | None = None
    dropped: dict[str, str] = field(default_factory=dict)
    ceilings: dict[str, Tensor] = field(default_factory=dict)

    @property
    def computed(self) -> tuple[str, ...]:
        """The names of the terms that were computed on this batch."""
        return tuple(name for name in TERMS if getattr(self, name) is not None)

    def asdict(self) -> dict[str, float]:
        """The loss and every computed term as plain numbers: {"loss": ..., "compression_nats": ..., ...}."""
        terms = {f"{name}_{self.unit}": getattr(self, name).item() for name in self.computed}
        return {"loss": self.loss.item()} | terms


def weighted_loss(
    terms: Mapping[str, Tensor], weights: Mapping[str, float | Tensor], z: Tensor, training: bool
) -> Tensor:
    """The loss, a scalar: the weighted compression minus the other weighted terms. ValueError if it is not finite.

    terms: scalars by name.
    weights: of the terms, by name.
    z: the tokens, whose gradient is 0 where no term is computed.
    training: mode of the module that calls, which decides whether the value is checked.
    """
    loss = torch.zeros((), device=z.device) if terms else 0.0 * z.sum()
    for name, value in terms.items():
        weighted = weights[name] * value
        loss = loss + weighted if name == "compression" else loss - weighted
    if checking(loss, training) and not loss.isfinite():
        bad = [name for name, value in terms.items() if not value.isfinite()]
        remedy = "finite terms: check image, text, posterior and host, or lower the learning rate"
        require(False, ", ".join(bad) or "parameters", "NaN or inf", remedy)
    return loss
