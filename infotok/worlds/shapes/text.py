"""Text of ShapesWorld: its vocabulary, the captions of scenes, and captions as 0/1 attribute vectors.

    top-left small red circle bottom-right large blue square

A caption names its objects in the order of the cells, four words each, six where offsets are named ("x+1 y-2": steps
right and down); a scene without objects is "empty". Captions and structures are one to one.
"""

from typing import Any

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import one_hot

from infotok.errors import require, require_int, require_tensor
from infotok.worlds.shapes.scenes import COLOURS, PLACES, SHAPES, SIZES, cell_value, parts

__all__ = ["Vocabulary"]

PAD, BOS, EOS = "<pad>", "<bos>", "<eos>"
NUMBERS = ("zero", "one", "two", "three", "four")
PLURALS = ("circles", "squares", "triangles", "crosses")
LONGEST = 4096  # words of a sentence
EMPTY, YES, NO = "empty", "yes", "no"
GRAMMAR = ("which", "shape", "colour", "is", "at", "there", "a", "how", "many", "objects", "are", "left", "right", "of",
           "above", "below", "?")  # fmt: skip
ANSWERS = (*SHAPES, *COLOURS, *NUMBERS, YES, NO, EMPTY)


class Vocabulary:
    """A closed vocabulary with one token per word: ids 0 pad, 1 bos, 2 eos, then the words.

    Sentences are words with one space between them. The models add bos and eos.

    jitter: of the world, 0 to 2; there is a word for each offset

    Example:
        >>> from infotok.worlds import ShapesWorld
        >>> vocabulary = ShapesWorld().vocabulary
        >>> ids = vocabulary.encode(["top-left small red circle", "empty"])
        >>> ids.shape, vocabulary.decode(ids)
        (torch.Size([2, 4]), ['top-left small red circle', 'empty'])
    """

    pad, bos, eos = 0, 1, 2

    def __init__(self, jitter: int) -> None:
        require_int("jitter", jitter, 0, 2)
        steps = [f"{axis}{step:+d}" for axis in "xy" for step in range(-jitter, jitter + 1)]
        self.words = (PAD, BOS, EOS, *PLACES, *SIZES, *COLOURS, *SHAPES, *PLURALS, *NUMBERS, YES, NO, EMPTY, *GRAMMAR,
                      *steps)  # fmt: skip
        self._ids = {word: i for i, word in enumerate(self.words)}
        self.answer_ids = self.ids(ANSWERS)

    def __len__(self) -> int:
        return len(self.words)

    def ids(self, words: tuple[str, ...] | list[str]) -> Tensor:
        """Ids (W,) long of `words`, W of them. ValueError for a word that is not in the vocabulary."""
        listed = isinstance(words, tuple | list)
        require(listed, "words", type(words).__name__, "a list of words", TypeError)
        for word in words:
            require(
                isinstance(word, str) and word in self._ids,
                "word",
                word,
                f"one of the {len(self)} words of the vocabulary",
            )
        return torch.tensor([self._ids[word] for word in words], dtype=torch.long)

    def encode(self, sentences: list[str], length: int | None = None) -> Tensor:
        """Ids (B, T) long of `sentences`, B of them, padded at the end to the longest or to `length` words."""
        require_sentences("sentences", sentences)
        rows = [self.ids(sentence.split()) for sentence in sentences]
        longest = max((len(row) for row in rows), default=0)
        if length is not None:
            require_int("length", length, 0, LONGEST)
        length = longest if length is None else length
        require(longest <= length, "length", length, f"{longest} or above, the words of the longest sentence")
        ids = torch.full((len(rows), length), self.pad)
        for row, words in zip(ids, rows, strict=True):
            row[: len(words)] = words
        return ids

    def decode(self, ids: Tensor) -> list[str]:
        """Sentences of `ids` (B, T): the words before the first eos, without pad and bos."""
        require_tensor("ids", ids, ("B", "T"), "integer", f"[0, {len(self) - 1}]")
        sentences = []
        for row in ids.tolist():
            row = row[: row.index(self.eos)] if self.eos in row else row
            sentences.append(" ".join(self.words[i] for i in row if i not in (self.pad, self.bos)))
        return sentences


