"""The reader of OpenMojiWorld: scenes recovered from images by least squares against all sprites, nothing learned.

Each cell y (pixels x 3 channels) is compared with every candidate, an (object, size, offset, blur) of known
premultiplied colour p and coverage alpha, over a smooth background with unknown coefficients w (as the world's own):

    y = p + (1 - alpha) sum_ij w_ij u^i v^j + rest,   i, j = 0, 1, 2

The candidate of the smallest rest wins. Blurred sprites are among the candidates because decoders blur. A best one
exists for anything, so a cell is read as holding an object only if that explains most of what is there beside
background and pixel noise (`MIN_...` below; otherwise it is read as empty), and with confidence only if no other object
comes close (`SURE_...`). The thresholds were set on renders of other seeds than those in the tests, clean, blurred and
noised, and on a tokenizer's reconstructions.

Images are read at 32 pixels; larger ones are averaged first. With Q an orthonormal basis of the candidate's background
and m what that cannot fit of p, a candidate saves 2 <y, m> - |m|^2 + |Q y|^2 - |Q_0 y|^2 of the squared error of the
background alone: two matrix products for all candidates and many cells.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d

from infotok.worlds.openmoji.render import CELL, shifted
from infotok.worlds.openmoji.sprites import sprites
from infotok.worlds.shapes.render import GREY

__all__ = ["Reading", "blur", "read"]

BLURS = (0.0, 0.7, 1.4, 2.1)  # standard deviations in pixels, at size 32
MIN_EVIDENCE = 0.05  # squared error that the object must save, summed over pixels (of 32) and channels
MIN_SCORE = 0.4  # share it must explain of what is there beside background and pixel noise
SURE_SCORE = 0.7  # the same, for a confident reading
SURE_MARGIN = 0.5  # what every other object must leave more, in shares of what the best one leaves or ...
SURE_EVIDENCE = 0.01  # ... of its evidence, whichever is more
SURE_REST = 1.2  # squared error, pixel noise apart, that a cell confidently read as empty may leave
DEPENDENT = 1e-8  # share of a background function beside the others, on visible pixels, that is taken for rounding
ALMOST = 0.6  # of both thresholds: an empty reading that comes so close to an object is not confident
CELLS_AT_ONCE, OBJECTS_AT_ONCE = 256, 16


@dataclass(frozen=True)
class Reading:
    """The reader's output. Cells are coded as in the scenes; sizes and offsets are zero where a cell is read as empty.

    cells: (B, 4) long
    sizes: (B, 4) long
    offsets: (B, 4, 2) long
    scores: (B, 4) in [0, 1], share of what is neither background nor pixel noise that the object explains
    confident: (B, 4) bool
    """

    cells: Tensor
    sizes: Tensor
    offsets: Tensor
    scores: Tensor
    confident: Tensor


@dataclass(frozen=True)
class _Candidates:
    """Every candidate of every object: N objects of V = blurs x sizes x offsets variants, P = 256 pixels."""

    bases: Tensor  # (N, V, 9, P): orthonormal, of the background that the sprite leaves visible
    colours: Tensor  # (N, V, 3, P): of the sprite, against grey
    unfit: Tensor  # (N, V, 3, P): what the bases cannot fit of it
    sizes: Tensor  # (V,)
    offsets: Tensor  # (V, 2)


def read(images: Tensor, objects: int, extents: tuple[int, ...], jitter: int, style: str) -> Reading:
    """Read `images` (B, 3, S, S), S a multiple of 32, as scenes of a world with these settings."""
    small = avg_pool2d(images.detach().float(), images.shape[-1] // 32) if images.shape[-1] > 32 else images.float()
    candidates = _candidates(objects, extents, jitter, style)
    y = rearrange(small - GREY, "b c (row h) (column w) -> (b row column) c (h w)", row=2, column=2)
    parts = [_read(part, candidates) for part in y.split(CELLS_AT_ONCE)]
    return Reading(*(torch.cat(values).unflatten(0, (-1, 4)) for values in zip(*parts, strict=True)))


def _read(y: Tensor, candidates: _Candidates) -> tuple[Tensor, ...]:
    """Cell values, sizes, offsets, scores and confidence of cells y (n, 3, P)."""
    n, device = len(y), y.device
    flat = torch.linalg.qr(_smooth().T).Q.T.float().to(device)  # (9, P)
    ground = (y @ flat.T).square().sum((1, 2))
    evidence, variant = [], []
    for part in range(0, len(candidates.bases), OBJECTS_AT_ONCE):
        bases, unfit = (t[part : part + OBJECTS_AT_ONCE].to(device) for t in (candidates.bases, candidates.unfit))
        fitted = (y.flatten(0, 1) @ bases.flatten(0, 2).T).square()
        fitted = fitted.view(n, 3, -1, bases.shape[2]).sum((1, 3))
        linear = 2 * y.flatten(1) @ unfit.flatten(2).flatten(0, 1).T - unfit.square().sum((2, 3)).flatten()
        best = (fitted + linear - ground[:, None]).view(n, len(bases), -1).max(2)
        evidence.append(best.values), variant.append(best.indices)
    evidence, variant = torch.cat(evidence, 1), torch.cat(variant, 1)  # (n, N)
    two = evidence.topk(2, 1)
    best, other, name = two.values[:, 0], two.values[:, 1], two.indices[:, 0]
    which = variant.gather(1, name[:, None]).squeeze(1)

    index = name.to(candidates.bases.device), which.to(candidates.bases.device)
    rest = _rest(y - candidates.colours[index].to(device), candidates.bases[index].to(device))
    unread = _structure(rest)
    score = best.clamp(min=0) / (best.clamp(min=0) + unread).clamp(min=1e-6)
    there = (best >= MIN_EVIDENCE) & (score >= MIN_SCORE)
    apart = best - other >= torch.maximum(SURE_MARGIN * unread, SURE_EVIDENCE * best)
    sure = (score >= SURE_SCORE) & apart
    close = (best >= ALMOST * MIN_EVIDENCE) & (score >= ALMOST * MIN_SCORE)
    bare = (_structure(_rest(y, flat.expand(n, -1, -1))) <= SURE_REST) & ~close
    sizes, offsets = (values.to(device)[which] for values in (candidates.sizes, candidates.offsets))
    return (1 + name) * there, sizes * there, offsets * there[:, None], score, torch.where(there, sure, bare)


def _rest(y: Tensor, bases: Tensor) -> Tensor:
    """What a fit leaves of each cell: y (n, 3, P) without its projection on bases (n, k, P)."""
    return y - (y @ bases.mT) @ bases


def _structure(rest: Tensor) -> Tensor:
    """Squared error (n,) of a rest after averaging each 3 x 3 pixels: noise goes, what was not understood stays."""
    smooth = avg_pool2d(rest.unflatten(-1, (CELL, CELL)), 3, 1, 1, count_include_pad=False)
    return smooth.square().sum((1, 2, 3))


def _smooth() -> Tensor:
    """The functions of the background, (9, P) double."""
    u = torch.linspace(-1, 1, CELL, dtype=torch.double).expand(CELL, CELL)
    v = u.T
    return torch.stack([u**i * v**j for i in range(3) for j in range(3)]).flatten(1)


@lru_cache(maxsize=2)
def _candidates(objects: int, extents: tuple[int, ...], jitter: int, style: str) -> _Candidates:
    reach = torch.arange(-jitter, jitter + 1)
    steps = torch.cartesian_prod(reach, reach)  # (offsets, 2)
    drawn = sprites(objects, CELL, extents, style)  # (N, sizes, 4, CELL, CELL)
    blurred = torch.stack([blur(drawn, sigma) for sigma in BLURS], 1).flatten(1, 2)  # (N, blurs x sizes, ...)
    found = [_fitted(one, steps) for one in blurred]
    bases, colours, unfit = (torch.stack(parts) for parts in zip(*found, strict=True))
    sizes = torch.arange(len(extents)).repeat_interleave(len(steps)).repeat(len(BLURS))
    return _Candidates(bases, colours, unfit, sizes, steps.repeat(len(extents) * len(BLURS), 1))


def _fitted(drawn: Tensor, steps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Bases, colours and unfit colours of one object, from its sprites (blurs x sizes, 4, CELL, CELL)."""
    moved = shifted(drawn.repeat_interleave(len(steps), 0), steps.repeat(len(drawn), 1)).flatten(2).double()
    alpha = moved[:, 3:]
    colours = moved[:, :3] - GREY * alpha
    design = (1 - alpha) * _smooth()  # (V, 9, P)
    gram = design @ design.mT
    root, failed = torch.linalg.cholesky_ex(gram)
    bases = torch.linalg.solve_triangular(root, design, upper=False)
    pivots = root.diagonal(dim1=1, dim2=2).square() / gram.diagonal(dim1=1, dim2=2)
    dependent = (failed > 0) | (pivots.amin(1) < DEPENDENT)  # on the pixels that a drawing leaves visible
    if dependent.any():
        _, size, rows = torch.linalg.svd(design[dependent], full_matrices=False)
        bases[dependent] = rows * (size > DEPENDENT**0.5 * size[:, :1])[..., None]
    return bases.float(), colours.float(), _rest(colours, bases).float()


def blur(sprites: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur of (..., h, w), zero beyond the border."""
    if sigma == 0:
        return sprites
    reach = round(4 * sigma)
    weight = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=sprites.dtype) / sigma).square())
    weight = (weight / weight.sum()).view(1, 1, 1, -1)
    blurred = conv2d(sprites.flatten(0, -3)[:, None], weight, padding=(0, reach))
    return conv2d(blurred, weight.mT, padding=(reach, 0)).view(sprites.shape)
