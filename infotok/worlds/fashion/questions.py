"""Questions about scenes of FashionWorld with exact answers, made for a whole batch at once.

    object     what is at top-left ?                              a kind, or empty
    presence   is there a coat ?                                  yes, no
    count      how many bag objects | objects are there ?         zero ... four
    relation   is a coat left of a bag ?                          yes, no: whether any such two are so

They are asked as OpenMojiWorld asks them: three in four questions on a place are about an object of the scene, and yes
and no are equally frequent. "trousers" takes no article.
"""

import torch
from torch import Tensor

from infotok.worlds import grid
from infotok.worlds.fashion.scenes import CODES, NAMES, PLACES, RELATIONS
from infotok.worlds.fashion.text import FashionVocabulary
from infotok.worlds.openmoji.questions import QUESTION_LENGTH, Phrases, present, relation_holds
from infotok.worlds.shapes.questions import choose
from infotok.worlds.shapes.text import EMPTY, NO, NUMBERS, YES

__all__ = ["KINDS", "QUESTION_LENGTH"]

KINDS = ("object", "presence", "count", "relation")
PLURAL = "trousers"


class FashionPhrases(Phrases):
    """Questions as rows of word ids."""

    def __init__(self, vocabulary: FashionVocabulary) -> None:
        self.vocabulary = vocabulary
        self.names, self.places, self.numbers = (vocabulary.ids(words) for words in (NAMES, PLACES, NUMBERS))
        article = int(vocabulary.ids(["a"]))
        articles = torch.tensor([vocabulary.pad if name == PLURAL else article for name in NAMES])
        self.nouns = torch.stack([articles, self.names], 1)  # (10, 2): "a coat"
        self.relations = vocabulary.encode(list(RELATIONS))  # (4, 2): "above" and "below" end in a pad
        self.yes, self.no, self.empty = (int(i) for i in vocabulary.ids([YES, NO, EMPTY]))


def ask(
    cells: Tensor, split: str, phrases: FashionPhrases, generator: torch.Generator, questions: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Questions (B, Q, 8), answers (B, Q) and kinds (B, Q), all long, about scenes of these cells.

    cells: (B, 4); split: of the scenes; phrases: of the vocabulary; generator: random choices; questions: Q per scene.
    """
    batch, device, objects = len(cells), cells.device, len(NAMES)
    n = batch * questions
    cells = cells.repeat_interleave(questions, 0)
    occupied, which = cells > 0, cells - 1
    number = occupied.sum(1)
    by_number = grid.structure(split, CODES)[2]

    def uniform(high: int) -> Tensor:
        return torch.randint(high, (n,), generator=generator, device=device)

    def yes_of(fewest: int) -> Tensor:  # a yes, in half of all scenes, where those of fewer objects allow none
        luck = torch.rand(n, generator=generator, device=device)
        return (number >= fewest) & (luck < 0.5 / sum(by_number[fewest:]))

    def of(values: Tensor, cell: Tensor) -> Tensor:
        return values.gather(1, cell[:, None]).squeeze(1)

    cell, some = choose(occupied, generator), number > 0  # an object, where there is one
    names, numbers = phrases.names.to(device), phrases.numbers.to(device)
    at = torch.where(uniform(4) > 0, cell, uniform(len(PLACES)))
    asked = [phrases.join(n, device, "what is at", phrases.places.to(device)[at], "?")]
    answers = [torch.where(of(occupied, at), names[of(which, at).clamp(min=0)], phrases.empty)]

    seen = present(cells, objects)
    subject = torch.where(yes_of(1), of(which, cell), choose(~seen, generator))
    asked.append(phrases.presence(subject))
    answers.append(phrases.answer(of(seen, subject)))

    counted = torch.where(some & (uniform(3) > 0), of(which, cell), uniform(objects))
    all_of_them = uniform(3) == 0
    ways = (
        phrases.join(n, device, "how many objects are there ?"),
        phrases.join(n, device, "how many", names[counted], "objects are there ?"),
    )
    asked.append(torch.where(all_of_them[:, None], *ways))
    answers.append(numbers[torch.where(all_of_them, number, (which == counted[:, None]).sum(1))])

    other = choose(occupied & (torch.arange(len(PLACES), device=device) != cell[:, None]), generator)
    first = torch.where(some, of(which, cell), uniform(objects))
    second = torch.where(number > 1, of(which, other), uniform(objects))
    holds = relation_holds(cells, first, second)
    relation = choose(holds == yes_of(2)[:, None], generator)
    asked.append(phrases.relation(first, relation, second))
    answers.append(phrases.answer(of(holds, relation)))

    kinds, rows = uniform(len(KINDS)), torch.arange(n, device=device)
    chosen = torch.stack(asked)[kinds, rows], torch.stack(answers)[kinds, rows], kinds
    return tuple(values.unflatten(0, (batch, questions)) for values in chosen)
