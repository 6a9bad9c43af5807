"""The caption head: a linear map that predicts the caption from the tokens, as a control beside InfoTok."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from infotok.bottleneck import InfoTokTerms
from infotok.errors import require_choice, require_float, require_int, require_tensor

__all__ = ["CaptionHead"]


class CaptionHead(nn.Module):
    """Dense supervision by the caption, a `Regulariser` that takes InfoTok's place; tokens are left as they are.

        loss = weight * mean over images of -sum_j log q(t_j | z),    q_j(z) = sigmoid(w_j . z + b_j)

    in nats an image. H(T) minus the cross-entropy is a lower bound on I(Z;T), the decoder bound (Barber and Agakov,
    "The IM algorithm", 2003); no rate term and no contrast is here.

    Args:
        dim: numbers of one token.
        length: tokens of an image.
        text_dim: width of the caption as ones and zeros.
        weight: of the cross-entropy in the loss, 0 or above.
        placement: "before" or "after" the quantizer.

    Raises ValueError for an argument out of its range.
    """

    needs = frozenset({"text"})

    def __init__(self, dim: int, length: int, text_dim: int, weight: float, placement: str = "before") -> None:
        super().__init__()
        for name, size in (("dim", dim), ("length", length), ("text_dim", text_dim)):
            require_int(name, size, 1, 2**16)
        require_float("weight", weight, "[0, inf)"), require_choice("placement", placement, ("before", "after"))
        self.dim, self.weight, self.placement = dim, weight, placement
        self.linear = nn.Linear(dim * length, text_dim)

    def forward(
        self, features: Tensor, *, text: Tensor | None = None, unavailable: frozenset[str] = frozenset(), **_: Any
    ) -> tuple[Tensor, InfoTokTerms]:
        """The features, and the weighted cross-entropy as `terms.loss`.

        Args:
            features: (B, L, dim), the tokens of a batch.
            text: (B, text_dim), its captions as ones and zeros.
            unavailable: names of inputs that do not exist yet; without "text" the loss is 0.
        """
        require_tensor("features", features, ("B", self.linear.in_features // self.dim, self.dim))
        if "text" in unavailable:
            return features, InfoTokTerms(features.new_zeros(()), "nats")
        require_tensor("text", text, (len(features), self.linear.out_features))
        logits = self.linear(features.flatten(1).to(self.linear.weight))
        nats = F.binary_cross_entropy_with_logits(logits, text.to(logits), reduction="none").sum(1).mean()
        return features, InfoTokTerms(self.weight * nats, "nats")
