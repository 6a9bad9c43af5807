"""Batches of ImageTextWorld: images with captions, questions and answers."""

from dataclasses import dataclass

from torch import Tensor

from infotok.worlds.batch import TextBatch

__all__ = ["ImageTextBatch"]


@dataclass(frozen=True)
class ImageTextBatch(TextBatch):
    """A `TextBatch` of `ImageTextWorld`: scenes (B,) long are the records' numbers, and all questions of one kind.

    With a tokenizer answers are (B, Q, N) long: the tokens of each, its end, and padding. `text` may be ids (B, T).
    """

    scenes: Tensor
