"""The first pass over the records of a world: which are good, which split each is in, and the words of "train"."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from infotok.worlds.image_text.faults import BadRecord
from infotok.worlds.image_text.records import Records, Text
from infotok.worlds.image_text.vocabulary import counted, require_words

__all__ = ["SPLITS", "Pass", "in_test"]

SPLITS = ("train", "test", "all")


class Pass:
    """What is known of records once the text of all has been read.

    records: of the data.
    held_out: share of the records in "test".
    skip: whether records with faults are left out; otherwise BadRecord, in one line with the place of the first.
    check: of a record's text, given its place: raises BadRecord for text that the vocabulary cannot hold; None for the
        check that each sentence has a word.
    """

    def __init__(
        self, records: Records, held_out: float, skip: bool, check: Callable[[Text, str], None] | None = None
    ) -> None:
        self.bad: dict[int, str] = {}  # number -> line, of records with a fault
        self._found: dict[str, list[int]] = {split: [] for split in SPLITS}
        self.words: Counter[str]
        self.answers: Counter[str]
        self.captions: Counter[str]
        texts = self._training(records, held_out, skip, check or _has_words)
        self.words, self.answers, self.captions = counted(texts, written=check is not None)
        self.members: dict[str, Tensor] = {
            split: torch.tensor(found, dtype=torch.long) for split, found in self._found.items()
        }

    def _training(
        self, records: Records, held_out: float, skip: bool, check: Callable[[Text, str], None]
    ) -> Iterator[tuple]:
        """Captions and questions of each good record of "train"."""
        for index in range(len(records)):
            try:
                text = records.text(index)
                check(text, records.where(index))
            except BadRecord as error:
                if not skip:
                    raise
                self.bad[index] = str(error)
                continue
            split = "test" if in_test(text.key, held_out) else "train"
            self._found[split].append(index), self._found["all"].append(index)
            if split == "train":
                yield text.captions, text.questions


def _has_words(text: Text, where: str) -> None:
    for sentence in (*text.captions, *(question for question, _ in text.questions)):
        require_words(sentence, where)


def in_test(key: str, held_out: float) -> bool:
    """Whether a record is in "test": a hash of its key alone decides."""
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < held_out * 2**64
