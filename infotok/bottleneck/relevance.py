"""Relevance of InfoTok's tokens: the critic f(z, y) whose InfoNCE bounds I(Z; Y) from below, Y a text or an answer."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.bottleneck.conditional import vectors

__all__ = ["TokenCritic"]


class TokenCritic(nn.Module):
    """f(z, y) = scale * cos(A z, B y): bilinear on the unit sphere, so that no score can run away.

    Each row of scores is a softmax over the batch's y. Duplicates need no mask in this direction: two equal captions
    have equal scores, and the best f still is the log-ratio (the bound then ends at the batch's own H(y), not log B).
    """

    def __init__(self, dim: int, dim_y: int, width: int = 64) -> None:
        super().__init__()
        self.dim_y = dim_y
        self.tokens, self.value = nn.Linear(dim, width, bias=False), nn.Linear(dim_y, width, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))

    def of_tokens(self, pooled: Tensor) -> Tensor:
        return F.normalize(self.tokens(pooled), dim=1)  # (B, width)

    def of_value(self, value: Tensor, name: str) -> Tensor:
        return F.normalize(self.value(vectors(value, self.dim_y, name, self.training).to(self.value.weight)), dim=1)

    def scale(self) -> Tensor:
        return self.log_scale.clamp(max=math.log(100.0)).exp()
