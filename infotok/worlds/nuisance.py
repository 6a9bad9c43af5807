"""Handwritten digits under a known nuisance, each with a label.

    world = NuisanceDigits("texture", strength=0.7)
    images, labels, nuisance = world.sample(1000, seed=0)              # (N, 1, 8, 8), (N,), (N,)

A handwritten digit is overlaid with a nuisance of one of ten equally likely kinds, independent of the digit: "texture",
a grating of ten orientations at a random phase, or "digit", another, fainter digit. For any code Z of the image,
I(Z; label) <= ln 10 and I(Z; nuisance) <= ln 10 nats measure how much it keeps of each.

    image = max(digit, strength * nuisance)
"""

import math

import torch
from torch import Tensor

from infotok.errors import require_choice, require_float, require_int
from infotok.worlds.digits import Split, load_images

__all__ = ["NuisanceDigits"]

KINDS = 10


class NuisanceDigits:
    """A source of digits with a labelled nuisance; every split uses real digits of its own.

    nuisance: "texture" or "digit"
    strength: of the nuisance, from 0 to 1

    Example:
        >>> from infotok.worlds import NuisanceDigits
        >>> world = NuisanceDigits("texture", strength=0.7)
        >>> images, labels, nuisance = world.sample(100, seed=0)
        >>> images.shape, round(world.label_entropy, 2), world.mutual_information  # label and nuisance are independent
        (torch.Size([100, 1, 8, 8]), 2.3, 0.0)
    """

    label_entropy = math.log(10)  # nats: labels are uniform
    nuisance_entropy = math.log(KINDS)  # nats
    mutual_information = 0.0  # I(label; nuisance), nats

    def __init__(self, nuisance: str = "texture", strength: float = 0.7) -> None:
        require_choice("nuisance", nuisance, ("texture", "digit")), require_float("strength", strength, "[0, 1]")
        self.nuisance, self.strength = nuisance, strength
        self.world = load_images("digits")

    def sample(self, n: int, seed: int | torch.Generator = 0, split: str = "train") -> tuple[Tensor, Tensor, Tensor]:
        """Samples: images (n, 1, 8, 8) in [0, 1], labels (n,) and kinds of nuisance (n,), both 0 to 9 and independent.

        n: number of samples; seed: an integer or a torch.Generator; split: "train", "validation" or "test".
        """
        require_int("n", n), require_choice("split", split, ("train", "validation", "test"))
        if not isinstance(seed, torch.Generator):
            seed = require_int("seed", seed, 0, 2**63 - 1)
        generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)
        images: Split = getattr(self.world, split)
        labels, kinds = (torch.randint(0, 10, (n,), generator=generator) for _ in range(2))
        digits = _pick(images, labels, generator)
        over = gratings(kinds, generator) if self.nuisance == "texture" else _pick(images, kinds, generator)
        return torch.maximum(digits, self.strength * over), labels, kinds


def gratings(kinds: Tensor, generator: torch.Generator) -> Tensor:
    """Sine gratings (N, 1, 8, 8) in [0, 1] at angles pi * kind / 10, of three pixels per wave and random phase."""
    angle = math.pi * kinds / KINDS
    row, column = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    along = torch.cos(angle)[:, None, None] * column + torch.sin(angle)[:, None, None] * row  # (N, 8, 8)
    phase = 2 * math.pi * torch.rand(len(kinds), generator=generator)[:, None, None]
    return (0.5 + 0.5 * torch.sin(2 * math.pi * along / 3 + phase))[:, None]


def _pick(images: Split, labels: Tensor, generator: torch.Generator) -> Tensor:
    """A random image of each label, (N, 1, 8, 8), without a loop over samples."""
    order = images.labels.argsort(stable=True)
    counts = torch.bincount(images.labels, minlength=10)
    first = counts.cumsum(0) - counts
    share = torch.rand(len(labels), generator=generator)
    return images.images[order[first[labels] + (share * counts[labels]).long()]]
