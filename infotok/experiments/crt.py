"""Causally regularised tokens (CRT): a rival of InfoTok that makes tokens easy to predict from left to right.

    loss = weight * E |g(z_1, ..., z_i) - z_(i+1)|^2          the mean over places and numbers, g a causal transformer

Its gradient reaches the encoder through the tokens before and through the token that is predicted. No caption takes
part. The weight rises linearly from 0.

Source: our reading of Ramanujan et al. 2024 (arXiv 2412.16326): two layers, squared error of the features before the
quantizer, and a weight that is annealed to 4. Width and schedule are ours.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from infotok.errors import require, require_float, require_int, require_tensor
from infotok.modes import ends_step, recomputing, steps_before

__all__ = ["CausalRegulariser"]


@dataclass(frozen=True)
class CausalTerms:
    """What `CausalRegulariser` returns beside the tokens.

    loss: weighted, to add to the training loss.
    error: the squared error, the mean over places and numbers.
    """

    loss: Tensor
    error: Tensor


class CausalRegulariser(nn.Module):
    """A `Regulariser` of features (B, L, dim) by a small causal transformer that predicts each from those before it.

    dim: numbers per token.
    length: tokens per image, 2 or more.
    weight: of the squared error, from 0.
    steps: training steps over which the weight rises from 0.
    width: of the transformer, a multiple of 4.
    """

    placement, needs = "before", frozenset()

    def __init__(self, dim: int, length: int, weight: float = 4.0, steps: int = 1, width: int = 64) -> None:
        super().__init__()
        for name, size in (("dim", dim), ("length", length), ("steps", steps), ("width", width)):
            require_int(name, size)
        require(length > 1, "length", length, "two tokens or more")
        require(width % 4 == 0, "width", width, "a multiple of 4, for its heads")
        self.dim, self.steps, self.weight = dim, steps, require_float("weight", weight, "[0, inf)")
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, "gelu", batch_first=True, norm_first=True)
        self.enter, self.leave = nn.Linear(dim, width), nn.Linear(width, dim)
        self.places = nn.Parameter(0.02 * torch.randn(length - 1, width))
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.register_buffer("passes", torch.zeros((), dtype=torch.long))

    def forward(self, features: Tensor, *, mask: Tensor | None = None, **_: Any) -> tuple[Tensor, CausalTerms]:
        """The same features, and the terms of this batch.

        features: (B, L, dim).
        mask: (B, L) booleans, true for real tokens; None: all are real.
        """
        require_tensor("features", features, ("B", len(self.places) + 1, self.dim))
        causal = nn.Transformer.generate_square_subsequent_mask(len(self.places), device=features.device)
        states = self.layers(self.enter(features[:, :-1]) + self.places, mask=causal, is_causal=True)
        errors = (self.leave(states) - features[:, 1:]).square().mean(-1)  # (B, L - 1)
        error = errors.mean() if mask is None else errors[mask[:, 1:]].mean()
        loss = self.weight * (steps_before(self) / self.steps).clamp(max=1.0) * error
        if self.training and ends_step() and not recomputing():
            self.passes += 1
        return features, CausalTerms(loss, error)
