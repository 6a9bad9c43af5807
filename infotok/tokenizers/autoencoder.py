"""A small convolutional autoencoder: an image becomes a grid of tokens, and an image again.

    features = ConvEncoder(size=32, grid=4, dim=32)(images)    # (B, 3, 32, 32) in [0, 1] -> (B, 16, 32)
    images = ConvDecoder(size=32, grid=4, dim=32)(features)

Strided convolutions halve the image until it is the grid; each token sees a neighbourhood that overlaps its
neighbours'. Features leave at unit scale, by a group norm over the whole image that has nothing to learn: codebooks,
priors and noise may then rely on it, and no regulariser can be escaped by shrinking the code.
"""

import math

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from infotok.errors import checking, require, require_finite, require_int, require_rows, require_tensor

__all__ = ["LARGEST_SIZE", "ConvDecoder", "ConvEncoder", "check_images", "check_tokens", "unit_scale"]


LARGEST_SIZE = 2**14  # pixels, tokens or channels: no image tokenizer of today comes near


def check_images(images: Tensor, size: int, training: bool = False) -> None:
    """Refuse all but finite floats in [0, 1] of shape (B, 3, size, size). training: the mode of who asks."""
    require_tensor("images", images, ("B", 3, size, size))
    require(len(images) > 0, "images", images, "one image or more")
    if not checking(images, training):
        return
    low, high = (bound.item() for bound in images.detach().aminmax())  # NaN where there is one
    require(math.isfinite(low) and math.isfinite(high), "images", "NaN or inf", "finite numbers")
    require(low >= 0 and high <= 1, "images, range", f"{low:.3g} to {high:.3g}", "values in [0, 1]")


def check_tokens(tokens: Tensor, length: int, dim: int, training: bool = False) -> None:
    """Refuse all but finite floats of shape (B, length, dim)."""
    require_rows("tokens", tokens, ("B", length, dim), training)


def unit_scale(features: Tensor) -> Tensor:
    """Features (B, L, D) shifted and scaled so that those of each image have mean 0 and variance 1."""
    return F.layer_norm(features, features.shape[1:])


class ConvEncoder(nn.Module):
    """Images (B, 3, size, size) in [0, 1] -> features (B, grid^2, dim) at unit scale, row by row.

    size / grid must be a power of two, 2 or above; `width` channels at half size, twice as many below. Images of
    another size or range raise ValueError, whole numbers TypeError; features have the type of the weights.
    """

    def __init__(self, size: int = 32, grid: int = 4, dim: int = 32, width: int = 24) -> None:
        super().__init__()
        halvings = _halvings(size, grid, dim, width)
        self.size, self.grid, self.dim, self.length = size, grid, dim, grid * grid
        deep = 2 * width
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, stride=2, padding=1), nn.SiLU()]
        for i in range(1, halvings):
            layers += [nn.Conv2d(width if i == 1 else deep, deep, 3, stride=2, padding=1), _norm(deep), nn.SiLU()]
        channels = deep if halvings > 1 else width
        self.layers = nn.Sequential(*layers, Residual(channels), nn.Conv2d(channels, dim, 1))

    def forward(self, images: Tensor) -> Tensor:
        check_images(images, self.size, self.training)
        images = images.to(self.layers[0].weight.dtype)
        return unit_scale(rearrange(self.layers(2 * images - 1), "b d h w -> b (h w) d"))


class ConvDecoder(nn.Module):
    """Tokens (B, grid^2, dim) -> images (B, 3, size, size) in (0, 1): the encoder's way back."""

    def __init__(self, size: int = 32, grid: int = 4, dim: int = 32, width: int = 24) -> None:
        super().__init__()
        halvings = _halvings(size, grid, dim, width)
        self.size, self.grid, self.dim, self.length = size, grid, dim, grid * grid
        deep = 2 * width
        layers: list[nn.Module] = []
        for i in range(1, halvings):
            narrow = width if i == halvings - 1 else deep
            layers += [nn.ConvTranspose2d(deep, narrow, 4, stride=2, padding=1), _norm(narrow), nn.SiLU()]
        channels, last = (deep, width) if halvings > 1 else (width, width)
        entry = [nn.Conv2d(dim, channels, 3, padding=1), Residual(channels)]
        self.layers = nn.Sequential(*entry, *layers, nn.ConvTranspose2d(last, 3, 4, stride=2, padding=1))

    def forward(self, tokens: Tensor) -> Tensor:
        check_tokens(tokens, self.length, self.dim, self.training)
        tokens = tokens.to(self.layers[0].weight.dtype)
        images = self.layers(rearrange(tokens, "b (h w) d -> b d h w", h=self.grid)).sigmoid()
        require_finite("decoded images", images, self.training)
        return images


class Residual(nn.Module):
    """x + f(x), f two 3 x 3 convolutions after norms; it starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _norm(channels),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            _norm(channels),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )
        nn.init.zeros_(self.layers[-1].weight)
        nn.init.zeros_(self.layers[-1].bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(8, channels), channels)


def _halvings(size: int, grid: int, dim: int, width: int) -> int:
    """How often the image is halved until it is the grid."""
    for name, value in (("size", size), ("grid", grid), ("dim", dim), ("width", width)):
        require_int(name, value, 1, LARGEST_SIZE)
    times = int(size) // int(grid)
    power = times * grid == size and times >= 2 and times & (times - 1) == 0
    require(power, "grid", grid, f"size / grid, {size} / {grid}, to be a power of two, 2 or above")
    return times.bit_length() - 1
