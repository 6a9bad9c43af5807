"""Small images in a figure: the one way in which the plots show them, packed (`infotok.images`) or as arrays."""

from typing import Any

import numpy as np

from infotok.images import unpacked

__all__ = ["bare", "pixels", "show", "show_error", "show_under"]


def pixels(image: str | list | np.ndarray) -> np.ndarray:
    """The image as an array: (H, W, 3) bytes of a packed one; an array or nested list as it is."""
    return unpacked(image) if isinstance(image, str) else np.asarray(image)


def show(ax: Any, image: str | list | np.ndarray, **options: Any) -> None:
    """Draw an image in `ax`, without ticks, grid or frame; `options` go to `imshow`."""
    ax.imshow(pixels(image), **options)
    bare(ax)


def show_error(ax: Any, original: str, image: str, top: float = 0.4) -> None:
    """Draw the mean absolute error of an image's three colours at each pixel: black for 0, bright for `top` of 1."""
    error = np.abs(pixels(original).astype(float) - pixels(image)).mean(2) / 255
    show(ax, error, cmap="magma", vmin=0, vmax=top)


def show_under(ax: Any, image: str, weights: list, *, top: float | None = None, opacity: float = 0.6) -> Any:
    """Draw an image in grey under a map (g, g) of one weight per token; returns the map, for a colour bar.

    top: the weight with the brightest colour; by default the map's maximum.
    """
    grey, grid = pixels(image).mean(-1), np.asarray(weights)
    frame = (0, grey.shape[1], grey.shape[0], 0)
    ax.imshow(grey, cmap="gray", vmin=0, vmax=255, extent=frame)
    top = max(np.max(grid), 1e-6) if top is None else top
    drawn = ax.imshow(grid, cmap="viridis", vmin=0, vmax=top, alpha=opacity, extent=frame)
    bare(ax)
    return drawn


def bare(ax: Any) -> None:
    """No ticks, grid or frame."""
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