def require_sentences(name: str, sentences: Any) -> None:
    """Raise TypeError unless `sentences` is a list or tuple of strings."""
    listed = isinstance(sentences, tuple | list) and all(isinstance(each, str) for each in sentences)
    require(listed, name, type(sentences).__name__, "a list of sentences", TypeError)


def caption_ids(cells: Tensor, offsets: Tensor | None, vocabulary: Vocabulary) -> Tensor:
    """Captions of scenes as ids, (B, 16) long, or (B, 24) with offsets; padded.

    cells: (B, 4); offsets: (B, 4, 2) where captions name them, else None; vocabulary: of the words.
    """
    occupied, shape, colour, size = (part.clamp(min=0) for part in parts(cells))
    ids = [vocabulary.ids(names).to(cells.device) for names in (PLACES, SIZES, COLOURS, SHAPES)]
    words = [ids[0].expand_as(cells), ids[1][size], ids[2][colour], ids[3][shape]]
    if offsets is not None:
        words += [offset + int(vocabulary.ids([f"{axis}+0"])) for axis, offset in zip("xy", offsets.unbind(-1),
                                                                                      strict=True)]  # fmt: skip
    objects = torch.stack(words, -1) * occupied[..., None]  # (B, 4, words); pad is 0
    order = (~occupied.bool()).long().argsort(dim=1, stable=True)  # objects first, in the order of the cells
    ids = objects.gather(1, order[..., None].expand_as(objects)).flatten(1)
    ids[:, 0] = torch.where(occupied.any(1), ids[:, 0], int(vocabulary.ids([EMPTY])))
    return ids


def read_captions(captions: list[str], jitter: int, named: bool) -> tuple[Tensor, Tensor]:
    """Cells (B, 4) and offsets (B, 4, 2) of captions; offsets are 0 where captions do not name them.

    captions: B sentences; jitter: of the world; named: whether captions name offsets. ValueError for a sentence that is
    no caption.
    """
    require_sentences("captions", captions)
    cells, offsets = torch.zeros(len(captions), 4, dtype=torch.long), torch.zeros(len(captions), 4, 2, dtype=torch.long)
    width = 6 if named else 4
    steps = [[f"{axis}{step:+d}" for step in range(-jitter, jitter + 1)] for axis in "xy"] if named else []
    grammar = [PLACES, SIZES, COLOURS, SHAPES, *steps]
    for b, caption in enumerate(captions):
        words = [] if caption == EMPTY else caption.split()
        objects = [words[i : i + width] for i in range(0, len(words), width)]
        known = all(len(o) == width and all(w in g for w, g in zip(o, grammar, strict=True)) for o in objects)
        places = [PLACES.index(o[0]) for o in objects] if known else []
        ordered = known and places == sorted(set(places)) and (caption == EMPTY or bool(objects))
        require(ordered, "caption", caption, f"'{EMPTY}', or {width} words an object in the order of the cells")
        for place, o in zip(places, objects, strict=True):
            size, colour, shape = (torch.tensor(g.index(w)) for g, w in zip(grammar[1:4], o[1:4], strict=True))
            cells[b, place] = cell_value(shape, colour, size)
            offsets[b, place] = torch.tensor([g.index(w) - jitter for g, w in zip(steps, o[4:], strict=True)] or [0, 0])
    return cells, offsets


def caption_vector(cells: Tensor, offsets: Tensor | None, jitter: int) -> Tensor:
    """Captions as 0/1 attribute vectors, (B, W) float.

    Per cell one-hot: empty or its shape (5), colour (6), size (2), and with offsets both steps (2 (2 jitter + 1));
    attributes of an empty cell are 0.

    cells: (B, 4); offsets: (B, 4, 2) where captions name them, else None; jitter: of the world.
    """
    groups = [
        one_hot(part + 1, count + 1)[..., first:]
        for part, count, first in zip(parts(cells)[1:], (len(SHAPES), len(COLOURS), len(SIZES)), (0, 1, 1), strict=True)
    ]
    if offsets is not None:
        steps = one_hot(offsets + jitter, 2 * jitter + 1) * (cells > 0)[..., None, None]
        groups.append(steps.flatten(2))
    return rearrange(torch.cat(groups, -1), "b cell w -> b (cell w)").float()
