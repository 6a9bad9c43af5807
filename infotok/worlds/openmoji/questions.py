"""Questions about scenes with exact answers, made for a whole batch at once from tables of word ids.

    object     what is at top-left ?                              a name, or empty
    kind       what kind is at top-left ?                         animal ... instrument, or empty
    presence   is there a cat ?                                   yes, no
    count      how many animal objects | objects are there ?      zero ... four
    relation   is a cat left of an apple ?                        yes, no: whether any such two are so

Answers follow from the scene alone. Three in four questions on a place are about an object of the scene, the others
about any cell. Yes and no are equally frequent. Scenes that allow no yes always get a no, and the other scenes get a
yes more often, to balance the two. Every object stands in train scenes on both sides and in both rows, so no answer is
known from the question's words alone.

The splits of objects keep that for presence: what is absent is drawn from the new or from the known objects, as what
could be present is. Training on "known_objects" thus never names a new object. Relations are balanced over all only:
in "new_objects", 32 objects, one of two known objects holds in 0.55 and one of two new objects in 0.47 of questions.
"""

import torch
from torch import Tensor

from infotok.worlds.openmoji.objects import OBJECT_KINDS, new_objects, objects_of
from infotok.worlds.openmoji.scenes import OBJECT_SPLITS, PLACES, RELATIONS, related, structure
from infotok.worlds.openmoji.text import OpenMojiVocabulary
from infotok.worlds.shapes.questions import choose
from infotok.worlds.shapes.text import EMPTY, NO, NUMBERS, YES

__all__ = ["KINDS", "QUESTION_LENGTH"]

KINDS = ("object", "kind", "presence", "count", "relation")
QUESTION_LENGTH = 8  # "is a cat left of an apple ?"


class Phrases:
    """Questions as rows of word ids: phrases, one or more columns of ids each, are joined and padded."""

    def __init__(self, objects: int, vocabulary: OpenMojiVocabulary) -> None:
        of = objects_of(objects)
        self.vocabulary, self.kind_of = vocabulary, of.kinds
        self.names, self.kinds, self.places, self.numbers = (
            vocabulary.ids(words) for words in (of.names, OBJECT_KINDS, PLACES, NUMBERS)
        )
        self.nouns = torch.stack([vocabulary.ids(of.articles), self.names], 1)  # (N, 2): "a cat"
        self.relations = vocabulary.encode(list(RELATIONS))  # (4, 2): "above" and "below" end in a pad
        self.yes, self.no, self.empty = (int(i) for i in vocabulary.ids([YES, NO, EMPTY]))

    def join(self, n: int, device: torch.device, *pieces: str | Tensor) -> Tensor:
        """Rows (n, QUESTION_LENGTH) of pieces side by side, pads at the end: words, or ids (n,) or (n, words)."""
        columns = [
            self.vocabulary.ids(piece.split()).to(device).expand(n, -1)
            if isinstance(piece, str)
            else piece.reshape(n, *piece.shape[1:] or (1,)).to(device)
            for piece in pieces
        ]
        ids = torch.cat(columns, 1)
        ids = torch.nn.functional.pad(ids, (0, QUESTION_LENGTH - ids.shape[1]), value=self.vocabulary.pad)
        return ids.gather(1, (ids == self.vocabulary.pad).long().argsort(dim=1, stable=True))

    def presence(self, subject: Tensor) -> Tensor:
        """ "is there a cat ?" for each object (n,)."""
        return self.join(len(subject), subject.device, "is there", self.nouns.to(subject.device)[subject], "?")

    def relation(self, first: Tensor, relation: Tensor, second: Tensor) -> Tensor:
        """ "is a cat left of an apple ?" for objects and relations (n,)."""
        device = first.device
        a, b = (self.nouns.to(device)[name] for name in (first, second))
        return self.join(len(first), device, "is", a, self.relations.to(device)[relation], b, "?")

    def answer(self, true: Tensor) -> Tensor:
        """Ids of "yes" or "no" for each of `true` (n,) bool."""
        return torch.where(true, self.yes, self.no)


