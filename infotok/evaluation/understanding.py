"""Scores of understanding: VQA accuracy by kind of question, POPE-style and MME-style scores, and their baselines.

A model answers `batch.questions` about `batch.images`; its answers (B, Q), one vocabulary id each, are scored here.
`pope` and `mme` replace a batch's questions by their own.

- VQA: accuracy by kind of question, and over all;
- POPE (Li et al. 2023, arXiv 2305.10355): "is there a red circle ?", as often yes as no; what is absent is asked of at
  random, most frequent first, or most misleading first. Accuracy, F1 of "yes", and how often "yes" is said;
- MME (Fu et al. 2023, arXiv 2306.13394): yes/no in pairs about one image, one yes and one no; accuracy in percent, and
  accuracy+, which counts an image only if both are right; a category's score is their sum, at most 200.
"""

from dataclasses import replace

import torch
from torch import Tensor

from infotok.errors import require, require_choice, require_generator, require_instance, require_int, require_tensor
from infotok.noise import rand
from infotok.worlds import COLOURS, KINDS, SHAPES, ShapesBatch, ShapesWorld
from infotok.worlds.shapes.questions import QUESTION_LENGTH, Phrases, choose, present, relation_holds, speakable
from infotok.worlds.shapes.scenes import OPPOSITE, pair_of
from infotok.worlds.shapes.world import require_batch

__all__ = [
    "MME_CATEGORIES",
    "NEGATIVES",
    "mme",
    "pope",
    "question_only",
    "score_answers",
    "score_mme",
    "score_pope",
    "shuffle_images",
]

NEGATIVES = ("random", "frequent", "adversarial")
MME_CATEGORIES = ("existence", "colour", "shape", "position")


def score_answers(predicted: Tensor, batch: ShapesBatch) -> dict[str, float | None]:
    """Accuracy by kind of question, "overall" (all questions) and "mean" (of the kinds); None where none was asked."""
    right = _right(predicted, batch)
    kinds = batch.kinds.to(right.device)
    by_kind = {kind: _mean(right[kinds == k]) for k, kind in enumerate(KINDS)}
    asked = [share for share in by_kind.values() if share is not None]
    return {**by_kind, "overall": _mean(right), "mean": sum(asked) / len(asked) if asked else None}


def pope(
    batch: ShapesBatch, world: ShapesWorld, negatives: str, generator: torch.Generator, questions: int = 6
) -> ShapesBatch:
    """The batch's images with objects, each with `questions` on presence: yes, no, yes, no, ...

    Absent (shape, colour) pairs are asked of in the order of `negatives`: "random"; "frequent", by how many of the
    batch's scenes have them; "adversarial", those whose shape and colour are both there but not together, then those
    of which one is there (objects do not co-occur here, so binding takes the place of co-occurrence). In the train
    split only pairs that train scenes have are asked of.
    """
    require_batch("batch", batch), require_instance("world", world, ShapesWorld)
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


def score_pope(predicted: Tensor, batch: ShapesBatch, world: ShapesWorld) -> dict[str, float | None]:
    """Accuracy, precision, recall and F1 of "yes", and the share of answers that are "yes".

    Precision is None where "yes" is never said; F1 is then 0.
    """
    require_instance("world", world, ShapesWorld)
    right = _right(predicted, batch)
    yes = int(world.vocabulary.ids(["yes"]))
    said, meant = predicted == yes, batch.answers.to(predicted.device) == yes
    hits, said_yes, meant_yes = (int(count.sum()) for count in (said & meant, said, meant))
    return {
        "accuracy": _mean(right),
        "precision": hits / said_yes if said_yes else None,
        "recall": hits / meant_yes if meant_yes else None,
        "f1": 2 * hits / (said_yes + meant_yes) if said_yes + meant_yes else None,
        "yes_rate": _mean(said),
    }


def mme(batch: ShapesBatch, world: ShapesWorld, generator: torch.Generator) -> ShapesBatch:
    """Eight questions an image, a pair (yes, no) of each of `MME_CATEGORIES` in turn.

    existence: what is there, what is not; colour: the right shape in a wrong colour that is nowhere; shape: the right
    colour in a wrong shape; position: a relation that holds between two shapes, and its opposite, which does not.
    Images for which a pair cannot be asked are left out: those of fewer than two objects, or with doubles in the way.
    """
    require_batch("batch", batch), require_instance("world", world, ShapesWorld)
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


def score_mme(predicted: Tensor, batch: ShapesBatch) -> dict[str, float | None]:
    """Each category's score, accuracy + accuracy+ in percent (at most 200; 75 by chance), and their "total"."""
    require_batch("batch", batch)
    require(
        batch.answers.shape[1:] == (2 * len(MME_CATEGORIES),), "batch.answers", batch.answers, "a batch made by `mme`"
    )
    right = _right(predicted, batch).unflatten(1, (len(MME_CATEGORIES), 2)).float()
    if not len(right):
        return {**dict.fromkeys(MME_CATEGORIES), "total": None}
    scores = 100 * (right.mean((0, 2)) + right.prod(2).mean(0))
    return {**dict(zip(MME_CATEGORIES, scores.tolist(), strict=True)), "total": scores.sum().item()}


def question_only(train: ShapesBatch, test: ShapesBatch) -> Tensor:
    """The best answers without an image, (B, Q): each question's most frequent answer in `train`, or its kind's."""
    require_batch("train", train), require_batch("test", test)
    require(train.answers.numel() > 0, "train", train.answers, "one question or more")
    q = train.questions.flatten(0, 1), test.questions.flatten(0, 1)
    _, which = torch.cat(q).unique(dim=0, return_inverse=True)
    seen, asked = which[: len(q[0])], which[len(q[0]) :]
    answers, kinds = train.answers.flatten(), train.kinds.flatten()

    def commonest(group: Tensor, groups: int) -> tuple[Tensor, Tensor]:
        top = int(answers.max()) + 1
        counts = torch.bincount(group * top + answers, minlength=groups * top).view(groups, top)
        return counts.argmax(1), counts.sum(1) > 0

    by_question, known = commonest(seen, int(which.max()) + 1)
    by_kind, _ = commonest(kinds, len(KINDS))
    guess = torch.where(known[asked], by_question[asked], by_kind[test.kinds.flatten()])
    return guess.view_as(test.answers)


def shuffle_images(batch: ShapesBatch, generator: torch.Generator) -> ShapesBatch:
    """The same questions and answers, each about another scene's image: what is still right did not need the image."""
    require_batch("batch", batch), require_generator("generator", generator)
    n = len(batch)
    require(n >= 2, "batch", n, "two images or more")
    order = torch.randperm(n, generator=generator, device=generator.device).to(batch.images.device)
    images = torch.empty_like(batch.images)
    images[order] = batch.images[order.roll(1)]  # along one cycle, so that no image stays
    return replace(batch, images=images)


def _asking(batch: ShapesBatch, each: int, questions: Tensor, answers: Tensor, kinds: Tensor) -> ShapesBatch:
    """The batch with other questions, `each` an image; those of one image stand together."""
    shape = (len(batch), each)
    questions = questions.view(*shape, QUESTION_LENGTH)
    return replace(batch, questions=questions, answers=answers.view(shape), kinds=kinds.view(shape))


def _right(predicted: Tensor, batch: ShapesBatch) -> Tensor:
    require_batch("batch", batch)
    require_tensor("predicted", predicted, tuple(batch.answers.shape), "integer")
    return predicted == batch.answers.to(predicted.device)


def _mean(right: Tensor) -> float | None:
    return right.float().mean().item() if right.numel() else None
