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
    or as the world's option `text` says."""

    scenes: FashionScenes


def require_batch(name: str, batch: Any) -> None:
    """Raise TypeError or ValueError unless `batch` is a FashionBatch whose parts fit each other and are in range."""
    require_parts(name, batch, FashionBatch, FashionScenes, QUESTION_LENGTH, len(KINDS))
