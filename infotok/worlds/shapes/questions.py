"""Questions about scenes with exact answers, made for a whole batch at once from tables of word ids.

    shape      which shape is at top-left ?                       circle ... cross
    colour     which colour is at top-left ?                      red ... cyan
    presence   is there a red circle ?                            yes, no
    count      how many circles | red objects | objects are there ?   zero ... four
    relation   is a circle left of a square ?                     yes, no: whether any such two are so

Answers follow from the scene alone. Questions on shape and colour are about objects of the scene ("empty" where there
is none). Yes and no are about equally likely where a scene allows both. A scene without objects allows no yes on
presence, one of fewer than two none on a relation. The share of yes is 0.47 on presence and 0.41 on relations in the
train split, 0.50 and 0.52 in the test split. In the train split no question names a held-out pair or relation, since
its answer would always be no.
"""

import torch
from torch import Tensor

from infotok.worlds.shapes.scenes import (
    COLOURS,
    PLACES,
    RELATIONS,
    SHAPES,
    held_out_pairs,
    held_out_relations,
    pair_of,
    parts,
    related,
)
from infotok.worlds.shapes.text import EMPTY, NO, NUMBERS, PLURALS, YES, Vocabulary

__all__ = ["KINDS", "QUESTION_LENGTH"]

KINDS = ("shape", "colour", "presence", "count", "relation")
QUESTION_LENGTH = 8  # "is a circle left of a square ?"


class Phrases:
    """Questions as rows of word ids: phrases, one or more columns of ids each, are joined and padded."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.shapes, self.plurals = vocabulary.ids(SHAPES), vocabulary.ids(PLURALS)
        self.colours, self.places = vocabulary.ids(COLOURS), vocabulary.ids(PLACES)
        self.relations = vocabulary.encode(list(RELATIONS))  # (4, 2): "above" and "below" end in a pad
        self.numbers = vocabulary.ids(NUMBERS)
        self.yes, self.no, self.empty = (int(i) for i in vocabulary.ids([YES, NO, EMPTY]))

    def join(self, n: int, device: torch.device, *pieces: str | Tensor) -> Tensor:
        """Rows (n, QUESTION_LENGTH) of pieces side by side: words, or ids (n,) or (n, words)."""
        columns = [
            self.vocabulary.ids(piece.split()).to(device).expand(n, -1)
            if isinstance(piece, str)
            else piece.reshape(n, *piece.shape[1:] or (1,)).to(device)
            for piece in pieces
        ]
        ids = torch.cat(columns, 1)
        return torch.nn.functional.pad(ids, (0, QUESTION_LENGTH - ids.shape[1]), value=self.vocabulary.pad)

    def attributes(self, pair: Tensor) -> tuple[Tensor, Tensor]:
        """Ids of the colour word and the shape word of pairs shape * 6 + colour (n,), each (n,)."""
        shape, colour = pair // len(COLOURS), pair % len(COLOURS)
        return self.colours.to(pair.device)[colour], self.shapes.to(pair.device)[shape]

    def presence(self, pair: Tensor) -> Tensor:
        """ "is there a red circle ?" for each pair (n,)."""
        return self.join(len(pair), pair.device, "is there a", *self.attributes(pair), "?")

    def relation(self, first: Tensor, relation: Tensor, second: Tensor) -> Tensor:
        """ "is a circle left of a square ?" for shapes and relations (n,), named by shape alone as in GenEval."""
        a, b = (self.shapes.to(relation.device)[shape] for shape in (first, second))
        between = self.relations.to(relation.device)[relation]
        ids = self.join(len(first), first.device, "is a", a, between, "a", b, "?")
        order = (ids == self.vocabulary.pad).long().argsort(dim=1, stable=True)  # the pad of "above" goes to the end
        return ids.gather(1, order)

    def answer(self, true: Tensor) -> Tensor:
        """Ids of "yes" or "no" for each of `true` (n,) bool."""
        return torch.where(true, self.yes, self.no)


def present(cells: Tensor) -> Tensor:
    """Which (shape, colour) pairs are in each scene, (n, 24) bool."""
    pair = pair_of(cells)
    return (pair[..., None] == torch.arange(len(SHAPES) * len(COLOURS), device=cells.device)).any(1)


def relation_holds(cells: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Which relations hold between any object of shape `first` and any of `second` (n,): (n, relation) bool."""
    shape = parts(cells)[1]
    a, b = (shape == first[:, None]).float(), (shape == second[:, None]).float()
    where = related().float().to(cells.device)
    return torch.einsum("np,rpq,nq->nr", a, where, b) > 0


