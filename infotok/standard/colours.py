"""Names for the colours of objects in boxes, for GenEval: by CLIP, as published, or by the nearest of given colours.

colour_of = clip_colours(*open_clip("folder of a CLIP"))
colour_of = nearest_colours({"red": (1.0, 0.0, 0.0), "blue": (0.0, 0.0, 1.0)})      # needs no weights
colour_of(image, boxes, "car")                                                       # a name for each box
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from infotok.errors import require, require_instance, require_tensor
from infotok.standard.arguments import require_names
from infotok.standard.clip_score import clip_images, clip_texts, require_clip
from infotok.standard.geneval import ColourOf

__all__ = ["COLOURS", "clip_colours", "nearest_colours"]

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white")  # of GenEval
ASKED = ("a photo of a {} {}", "a photo of a {}-colored {}", "a photo of a {} object")  # its three sentences


def clip_colours(model: nn.Module, processor: Any, colours: Sequence[str] = COLOURS) -> ColourOf:
    """A function that names the colour of the object in each box: CLIP's zero-shot choice for the cut-out box.

    A colour's text vector is the mean of those of three sentences with the class's name.

    model, processor: of CLIP, as `open_clip` gives them.
    colours: to choose from.

    Example:
        >>> from infotok.standard import clip_colours, open_clip  # doctest: +SKIP
        >>> colour_of = clip_colours(*open_clip("clip-vit-base-patch32"))  # a folder  # doctest: +SKIP
        >>> colour_of(image, boxes, "car")  # (3, H, W), (M, 4) -> M names  # doctest: +SKIP
    """
    require_clip(model, processor)
    colours = require_names("colours", colours)
    require(len(colours) > 0, "colours", "none", "one name or more")

    def colour_of(image: Tensor, boxes: Tensor, name: str) -> list[str]:
        if not len(boxes):
            return []
        asked = [text.format(colour, name) for colour in colours for text in ASKED]
        texts = clip_texts(asked, model, processor).view(len(colours), len(ASKED), -1).mean(1)
        seen = clip_images([_cut(image, box) for box in boxes], model, processor)
        best = (seen @ torch.nn.functional.normalize(texts, dim=-1).T).argmax(1)
        return [colours[i] for i in best.tolist()]

    return colour_of


def nearest_colours(palette: Mapping[str, Sequence[float]]) -> ColourOf:
    """A function that names the colour of each box: the one that most pixels in the box's central half are nearest to.

    Distances are those of RGB values. It needs no weights and suits drawings in flat colours; photographs need CLIP.

    palette: (red, green, blue) in [0, 1] of each name.

    Example:
        >>> import torch
        >>> from infotok.standard import nearest_colours
        >>> colour_of = nearest_colours({"red": (1.0, 0.0, 0.0), "blue": (0.0, 0.0, 1.0)})
        >>> image = torch.zeros(3, 32, 32)
        >>> image[2] = 0.9  # blue
        >>> colour_of(image, torch.tensor([[0.0, 0.0, 16.0, 16.0]]), "car")
        ['blue']
    """
    require_instance("palette", palette, Mapping, "a dict of names and colours")
    require(len(palette) > 0, "palette", "none", "one colour or more")
    for name, colour in palette.items():
        require(isinstance(name, str), "palette", type(name).__name__, "names of colours", TypeError)
        triple = isinstance(colour, Sequence | Tensor) and not isinstance(colour, str) and len(colour) == 3
        numbers = triple and all(isinstance(c, int | float | Tensor) and not isinstance(c, bool) for c in colour)
        require(numbers, f"palette, {name}", type(colour).__name__, "three numbers in [0, 1]", TypeError)
        require(all(0 <= float(c) <= 1 for c in colour), f"palette, {name}", colour, "three numbers in [0, 1]")
    names, values = list(palette), torch.tensor([[float(c) for c in each] for each in palette.values()])

    def colour_of(image: Tensor, boxes: Tensor, name: str) -> list[str]:
        return [names[_nearest(_cut(image, _central(box)), values)] for box in boxes]

    return colour_of


def _nearest(patch: Tensor, values: Tensor) -> int:
    """The row of `values` (K, 3) that most pixels of a patch (3, h, w) are nearest to."""
    distances = torch.cdist(patch.float().cpu().flatten(1).T, values)
    return int(distances.argmin(1).bincount(minlength=len(values)).argmax())


def _central(box: Tensor) -> Tensor:
    """The central half of a box (4,), along each side."""
    quarter = (box[2:] - box[:2]) / 4
    return torch.cat([box[:2] + quarter, box[2:] - quarter])


def _cut(image: Tensor, box: Tensor) -> Tensor:
    """The part of an image (3, H, W) in a box (4,), one pixel or more."""
    require_tensor("image", image, (3, "H", "W"))
    height, width = image.shape[1:]
    left, top = int(box[0].clamp(0, width - 1)), int(box[1].clamp(0, height - 1))
    right = max(left + 1, int(box[2].ceil().clamp(0, width)))
    bottom = max(top + 1, int(box[3].ceil().clamp(0, height)))
    return image[:, top:bottom, left:right]
