"""Batches of ShapesWorld: `ShapesBatch`, and the check of one."""

from dataclasses import dataclass
from typing import Any

from infotok.errors import require_instance
from infotok.worlds.batch import TextBatch, require_parts
from infotok.worlds.shapes.questions import KINDS, QUESTION_LENGTH
from infotok.worlds.shapes.scenes import Scenes, require_scenes

__all__ = ["ShapesBatch"]


@dataclass(frozen=True)
class ShapesBatch(TextBatch):
    """A `TextBatch` of `ShapesWorld`; questions have 8 words, and text is the caption as 0/1 attributes,
    or as the world's option `text` says."""

    scenes: Scenes


def require_batch(name: str, batch: Any) -> None:
    """Raise TypeError or ValueError unless `batch` is a ShapesBatch whose parts fit each other and are in range."""
    require_instance(name, batch, ShapesBatch)
    require_scenes(f"{name}.scenes", batch.scenes)
    require_parts(name, batch, ShapesBatch, Scenes, QUESTION_LENGTH, len(KINDS))
