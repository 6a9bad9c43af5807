"""ImageTextWorld: one's own images and text as a `BatchSource`.

    records = open_records("pictures", fields={"captions": "caption"}, on_error="skip")
    world = ImageTextWorld(records, size=32, on_error="skip", workers=4)
    batch = world.batch(32, torch.Generator().manual_seed(0), questions=4)
    world = ImageTextWorld(records, tokenizer="a/folder")           # pieces of words, and answers of several tokens
    world.skipped       # a line for each record that was left out

The text of all records is read once, when the world is made; images are read when they are drawn. A record belongs to
"test" if a hash of its key falls below `held_out`: whatever the order of the records, and whatever else is there. Words
and attributes come from the records of "train" alone.
"""

import copy
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infotok.errors import (
    require,
    require_choice,
    require_float,
    require_generator,
    require_instance,
    require_int,
)
from infotok.worlds.captions import Text, numbers_of, require_text
from infotok.worlds.image_text.attributes import Attributes
from infotok.worlds.image_text.batch import ImageTextBatch
from infotok.worlds.image_text.folder import ON_ERROR
from infotok.worlds.image_text.loading import Loader
from infotok.worlds.image_text.pixels import MAX_PIXELS
from infotok.worlds.image_text.records import Records, records_of
from infotok.worlds.image_text.records import Text as RecordText
from infotok.worlds.image_text.splits import SPLITS, Pass
from infotok.worlds.image_text.tokens import TokenVocabulary, check_text
from infotok.worlds.image_text.vocabulary import LONGEST, MOST, TextVocabulary, commonest, made
from infotok.worlds.source import Questions

__all__ = ["ImageTextWorld"]

LARGEST_SIZE = 1024  # pixels a side
MOST_KEPT = 2**38  # bytes of decoded images
MOST_ANSWERS = 3000  # of the list that the training records give
MOST_IMAGES, MOST_QUESTIONS = 2**16, 2**10  # of a batch, of an image


