"""Data sources as protocols: what training and evaluation ask of a world, and nothing more.

- `Batch`         images with captions, questions and answers: what a source draws
- `BatchSource`   draws batches: all that training needs
- `World`         a batch source with a vocabulary, prompts, splits and readers of images: what evaluation needs
- `Redraws`       a source that draws other images of the same captions: what rates given a caption need
- `Asks`          a source that draws questions without images: what the baseline by question alone needs
- `Questions`     what it draws
- `Benchmarks`    a world that asks yes/no questions in pairs: what POPE- and MME-style scores need
- `Factors`       a world whose scenes have factors of known entropy: what probing needs
- `Words`         the vocabulary: words and the ids of those that answer questions

A class follows a protocol by having its methods; it need not inherit from it. `ShapesWorld` follows all of them.
"""

from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

import torch
from torch import Tensor

__all__ = [
    "MME_CATEGORIES",
    "MOST_WORDS",
    "NEGATIVES",
    "Asks",
    "Batch",
    "BatchSource",
    "Benchmarks",
    "Factors",
    "Questions",
    "Redraws",
    "Words",
    "World",
]

MOST_WORDS = 2**20  # of a vocabulary
NEGATIVES = ("random", "frequent", "adversarial")  # how `Benchmarks.pope` chooses what is absent
MME_CATEGORIES = ("existence", "colour", "shape", "position")  # a pair of questions each, in this order


class Batch(Protocol):
    """Images and the text about them, one row per image, as a dataclass; sentences are ids of words, 0 is padding.

    Example:
        >>> import torch
        >>> from infotok.worlds import Batch, ShapesWorld
        >>> def pixels(batch: Batch) -> int:  # of any world
        ...     return batch.images.numel()
        ...
        >>> pixels(ShapesWorld().batch(2, torch.Generator().manual_seed(0)))
        6144
    """

    images: Tensor  # (B, 3, S, S) float in [0, 1]
    scenes: Any  # B rows of what the images show, for the world's own methods
    captions: Tensor  # (B, T) long
    questions: Tensor  # (B, Q, T') long
    answers: Tensor  # (B, Q) long: one word each; or (B, Q, N): tokens of each, its end and padding
    kinds: Tensor  # (B, Q) long: index into the world's kinds of questions
    text: Tensor  # (B, W) float: the caption as numbers, for InfoTok

    def __len__(self) -> int:
        """The number of images, B."""

    def __getitem__(self, index: Any) -> Self:
        """The rows of a slice or an index tensor."""

    def to(self, device: torch.device | str) -> Self:
        """The same batch on another device.

        device: a torch.device, or its name.
        """


class BatchSource(Protocol):
    """A source of training batches.

    One that reads files may have an attribute `prefetch`, True where `train` is to draw the next step's batch in a
    thread while a step computes. Its `batch` must then not depend on the thread, nor on any generator but the given.

    Example:
        >>> import torch
        >>> from infotok.worlds import BatchSource, ShapesWorld
        >>> def drawn(source: BatchSource) -> torch.Tensor:  # of any world
        ...     return source.batch(2, torch.Generator().manual_seed(0), questions=1).images
        ...
        >>> drawn(ShapesWorld()).shape
        torch.Size([2, 3, 32, 32])
    """

    def batch(self, n: int, generator: torch.Generator, questions: int) -> Batch:
        """Draw n images.

        n: images. generator: of every random number; the same seed gives the same batch. questions: per image.
        """


class Words(Protocol):
    """A vocabulary, of one word or of a piece of a word per token; id 0 is padding."""

    words: Any  # sequence of str: the word of each id
    answer_ids: Tensor  # (A,) long: words that may answer a question; or (A, N): answers of tokens, as in a batch

    def encode(self, sentences: list[str]) -> Tensor:
        """Ids (N, T) of N sentences."""

    def decode(self, ids: Tensor) -> list[str]:
        """Sentences of `ids` (N, T)."""


class World(BatchSource, Protocol):
    """A batch source that models can be evaluated on.

    Example:
        >>> import torch
        >>> from infotok.worlds import ShapesWorld, World
        >>> def ceiling(world: World) -> float:  # the share of objects that a world's reader finds in its own images
        ...     batch = world.with_split("test").batch(16, torch.Generator().manual_seed(0))
        ...     return world.score_cells(batch.images, batch.scenes)["present"]
        ...
        >>> ceiling(ShapesWorld())
        1.0
    """

    vocabulary: Words
    kinds: tuple[str, ...]  # names of the kinds of questions, which `batch.kinds` indexes
    entropies: dict[str, float]  # nats of each group of factors of a scene; empty where none is known

    def prompts(self, n: int, generator: torch.Generator) -> list[dict[str, Any]]:
        """n prompts to draw images of, each with its text under "prompt".

        n: number of prompts. generator: of every random number.
        """

    def with_split(self, split: str) -> "World":
        """The same world with another `split`: "train" or "test"."""

    def score_generations(self, images: Tensor, prompts: list[dict[str, Any]]) -> dict[str, float | None]:
        """Share of prompts that images follow, by category and "overall"; None where none was asked.

        images: (N, 3, S, S) in [0, 1]. prompts: the N that they were drawn for.
        """

    def score_cells(self, images: Tensor, scenes: Any) -> dict[str, float | None]:
        """Shares of scenes that a reader recovers from images of them, by part; None without any.

        images: (N, 3, S, S) in [0, 1]. scenes: the N that they should show.
        """

    def foreground(self, scenes: Any) -> Tensor:
        """Share of each pixel that an object of `scenes`, N of them, covers, (N, 1, S, S) in [0, 1]."""


