"""A Hugging Face tokenizer as the vocabulary of a world: pieces of words as tokens, and answers of several tokens.

    vocabulary = TokenVocabulary("a/folder", answers=["red", "New York"])
    vocabulary.encode(["What colour is it?"])               # (1, T) ids
    vocabulary.encode_answers(["New York"])                 # (1, max_answer) ids: the answer, its end, padding

Ids are those of the tokenizer, but that padding is id 0, as in every unified model: the tokenizer's own id 0 takes the
place that its padding had. So the number of ids stays, and `Backbone.hub(name, vocabulary)` keeps the embeddings that a
checkpoint has of its tokens. No token stands for an image: visual tokens enter a model as embeddings.
"""

import copy
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from infotok.errors import (
    require,
    require_folder,
    require_instance,
    require_int,
    require_tensor,
    require_text,
)
from infotok.files import read_json, write_json
from infotok.hub import open_tokenizer
from infotok.optional import needs
from infotok.worlds.image_text.faults import fault
from infotok.worlds.image_text.records import Text
from infotok.worlds.image_text.vocabulary import LONGEST, MOST

__all__ = ["TokenVocabulary", "check_text"]

ANSWERS = "answers.json"  # beside the tokenizer's own files


class TokenVocabulary:
    """The ids of a tokenizer, and a list of answers in them; id 0 is padding.

    Text is encoded without the special tokens that the tokenizer would add. Words that spell a special token are text.
    Each answer ends with the tokenizer's end-of-sequence token, `end`.

    tokenizer: a `PreTrainedTokenizerBase` of `transformers` with a padding and an end token, or a folder, or a name on
        the hub. It is copied.
    answers: the list that an answer may be chosen from; none leaves the empty answer alone.
    max_answer: tokens of an answer, its end included.

    Raises ValueError or TypeError, in one line, for a tokenizer without these tokens, and for an answer that is longer.

    Example:
        >>> from tokenizers import Tokenizer, models
        >>> from transformers import PreTrainedTokenizerFast
        >>> from infotok.worlds import TokenVocabulary
        >>> ids = Tokenizer(models.WordLevel({"<pad>": 0, "<end>": 1, "<unk>": 2, "red": 3}, unk_token="<unk>"))
        >>> special = {"pad_token": "<pad>", "eos_token": "<end>", "unk_token": "<unk>"}
        >>> vocabulary = TokenVocabulary(PreTrainedTokenizerFast(tokenizer_object=ids, **special), max_answer=3)
        >>> vocabulary.encode_answers(["red"]).tolist()  # the word, its end, padding
        [[3, 1, 0]]
    """

    pad = 0

    def __init__(self, tokenizer: Any, answers: Sequence[str] = (), max_answer: int = 16) -> None:
        self._tokenizer = _opened(tokenizer)
        self.max_answer = require_int("max_answer", max_answer, 1, LONGEST)
        pad, end = self._tokenizer.pad_token_id, self._tokenizer.eos_token_id
        for name, token in (("pad", pad), ("eos", end)):
            remedy = f"one that has it: tokenizer.add_special_tokens({{'{name}_token': '<{name}>'}})"
            require(token is not None, "tokenizer", f"no {name}_token", remedy)
        shown = f"{self._tokenizer.pad_token} as pad_token and eos_token"
        require(pad != end, "tokenizer", shown, "two tokens: padding behind an answer is not its end")
        known = self._tokenizer.get_vocab()
        count = max(known.values()) + 1
        require(count <= MOST, "tokenizer, ids", count, f"at most {MOST}")
        self._own_pad, self._unknown = pad, self._tokenizer.unk_token_id
        names = {i: token for token, i in known.items()}
        own = [names.get(i, f"<id {i}>") for i in range(count)]  # some tokenizers leave ids out
        own[0], own[pad] = own[pad], own[0]
        self.words = tuple(own)
        self.end = self._swapped(end)
        self.digest = _digest(self._tokenizer)
        self._list(answers)

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, sentences: Sequence[str], length: int | None = None) -> Tensor:
        """Ids (N, T) long of `sentences`, padded at the end to the longest, or cut or padded to `length` tokens.

        Raises ValueError for a sentence that the tokenizer has no tokens for.
        """
        _require_sentences("sentences", sentences)
        if length is not None:
            require_int("length", length, 1, LONGEST)
        rows = self._pieces(sentences)
        for sentence, row in zip(sentences, rows, strict=True):
            require(not (lacking := self._lacking(row)), "sentences, one", sentence, lacking)
        return self._padded([row[:length] for row in rows], length or max(map(len, rows), default=0))

    def encode_answers(self, answers: Sequence[str]) -> Tensor:
        """Ids (N, max_answer) long of `answers`, each with its end, padded with 0.

        Raises ValueError for an answer that is too long, or that the tokenizer has no tokens for.
        """
        _require_sentences("answers", answers)
        rows = self._answer_pieces(answers)
        for answer, row in zip(answers, rows, strict=True):
            require(not (lacking := self._lacking_answer(row)), "answers, one", answer, lacking)
        return self._padded(rows, self.max_answer)

    def decode(self, ids: Tensor) -> list[str]:
        """The text of `ids` (N, T), without padding and ends of answers."""
        require_tensor("ids", ids, ("N", "T"), "integer", f"[0, {len(self) - 1}]")
        rows = [[self._swapped(i) for i in row if i not in (self.pad, self.end)] for row in ids.tolist()]
        return [self._tokenizer.decode(row, clean_up_tokenization_spaces=False) for row in rows]

    def with_answers(self, answers: Sequence[str]) -> Self:
        """The same tokenizer with another list of `answers`, texts that all differ."""
        other = copy.copy(self)
        other._list(answers)
        return other

    def save(self, folder: str | Path) -> None:
        """Write the tokenizer, in the hub's layout, and the list of answers to `folder`."""
        require_folder("folder", folder)
        self._tokenizer.save_pretrained(folder)
        write_json(Path(folder) / ANSWERS, {"answers": self.answers, "max_answer": self.max_answer})

    @classmethod
    def load(cls, folder: str | Path) -> "TokenVocabulary":
        """The vocabulary that `save` wrote. FileNotFoundError or ValueError, in one line, for another folder.

        folder: where it was written.
        """
        require_folder("folder", folder)
        found = read_json(Path(folder) / ANSWERS, ("answers", "max_answer"))
        return cls(Path(folder), found["answers"], found["max_answer"])

    def _list(self, answers: Sequence[str]) -> None:
        _require_sentences("answers", answers)
        require(len({*answers}) == len(answers) <= MOST, "answers", "an answer twice", "answers that differ")
        self.answers = tuple(answers)
        end = torch.tensor([[self.end] + [self.pad] * (self.max_answer - 1)])
        self.answer_ids = self.encode_answers(answers) if answers else end

    def _pieces(self, sentences: Sequence[str]) -> list[list[int]]:
        """Our ids of sentences; 0 in a sentence is the tokenizer's padding token itself."""
        if not sentences:
            return []
        options = {"return_attention_mask": False, "return_token_type_ids": False, "verbose": False}
        found = self._tokenizer(list(sentences), add_special_tokens=False, split_special_tokens=True, **options)
        return [[self._swapped(i) for i in row] for row in found["input_ids"]]

    def _answer_pieces(self, answers: Sequence[str]) -> list[list[int]]:
        return [[*row, self.end] for row in self._pieces([" ".join(answer.split()) for answer in answers])]

    def _swapped(self, i: int) -> int:
        """Our id of the tokenizer's, and the tokenizer's of ours: 0 and padding change places."""
        return {0: self._own_pad, self._own_pad: 0}.get(i, i)

    def _lacking(self, row: list[int]) -> str:
        """What a sentence of these ids should have been; "" for a good one."""
        if not row:
            return "text that the tokenizer has tokens for"
        return f"text without the padding token {self._tokenizer.pad_token}" if self.pad in row else ""

    def _lacking_answer(self, row: list[int]) -> str:
        """Likewise for an answer with its end."""
        if len(row) > self.max_answer:
            return f"an answer of at most {self.max_answer} tokens with its end, not {len(row)}: see max_answer"
        if self.end in row[:-1]:
            return f"an answer without the end token {self._tokenizer.eos_token}"
        if self._unknown is not None and self._swapped(self._unknown) in row:
            return "an answer that the tokenizer has tokens for"  # an unknown one would be right for all such answers
        return self._lacking(row[:-1])

    def _padded(self, rows: list[list[int]], width: int) -> Tensor:
        padded = [row + [self.pad] * (width - len(row)) for row in rows]
        return torch.tensor(padded, dtype=torch.long).view(len(rows), width)


