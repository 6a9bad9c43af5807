"""The first layers of a probe: tokens as vectors that a small network starts from."""

import math

import torch
from torch import Tensor, nn

DROPOUT = 0.2


def token_input(tokens: Tensor, fit: Tensor, width: int) -> tuple[Tensor, nn.Module]:
    """What a probe takes in, and its first layer, which gives (N, width).

    tokens: (N, ...) floats, which are standardised by the rows `fit`; or integer codes, each of which has a vector of
    its own at each place, and whose vectors are added.
    """
    flat = tokens.flatten(1)
    if flat.is_floating_point():
        flat = flat.float()
        mean, spread = flat[fit].mean(0), flat[fit].std(0)
        return (flat - mean) / torch.where(spread > 0, spread, 1.0), nn.Linear(flat.shape[1], width)
    places, symbols = flat.shape[1], int(flat.max() - flat.min()) + 1
    table = nn.EmbeddingBag(symbols * places, width, mode="sum")
    nn.init.normal_(table.weight, std=1 / math.sqrt(places))
    return flat - flat.min() + symbols * torch.arange(places), table


def hidden_layers(width: int) -> nn.Sequential:
    """What follows the first layer: one hidden layer with dropout."""
    return nn.Sequential(nn.GELU(), nn.Dropout(DROPOUT), nn.Linear(width, width), nn.GELU(), nn.Dropout(DROPOUT))
