"""Batches of FashionWorld: images with their scenes, captions, questions and answers."""

from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from infotok.errors import require, require_device, require_instance, require_tensor
from infotok.worlds.fashion.questions import KINDS, QUESTION_LENGTH
from infotok.worlds.fashion.scenes import FashionScenes
from infotok.worlds.shapes.batch import MOST_WORDS

__all__ = ["FashionBatch"]


@dataclass(frozen=True)
class FashionBatch:
    """A batch of images with scenes, captions and questions. Sentences are ids of the world's vocabulary, 0 is pad.

    images: (B, 3, S, S) float32 in [0, 1]
    scenes: B scenes
    captions: (B, 8) long
    questions: (B, Q, 8) long
    answers: (B, Q) long, one word each
    kinds: (B, Q) long, index into KINDS
    text: (B, 44) float, the caption as 0/1 attributes
    """

    images: Tensor
    scenes: FashionScenes
    captions: Tensor
    questions: Tensor
    answers: Tensor
    kinds: Tensor
    text: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Tensor | slice) -> "FashionBatch":
        return FashionBatch(*(getattr(self, field.name)[index] for field in fields(self)))

    def to(self, device: torch.device | str) -> "FashionBatch":
        """The batch on another device."""
        require_device("device", device)
        return FashionBatch(*(getattr(self, field.name).to(device) for field in fields(self)))


def require_batch(name: str, batch: Any) -> None:
    """Raise TypeError or ValueError unless `batch` is a FashionBatch whose parts fit each other and are in range."""
    require_instance(name, batch, FashionBatch)
    require_tensor(f"{name}.images", batch.images, ("B", 3, "S", "S"), values="[0, 1]")
    side, across = batch.images.shape[2:]
    require(side == across > 0, f"{name}.images", batch.images, "square images")
    require_instance(f"{name}.scenes", batch.scenes, FashionScenes)
    rows, words = len(batch), f"[0, {MOST_WORDS}]"
    require(len(batch.scenes) == rows, f"{name}.scenes", len(batch.scenes), f"one for each of the {rows} images")
    require_tensor(f"{name}.captions", batch.captions, (rows, "T"), "int64", words)
    require_tensor(f"{name}.answers", batch.answers, (rows, "Q"), "int64", words)
    shape = tuple(batch.answers.shape)
    require_tensor(f"{name}.questions", batch.questions, (*shape, QUESTION_LENGTH), "int64", words)
    require_tensor(f"{name}.kinds", batch.kinds, shape, "int64", f"[0, {len(KINDS) - 1}]")
    require_tensor(f"{name}.text", batch.text, (rows, "W"), values="[0, 1]")
