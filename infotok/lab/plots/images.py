"""Packed images (`infotok.images`) in a figure."""

from typing import Any

from infotok.images import unpacked

__all__ = ["show"]


def show(ax: Any, picture: str, **options: Any) -> None:
    """Draw a packed image in `ax`, without ticks, grid or frame."""
    ax.imshow(unpacked(picture), **options)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
