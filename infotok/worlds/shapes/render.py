"""Rendering of scenes to images: sprites are made once; a batch is a gather, a blend and a matrix product.

    image = (1 - alpha) background + alpha colour + noise

- alpha: the sprite of the object's shape, size and offset, (16, 16) of a cell at 32 pixels, anti-aliased;
- background: grey 0.5 plus a smooth texture, interpolated between 4 x 4 nodes per channel, each at one of `levels`
  values in [-amplitude, amplitude]: 48 discrete coefficients;
- noise: each pixel and channel at one of 5 levels, uniform.

Both strengths grow with `nuisance`, and so does the number of levels, 1 + 2 ceil(4 nuisance): the distance of
neighbouring levels is about constant, and the texture's entropy, 48 log levels, grows. No value is clipped.
"""

import math

import torch
from einops import rearrange
from torch import Tensor

from infotok.worlds.shapes.scenes import SHAPES, SIZES, Scenes, parts

__all__ = ["Renderer"]

EXTENT = {"small": 7, "large": 10}  # pixels, of a cell of 16
BAR = {7: 3, 10: 4}  # width of a cross's bars by its extent: about a third, with sharp edges
CELL = 16
LARGEST_JITTER = 2  # the large sprite then stays a pixel inside its cell
RGB = torch.tensor(
    [[0.9, 0.1, 0.1], [0.1, 0.75, 0.15], [0.1, 0.2, 0.9], [0.95, 0.9, 0.1], [0.9, 0.15, 0.85], [0.1, 0.85, 0.9]]
)
GREY = 0.5
NODES = 4
AMPLITUDE = 0.3  # of the texture, at nuisance 1
NOISE_LEVELS = 5
NOISE_STEP = 0.02  # between two levels of the noise, at nuisance 1


class Renderer:
    """Renders scenes at one image size, strength of nuisance and jitter.

    size: pixels per side, a multiple of 32
    nuisance: strength of texture and noise, from 0 to 1
    jitter: largest offset of an object in steps
    """

    def __init__(self, size: int, nuisance: float, jitter: int) -> None:
        self.size, self.nuisance, self.jitter = size, nuisance, jitter
        self.levels = 1 + 2 * math.ceil(4 * nuisance)
        self.sprites = sprites(size // 32, jitter)  # (shape, size, y, x, cell, cell)
        self.mesh = _interpolation(size)  # (S, nodes)

    def draw(self, scenes: Scenes, generator: torch.Generator | None) -> Tensor:
        """Images (B, 3, S, S) float32 in [0, 1]; without a generator, without noise."""
        alpha, colour = self.alpha(scenes), self.colour(scenes)
        images = self.background(scenes)
        images += alpha * (colour - images)
        if generator is not None and self.nuisance > 0:
            step = NOISE_STEP * self.nuisance
            images += noise(len(images), self.size, generator).float().mul_(step).sub_(step * (NOISE_LEVELS - 1) / 2)
        return images

    def alpha(self, scenes: Scenes) -> Tensor:
        """Share of each pixel that an object covers, (B, 1, S, S) in [0, 1]."""
        occupied, shape, _, size = parts(scenes.cells)
        x, y = (scenes.offsets + self.jitter).unbind(-1)
        table = self.sprites.to(scenes.cells.device)
        alpha = table[shape.clamp(min=0), size.clamp(min=0), y, x] * occupied[..., None, None]  # (B, 4, cell, cell)
        return rearrange(alpha, "b (row column) h w -> b 1 (row h) (column w)", row=2)

    def colour(self, scenes: Scenes) -> Tensor:
        """The colour of each cell's object, spread over the cell, (B, 3, S, S)."""
        cell = RGB.to(scenes.cells.device)[parts(scenes.cells)[2].clamp(min=0)]  # (B, 4, 3)
        grid = rearrange(cell, "b (row column) c -> b c row column", row=2)
        half = self.size // 2
        return grid.repeat_interleave(half, 2).repeat_interleave(half, 3)

    def background(self, scenes: Scenes) -> Tensor:
        """Background of grey and texture, (B, 3, S, S)."""
        middle = self.levels // 2
        nodes = (scenes.texture - middle) * (AMPLITUDE * self.nuisance / max(middle, 1))
        nodes = rearrange(nodes, "b (c row column) -> b c row column", c=3, row=NODES)
        mesh = self.mesh.to(nodes.device)
        return GREY + mesh @ nodes @ mesh.T


def noise(n: int, size: int, generator: torch.Generator) -> Tensor:
    """Levels of the pixel noise of n images, (n, 3, size, size) uint8 below NOISE_LEVELS."""
    kinds = {"device": generator.device, "dtype": torch.uint8}
    return torch.randint(NOISE_LEVELS, (n, 3, size, size), generator=generator, **kinds)


def sprites(scale: int, jitter: int, fine: int = 8) -> Tensor:
    """Sprites: coverage of each pixel, (shape, size, y offset, x offset, cell, cell), the mean of `fine`^2 points."""
    cell, reach = CELL * scale, range(-jitter, jitter + 1)
    point = (torch.arange(cell * fine) + 0.5) / (fine * scale) - CELL / 2  # in pixels of 32, from the cell's centre

    def drawn(shape: str, extent: int) -> Tensor:
        at = point + extent % 2 / 2  # an odd extent stands half a pixel off, so that its straight edges are sharp
        return torch.stack(
            [torch.stack([_inside(shape, at - x, at[:, None] - y, extent) for x in reach]) for y in reach]
        )

    covered = torch.stack([torch.stack([drawn(shape, EXTENT[size]) for size in SIZES]) for shape in SHAPES]).float()
    return covered.unflatten(-1, (cell, fine)).unflatten(-3, (cell, fine)).mean((-1, -3))


def _inside(shape: str, x: Tensor, y: Tensor, extent: int) -> Tensor:
    """Which points (x right, y down) lie in the shape around the origin."""
    half = extent / 2
    if shape == "circle":
        return x.square() + y.square() <= half**2
    if shape == "square":
        return torch.maximum(x.abs(), y.abs()) <= half
    if shape == "triangle":  # points up
        return (y <= half) & (2 * x.abs() <= y + half)
    return (torch.minimum(x.abs(), y.abs()) <= BAR[extent] / 2) & (torch.maximum(x.abs(), y.abs()) <= half)


def _interpolation(size: int) -> Tensor:
    """Interpolation weights (S, nodes) of the nodes at each pixel; rows sum to 1."""
    position = (torch.arange(size) + 0.5) / size * (NODES - 1)
    distance = (position[:, None] - torch.arange(NODES)).abs().clamp(max=1)
    return (1 + torch.cos(math.pi * distance)) / 2
