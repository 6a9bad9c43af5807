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
    or as the world's option `text` says.

    scenes: `Scenes`, B of them
    images, captions, questions, answers, kinds: as in `TextBatch`

    Example:
        >>> import torch
        >>> from infotok.worlds import ShapesWorld
        >>> world = ShapesWorld()
        >>> batch = world.batch(8, torch.Generator().manual_seed(0), questions=2)
        >>> len(batch[:3]), batch.captions.shape, batch.text.shape
        (3, torch.Size([8, 16]), torch.Size([8, 52]))
        >>> world.vocabulary.decode(batch.questions[0]), world.vocabulary.decode(batch.answers[:1].T)
        (['which colour is at bottom-left ?', 'is a square left of a triangle ?'], ['blue', 'yes'])
    """

    scenes: Scenes


def require_batch(name: str, batch: Any) -> None:
    """Raise TypeError or ValueError unless `batch` is a ShapesBatch whose parts fit each other and are in range."""
    require_instance(name, batch, ShapesBatch)
    require_scenes(f"{name}.scenes", batch.scenes)
    require_parts(name, batch, ShapesBatch, Scenes, QUESTION_LENGTH, len(KINDS))