def speakable(split: str) -> tuple[Tensor, Tensor]:
    """Pairs (24,) and relations (4, 4, 4), bool, that questions about scenes of this split may name."""
    pairs, relations = ~held_out_pairs(), ~held_out_relations()
    return (pairs, relations) if split == "train" else (torch.ones_like(pairs), torch.ones_like(relations))


def choose(allowed: Tensor, generator: torch.Generator) -> Tensor:
    """A random allowed column of each row, (n,); any column where none is allowed. allowed: (n, columns) bool."""
    return (torch.rand(allowed.shape, generator=generator, device=allowed.device) + allowed.float()).argmax(-1)


def ask(
    cells: Tensor, split: str, phrases: Phrases, generator: torch.Generator, questions: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Questions (B, Q, 8), answers (B, Q) and kinds (B, Q), all long, about scenes of these cells.

    cells: (B, 4); split: of the scenes; phrases: of the vocabulary; generator: random choices; questions: Q per scene.
    """
    batch, device = len(cells), cells.device
    n = batch * questions
    cells = cells.repeat_interleave(questions, 0)
    occupied, shape, colour, _ = parts(cells)
    pair, some = pair_of(cells), occupied.any(1)
    pairs, relations = (allowed.to(device) for allowed in speakable(split))

    def uniform(high: int) -> Tensor:
        return torch.randint(high, (n,), generator=generator, device=device)

    def of(values: Tensor, cell: Tensor) -> Tensor:
        return values.gather(1, cell[:, None]).squeeze(1)

    cell = choose(occupied, generator)  # an object, where there is one
    place = phrases.places.to(device)[cell]
    asked, answers = [], []
    for name, values, words in (("shape", shape, phrases.shapes), ("colour", colour, phrases.colours)):
        asked.append(phrases.join(n, device, f"which {name} is at", place, "?"))
        answers.append(torch.where(some, words.to(device)[of(values, cell).clamp(min=0)], phrases.empty))

    there = present(cells)
    absent = choose(~there & pairs, generator)
    subject = torch.where(some & (uniform(2) == 0), of(pair, cell), absent)
    asked.append(phrases.presence(subject))
    answers.append(phrases.answer(of(there, subject)))

    seen = some & (uniform(3) > 0)  # two in three counts are of something in the scene
    counted_shape = torch.where(seen, of(shape, cell), uniform(len(SHAPES)))
    counted_colour = torch.where(seen, of(colour, cell), uniform(len(COLOURS)))
    plural = phrases.plurals.to(device)[counted_shape]
    ways = torch.stack([
        phrases.join(n, device, "how many", plural, "are there ?"),
        phrases.join(n, device, "how many", phrases.colours.to(device)[counted_colour], "objects are there ?"),
        phrases.join(n, device, "how many objects are there ?"),
    ])  # fmt: skip
    counts = torch.stack([
        (shape == counted_shape[:, None]).sum(1), (colour == counted_colour[:, None]).sum(1), occupied.sum(1)
    ])  # fmt: skip
    way, rows = uniform(len(ways)), torch.arange(n, device=device)
    asked.append(ways[way, rows])
    answers.append(phrases.numbers.to(device)[counts[way, rows]])

    other = choose(occupied & (torch.arange(len(PLACES), device=device) != cell[:, None]), generator)
    first = torch.where(some, of(shape, cell), uniform(len(SHAPES)))
    second = torch.where(of(occupied, other) & (other != cell), of(shape, other), uniform(len(SHAPES)))
    holds = relation_holds(cells, first, second)
    may = relations[:, first, second].T  # (n, relation)
    wanted = holds == (uniform(2) == 0)[:, None]
    relation = choose(may.float() * (1 + wanted.float()), generator)
    asked.append(phrases.relation(first, relation, second))
    answers.append(phrases.answer(of(holds, relation)))

    kinds = uniform(len(KINDS))
    chosen = torch.stack(asked)[kinds, rows], torch.stack(answers)[kinds, rows], kinds
    return tuple(values.unflatten(0, (batch, questions)) for values in chosen)
