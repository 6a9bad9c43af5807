"""The parser: scenes recovered from images by least squares against everything the world can draw, nothing learned.

Each cell y (pixels x 3 channels) is fitted by every sprite alpha = (shape, size, offset, blur), with the colour inside
and a smooth background outside as unknowns:

    y = alpha c + (1 - alpha) (w_0 + w_1 u + w_2 v + w_3 u v + w_4 u^2 + w_5 v^2) + rest

The sprite of the smallest rest wins; the direction of c from grey names its colour. Blurred sprites are among the
candidates because decoders blur: a soft square is still a square. Best fits exist for anything, so a cell is read as
holding an object only if that is coloured enough and explains most of what is there beside background and pixel noise
(`MIN_...` below; otherwise it is read as empty), and with confidence only if nothing else comes close (`SURE_...`).
The thresholds were set on renders of other seeds than those in the tests, clean, blurred, noised and textured.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, normalize

from infotok.errors import require
from infotok.images import require_images
from infotok.worlds.shapes.render import CELL, GREY, RGB, sprites
from infotok.worlds.shapes.scenes import SHAPES, SIZES, Scenes, cell_value, parts, require_scenes
from infotok.worlds.shapes.settings import ShapesSettings, require_world

__all__ = ["Reading", "parse", "score_cells"]

BLURS = (0.0, 0.8, 1.6)  # standard deviations in pixels, at size 32
MIN_SATURATION = (0.45, 0.35)  # how far from grey to its palette colour the inside must reach: a + b nuisance, since
# textures have colours too: their strongest reach 0.45 of the way at nuisance 0.5, 0.6 at 0.7
MIN_COSINE = 0.85  # between the inside's direction from grey and its palette colour's; neighbours are at 0.51 or below
MIN_EVIDENCE = 0.5  # squared error that the object must save, summed over pixels (of 32) and channels
MIN_SCORE = 0.5  # share it must explain of what is there beside background and pixel noise
SURE_SCORE = 0.7  # the same, for a confident reading
SURE_MARGIN = 0.05  # share of its evidence that every other shape or size must lack, for a confident reading
SURE_REST = 4.0  # squared error, pixel noise apart, that a cell confidently read as empty may leave
ALMOST = 0.8  # of the least saturation: an empty reading that comes so close to an object is not confident
IMAGES_AT_ONCE = 128


@dataclass(frozen=True)
class Reading:
    """The parser's output. Cells are coded as in `Scenes`; offsets are zero where a cell is read as empty.

    cells: (B, 4) long, 0 to 48
    offsets: (B, 4, 2) long, in steps
    scores: (B, 4) in [0, 1], share of what is neither background nor pixel noise that the object explains
    confident: (B, 4) bool

    Example:
        >>> import torch
        >>> from infotok.worlds import ShapesWorld, parse
        >>> reading = parse(torch.full((1, 3, 32, 32), 0.5), ShapesWorld())  # a grey image
        >>> reading.cells, reading.confident
        (tensor([[0, 0, 0, 0]]), tensor([[True, True, True, True]]))
    """

    cells: Tensor
    offsets: Tensor
    scores: Tensor
    confident: Tensor


@dataclass(frozen=True)
class _Templates:
    """Orthonormal bases of every candidate's span, and what reads the inside colour off a fit."""

    bases: Tensor  # (T, 7, P)
    inside: Tensor  # (T, P)
    background: Tensor  # (6, P)
    kind: Tensor  # (T,): shape * 2 + size
    offsets: Tensor  # (T, 2)


