"""Scores of reconstruction: PSNR of the whole image, of the objects and of the background.

    PSNR = -10 log10 MSE (dB, images in [0, 1]), MSE weighted by alpha (foreground) or by 1 - alpha (background)

The background is four fifths of an image: a tokenizer that keeps the texture and loses an object has a good plain PSNR.
Each image has its PSNR, at most 100 dB, and the mean is taken over images, so that scores do
not depend on how the set is cut into batches.
"""

import torch
from torch import Tensor

from infotok.errors import require_instance
from infotok.worlds import Scenes, ShapesWorld
from infotok.worlds.shapes.parser import require_images
from infotok.worlds.shapes.scenes import require_scenes

__all__ = ["score_reconstructions"]

BEST_MSE = 1e-10  # 100 dB: what an exact copy is given


def score_reconstructions(
    reconstructions: Tensor, images: Tensor, scenes: Scenes, world: ShapesWorld
) -> dict[str, float | None]:
    """Mean PSNR in dB: "psnr", "foreground" (over images with objects; None if there are none) and "background"."""
    require_instance("world", world, ShapesWorld)
    require_scenes("scenes", scenes, world.jitter, world.levels)
    for name, values in (("reconstructions", reconstructions), ("images", images)):
        require_images(name, values, (len(scenes), 3, world.size, world.size))
    error = (reconstructions.float() - images.float()).square().mean(1)  # (B, S, S)
    alpha = world.foreground(scenes).to(error.device).squeeze(1)
    drawn = alpha.sum((1, 2)) > 0
    return {
        "psnr": _psnr(error, torch.ones_like(alpha)),
        "foreground": _psnr(error[drawn], alpha[drawn]) if drawn.any() else None,
        "background": _psnr(error, 1 - alpha),
    }


def _psnr(error: Tensor, weight: Tensor) -> float:
    mse = (error * weight).sum((1, 2)) / weight.sum((1, 2))
    return (-10 * mse.clamp(min=BEST_MSE).log10()).mean().item()
