"""Rendering of scenes to images: sprites are drawn once; a batch is a gather, a shift and a blend.

    image = (1 - alpha) background + premultiplied colour + noise

- alpha, colour: of the object's sprite, (16, 16) of a cell at 32 pixels, moved by its offset;
- background: grey 0.5 plus a smooth texture, a quadratic B-spline surface of 4 x 4 control points per channel, each at
  one of `levels` values in [-amplitude, amplitude]: 48 discrete coefficients. Its knots are the borders of the cells,
  so within a cell it is a polynomial of degree 2 in x and y;
- noise: each pixel and channel at one of 5 levels, uniform.

Strengths and levels are those of ShapesWorld (`infotok.worlds.shapes.render`) and grow with `nuisance`.
Colours of objects lie in [0.05, 0.95], so no value is clipped and the noise keeps its entropy.
"""

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from infotok.worlds.openmoji.objects import objects_of
from infotok.worlds.openmoji.scenes import PLACES, OpenMojiScenes
from infotok.worlds.openmoji.sprites import sprites
from infotok.worlds.shapes import render as shapes

__all__ = ["CELL", "Composer", "Renderer", "shifted", "tiled"]

CELL = shapes.CELL  # pixels a side at size 32


class Composer(ABC):
    """Images of objects over a background of texture, with noise; a subclass gives `layer`.

    size: pixels per side, a multiple of 32
    nuisance: strength of texture and noise, from 0 to 1
    """

    def __init__(self, size: int, nuisance: float) -> None:
        self.size, self.nuisance, self.scale = size, nuisance, size // 32
        self.levels = 1 + 2 * math.ceil(4 * nuisance)
        self.mesh = _splines(size)  # (S, control points)

    def draw(self, scenes: Any, generator: torch.Generator | None) -> Tensor:
        """Images (B, 3, S, S) float32 in [0, 1]; without a generator, without noise."""
        objects = self.layer(scenes)
        images = self.background(scenes)
        images *= 1 - objects[:, 3:]
        images += objects[:, :3]
        if generator is not None and self.nuisance > 0:
            noise = shapes.noise(len(images), self.size, generator)
            step = shapes.NOISE_STEP * self.nuisance
            images += noise.float().mul_(step).sub_(step * (shapes.NOISE_LEVELS - 1) / 2)
        return images

    @abstractmethod
    def layer(self, scenes: Any) -> Tensor:
        """What objects add, (B, 4, S, S): premultiplied red, green and blue, then alpha."""

    def background(self, scenes: Any) -> Tensor:
        """Background of grey and texture, (B, 3, S, S)."""
        middle = self.levels // 2
        points = (scenes.texture - middle) * (shapes.AMPLITUDE * self.nuisance / max(middle, 1))
        points = rearrange(points, "b (c row column) -> b c row column", c=3, row=shapes.NODES)
        mesh = self.mesh.to(points.device)
        return shapes.GREY + mesh @ points @ mesh.T


class Renderer(Composer):
    """Renders scenes at one image size, strength of nuisance and jitter.

    objects: N, the first of the table
    size: pixels per side, a multiple of 32
    nuisance: strength of texture and noise, from 0 to 1
    jitter: largest offset of an object in pixels at size 32
    extents: pixels (at size 32) of the longer side of an object, for each size
    style: of the drawings, one of STYLES
    """

    def __init__(
        self, objects: int, size: int, nuisance: float, jitter: int, extents: tuple[int, ...], style: str
    ) -> None:
        super().__init__(size, nuisance)
        self.objects, self.jitter = objects_of(objects), jitter
        self.sprites = sprites(objects, CELL * self.scale, tuple(extent * self.scale for extent in extents), style)

    def layer(self, scenes: OpenMojiScenes) -> Tensor:
        """What objects add, (B, 4, S, S): premultiplied red, green and blue, then alpha."""
        table = self.sprites.to(scenes.cells.device)
        drawn = table[(scenes.cells - 1).clamp(min=0), scenes.sizes] * (scenes.cells > 0)[..., None, None, None]
        moved = shifted(drawn.flatten(0, 1), scenes.offsets.flatten(0, 1) * self.scale)
        return tiled(moved)


def tiled(cells: Tensor) -> Tensor:
    """Images (B, c, 2 h, 2 w) of their four `cells` (B * 4, c, h, w)."""
    return rearrange(cells, "(b row column) c h w -> b c (row h) (column w)", row=2, column=len(PLACES) // 2)


def shifted(images: Tensor, steps: Tensor) -> Tensor:
    """Images (N, c, h, w) moved by `steps` (N, 2) of pixels right and down; what leaves at one side is dropped."""
    n, _, height, width = images.shape
    right, down = steps.unbind(-1)
    row = torch.arange(height, device=images.device) - down[:, None]  # (N, h): where each row comes from
    column = torch.arange(width, device=images.device) - right[:, None]
    inside = ((row >= 0) & (row < height))[:, :, None] & ((column >= 0) & (column < width))[:, None, :]
    rows, columns = row.clamp(0, height - 1)[:, :, None], column.clamp(0, width - 1)[:, None, :]
    moved = images.permute(0, 2, 3, 1)[torch.arange(n, device=images.device)[:, None, None], rows, columns]
    return (moved * inside[..., None]).permute(0, 3, 1, 2)


def _splines(size: int) -> Tensor:
    """Quadratic B-splines with knots at the ends, three times each, and in the middle: (S, 4); rows sum to 1."""
    half = size // 2
    s = (torch.arange(half) + 0.5) / half  # from 0 to 1 over the first half
    first = torch.stack([(1 - s) ** 2, 2 * s - 1.5 * s**2, 0.5 * s**2, torch.zeros(half)], 1)
    return torch.cat([first, first.flip(0, 1)])
