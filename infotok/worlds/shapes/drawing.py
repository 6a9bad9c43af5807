"""Batches of random scenes, and their questions alone: the part that the worlds of scenes share."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from infotok.errors import require_int
from infotok.worlds.batch import TextBatch
from infotok.worlds.captions import text_of
from infotok.worlds.shapes.render import noise
from infotok.worlds.source import Questions

__all__ = ["DrawsScenes"]

MOST_QUESTIONS = 2**16  # an image


class DrawsScenes(ABC):
    """A world whose batches are drawn from one generator in this order: scenes, pixel noise, questions."""

    size: int  # pixels a side
    nuisance: float
    batch_type: type[TextBatch]

    @abstractmethod
    def sample(self, n: int, generator: torch.Generator) -> Any:
        """n random scenes of the split.

        n: number of scenes. generator: of every random number.
        """

    @abstractmethod
    def render(self, scenes: Any, generator: torch.Generator | None = None) -> Tensor:
        """Images of scenes, (B, 3, S, S) float32 in [0, 1].

        scenes: B scenes of the world. generator: of pixel noise; None for none.
        """

    @abstractmethod
    def caption_ids(self, scenes: Any) -> Tensor:
        """Captions as ids, (B, T) long; padded.

        scenes: B scenes of the world.
        """

    @abstractmethod
    def _ask(self, scenes: Any, generator: torch.Generator, questions: int) -> tuple[Tensor, Tensor, Tensor]:
        """Questions on each scene, with answers and kinds."""

    def batch(self, n: int, generator: torch.Generator, questions: int = 4) -> Any:
        """n random scenes with images, captions and questions, all kinds equally likely.

        n: number of scenes. generator: of every random number. questions: per scene.
        """
        require_int("questions", questions, 0, MOST_QUESTIONS)
        scenes = self.sample(n, generator)
        images = self.render(scenes, generator)
        asked = self._ask(scenes, generator, questions)
        return self.batch_type(images, scenes, self.caption_ids(scenes), *asked, text_of(self, scenes))

    def asked(self, n: int, generator: torch.Generator, questions: int = 4) -> Questions:
        """The questions of the batch that `batch` draws with the same generator, without its images.

        n: number of scenes. generator: of every random number. questions: per scene.
        """
        require_int("questions", questions, 0, MOST_QUESTIONS)
        scenes = self.sample(n, generator)
        if self.nuisance > 0:
            noise(n, self.size, generator)  # not used, but `batch` draws it here
        return Questions(*self._ask(scenes, generator, questions))
