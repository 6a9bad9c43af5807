"""Words of one's own text: a closed vocabulary, made from training records, saved as JSON.

A word is a lower-cased run of letters and digits, with an apostrophe inside it or without; every other mark is a word
of its own. A word that is not in the vocabulary is `<unk>`. An answer is one word of the vocabulary, also where it has
several: "new york" is one entry.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

import torch
from torch import Tensor

from infotok.errors import require, require_instance, require_int, require_tensor, require_text
from infotok.files import read_json, write_json
from infotok.worlds.image_text.faults import fault
from infotok.worlds.image_text.records import Records, records_of

__all__ = ["TextVocabulary", "build_vocabulary", "counted", "words_of"]

PAD, UNK = "<pad>", "<unk>"
WORD = re.compile(r"\w+(?:['’]\w+)?|[^\w\s]")
MOST = 2**20  # words
LONGEST = 4096  # words of a sentence
SHORT = 256  # characters of a sentence whose words are kept


def words_of(sentence: str) -> tuple[str, ...]:
    """The words of a sentence, lower-cased."""
    return _kept(sentence) if len(sentence) <= SHORT else _split(sentence)


def _split(sentence: str) -> tuple[str, ...]:
    return tuple(WORD.findall(unicodedata.normalize("NFC", sentence).lower()))


_kept = lru_cache(maxsize=2**15)(_split)  # captions and questions come again


class TextVocabulary:
    """A closed vocabulary with one token per word: ids 0 pad, 1 unknown, then the words, then other answers.

    words: of sentences; the first two may be `<pad>` and `<unk>`, which are added otherwise.
    answers: what may answer a question, each one entry; none leaves `<unk>` as the only answer.

    Example:
        >>> from infotok.worlds import TextVocabulary
        >>> vocabulary = TextVocabulary(["a", "wall"], answers=["wall", "new york"])
        >>> vocabulary.encode(["A blue wall"]), vocabulary.words  # blue is unknown
        (tensor([[2, 1, 3]]), ('<pad>', '<unk>', 'a', 'wall', 'new york'))
        >>> vocabulary.answer_id("New York")
        4
    """

    pad, unk = 0, 1

    def __init__(self, words: Sequence[str], answers: Sequence[str] = ()) -> None:
        for name, given in (("words", words), ("answers", answers)):
            require_instance(name, given, (list, tuple), "a list of words")
            for word in given:
                require_text(f"{name}, word", word)
                require(word.strip(), f"{name}, word", word, "a word that is not empty")
            require(len({*given}) == len(given), name, "a word twice", "words that differ")
        words = words[2:] if tuple(words[:2]) == (PAD, UNK) else words
        require(not {PAD, UNK} & {*words, *answers}, "words", f"{PAD} or {UNK} among others", "both first, or neither")
        require(len(words) + len(answers) <= MOST, "words", len(words) + len(answers), f"at most {MOST}")
        known = {*words}
        self.answers = tuple(answers)
        self.words = (PAD, UNK, *words, *(answer for answer in answers if answer not in known))
        self._ids = {word: i for i, word in enumerate(self.words)}
        ids = [self._ids[answer] for answer in answers] or [self.unk]
        self.answer_ids = torch.tensor(ids, dtype=torch.long)
        self._answers = dict(zip(answers, ids, strict=False))

    def __len__(self) -> int:
        return len(self.words)

    def answer_id(self, answer: str) -> int:
        """The id of an `answer`, a text; that of `<unk>` for one that is not among `answers`."""
        require_text("answer", answer)
        return self._answers.get(" ".join(words_of(answer)), self.unk)

    def encode_answers(self, answers: Sequence[str]) -> Tensor:
        """Ids (N,) long of `answers`, N texts, one each: `answer_id` of every one."""
        require_instance("answers", answers, (list, tuple), "a list of answers")
        return torch.tensor([self.answer_id(answer) for answer in answers], dtype=torch.long)

    def encode(self, sentences: Sequence[str], length: int | None = None) -> Tensor:
        """Ids (N, T) long of `sentences`, padded at the end to the longest, or cut or padded to `length` words."""
        require_instance("sentences", sentences, (list, tuple), "a list of sentences")
        for sentence in sentences:
            require_text("sentences, one", sentence)
        if length is not None:
            require_int("length", length, 1, LONGEST)
        rows = [[self._ids.get(word, self.unk) for word in words_of(sentence)[:length]] for sentence in sentences]
        width = length or max(map(len, rows), default=0)
        padded = [row + [self.pad] * (width - len(row)) for row in rows]
        return torch.tensor(padded, dtype=torch.long).view(len(rows), width)

    def decode(self, ids: Tensor) -> list[str]:
        """Sentences of `ids` (N, T): the words with one space between them, without padding."""
        require_tensor("ids", ids, ("N", "T"), "integer", f"[0, {len(self) - 1}]")
        return [" ".join(self.words[i] for i in row if i != self.pad) for row in ids.tolist()]

    def save(self, path: str | Path) -> None:
        """Write the vocabulary as JSON to the file `path`."""
        write_json(_file(path), {"words": self.words, "answers": self.answers})

    @classmethod
    def load(cls, path: str | Path) -> "TextVocabulary":
        """The vocabulary of a JSON file that `save` wrote. ValueError, in one line, for another or a missing one.

        path: of the file.
        """
        file = _file(path)
        require(file.is_file(), "path", str(path), "a file that TextVocabulary.save wrote")
        found = read_json(file, ("words", "answers"))
        return cls(found["words"], found["answers"])


def build_vocabulary(
    records: Records | Sequence[dict[str, Any]], most: int = 8192, answers: int = 3000
) -> TextVocabulary:
    """The vocabulary of records: their commonest words, and commonest answers.

    Of equally common ones those first in the alphabet are taken. Words of answers count too. Build it from the records
    of training: `ImageTextWorld` does so by itself.

    records: what `open_records` gives, or a list of dicts.
    most: words of sentences, with `<pad>` and `<unk>`.
    answers: at most, each one entry, besides those that are words.

    Example:
        >>> from infotok.worlds import build_vocabulary
        >>> records = [{"image": b"", "captions": ["a red wall", "a wall"], "questions": [("which colour?", "red")]}]
        >>> build_vocabulary(records, most=6).words  # the commonest
        ('<pad>', '<unk>', 'a', 'red', 'wall', '?')
    """
    records = records_of("records", records)
    texts = (records.text(index) for index in range(len(records)))
    words, found, _ = counted((text.captions, text.questions) for text in texts)
    return made(words, found, most, answers)


def counted(texts: Any, written: bool = False) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """How often each word, each answer and each word of captions occurs in pairs (captions, questions).

    written: whether answers are counted as they are written, capitals included, and not by their words.
    """
    words, answers, captions = Counter(), Counter(), Counter()
    for sentences, pairs in texts:
        for sentence in sentences:
            captions.update(words_of(sentence))
        for question, answer in pairs:
            words.update(words_of(question))
            parts = words_of(answer)
            words.update(parts)
            answers[" ".join(answer.split() if written else parts)] += 1
    return words + captions, answers, captions


def made(words: Counter[str], found: Counter[str], most: int, answers: int) -> TextVocabulary:
    """The vocabulary of the `most` commonest words and of the commonest answers."""
    require_int("most", most, 3, MOST // 2), require_int("answers", answers, 0, MOST // 2)
    return TextVocabulary(commonest(words, most - 2), commonest(found, answers))


def commonest(counts: Counter[str], most: int) -> list[str]:
    """The `most` commonest, of equals those first in the alphabet."""
    return sorted(counts, key=lambda word: (-counts[word], word))[:most]


def require_words(sentence: str, where: str) -> None:
    """BadRecord for a sentence without words."""
    if not words_of(sentence):
        fault(where, sentence, "a sentence with a word")


def _file(path: Any) -> Path:
    require_instance("path", path, (str, PurePath), "a file's path")
    require(str(path), "path", path, "a file's path")
    return Path(path)
