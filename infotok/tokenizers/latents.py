"""One-dimensional tokens: learned queries that gather what they need from all of the image.

    features = LatentEncoder(size=32, tokens=8, dim=32)(images)    # (B, 3, 32, 32) in [0, 1] -> (B, 8, 32)
    images = LatentDecoder(size=32, tokens=8, dim=32)(features)

A grid's token owns a place, so that the budget is spread evenly, over sky and signpost alike. Here `tokens` learned
vectors pass through a transformer together with the features of a grid of patches, and only they leave it; the decoder
starts from one learned vector per patch and the tokens. The budget is their number, free of the image's size (TiTok:
Yu et al. 2024, "An image is worth 32 tokens for reconstruction and generation", arXiv 2406.07550; its patches are
linear, ours those of the small convolutional autoencoder, which learns faster).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.errors import require, require_int
from infotok.modes import recomputing
from infotok.tokenizers.autoencoder import LARGEST_SIZE, ConvDecoder, ConvEncoder, check_tokens

__all__ = ["LatentDecoder", "LatentEncoder"]

HEADS = 4
DEEPEST = 256  # layers


class LatentEncoder(nn.Module):
    """Images (B, 3, size, size) in [0, 1] -> features (B, tokens, dim), each number at unit scale over images.

    The scale is a batch norm's: what a query says of every image alike would else drown what it says of this one, and a
    codebook would name queries only. grid: patches along a side. width: channels of the convolutions; the transformer
    has twice as many, a multiple of 4, and `depth` layers. Images of another size or range raise ValueError, whole
    numbers TypeError; features have the type of the weights.
    """

    def __init__(
        self, size: int = 32, tokens: int = 16, dim: int = 32, width: int = 24, depth: int = 1, grid: int = 4
    ) -> None:
        super().__init__()
        deep = _check(tokens, dim, width, depth)
        self.patches = ConvEncoder(size, grid, deep, width)
        self.size, self.dim, self.length = size, dim, tokens
        self.places = nn.Parameter(torch.randn(self.patches.length, deep))
        self.queries = nn.Parameter(torch.randn(tokens, deep))
        self.layers = _transformer(deep, depth)
        self.project = nn.Linear(deep, dim)
        self.norm = ScaleOverImages(tokens * dim, eps=1e-7, affine=False)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patches(images) + self.places
        queries = self.queries.expand(len(images), -1, -1)
        gathered = self.project(self.layers(torch.cat([queries, patches], 1))[:, : self.length])
        return self.norm(gathered.flatten(1)).view_as(gathered)


class ScaleOverImages(nn.BatchNorm1d):
    """A batch norm of numbers that differ between images.

    A batch of one has no spread of its own and takes the running one. A recomputation leaves the running one alone.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.training and len(x) == 1:
            return F.batch_norm(x, self.running_mean, self.running_var, eps=self.eps)
        if self.training and recomputing():
            return F.batch_norm(x, self.running_mean.clone(), self.running_var.clone(), training=True, eps=self.eps)
        return super().forward(x)


class LatentDecoder(nn.Module):
    """Tokens (B, tokens, dim) -> images (B, 3, size, size) in (0, 1)."""

    def __init__(
        self, size: int = 32, tokens: int = 16, dim: int = 32, width: int = 24, depth: int = 1, grid: int = 4
    ) -> None:
        super().__init__()
        deep = _check(tokens, dim, width, depth)
        self.paint = ConvDecoder(size, grid, deep, width)
        self.size, self.dim, self.length = size, dim, tokens
        self.embed = nn.Linear(dim, deep)
        self.order = nn.Parameter(torch.randn(tokens, deep))
        self.canvas = nn.Parameter(torch.randn(self.paint.length, deep))
        self.layers = _transformer(deep, depth)

    def forward(self, tokens: Tensor) -> Tensor:
        check_tokens(tokens, self.length, self.dim, self.training)
        tokens = tokens.to(self.embed.weight.dtype)
        canvas = self.canvas.expand(len(tokens), -1, -1)
        return self.paint(self.layers(torch.cat([self.embed(tokens) + self.order, canvas], 1))[:, self.length :])


def _transformer(width: int, depth: int) -> nn.Module:
    layer = nn.TransformerEncoderLayer(
        width, HEADS, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    return nn.TransformerEncoder(layer, depth, norm=nn.LayerNorm(width), enable_nested_tensor=False)


def _check(tokens: int, dim: int, width: int, depth: int) -> int:
    for name, value in (("tokens", tokens), ("dim", dim), ("width", width)):
        require_int(name, value, 1, LARGEST_SIZE)
    require_int("depth", depth, 1, DEEPEST)
    require(2 * width % HEADS == 0, "width", width, f"half a multiple of {HEADS}, the number of attention heads")
    return 2 * width