def present(cells: Tensor, objects: int) -> Tensor:
    """Which objects are in each scene, (n, N) bool."""
    there = torch.zeros(len(cells), objects + 1, dtype=torch.bool, device=cells.device)
    return there.scatter_(1, cells, True)[:, 1:]


def relation_holds(cells: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Which relations hold between any object `first` and any `second` (n,): (n, relation) bool."""
    a, b = ((cells == 1 + name[:, None]).float() for name in (first, second))
    return torch.einsum("np,rpq,nq->nr", a, related().float().to(cells.device), b) > 0


def ask(
    cells: Tensor, split: str, objects: int, phrases: Phrases, generator: torch.Generator, questions: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Questions (B, Q, 8), answers (B, Q) and kinds (B, Q), all long, about scenes of these cells.

    cells: (B, 4); split: of the scenes; objects: N; phrases: of the vocabulary; generator: random choices;
    questions: Q per scene.
    """
    batch, device = len(cells), cells.device
    n = batch * questions
    cells = cells.repeat_interleave(questions, 0)
    occupied, which = cells > 0, cells - 1
    number = occupied.sum(1)
    by_number = structure(split, objects)[2]
    new = torch.zeros(objects, dtype=torch.bool, device=device)
    if split in OBJECT_SPLITS:
        new[list(new_objects(objects))] = True
    named = (~new if split == OBJECT_SPLITS[0] else torch.ones_like(new)).nonzero().flatten()  # in scenes of the split

    def uniform(high: int) -> Tensor:
        return torch.randint(high, (n,), generator=generator, device=device)

    def yes_of(fewest: int) -> Tensor:  # a yes, in half of all scenes, where those of fewer objects allow none
        luck = torch.rand(n, generator=generator, device=device)
        return (number >= fewest) & (luck < 0.5 / sum(by_number[fewest:]))

    def of(values: Tensor, cell: Tensor) -> Tensor:
        return values.gather(1, cell[:, None]).squeeze(1)

    cell, some = choose(occupied, generator), number > 0  # an object, where there is one
    at = torch.where(uniform(4) > 0, cell, uniform(len(PLACES)))
    place, there = phrases.places.to(device)[at], of(occupied, at)
    name = of(which, at).clamp(min=0)
    kind_of = phrases.kind_of.to(device)
    asked = [phrases.join(n, device, words, place, "?") for words in ("what is at", "what kind is at")]
    answers = [
        torch.where(there, words, phrases.empty)
        for words in (phrases.names.to(device)[name], phrases.kinds.to(device)[kind_of[name]])
    ]

    seen = present(cells, objects)
    alike = new == new[of(which, cell).clamp(min=0)][:, None]  # (n, N): all of them in a split that has no new objects
    subject = torch.where(yes_of(1), of(which, cell), choose(~seen & alike, generator))
    asked.append(phrases.presence(subject))
    answers.append(phrases.answer(of(seen, subject)))

    kind = torch.where(some & (uniform(3) > 0), kind_of[of(which, cell).clamp(min=0)], kind_of[uniform(objects)])
    same = (kind_of[which.clamp(min=0)] == kind[:, None]) & occupied
    all_of_them = uniform(3) == 0
    ways = (
        phrases.join(n, device, "how many objects are there ?"),
        phrases.join(n, device, "how many", phrases.kinds.to(device)[kind], "objects are there ?"),
    )
    asked.append(torch.where(all_of_them[:, None], *ways))
    answers.append(phrases.numbers.to(device)[torch.where(all_of_them, number, same.sum(1))])

    other = choose(occupied & (torch.arange(len(PLACES), device=device) != cell[:, None]), generator)
    first = torch.where(some, of(which, cell), named[uniform(len(named))])
    second = torch.where(number > 1, of(which, other), named[uniform(len(named))])
    holds = relation_holds(cells, first, second)
    relation = choose(holds == yes_of(2)[:, None], generator)
    asked.append(phrases.relation(first, relation, second))
    answers.append(phrases.answer(of(holds, relation)))

    kinds, rows = uniform(len(KINDS)), torch.arange(n, device=device)
    chosen = torch.stack(asked)[kinds, rows], torch.stack(answers)[kinds, rows], kinds
    return tuple(values.unflatten(0, (batch, questions)) for values in chosen)
