"""Batches of ImageTextWorld: images with captions, questions and answers."""

from dataclasses import dataclass

from torch import Tensor

from infotok.worlds.batch import TextBatch

__all__ = ["ImageTextBatch"]


@dataclass(frozen=True)
class ImageTextBatch(TextBatch):
    """A `TextBatch` of `ImageTextWorld`: scenes (B,) long are the records' numbers, and all questions of one kind."""

    scenes: Tensor
