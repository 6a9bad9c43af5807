"""A small convolutional autoencoder: images to a grid of features, and back.

    features = ConvEncoder(size=32, grid=4, dim=32)(images)    # (B, 3, 32, 32) in [0, 1] -> (B, 16, 32)
    images = ConvDecoder(size=32, grid=4, dim=32)(features)

Strided convolutions halve the image until it has the size of the grid; the receptive fields of neighbouring tokens
overlap. A normalisation over the whole image, without parameters, gives features unit scale. Codebooks, priors and
noise rely on that scale, and the encoder cannot lower a regulariser by shrinking its features.
"""

import math

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from infotok.errors import checking, require, require_finite, require_int, require_rows, require_tensor

__all__ = ["LARGEST_SIZE", "ConvDecoder", "ConvEncoder", "check_images", "check_pixels", "check_tokens", "unit_scale"]


LARGEST_SIZE = 2**14  # pixels, tokens or channels, far above any image tokenizer of today


def check_images(images: Tensor, size: int, training: bool = False) -> None:
    """TypeError or ValueError unless `images` are finite floats in [0, 1] of shape (B, 3, size, size).

    - size: pixels along a side
    - training: the mode of the module that checks
    """
    require_tensor("images", images, ("B", 3, size, size))
    check_pixels(images, training)


def check_pixels(images: Tensor, training: bool = False) -> None:
    """TypeError or ValueError unless `images` are finite floats in [0, 1], one or more, of shape (B, C, H, W).

    - training: the mode of the module that checks
    """
    require_tensor("images", images, ("B", "C", "H", "W"))
    require(images.numel() > 0, "images", images, "one image or more")
    if not checking(images, training):
        return
    low, high = (bound.item() for bound in images.detach().aminmax())  # NaN where there is one
    require(math.isfinite(low) and math.isfinite(high), "images", "NaN or inf", "finite numbers")
    require(low >= 0 and high <= 1, "images, range", f"{low:.3g} to {high:.3g}", "values in [0, 1]")


def check_tokens(tokens: Tensor, length: int, dim: int, training: bool = False) -> None:
    """TypeError or ValueError unless `tokens` are finite floats of shape (B, length, dim)."""
    require_rows("tokens", tokens, ("B", length, dim), training)


def unit_scale(features: Tensor) -> Tensor:
    """Layer normalisation over an image: `features` (B, L, D) with mean 0 and variance 1 for each image."""
    return F.layer_norm(features, features.shape[1:])


class ConvEncoder(nn.Module):
    """Convolutional encoder: images (B, 3, size, size) in [0, 1] -> features (B, grid^2, dim), row by row.

    Features have unit scale and the type of the weights.

    - size: pixels along a side
    - grid: tokens along a side; size / grid is a power of two, 2 or above
    - dim: numbers per token
    - width: channels at half the size of the image; twice as many at smaller sizes

    Raises ValueError for images of another size or range, TypeError for images that are not floats.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import ConvEncoder
        >>> encoder = ConvEncoder(size=32, grid=4, dim=8)
        >>> features = encoder(torch.rand(2, 3, 32, 32))
        >>> features.shape, round(features[0].var(unbiased=False).item(), 2)  # 4 x 4 tokens of unit scale
        (torch.Size([2, 16, 8]), 1.0)
    """

    def __init__(self, size: int = 32, grid: int = 4, dim: int = 32, width: int = 24) -> None:
        super().__init__()
        halvings = _halvings(size, grid, dim, width)
        size, grid, dim, width = map(int, (size, grid, dim, width))  # 16 * 16 is 0 in NumPy's uint8
        self.size, self.grid, self.dim, self.length = size, grid, dim, grid * grid
        deep = 2 * width
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, stride=2, padding=1), nn.SiLU()]
        for i in range(1, halvings):
            layers += [nn.Conv2d(width if i == 1 else deep, deep, 3, stride=2, padding=1), _norm(deep), nn.SiLU()]
        channels = deep if halvings > 1 else width
        self.layers = nn.Sequential(*layers, Residual(channels), nn.Conv2d(channels, dim, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Tokens (B, grid^2, dim) of `images` (B, 3, size, size) in [0, 1]."""
        check_images(images, self.size, self.training)
        images = images.to(self.layers[0].weight.dtype)
        return unit_scale(rearrange(self.layers(2 * images - 1), "b d h w -> b (h w) d"))


class ConvDecoder(nn.Module):
    """Convolutional decoder: tokens (B, grid^2, dim) -> images (B, 3, size, size) in (0, 1).

    - size, grid, dim, width: as in `ConvEncoder`

    Raises TypeError or ValueError for tokens of another type or shape, NaN or infinity.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import ConvDecoder
        >>> decoder = ConvDecoder(size=32, grid=4, dim=8)
        >>> decoder(torch.randn(2, 16, 8)).shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(self, size: int = 32, grid: int = 4, dim: int = 32, width: int = 24) -> None:
        super().__init__()
        halvings = _halvings(size, grid, dim, width)
        size, grid, dim, width = map(int, (size, grid, dim, width))
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
        """Images (B, 3, size, size) in (0, 1) of `tokens` (B, grid^2, dim)."""
        check_tokens(tokens, self.length, self.dim, self.training)
        tokens = tokens.to(self.layers[0].weight.dtype)
        images = self.layers(rearrange(tokens, "b (h w) d -> b d h w", h=self.grid)).sigmoid()
        require_finite("decoded images", images, self.training)
        return images


class Residual(nn.Module):
    """A residual block: x + f(x), with two 3 x 3 convolutions after norms; at initialisation it is the identity."""

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
    """How often the image is halved until it has the size of the grid."""
    for name, value in (("size", size), ("grid", grid), ("dim", dim), ("width", width)):
        require_int(name, value, 1, LARGEST_SIZE)
    times = int(size) // int(grid)
    power = times * grid == size and times >= 2 and times & (times - 1) == 0
    require(power, "grid", grid, f"size / grid, {size} / {grid}, to be a power of two, 2 or above")
    return times.bit_length() - 1
