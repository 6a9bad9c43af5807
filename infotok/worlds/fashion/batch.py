"""Batches of FashionWorld: images with their scenes, captions, questions and answers."""

from dataclasses import dataclass
from typing import Any

from infotok.worlds.batch import TextBatch, require_parts
from infotok.worlds.fashion.questions import KINDS, QUESTION_LENGTH
from infotok.worlds.fashion.scenes import FashionScenes

__all__ = ["FashionBatch"]


@dataclass(frozen=True)
class FashionBatch(TextBatch):
    """A `TextBatch` of `FashionWorld`; questions have 8 words, and text is the caption as 0/1 attributes,
    or as the world's option `text` says.

    scenes: `FashionScenes`, B of them
    images, captions, questions, answers, kinds: as in `TextBatch`

    Example:
        >>> import torch  # doctest: +SKIP
        >>> from infotok.worlds import FashionWorld  # doctest: +SKIP
        >>> batch = FashionWorld().batch(4, torch.Generator().manual_seed(0), questions=2)  # doctest: +SKIP
        >>> batch.images, batch.questions, batch.answers  # (4, 3, 32, 32), (4, 2, T), (4, 2)  # doctest: +SKIP
    """

    scenes: FashionScenes


def require_batch(name: str, batch: Any) -> None:
    """Raise TypeError or ValueError unless `batch` is a FashionBatch whose parts fit each other and are in range."""
    require_parts(name, batch, FashionBatch, FashionScenes, QUESTION_LENGTH, len(KINDS))