def parse(images: Tensor, world: ShapesSettings) -> Reading:
    """Read images as scenes of a world.

    images: (B, 3, S, S) in [0, 1].
    world: its size, jitter and nuisance are used, not its split.

    Raises TypeError or ValueError for images that are not finite floats in [0, 1] of this shape.

    Example:
        >>> import torch
        >>> from infotok.worlds import ShapesWorld, parse
        >>> world = ShapesWorld()
        >>> batch = world.batch(32, torch.Generator().manual_seed(0))
        >>> reading = parse(batch.images, world)
        >>> (reading.cells == batch.scenes.cells).float().mean().item()
        1.0
    """
    require_world("world", world)
    size = world.size
    require_images("images", images, ("B", 3, size, size))
    templates = _templates(size // 32, world.jitter)
    least = MIN_SATURATION[0] + MIN_SATURATION[1] * world.nuisance
    read = [_read(part.float(), templates, size // 32, least) for part in images.detach().split(IMAGES_AT_ONCE)]
    return Reading(*(torch.cat(values) for values in zip(*read, strict=True)))


def score_cells(images: Tensor, scenes: Scenes, world: ShapesSettings) -> dict[str, float | None]:
    """Shares of `scenes` that the parser recovers from images of them, in [0, 1].

    - cells      cells recovered, empty ones included;       images  scenes recovered, all four cells
    - present    occupied cells recovered, and of these      shape, colour, size, offset
    - empty      empty cells recovered as empty;             confident  cells read with confidence

    None where there is nothing to count.

    images: (B, 3, S, S) in [0, 1].
    scenes: the B that they should show.
    world: as in `parse`.

    Example:
        >>> import torch
        >>> from infotok.worlds import ShapesWorld, score_cells
        >>> world = ShapesWorld()
        >>> batch = world.batch(32, torch.Generator().manual_seed(0))
        >>> score_cells(batch.images, batch.scenes, world)["images"]  # of real images: a ceiling
        1.0
        >>> score_cells(batch.images.flip(0), batch.scenes, world)["images"]  # of others
        0.0
    """
    reading = parse(images, world)
    require_scenes("scenes", scenes, world.jitter)
    require(len(images) == len(scenes), "images", images, f"{len(scenes)} images, one a scene")
    cells = scenes.cells.to(reading.cells.device)
    right, there = reading.cells == cells, cells > 0
    named = zip(("shape", "colour", "size"), parts(reading.cells)[1:], parts(cells)[1:], strict=True)
    offset = (reading.offsets == scenes.offsets.to(cells.device)).all(-1) & (reading.cells > 0)
    return {
        "cells": _share(right),
        "images": _share(right.all(1)),
        "present": _share(right[there]),
        **{name: _share((read == true)[there]) for name, read, true in named},
        "offset": _share(offset[there]),
        "empty": _share(right[~there]),
        "confident": _share(reading.confident),
    }


def _read(images: Tensor, templates: _Templates, scale: int, least: float) -> tuple[Tensor, ...]:
    device = images.device
    y = rearrange(images - GREY, "b c (row h) (column w) -> (b row column) c (h w)", row=2, column=2)
    area = scale**2  # errors are counted as at size 32
    total = y.square().sum((1, 2)) / area
    alone = total - (y @ templates.background.to(device).T).square().sum((1, 2)) / area
    fitted = (y.flatten(0, 1) @ templates.bases.to(device).flatten(0, 1).T).square()  # (N * 3, T * 7)
    explained = rearrange(fitted, "(n c) (t k) -> n c t k", c=3, k=templates.bases.shape[1]).sum((1, 3)) / area
    evidence = explained - (total - alone)[:, None]  # (N, T): error saved, against the background alone
    best, which = evidence.max(1)
    kind = templates.kind.to(device)
    others = evidence.masked_fill(kind == kind[which][:, None], -torch.inf).max(1).values
    colour = torch.einsum("ncp,np->nc", y, templates.inside.to(device)[which])
    palette = (RGB - GREY).to(device)
    cosine, name = (normalize(colour, dim=1) @ normalize(palette, dim=1).T).max(1)
    saturation = colour.norm(dim=1) * cosine / palette.norm(dim=1)[name]

    unread = _structure(_rest(y, templates.bases.to(device)[which]), area)
    score = best.clamp(min=0) / (best.clamp(min=0) + unread).clamp(min=1e-6)
    coloured = (cosine >= MIN_COSINE) & (best >= MIN_EVIDENCE)
    there = coloured & (saturation >= least) & (score >= MIN_SCORE)
    sure = (score >= SURE_SCORE) & (best - others >= SURE_MARGIN * best)
    plain = _structure(_rest(y, templates.background.to(device).expand(len(y), -1, -1)), area) <= SURE_REST
    bare = plain & ~(coloured & (saturation >= ALMOST * least))
    shape, size = kind[which] // len(SIZES), kind[which] % len(SIZES)
    cells = cell_value(shape, name, size) * there
    offsets = templates.offsets.to(device)[which] * there[:, None]
    return tuple(values.unflatten(0, (-1, 4)) for values in (cells, offsets, score, torch.where(there, sure, bare)))


def _rest(y: Tensor, bases: Tensor) -> Tensor:
    """What a fit leaves of each cell: y (N, 3, P) without its projection on bases (N, k, P)."""
    return y - (y @ bases.mT) @ bases


def _structure(rest: Tensor, area: int) -> Tensor:
    """Squared error (N,) of a rest after averaging each 3 x 3 pixels: noise goes, what was not understood stays."""
    cell = int(rest.shape[-1] ** 0.5)
    width = 2 * (cell // CELL) + 1
    smooth = avg_pool2d(rest.unflatten(-1, (cell, cell)), width, 1, width // 2, count_include_pad=False)
    return smooth.square().sum((1, 2, 3)) / area


@lru_cache(maxsize=8)
def _templates(scale: int, jitter: int) -> _Templates:
    """Every candidate: shape x size x offset x blur, as an orthonormal basis of [alpha, (1 - alpha) background]."""
    drawn = sprites(scale, jitter).double()  # (shape, size, y, x, h, w)
    cell, per_kind = drawn.shape[-1], (2 * jitter + 1) ** 2
    alpha = torch.cat([_blur(drawn.flatten(0, 3), blur * scale) for blur in BLURS]).flatten(1)  # (T, P)
    u = torch.linspace(-1, 1, cell, dtype=torch.double).expand(cell, cell)
    v = u.T
    smooth = torch.stack([torch.ones_like(u), u, v, u * v, u * u, v * v]).flatten(1)  # (6, P)
    design = torch.cat([alpha[:, None], (1 - alpha)[:, None] * smooth], 1)  # (T, 7, P)
    reach = torch.arange(-jitter, jitter + 1)
    down, right = torch.meshgrid(reach, reach, indexing="ij")
    kinds = len(SHAPES) * len(SIZES)
    return _Templates(
        bases=torch.linalg.qr(design.mT).Q.mT.float().contiguous(),
        inside=torch.linalg.pinv(design.mT)[:, 0].float(),
        background=torch.linalg.qr(smooth.T).Q.T.float().contiguous(),
        kind=torch.arange(kinds).repeat_interleave(per_kind).repeat(len(BLURS)),
        offsets=torch.stack([right, down], -1).flatten(0, 1).repeat(kinds * len(BLURS), 1),
    )


def _blur(images: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur of (N, h, w), zero beyond the border."""
    if sigma == 0:
        return images
    reach = round(4 * sigma)
    weight = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=images.dtype) / sigma).square())
    weight = (weight / weight.sum()).view(1, 1, 1, -1)
    blurred = conv2d(images[:, None], weight, padding=(0, reach))
    return conv2d(blurred, weight.mT, padding=(reach, 0))[:, 0]


def _share(right: Tensor) -> float | None:
    return right.float().mean().item() if right.numel() else None
