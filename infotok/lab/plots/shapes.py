"""Pictures of ShapesWorld, for the lessons that look at it (07 to 11).

scenes(images=pixels(batch.images[:8]), captions=world.captions(batch.scenes[:8]))
"""

import re

import numpy as np
from matplotlib.figure import Figure

from infotok.errors import require
from infotok.lab.plots.style import drawn, new


def pixels(images: np.ndarray) -> np.ndarray:
    """Images (B, 3, S, S) in [0, 1], an array or a tensor, as bytes (B, S, S, 3): a recipe then holds short numbers."""
    images = np.asarray(images)
    require(images.ndim == 4 and images.shape[1] == 3, "images", images, "shape (B, 3, S, S)")
    return (255 * images.clip(0, 1)).round().astype(np.uint8).transpose(0, 2, 3, 1)


@drawn
def scenes(*, images: list, captions: list[str], columns: int = 4) -> Figure:
    """A grid of scenes, each with its caption, an object a line; `images` as `pixels` gives them."""
    told = [re.sub(r" (?=(top|bottom)-)", "\n", caption) for caption in captions]
    width = max(2.2, 0.072 * max(len(line) for text in told for line in text.split("\n")))
    lines = -(-len(images) // columns)
    fig, axes = new(width=width * columns, height=2.75 * lines, ncols=columns, nrows=lines, squeeze=False)
    for ax in axes.flat[len(images) :]:
        ax.remove()
    for ax, image, text in zip(axes.flat, images, told, strict=False):
        _show(ax, image)
        ax.set_xlabel(text, fontsize=8.5)
    return fig


@drawn
def rows(*, images: list, names: list[str], titles: list[str] | None = None) -> Figure:
    """Rows of images, each with its name: one scene at several strengths of nuisance, originals and reconstructions."""
    shape = {"nrows": len(images), "ncols": len(images[0])}
    fig, axes = new(width=1.1 * shape["ncols"] + 1.2, height=1.2 * len(images), squeeze=False, **shape)
    for line, row, name in zip(axes, images, names, strict=True):
        for ax, image in zip(line, row, strict=True):
            _show(ax, image)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9.5)
    for ax, title in zip(axes[0], titles or [], strict=False):
        ax.set_title(title, fontsize=8.5)
    return fig


def _show(ax, image: list) -> None:
    ax.imshow(np.array(image, dtype=np.uint8))
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
