"""Batches of ImageTextWorld: images with captions, questions and answers."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from infotok.errors import require_device

__all__ = ["ImageTextBatch"]


@dataclass(frozen=True)
class ImageTextBatch:
    """A batch of images with captions and questions. Sentences are ids of the world's vocabulary, 0 is pad.

    images: (B, 3, S, S) float32 in [0, 1]
    scenes: (B,) long, the number of each image's record
    captions: (B, T) long
    questions: (B, Q, T') long
    answers: (B, Q) long, one word each
    kinds: (B, Q) long, all 0: there is one kind of questions
    text: (B, W) float, the caption as numbers
    """

    images: Tensor
    scenes: Tensor
    captions: Tensor
    questions: Tensor
    answers: Tensor
    kinds: Tensor
    text: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Tensor | slice) -> "ImageTextBatch":
        return ImageTextBatch(*(getattr(self, field.name)[index] for field in fields(self)))

    def to(self, device: torch.device | str) -> "ImageTextBatch":
        """The batch on another device."""
        require_device("device", device)
        return ImageTextBatch(*(getattr(self, field.name).to(device) for field in fields(self)))