class ImageTextWorld:
    """Images and text of records, one split of them, a `BatchSource`.

    An image is drawn with replacement, with one of its captions and with `questions` of its questions, again with
    replacement. The same generator gives the same batch, whatever the number of workers.

    Args:
        records: what `open_records` gives, or a list of dicts with images as bytes.
        size: pixels per side; an image's centre square is resized to it.
        vocabulary: of words and answers; None for that of the records of "train", with the defaults of
            `build_vocabulary`. An answer that it lacks is `<unk>`, which is never a right answer. Or a
            `TokenVocabulary`.
        text: "attributes" for 0/1, whether the caption has each of the commonest content words; "ids" for the caption's
            ids, which InfoTok takes with `likelihood="sequence"`; or a function of a list of captions that returns a
            float tensor (B, W), such as `SentenceEncoder()`.
        tokenizer: of text, instead of a vocabulary of words: a `PreTrainedTokenizerBase` of `transformers`, a folder,
            or a name on the hub. The answers listed are the 3,000 commonest of "train".
        max_answer: tokens of an answer with its end, by a tokenizer; a record with a longer one has a fault.
        most_attributes: content words at most.
        max_caption, max_question: words or tokens; longer sentences are cut.
        held_out: share of the records in "test".
        split: "train", "test" or "all".
        on_error: "raise" for an error at a record with a fault; "skip" takes the next good one of the split, and
            `skipped` lists it.
        on_missing: likewise, for a record without questions where questions are asked for.
        max_pixels: of a file; larger images are refused before they are decoded.
        workers: threads that read and decode images, in training while the step before computes; 0 for none.
        cache: bytes of decoded images that are kept in memory; 0 for none.

    Example:
        >>> from io import BytesIO
        >>> import torch
        >>> from PIL import Image
        >>> from infotok.worlds import ImageTextWorld
        >>> Image.new("RGB", (48, 48), "red").save(file := BytesIO(), "PNG")
        >>> record = {"image": file.getvalue(), "captions": ["a red wall"], "questions": [("which colour?", "red")]}
        >>> world = ImageTextWorld([record] * 10, held_out=0.2)
        >>> world.batch(4, torch.Generator().manual_seed(0), questions=1).images.shape, len(world.vocabulary)
        (torch.Size([4, 3, 32, 32]), 8)
    """

    kinds = ("question",)

    def __init__(
        self,
        records: Records | Sequence[dict[str, Any]],
        size: int = 32,
        vocabulary: TextVocabulary | TokenVocabulary | None = None,
        text: Text = "attributes",
        *,
        tokenizer: Any = None,
        max_answer: int = 16,
        most_attributes: int = 256,
        max_caption: int = 32,
        max_question: int = 16,
        held_out: float = 0.1,
        split: str = "train",
        on_error: str = "raise",
        on_missing: str = "raise",
        max_pixels: int = MAX_PIXELS,
        workers: int = 0,
        cache: int = 2**28,
    ) -> None:
        self.records = records_of("records", records)
        self.size = require_int("size", size, 1, LARGEST_SIZE)
        if vocabulary is not None:
            require_instance("vocabulary", vocabulary, (TextVocabulary, TokenVocabulary))
            require(tokenizer is None, "tokenizer", type(tokenizer).__name__, "None beside a vocabulary")
        self.text = text if isinstance(text, str) and text == "ids" else require_text("text", text)
        self.most_attributes = require_int("most_attributes", most_attributes, 1, MOST)
        self.max_caption = require_int("max_caption", max_caption, 1, LONGEST)
        self.max_question = require_int("max_question", max_question, 1, LONGEST)
        self.held_out = require_float("held_out", held_out, "[0, 1)")
        require_choice("split", split, SPLITS)
        require_choice("on_error", on_error, ON_ERROR), require_choice("on_missing", on_missing, ON_ERROR)
        self.split, self.on_error, self.on_missing = split, on_error, on_missing
        self.max_pixels = require_int("max_pixels", max_pixels)
        workers, cache = require_int("workers", workers, 0, 256), require_int("cache", cache, 0, MOST_KEPT)
        require_int("max_answer", max_answer, 1, LONGEST)
        tokens = vocabulary if tokenizer is None else TokenVocabulary(tokenizer, max_answer=max_answer)
        check = partial(check_text, tokens) if isinstance(tokens, TokenVocabulary) else None
        read = Pass(self.records, self.held_out, on_error == "skip", check)
        self._members = read.members
        if tokens is None:
            self.vocabulary = made(read.words, read.answers, 8192, MOST_ANSWERS)
        elif tokenizer is None:
            self.vocabulary = tokens
        else:
            self.vocabulary = tokens.with_answers(commonest(read.answers, MOST_ANSWERS))
        self.attributes = Attributes(read.captions, most_attributes)
        skips = on_error == "skip", on_missing == "skip"
        self._loader = Loader(self.records, size, self.max_pixels, *skips, workers, cache, read.bad)
        self._require_split()

    @property
    def skipped(self) -> list[str]:
        """A line for each part of the data, and each record, that was left out, so far."""
        return self._loader.lines()

    @property
    def prefetch(self) -> bool:
        """Whether training draws the next step's batch while a step computes: with one worker or more."""
        return self._loader.workers > 0

    def __len__(self) -> int:
        """The number of records of the split."""
        return len(self._members[self.split])

    def with_split(self, split: str) -> "ImageTextWorld":
        """The same world with another `split`: "train", "test" or "all"; `skipped` is shared."""
        require_choice("split", split, SPLITS)
        other = copy.copy(self)
        other.split = split
        other._require_split()
        return other

    def batch(self, n: int, generator: torch.Generator, questions: int = 8) -> ImageTextBatch:
        """Draw n images with their text.

        n: images.
        generator: of every random number; the same seed gives the same batch.
        questions: per image, 0 for none.

        ValueError, in one line with the place of the record, for one with a fault, unless these are skipped.
        """
        chosen, u = _drawn(len(self), n, generator, questions)
        found = self._loader.load(self._members[self.split], chosen, asked=questions > 0)
        indices, images, texts = zip(*found, strict=True)
        captions = [text.captions[_pick(len(text.captions), row[0])] for text, row in zip(texts, u, strict=True)]
        told = numbers = self.vocabulary.encode(captions, self.max_caption)
        if self.text != "ids":
            numbers = numbers_of(self.attributes if isinstance(self.text, str) else self.text, captions)
        pixels = torch.from_numpy(np.stack(images))
        batch = ImageTextBatch(
            images=pixels.permute(0, 3, 1, 2).contiguous().float() / 255,
            scenes=torch.tensor(indices),
            captions=told,
            **vars(_questions(texts, u, self.vocabulary, self.max_question)),
            text=numbers,
        )
        return batch if generator.device.type == "cpu" else batch.to(generator.device)

    def asked(self, n: int, generator: torch.Generator, questions: int = 8) -> Questions:
        """The questions of `batch(n, generator, questions)` where no image has a fault, without decoding an image."""
        chosen, u = _drawn(len(self), n, generator, questions)
        texts = self._loader.load_text(self._members[self.split], chosen, asked=questions > 0)
        return _questions(texts, u, self.vocabulary, self.max_question)

    def _require_split(self) -> None:
        require(len(self), f"records in {self.split!r}", 0, "one good record or more: see held_out")


def _pick(count: int, u: Tensor) -> int:
    return min(int(count * float(u)), count - 1)


def _drawn(records: int, n: int, generator: torch.Generator, questions: int) -> tuple[list[int], Tensor]:
    """n places among the records, and numbers (n, 1 + questions) in [0, 1) that choose a caption and questions."""
    require_int("n", n, 1, MOST_IMAGES), require_int("questions", questions, 0, MOST_QUESTIONS)
    require_generator("generator", generator)
    places = torch.randint(records, (n,), generator=generator, device=generator.device).tolist()
    u = torch.rand((n, 1 + questions), generator=generator, device=generator.device, dtype=torch.double)
    return places, u.cpu()


def _questions(
    texts: Sequence[RecordText], u: Tensor, vocabulary: TextVocabulary | TokenVocabulary, longest: int
) -> Questions:
    """Questions of each text, chosen by the numbers u (n, 1 + Q) but the first, which chooses its caption."""
    pairs = [t.questions[_pick(len(t.questions), x)] for t, row in zip(texts, u, strict=True) for x in row[1:]]
    asked = vocabulary.encode([question for question, _ in pairs], longest)
    answers, shape = vocabulary.encode_answers([answer for _, answer in pairs]), (len(u), u.shape[1] - 1)
    kinds = torch.zeros(shape, dtype=torch.long)
    return Questions(asked.view(*shape, longest), answers.view(*shape, *answers.shape[1:]), kinds)
