"""The settings of a ShapesWorld, and what follows from them alone: its vocabulary, renderer and entropies."""

import math
from typing import Any

from infotok.errors import require, require_choice, require_flag, require_float, require_instance, require_int
from infotok.worlds.captions import Text, require_text
from infotok.worlds.shapes.questions import KINDS, QUESTION_LENGTH, Phrases
from infotok.worlds.shapes.render import LARGEST_JITTER, NOISE_LEVELS, Renderer
from infotok.worlds.shapes.scenes import COEFFICIENTS, PLACES, SPLITS, structure
from infotok.worlds.shapes.text import Vocabulary

__all__ = ["ShapesSettings"]

LARGEST_SIZE = 2**14  # pixels a side


class ShapesSettings:
    """The part of a `ShapesWorld` that does not draw: what parser, benchmarks and factors read. Arguments as there."""

    kinds = KINDS  # of questions

    def __init__(
        self,
        size: int = 32,
        nuisance: float = 0.5,
        jitter: int = 2,
        name_offsets: bool = False,
        split: str = "train",
        text: Text = "attributes",
    ) -> None:
        require_int("size", size, 32, LARGEST_SIZE)
        require(size % 32 == 0, "size", size, "a multiple of 32")
        require_float("nuisance", nuisance, "[0, 1]"), require_int("jitter", jitter, 0, LARGEST_JITTER)
        require_flag("name_offsets", name_offsets), require_choice("split", split, SPLITS)
        self.size, self.nuisance, self.jitter = size, float(nuisance), jitter
        self.name_offsets, self.split, self.text = name_offsets, split, require_text("text", text)
        self.vocabulary = Vocabulary(jitter)
        self.renderer = Renderer(size, self.nuisance, jitter)
        self.caption_length = len(PLACES) * (6 if name_offsets else 4)
        self.question_length = QUESTION_LENGTH
        self.phrases = Phrases(self.vocabulary)

    @property
    def levels(self) -> int:
        """Number of values of a coefficient of the texture."""
        return self.renderer.levels

    @property
    def entropies(self) -> dict[str, float]:
        """H(structure), H(jitter | occupied cells) and H(nuisance) of the split, in nats."""
        _, entropy, objects = structure(self.split)
        return {
            "structure": entropy,
            "jitter": objects * 2 * math.log(2 * self.jitter + 1),
            "nuisance": COEFFICIENTS * math.log(self.levels),
        }

    @property
    def noise_entropy(self) -> float:
        """Entropy of the pixel noise of one image in nats, which `entropies` leaves out."""
        return 3 * self.size**2 * math.log(NOISE_LEVELS) if self.nuisance > 0 else 0.0


def require_world(name: str, world: Any) -> None:
    """Raise TypeError unless `world` is a ShapesWorld."""
    require_instance(name, world, ShapesSettings, "a ShapesWorld")
