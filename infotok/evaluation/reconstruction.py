"""Scores of reconstruction: PSNR of the whole image, of the objects and of the background.

    PSNR = -10 log10 MSE (dB, images in [0, 1]), MSE weighted by alpha (foreground) or by 1 - alpha (background)

The background is four fifths of an image: a tokenizer that keeps the texture and loses an object has a good plain PSNR.
Each image has its PSNR, at most 100 dB, and the mean is taken over images, so that scores do
not depend on how the set is cut into batches.
"""

from typing import Any

import torch
from torch import Tensor

from infotok.images import require_images
from infotok.unified.arguments import check_part
from infotok.worlds.source import World

__all__ = ["score_reconstructions"]

BEST_MSE = 1e-10  # 100 dB: what an exact copy is given


def score_reconstructions(
    reconstructions: Tensor, images: Tensor, scenes: Any, world: World
) -> dict[str, float | None]:
    """Mean PSNR in dB: "psnr", "foreground" and "background", each over the images that have such pixels, None without.

    reconstructions: (B, 3, S, S) in [0, 1].
    images: (B, 3, S, S) in [0, 1].
    scenes: what the images show.
    world: says where the objects of scenes are.

    Example:
        >>> import torch
        >>> from infotok.evaluation import score_reconstructions
        >>> from infotok.worlds import ShapesWorld
        >>> world = ShapesWorld()
        >>> batch = world.batch(16, torch.Generator().manual_seed(0))
        >>> grey = torch.full_like(batch.images, 0.5)
        >>> scores = score_reconstructions(grey, batch.images, batch.scenes, world)
        >>> {name: round(value, 1) for name, value in scores.items()}  # dB
        {'psnr': 17.1, 'foreground': 8.6, 'background': 21.8}
    """
    check_part("world", world, ("foreground",), "a world")
    alpha = world.foreground(scenes).squeeze(1)  # (B, S, S)
    for name, values in (("reconstructions", reconstructions), ("images", images)):
        require_images(name, values, (len(alpha), 3, *alpha.shape[1:]))
    error = (reconstructions.float() - images.float()).square().mean(1)
    alpha = alpha.to(error.device)
    return {
        "psnr": _psnr(error, torch.ones_like(alpha)),
        "foreground": _psnr(error, alpha),
        "background": _psnr(error, 1 - alpha),
    }


def _psnr(error: Tensor, weight: Tensor) -> float | None:
    there = weight.sum((1, 2)) > 0
    if not there.any():
        return None
    error, weight = error[there], weight[there]
    mse = (error * weight).sum((1, 2)) / weight.sum((1, 2))
    return (-10 * mse.clamp(min=BEST_MSE).log10()).mean().item()
