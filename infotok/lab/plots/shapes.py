"""Figures of ShapesWorld: scenes with their captions, and rows of images.

scenes(images=packed(batch.images[:8]), captions=world.captions(batch.scenes[:8]))
"""

import re

from matplotlib.figure import Figure

from infotok.lab.plots.images import show
from infotok.lab.plots.style import drawn, new


@drawn
def scenes(*, images: list[str], captions: list[str], columns: int = 4) -> Figure:
    """A grid of scenes, each above its caption, one object per line.

    Args:
        images: packed images (`infotok.images.packed`).
        captions: one for each image.
        columns: images in a row.
    """
    told = [re.sub(r" (?=(top|bottom)-)", "\n", caption) for caption in captions]
    width = max(1.75, 0.068 * max(len(line) for text in told for line in text.split("\n")))
    below = [text.count("\n") + 1 for text in told]  # lines of text under each image
    heights = [width + 0.16 + 0.15 * max(below[first : first + columns]) for first in range(0, len(images), columns)]
    shape = {"ncols": columns, "nrows": len(heights), "height_ratios": heights, "squeeze": False}
    fig, axes = new(width=width * columns, height=sum(heights), **shape)
    for ax in axes.flat[len(images) :]:
        ax.remove()
    for ax, image, text in zip(axes.flat, images, told, strict=False):
        show(ax, image)
        ax.set_xlabel(text, fontsize=8)
    return fig


@drawn
def rows(*, images: list[list[str]], names: list[str], titles: list[str] | None = None) -> Figure:
    """Rows of images, each with its name: one scene at several strengths of nuisance, originals and reconstructions.

    Args:
        images: for each row its packed images.
        names: one for each row.
        titles: one for each column, above the first row.
    """
    shape = {"nrows": len(images), "ncols": len(images[0])}
    fig, axes = new(width=1.1 * shape["ncols"] + 1.2, height=1.2 * len(images) + 0.2, squeeze=False, **shape)
    for line, row, name in zip(axes, images, names, strict=True):
        for ax, image in zip(line, row, strict=True):
            show(ax, image)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9.5)
    for ax, title in zip(axes[0], titles or [], strict=False):
        ax.set_title(title, fontsize=8.5, loc="center")
    return fig
