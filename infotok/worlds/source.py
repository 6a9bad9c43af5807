"""Data sources as protocols: what training and evaluation ask of a world, and nothing more.

- `Batch`         images with captions, questions and answers: what a source draws
- `BatchSource`   draws batches: all that training needs
- `World`         a batch source with a vocabulary, prompts and splits: what evaluation needs
- `Redraws`       a batch source that draws other images of the same captions: what rates given a caption need
- `Words`         the vocabulary: words and the ids of those that answer questions

A class follows a protocol by having its methods; it need not inherit from it. `ShapesWorld` follows all of them.
"""

from typing import Any, Protocol, Self, runtime_checkable

import torch
from torch import Tensor

__all__ = ["Batch", "BatchSource", "Redraws", "Words", "World"]


class Batch(Protocol):
    """Images and the text about them, one row per image; sentences are ids of the world's vocabulary, 0 is padding."""

    images: Tensor  # (B, 3, S, S) float in [0, 1]
    captions: Tensor  # (B, T) long
    questions: Tensor  # (B, Q, T') long
    answers: Tensor  # (B, Q) long: one word each
    text: Tensor  # (B, W) float: the caption as numbers, for InfoTok

    def __len__(self) -> int:
        """The number of images, B."""

    def __getitem__(self, index: Any) -> Self:
        """The rows of a slice or an index tensor."""

    def to(self, device: torch.device | str) -> Self:
        """The same batch on another device."""


class BatchSource(Protocol):
    """A source of training batches."""

    def batch(self, n: int, generator: torch.Generator, questions: int) -> Batch:
        """Draw n images.

        n: images. generator: of every random number; the same seed gives the same batch. questions: per image.
        """


class Words(Protocol):
    """A closed vocabulary, one word per token; id 0 is padding."""

    words: Any  # sequence of str: the word of each id
    answer_ids: Tensor  # (A,) long: ids of the words that may answer a question

    def encode(self, sentences: list[str]) -> Tensor:
        """Ids (N, T) of N sentences."""

    def decode(self, ids: Tensor) -> list[str]:
        """Sentences of ids (N, T)."""


class World(BatchSource, Protocol):
    """A batch source that models can be evaluated on."""

    vocabulary: Words

    def prompts(self, n: int, generator: torch.Generator) -> list[dict[str, Any]]:
        """n prompts to draw images of, each with its text under "prompt"."""

    def with_split(self, split: str) -> "World":
        """The same world with another split: "train" or "test"."""


@runtime_checkable
class Redraws(Protocol):
    """A source that knows p(image | caption), as rendered worlds do; natural pictures have one image per caption."""

    def redraw(self, batch: Any, generator: torch.Generator, keep_offsets: bool) -> Tensor:
        """New images (B, 3, S, S) of the captions of a batch.

        batch: as the source drew it. generator: of every random number. keep_offsets: whether only what no object
        has a part in, background and noise, is drawn again.
        """
