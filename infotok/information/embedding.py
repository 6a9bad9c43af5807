"""First layers of a probe network: embeddings of codes, or standardised features."""

import math

import torch
from torch import Tensor, nn

DROPOUT = 0.2


def token_input(tokens: Tensor, fit: Tensor, width: int) -> tuple[Tensor, nn.Module]:
    """The input of a probe and its first layer, which returns (N, width).

    tokens: (N, ...) floats, standardised by the rows `fit`; or integer codes, with an embedding for each code at each
        position, which are summed
    fit: indices of the training rows
    width: units of the layer
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
    """One hidden layer of `width` units with dropout, to follow the first layer."""
    return nn.Sequential(nn.GELU(), nn.Dropout(DROPOUT), nn.Linear(width, width), nn.GELU(), nn.Dropout(DROPOUT))
