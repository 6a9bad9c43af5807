"""Rendering of FashionWorld: photographs, reduced to cells, over OpenMojiWorld's coloured background and noise.

    image = (1 - alpha) background + premultiplied colour + noise

A photograph of Fashion-MNIST is grey, of brightness g from 0 (nothing there) to 1. It is cut out by its brightness and
kept grey, its values in [0.05, 0.95] so that no pixel noise needs clipping:

    alpha = min(1, g / 0.2),   premultiplied colour = alpha (0.05 + 0.9 g)

Both are then averaged over areas, from 28 pixels a side to 14 of a cell of 16 at size 32 (to less where the jitter
leaves less), as sprites are. Parts of a garment as dark as the ground are transparent. At size 64 photographs have
their own 28 pixels.
"""

import torch
from torch import Tensor

from infotok.worlds.fashion.photographs import SIDE, Photographs
from infotok.worlds.fashion.scenes import FashionScenes
from infotok.worlds.openmoji.render import CELL, Composer, shifted, tiled
from infotok.worlds.openmoji.sprites import BRIGHTEST, DARKEST, averaging

__all__ = ["FashionRenderer"]

OPAQUE = 0.2  # brightness from which a pixel is opaque


class FashionRenderer(Composer):
    """Renders scenes of photographs at one image size, strength of nuisance and jitter.

    photographs: of all kinds
    size: pixels per side, a multiple of 32
    nuisance: strength of texture and noise, from 0 to 1
    jitter: largest offset of an object in pixels at size 32
    """

    def __init__(self, photographs: Photographs, size: int, nuisance: float, jitter: int) -> None:
        super().__init__(size, nuisance)
        self.photographs = photographs
        extent = min(CELL - 2 * jitter, SIDE // 2) * self.scale
        self.down = averaging(SIDE, CELL * self.scale, SIDE / extent)  # (cell, 28)

    def layer(self, scenes: FashionScenes) -> Tensor:
        """What objects add, (B, 4, S, S): premultiplied red, green and blue, then alpha."""
        kind, which = (scenes.cells - 1).clamp(min=0).flatten(), scenes.photographs.flatten()
        seen = self.photographs.images[kind.cpu(), which.cpu()].to(scenes.cells.device).float() / 255
        alpha = (seen / OPAQUE).clamp(max=1) * (scenes.cells > 0).flatten()[:, None, None]
        parts = torch.stack([alpha * (DARKEST + (BRIGHTEST - DARKEST) * seen), alpha], 1)  # (B * 4, 2, 28, 28)
        down = self.down.to(parts.device)
        drawn = (down @ parts @ down.T).clamp(0, 1)
        return tiled(shifted(drawn[:, [0, 0, 0, 1]], scenes.offsets.flatten(0, 1) * self.scale))
