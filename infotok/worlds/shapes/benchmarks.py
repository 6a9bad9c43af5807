"""Yes/no questions of two benchmarks about scenes: POPE-style and MME-style, which replace a batch's own.

- POPE (Li et al. 2023, arXiv 2305.10355): "is there a red circle ?", as often yes as no; what is absent is asked of at
  random, most frequent first, or most misleading first;
- MME (Fu et al. 2023, arXiv 2306.13394): yes/no in pairs about one image, one yes and one no.

`evaluation.score_pope` and `score_mme` score the answers.
"""

from dataclasses import replace

import torch
from torch import Tensor

from infotok.errors import require, require_choice, require_generator, require_int
from infotok.noise import rand
from infotok.worlds.shapes.batch import ShapesBatch, require_batch
from infotok.worlds.shapes.questions import (
    KINDS,
    QUESTION_LENGTH,
    Phrases,
    choose,
    present,
    relation_holds,
    speakable,
)
from infotok.worlds.shapes.scenes import COLOURS, OPPOSITE, SHAPES, pair_of
from infotok.worlds.shapes.settings import ShapesSettings, require_world
from infotok.worlds.source import MME_CATEGORIES, NEGATIVES

__all__ = ["mme", "pope"]


def pope(
    batch: ShapesBatch, world: ShapesSettings, negatives: str, generator: torch.Generator, questions: int = 6
) -> ShapesBatch:
    """The batch's images with objects, each with `questions` on presence: yes, no, yes, no, ...

    Absent (shape, colour) pairs are asked of in the order of `negatives`: "random"; "frequent", by how many of the
    batch's scenes have them; "adversarial", those whose shape and colour are both there but not together, then those
    of which one is there (objects do not co-occur here, so binding takes the place of co-occurrence). In the train
    split only pairs that train scenes have are asked of.

    batch: images with their scenes; those without an object are left out.
    world: names the split and the vocabulary.
    negatives: one of the three above.
    generator: of every random number.
    questions: per image, an even number from 2 to 20.

    Example:
        >>> import torch
        >>> from infotok.worlds import ShapesWorld, pope
        >>> world, generator = ShapesWorld(), torch.Generator().manual_seed(0)
        >>> asked = pope(world.batch(32, generator), world, "adversarial", generator, questions=4)
        >>> world.vocabulary.decode(asked.questions[0]), world.vocabulary.decode(asked.answers[:1].T)
        (['is there a green circle ?', 'is there a yellow circle ?', 'is there a magenta circle ?', 'is there a
        magenta triangle ?'], ['yes', 'no', 'yes', 'no'])
    """
    require_batch("batch", batch), require_world("world", world)
    require_choice("negatives", negatives, NEGATIVES), require_generator("generator", generator)
    require(require_int("questions", questions, 2, 20) % 2 == 0, "questions", questions, "an even number from 2 to 20")
    batch = batch[(batch.scenes.cells > 0).any(1)]
    cells = batch.scenes.cells
    there = present(cells)  # (B, 24)
    luck = rand(there.shape, generator, cells.device)
    if negatives == "random":
        appeal = torch.zeros_like(luck)
    elif negatives == "frequent":
        appeal = there.float().sum(0).expand_as(luck)
    else:
        grid = there.unflatten(1, (len(SHAPES), len(COLOURS)))
        appeal = (grid.any(2, keepdim=True).float() + grid.any(1, keepdim=True)).flatten(1)
    barred = there | ~speakable(world.split)[0].to(cells.device)
    absent = (appeal + luck - barred * 1e9).argsort(1, descending=True)[:, : questions // 2]
    turn = torch.arange(questions // 2, device=cells.device) % there.sum(1, keepdim=True)
    found = (luck + there).argsort(1, descending=True).gather(1, turn)  # the present ones, over and over
    subject = torch.stack([found, absent], 2).flatten()
    phrases = Phrases(world.vocabulary)
    truth = torch.tensor([True, False], device=cells.device).repeat(len(cells) * questions // 2)
    kinds = torch.full_like(subject, KINDS.index("presence"))
    return _asking(batch, questions, phrases.presence(subject), phrases.answer(truth), kinds)


def mme(batch: ShapesBatch, world: ShapesSettings, generator: torch.Generator) -> ShapesBatch:
    """Eight questions an image, a pair (yes, no) of each of `MME_CATEGORIES` in turn.

    existence: what is there, what is not; colour: the right shape in a wrong colour that is nowhere; shape: the right
    colour in a wrong shape; position: a relation that holds between two shapes, and its opposite, which does not.
    Images for which a pair cannot be asked are left out: those of fewer than two objects, or with doubles in the way.

    batch: images with their scenes.
    world: names the split and the vocabulary.
    generator: of every random number.

    Example:
        >>> import torch
        >>> from infotok.worlds import ShapesWorld, mme
        >>> world, generator = ShapesWorld(), torch.Generator().manual_seed(0)
        >>> asked = mme(world.batch(32, generator), world, generator)
        >>> world.vocabulary.decode(asked.questions[0, :2]), asked.questions.shape[1]  # pairs, of 4 categories
        (['is there a yellow triangle ?', 'is there a magenta triangle ?'], 8)
    """
    require_batch("batch", batch), require_world("world", world)
    require_generator("generator", generator)
    cells = batch.scenes.cells
    there, pair, occupied = present(cells), pair_of(cells), cells > 0
    pairs, relations = (allowed.to(cells.device) for allowed in speakable(world.split))
    first_cell = choose(occupied, generator)
    second_cell = choose(occupied & (torch.arange(4, device=cells.device) != first_cell[:, None]), generator)
    first, second = (pair.gather(1, cell[:, None]).squeeze(1) for cell in (first_cell, second_cell))
    free = ~there & pairs
    names = torch.arange(free.shape[1], device=cells.device)
    same_shape = names // len(COLOURS) == first[:, None] // len(COLOURS)
    same_colour = names % len(COLOURS) == first[:, None] % len(COLOURS)
    candidates = [free, free & same_shape, free & same_colour]
    wrong = [choose(allowed, generator) for allowed in candidates]
    a, b = (p.clamp(min=0) // len(COLOURS) for p in (first, second))  # their shapes
    holds = relation_holds(cells, a, b)
    may = relations[:, a, b].T
    opposite = list(OPPOSITE)
    good = holds & ~holds[:, opposite] & may & may[:, opposite]
    relation = choose(good, generator)
    keep = (occupied.sum(1) >= 2) & good.any(1)
    for allowed in candidates:
        keep &= allowed.any(1)

    batch = batch[keep]
    first, a, b, relation = first[keep], a[keep], b[keep], relation[keep]
    phrases = Phrases(world.vocabulary)
    back = torch.tensor(OPPOSITE, device=cells.device)[relation]
    asked = []
    for subject in wrong:
        asked += [phrases.presence(first), phrases.presence(subject[keep])]
    asked += [phrases.relation(a, relation, b), phrases.relation(a, back, b)]
    truth = torch.tensor([True, False], device=cells.device).repeat(len(batch) * len(MME_CATEGORIES))
    kinds = torch.tensor([KINDS.index("presence")] * 6 + [KINDS.index("relation")] * 2, device=cells.device)
    answers = phrases.answer(truth)
    return _asking(batch, len(asked), torch.stack(asked, 1).flatten(0, 1), answers, kinds.repeat(len(batch)))


def _asking(batch: ShapesBatch, each: int, questions: Tensor, answers: Tensor, kinds: Tensor) -> ShapesBatch:
    """The batch with other questions, `each` an image; those of one image stand together."""
    shape = (len(batch), each)
    questions = questions.view(*shape, QUESTION_LENGTH)
    return replace(batch, questions=questions, answers=answers.view(shape), kinds=kinds.view(shape))
