"""Batches of scenes or records: the parts that all worlds have, their rows, and a check."""

from dataclasses import dataclass, fields
from typing import Any, Self

import torch
from torch import Tensor

from infotok.errors import require, require_device, require_instance, require_tensor
from infotok.worlds.source import MOST_WORDS

__all__ = ["TextBatch", "require_parts"]


@dataclass(frozen=True)
class TextBatch:
    """A batch of images with the text about them; a world's own batch says what its scenes are.

    images: (B, 3, S, S) float32 in [0, 1]
    scenes: B rows of what the images show
    captions: (B, T) long, ids of the world's vocabulary; 0 is padding
    questions: (B, Q, T') long
    answers: (B, Q) long, one word each; or (B, Q, N), tokens of each
    kinds: (B, Q) long, index into the world's kinds of questions
    text: (B, W) float, the caption as numbers
    """

    images: Tensor
    scenes: Any
    captions: Tensor
    questions: Tensor
    answers: Tensor
    kinds: Tensor
    text: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Tensor | slice) -> Self:
        return type(self)(*(getattr(self, field.name)[index] for field in fields(self)))

    def to(self, device: torch.device | str) -> Self:
        """The same batch on another device.

        device: a torch.device, or its name.
        """
        require_device("device", device)
        return type(self)(*(getattr(self, field.name).to(device) for field in fields(self)))


def require_parts(name: str, batch: Any, kind: type, scenes: type, length: int, kinds: int) -> None:
    """Raise TypeError or ValueError unless `batch` is of this kind and its parts fit each other and are in range.

    scenes: their class; length: words of a question; kinds: of questions, how many.
    """
    require_instance(name, batch, kind)
    require_tensor(f"{name}.images", batch.images, ("B", 3, "S", "S"), values="[0, 1]")
    side, across = batch.images.shape[2:]
    require(side == across > 0, f"{name}.images", batch.images, "square images")
    require_instance(f"{name}.scenes", batch.scenes, scenes)
    rows, words = len(batch), f"[0, {MOST_WORDS}]"
    require(len(batch.scenes) == rows, f"{name}.scenes", len(batch.scenes), f"one for each of the {rows} images")
    require_tensor(f"{name}.captions", batch.captions, (rows, "T"), "int64", words)
    require_tensor(f"{name}.answers", batch.answers, (rows, "Q"), "int64", words)
    shape = tuple(batch.answers.shape)
    require_tensor(f"{name}.questions", batch.questions, (*shape, length), "int64", words)
    require_tensor(f"{name}.kinds", batch.kinds, shape, "int64", f"[0, {kinds - 1}]")
    require_tensor(f"{name}.text", batch.text, (rows, "W"), values="(-inf, inf)")
