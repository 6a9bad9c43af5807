"""The interface of a regulariser of visual tokens: what a tokenizer and a host may expect of `InfoTok` or of your own.

    class Decorrelate(nn.Module):                     # a regulariser of your own
        placement, needs = "before", frozenset()      # on the encoder's output; reads nothing but the features

        def forward(self, features, *, mask=None, **_):
            return features, Terms(off_diagonal(features).square().mean())       # anything with `.loss`

    SharedTokenizer(encoder, Decorrelate(), quantizer, decoder)

- `Regulariser`     the interface; `TokenWatcher` adds a look at the tokens behind the quantizer
- `INPUTS`          the inputs that a regulariser can ask for by `needs`
"""

from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from infotok.errors import require

__all__ = ["INPUTS", "Regulariser", "RegulariserTerms", "TokenWatcher", "require_regulariser"]

INPUTS = ("image", "text", "answer", "target", "posterior", "host")
PLACEMENTS = ("before", "after")  # the quantizer


class RegulariserTerms(Protocol):
    """What a regulariser returns beside the tokens."""

    @property
    def loss(self) -> Tensor:
        """The weighted sum of all terms, a scalar to add to the training loss."""


@runtime_checkable
class Regulariser(Protocol):
    """A module that transforms visual tokens (B, L, dim) and returns terms to train them by.

    placement: "before" the quantizer (on the encoder's output) or "after" it (on the quantized tokens).
    needs: names out of `INPUTS`, the inputs that its switched-on terms read; callers compute and pass only these.

    Example:
        >>> from infotok.bottleneck import InfoTok, Regulariser
        >>> infotok = InfoTok(dim=4, consistency=1.0, text_dim=3)
        >>> isinstance(infotok, Regulariser), infotok.placement, sorted(infotok.needs)
        (True, 'before', ['text'])
    """

    placement: str

    @property
    def needs(self) -> frozenset[str]:
        """The inputs that are read with the present weights."""

    def __call__(
        self,
        features: Tensor,
        *,
        mask: Tensor | None = None,
        text_mask: Tensor | None = None,
        generator: torch.Generator | None = None,
        unavailable: frozenset[str] = frozenset(),
        **inputs: Any,
    ) -> tuple[Tensor, RegulariserTerms]:
        """Tokens of the shape of `features`, and the terms of this batch.

        features: (B, L, dim) tokens where the regulariser stands.
        mask: (B, L) booleans, true for real tokens; None: all are real.
        text_mask: (B,) booleans, true where the image has a text; None: wherever the text is not missing.
        generator: of random draws; None: torch's global one.
        unavailable: names of inputs that do not exist yet, such as "posterior" while a quantizer warms up. Terms that
            read one of them are off in this pass.
        inputs: the inputs named by `needs`, without those that are unavailable.
        """


@runtime_checkable
class TokenWatcher(Protocol):
    """A regulariser that also looks at the tokens behind the quantizer, where a collapsed codebook shows."""

    def watch(self, tokens: Tensor, usage: Any = None, mask: Tensor | None = None) -> None:
        """tokens: (B, L, dim) behind the quantizer. usage: of the codebook. mask: (B, L), true for real tokens."""


def require_regulariser(name: str, part: Any) -> None:
    """TypeError or ValueError unless `part` is a module that can stand in a tokenizer as a `Regulariser`."""
    fits = isinstance(part, nn.Module) and isinstance(part, Regulariser)
    require(fits, name, type(part).__name__, "a module with placement and needs, as InfoTok", TypeError)
    placed = part.placement in PLACEMENTS
    require(placed, f"{name}, placement", part.placement, '"before" or "after" the quantizer')
    unknown = sorted(set(part.needs) - set(INPUTS))
    require(not unknown, f"{name}, needs", unknown, f"some of {', '.join(INPUTS)}")