@runtime_checkable
class Redraws(Protocol):
    """A source that knows p(image | caption), as rendered worlds do; natural pictures have one image per caption.

    Example:
        >>> import torch
        >>> from infotok.worlds import Redraws, ShapesWorld
        >>> world, generator = ShapesWorld(), torch.Generator().manual_seed(0)
        >>> batch = world.batch(2, generator)
        >>> again = world.redraw(batch, generator)  # other images of the same captions
        >>> isinstance(world, Redraws), torch.equal(again, batch.images)
        (True, False)
    """

    def redraw(self, batch: Any, generator: torch.Generator, keep_offsets: bool) -> Tensor:
        """New images (B, 3, S, S) of the captions of a batch.

        batch: as the source drew it. generator: of every random number. keep_offsets: whether only what no object
        has a part in, background and noise, is drawn again.
        """


@dataclass(frozen=True)
class Questions:
    """The questions of a batch, without its images.

    questions: (B, Q, T') long, ids of the world's vocabulary; 0 is padding
    answers: (B, Q) long, one word each; or (B, Q, N), tokens of each
    kinds: (B, Q) long, index into the world's kinds of questions
    """

    questions: Tensor
    answers: Tensor
    kinds: Tensor


@runtime_checkable
class Asks(Protocol):
    """A source that draws the questions of a batch without its images, which may take long to render or to decode.

    Example:
        >>> import torch
        >>> from infotok.worlds import Asks, ShapesWorld
        >>> world = ShapesWorld()
        >>> asked = world.asked(2, torch.Generator().manual_seed(0))
        >>> batch = world.batch(2, torch.Generator().manual_seed(0))
        >>> isinstance(world, Asks), torch.equal(asked.questions, batch.questions)
        (True, True)
    """

    def asked(self, n: int, generator: torch.Generator, questions: int) -> Questions:
        """Questions, answers and kinds of the batch that `batch` would draw; leaves the generator as `batch` does.

        n: images of that batch. generator: of every random number. questions: per image.
        """


@runtime_checkable
class Benchmarks(Protocol):
    """A world that asks questions with the answers yes and no, in equal numbers, about images of a batch.

    Example:
        >>> from infotok.worlds import Benchmarks, OpenMojiWorld, ShapesWorld
        >>> isinstance(ShapesWorld(), Benchmarks), isinstance(OpenMojiWorld(), Benchmarks)
        (True, False)
    """

    def pope(self, batch: Any, negatives: str, generator: torch.Generator, questions: int = 6) -> Batch:
        """Images of the batch with `questions` on presence each, (B', questions, T'): what is there, what is not, ...

        batch: drawn by the world. negatives: one of `NEGATIVES`. generator: of every random number.
        """

    def mme(self, batch: Any, generator: torch.Generator) -> Batch:
        """Images of the batch with a yes and a no of each of `MME_CATEGORIES`, (B', 8, T').

        batch: drawn by the world. generator: of every random number.
        """


@runtime_checkable
class Factors(Protocol):
    """A world whose scenes have factors in groups of known entropy, those of `World.entropies`.

    Example:
        >>> from infotok.worlds import Factors, ShapesWorld
        >>> isinstance(ShapesWorld(), Factors), sorted(ShapesWorld().entropies)
        (True, ['jitter', 'nuisance', 'structure'])
    """

    def sample(self, n: int, generator: torch.Generator) -> Any:
        """`n` random scenes, drawn by `generator`."""

    def render(self, scenes: Any, generator: torch.Generator) -> Tensor:
        """Images (N, 3, S, S) in [0, 1] of `scenes`, N of them; `generator` draws pixel noise."""

    def factors(self, scenes: Any) -> dict[str, tuple[Tensor, Tensor]]:
        """Labels (N, factors) long from 0, -1 for none, and design (values, scores) float of each group, by name.

        scenes: N scenes of the world.
        """

    def surplus(self, scenes: Any) -> Tensor:
        """The number of objects of each scene less its mean under the world, (N,) double.

        scenes: N scenes of the world.
        """
