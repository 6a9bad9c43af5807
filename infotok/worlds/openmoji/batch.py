"""Batches of OpenMojiWorld: images with their scenes, captions, questions and answers."""

from dataclasses import dataclass
from typing import Any

from infotok.worlds.batch import TextBatch, require_parts
from infotok.worlds.openmoji.questions import KINDS, QUESTION_LENGTH
from infotok.worlds.openmoji.scenes import OpenMojiScenes

__all__ = ["OpenMojiBatch"]


@dataclass(frozen=True)
class OpenMojiBatch(TextBatch):
    """A `TextBatch` of `OpenMojiWorld`; questions have 8 words, and text is the caption as 0/1 attributes,
    or as the world's option `text` says.

    scenes: `OpenMojiScenes`, B of them
    images, captions, questions, answers, kinds: as in `TextBatch`

    Example:
        >>> import torch
        >>> from infotok.worlds import OpenMojiWorld
        >>> world = OpenMojiWorld(objects=32)
        >>> batch = world.batch(4, torch.Generator().manual_seed(0), questions=2)
        >>> batch.questions.shape, world.captions(batch.scenes)[0]
        (torch.Size([4, 2, 8]), 'top-left backpack bottom-left cloud bottom-right bikini')
    """

    scenes: OpenMojiScenes


def require_batch(name: str, batch: Any) -> None:
    """Raise TypeError or ValueError unless `batch` is a OpenMojiBatch whose parts fit each other and are in range."""
    require_parts(name, batch, OpenMojiBatch, OpenMojiScenes, QUESTION_LENGTH, len(KINDS))