def check_text(vocabulary: TokenVocabulary, text: Text, where: str) -> None:
    """BadRecord, in one line with its place, for text of a record that a vocabulary of tokens cannot hold."""
    sentences = [*text.captions, *(question for question, _ in text.questions)]
    for sentence, row in zip(sentences, vocabulary._pieces(sentences), strict=True):
        if lacking := vocabulary._lacking(row):
            fault(where, sentence, lacking)
    answers = [answer for _, answer in text.questions]
    for answer, row in zip(answers, vocabulary._answer_pieces(answers), strict=True):
        if lacking := vocabulary._lacking_answer(row):
            fault(f"{where}, answer", answer, lacking)


def _opened(tokenizer: Any) -> Any:
    """A copy of a tokenizer, or the one in a folder or on the hub."""
    with needs("hub", "TokenVocabulary"):
        from transformers import PreTrainedTokenizerBase

    if isinstance(tokenizer, str | Path):
        return open_tokenizer(tokenizer)
    expected = "a PreTrainedTokenizerBase of transformers, a folder, or a name on the hub"
    require_instance("tokenizer", tokenizer, PreTrainedTokenizerBase, expected)
    return copy.deepcopy(tokenizer)


def _digest(tokenizer: Any) -> str:
    """128 bits of the SHA-256 of what decides the ids of a text: the tokens, and how text is split into them."""
    state: dict[str, Any] = {"tokens": tokenizer.get_vocab(), "pad": tokenizer.pad_token, "end": tokenizer.eos_token}
    if hasattr(tokenizer, "backend_tokenizer"):
        backend = json.loads(tokenizer.backend_tokenizer.to_str())
        state["backend"] = {key: value for key, value in backend.items() if key not in ("padding", "truncation")}
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:32]


def _require_sentences(name: str, sentences: Any) -> None:
    require_instance(name, sentences, (list, tuple), "a list of sentences")
    for sentence in sentences:
        require_text(f"{name}, one", sentence)
