"""Priors over the codes of discrete tokens: r(k), or r(k|y) conditioned on a label or a vector.

- `CodePrior`              one learned categorical distribution
- `ConditionalCodePrior`   logits linear in y
"""

import torch
from torch import Tensor, nn

from infotok.bottleneck.priors.conditional import vectors

__all__ = ["CodePrior", "ConditionalCodePrior"]


class CodePrior(nn.Module):
    """A learned categorical distribution r(k). It starts uniform.

    codes: the number of codes K.
    """

    def __init__(self, codes: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(codes))

    def forward(self) -> Tensor:
        """log r(k), (K,)."""
        return self.logits.log_softmax(0)


class ConditionalCodePrior(nn.Module):
    """A categorical distribution r(k|y) whose logits are linear in y. It starts uniform.

    dim_y: width of vectors y, or number of labels y.
    codes: the number of codes K.
    length: L, for one distribution per token of an image; None: one for all its tokens.
    """

    def __init__(self, dim_y: int, codes: int, length: int | None) -> None:
        super().__init__()
        self.dim_y, self.codes = dim_y, codes
        self.head = nn.Linear(dim_y, codes * (length or 1))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, y: Tensor | None) -> Tensor:
        """log r(k|y), (B, L or 1, K), or (1, L or 1, K) without y.

        y: (B, dim_y) vectors or (B,) integer labels below dim_y; None: no condition, which is y = 0.
        """
        if y is None:
            flat = self.head.bias[None]
        else:
            flat = self.head(vectors(y, self.dim_y, "text", self.training).to(self.head.weight))
        return flat.view(len(flat), -1, self.codes).log_softmax(-1)
