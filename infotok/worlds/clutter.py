"""Pictures in clutter: a small picture anywhere on a smooth random background, lighter or darker than it.

    world = ClutterWorld("digits")                     # or "fashion", clothing of Fashion-MNIST
    images, labels = world.sample(1000, seed=0)        # (N, 1, 20, 20) in [0, 1], (N,)

    image = clip(1/2 + clutter * background + sign * contrast * picture, 0, 1)

The background is a Gaussian field, smooth over a quarter of the image. Place and sign are independent of the label, and
both signs are equally likely. Every pixel therefore has the mean 1/2 for every label, and a linear classifier is near
chance: logistic regression on 4000 images recognises 0.12 of held-out digits.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from infotok.errors import require_choice, require_float, require_int
from infotok.worlds.digits import Split, load_images
from infotok.worlds.fashion.photographs import NAMES, load_photographs

__all__ = ["ClutterWorld"]

SPLITS = ("train", "validation", "test")
SIDE = 14  # of a picture, pixels
COARSE = 5  # points of the background's grid along each side


class ClutterWorld:
    """A source of labelled pictures at a random place, on a random background; every split uses pictures of its own.

    pictures: "digits" of scikit-learn or "fashion", clothing; both in 14 x 14 pixels.
    size: side of an image in pixels, from 16.
    clutter: standard deviation of the background, from 0.
    contrast: of the picture against it, from 0 to 1.
    folder: of Fashion-MNIST's files, as in `load_photographs`; digits need none.

    Raises FileNotFoundError where "fashion" has no files.

    Example:
        >>> from infotok.worlds import ClutterWorld
        >>> images, labels = ClutterWorld("digits").sample(100, seed=0)
        >>> images.shape, labels.min().item(), labels.max().item()
        (torch.Size([100, 1, 20, 20]), 0, 9)
    """

    def __init__(
        self,
        pictures: str = "digits",
        *,
        size: int = 20,
        clutter: float = 0.12,
        contrast: float = 0.5,
        folder: str | None = None,
    ) -> None:
        require_choice("pictures", pictures, ("digits", "fashion"))
        self.pictures, self.size = pictures, require_int("size", size, 16, 256)
        self.clutter = require_float("clutter", clutter, "[0, 10]")
        self.contrast = require_float("contrast", contrast, "[0, 1]")
        self._splits = _digits() if pictures == "digits" else _clothes(folder)
        self.classes = tuple("0123456789") if pictures == "digits" else NAMES

    def sample(self, n: int, seed: int | torch.Generator = 0, split: str = "train") -> tuple[Tensor, Tensor]:
        """Samples: images (n, 1, size, size) in [0, 1] and labels (n,), 0 to 9, equally likely (digits: nearly).

        n: number of samples; seed: an integer or a torch.Generator; split: "train", "validation" or "test".
        """
        require_int("n", n), require_choice("split", split, SPLITS)
        if not isinstance(seed, torch.Generator):
            seed = torch.Generator().manual_seed(require_int("seed", seed, 0, 2**63 - 1))
        known = self._splits[split]
        chosen = torch.randint(len(known), (n,), generator=seed)
        sign = 2.0 * torch.randint(0, 2, (n, 1, 1, 1), generator=seed) - 1
        placed = self._place(known.images[chosen], seed)
        field = torch.randn(n, 1, COARSE, COARSE, generator=seed)
        field = F.interpolate(field, (self.size, self.size), mode="bicubic", align_corners=True)
        images = 0.5 + self.clutter * field + self.contrast * sign * placed
        return images.clamp(0, 1), known.labels[chosen]

    def _place(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """Each picture at a random place of an empty image, all places equally likely."""
        n, _, side, _ = pictures.shape
        corner = torch.randint(0, self.size - side + 1, (n, 2, 1), generator=generator)
        rows, columns = (corner[:, axis] + torch.arange(side) for axis in (0, 1))  # (n, side)
        placed = torch.zeros(n, self.size, self.size)
        placed[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]] = pictures[:, 0]
        return placed[:, None]


def _digits() -> dict[str, Split]:
    """Digits of 8 x 8 pixels, enlarged; 10 kinds in nearly equal numbers."""
    world = load_images("digits")
    parts = {name: getattr(world, name) for name in SPLITS}
    enlarge = {"size": (SIDE, SIDE), "mode": "bilinear", "align_corners": False}
    return {name: Split(F.interpolate(part.images, **enlarge), part.labels) for name, part in parts.items()}


def _clothes(folder: str | None) -> dict[str, Split]:
    """Photographs at half their side; the last tenth of those for training is for validation."""
    known = load_photographs(folder)
    held = max(known.train // 10, 1)
    edges = (0, known.train - held, known.train, known.train + known.test)
    parts = {}
    for name, low, high in zip(SPLITS, edges, edges[1:], strict=False):
        images = F.interpolate(
            known.images[:, low:high].flatten(0, 1)[:, None].float() / 255, (SIDE, SIDE), mode="area"
        )
        parts[name] = Split(images, torch.arange(len(NAMES)).repeat_interleave(high - low))
    return parts
