"""Scores of understanding: VQA accuracy by kind of question, POPE-style and MME-style scores, and their baselines.

A model answers `batch.questions` about `batch.images`; its answers (B, Q), one vocabulary id each, are scored here.
Answers of several tokens are (B, Q, N), and right if all ids are, the end of the answer included: exact match.
The world's `pope` and `mme` replace a batch's questions by their own (`Benchmarks`).

- VQA: accuracy by kind of question, and over all;
- POPE (Li et al. 2023, arXiv 2305.10355): questions on presence, as often yes as no; what is absent is asked of at
  random, most frequent first, or most misleading first. Accuracy, F1 of "yes", and how often "yes" is said;
- MME (Fu et al. 2023, arXiv 2306.13394): yes/no in pairs about one image, one yes and one no; accuracy in percent, and
  accuracy+, which counts an image only if both are right; a category's score is their sum, at most 200.
"""

from dataclasses import is_dataclass, replace

import torch
from torch import Tensor

from infotok.errors import require, require_generator, require_tensor
from infotok.evaluation.batches import MOST_KINDS, require_batch, require_questions
from infotok.unified.arguments import check_part
from infotok.worlds.source import MME_CATEGORIES, NEGATIVES, Batch, Questions, World

__all__ = [
    "MME_CATEGORIES",
    "NEGATIVES",
    "question_only",
    "score_answers",
    "score_mme",
    "score_pope",
    "shuffle_images",
]


def score_answers(predicted: Tensor, batch: Batch, world: World) -> dict[str, float | None]:
    """Accuracy by kind of question, "overall" (all questions) and "mean" (of the kinds); None where none was asked.

    predicted: (B, Q) integers, one word each; or (B, Q, N), tokens of each, its end, and 0 for padding.
    batch: has the questions, their answers and their kinds.
    world: names the kinds.

    Example:
        >>> import torch
        >>> from infotok.evaluation import score_answers
        >>> from infotok.worlds import ShapesWorld
        >>> world = ShapesWorld()
        >>> batch = world.batch(32, torch.Generator().manual_seed(0), questions=4)
        >>> score_answers(batch.answers, batch, world)["overall"]  # of the true answers
        1.0
    """
    check_part("world", world, ("kinds",), "a world")
    right = _right(predicted, batch, len(world.kinds))
    kinds = batch.kinds.to(right.device)
    by_kind = {kind: _mean(right[kinds == k]) for k, kind in enumerate(world.kinds)}
    asked = [share for share in by_kind.values() if share is not None]
    return {**by_kind, "overall": _mean(right), "mean": sum(asked) / len(asked) if asked else None}


def score_pope(predicted: Tensor, batch: Batch, world: World) -> dict[str, float | None]:
    """Accuracy, precision, recall and F1 of "yes", and the share of answers that are "yes".

    Precision is None where "yes" is never said; F1 is then 0.

    predicted: integers in the shape of the batch's answers, (B, Q).
    batch: made by the world's `pope`.
    world: has the vocabulary, and so the word "yes".

    Example:
        >>> import torch
        >>> from infotok.evaluation import score_pope
        >>> from infotok.worlds import ShapesWorld
        >>> world, generator = ShapesWorld(), torch.Generator().manual_seed(0)
        >>> asked = world.pope(world.batch(32, generator), "random", generator)
        >>> always_yes = torch.full_like(asked.answers, int(world.vocabulary.encode(["yes"])))
        >>> {name: round(value, 2) for name, value in score_pope(always_yes, asked, world).items()}
        {'accuracy': 0.5, 'precision': 0.5, 'recall': 1.0, 'f1': 0.67, 'yes_rate': 1.0}
    """
    check_part("world", world, ("vocabulary",), "a world")
    right = _right(predicted, batch)
    yes = int(world.vocabulary.encode(["yes"]))
    said, meant = predicted == yes, batch.answers.to(predicted.device) == yes
    hits, said_yes, meant_yes = (int(count.sum()) for count in (said & meant, said, meant))
    return {
        "accuracy": _mean(right),
        "precision": hits / said_yes if said_yes else None,
        "recall": hits / meant_yes if meant_yes else None,
        "f1": 2 * hits / (said_yes + meant_yes) if said_yes + meant_yes else None,
        "yes_rate": _mean(said),
    }


def score_mme(predicted: Tensor, batch: Batch) -> dict[str, float | None]:
    """Each category's score, accuracy + accuracy+ in percent (at most 200; 75 by chance), and their "total".

    predicted: (B, 8) integers, the words answered.
    batch: made by the world's `mme`.

    Example:
        >>> import torch
        >>> from infotok.evaluation import score_mme
        >>> from infotok.worlds import ShapesWorld
        >>> world, generator = ShapesWorld(), torch.Generator().manual_seed(0)
        >>> asked = world.mme(world.batch(64, generator), generator)
        >>> score_mme(asked.answers, asked)["total"]  # of the true answers: 200 for each category
        800.0
    """
    require_batch("batch", batch)
    require(
        batch.answers.shape[1:] == (2 * len(MME_CATEGORIES),), "batch.answers", batch.answers, "a batch made by `mme`"
    )
    right = _right(predicted, batch).unflatten(1, (len(MME_CATEGORIES), 2)).float()
    if not len(right):
        return {**dict.fromkeys(MME_CATEGORIES), "total": None}
    scores = 100 * (right.mean((0, 2)) + right.prod(2).mean(0))
    return {**dict(zip(MME_CATEGORIES, scores.tolist(), strict=True)), "total": scores.sum().item()}


def question_only(train: Batch | Questions, test: Batch | Questions) -> Tensor:
    """The best answers without an image: each question's most frequent answer in training, or its kind's.

    They are (B, Q) words, or (B, Q, N) tokens, as the answers of both. Images are not read.

    train: questions with their answers, one or more.
    test: questions to answer; its answers give only their shape.

    Example:
        >>> import torch
        >>> from infotok.evaluation import question_only, score_answers
        >>> from infotok.worlds import ShapesWorld
        >>> world, generator = ShapesWorld(), torch.Generator().manual_seed(0)
        >>> train, test = world.asked(512, generator), world.batch(256, generator)
        >>> round(score_answers(question_only(train, test), test, world)["mean"], 1)  # what needs no image
        0.4
    """
    require_questions("train", train), require_questions("test", test)
    require(train.answers.numel() > 0, "train", train.answers, "one question or more")
    shape = (*test.answers.shape[:2], train.questions.shape[-1])
    require_tensor("test.questions", test.questions, shape, "int64")
    q = train.questions.flatten(0, 1), test.questions.flatten(0, 1)
    _, which = torch.cat(q).unique(dim=0, return_inverse=True)
    seen, asked = which[: len(q[0])], which[len(q[0]) :]
    known_answers, answers = train.answers.flatten(0, 1).unique(dim=0, return_inverse=True)  # in order of their ids
    kinds = train.kinds.flatten()

    def commonest(group: Tensor, groups: int) -> tuple[Tensor, Tensor]:
        top = len(known_answers)
        counts = torch.bincount(group * top + answers, minlength=groups * top).view(groups, top)
        return counts.argmax(1), counts.sum(1) > 0

    by_question, known = commonest(seen, int(which.max()) + 1)
    asked_kinds = test.kinds.flatten()
    by_kind, _ = commonest(kinds, 1 + int(torch.cat([kinds, asked_kinds]).max()))
    guess = torch.where(known[asked], by_question[asked], by_kind[asked_kinds])
    return known_answers[guess].view(*test.answers.shape[:2], *known_answers.shape[1:])


def shuffle_images(batch: Batch, generator: torch.Generator) -> Batch:
    """The same questions and answers, each about another scene's image: what is still right did not need the image.

    batch: a dataclass; captions and text are passed on as they are.
    generator: of the order.

    Example:
        >>> import torch
        >>> from infotok.evaluation import shuffle_images
        >>> from infotok.worlds import ShapesWorld
        >>> batch = ShapesWorld().batch(8, torch.Generator().manual_seed(0))
        >>> other = shuffle_images(batch, torch.Generator().manual_seed(0))
        >>> torch.equal(other.questions, batch.questions), torch.equal(other.images, batch.images)
        (True, False)
    """
    require_batch("batch", batch), require_generator("generator", generator)
    require(is_dataclass(batch), "batch", type(batch).__name__, "a dataclass", TypeError)
    n = len(batch)
    require(n >= 2, "batch", n, "two images or more")
    order = torch.randperm(n, generator=generator, device=generator.device).to(batch.images.device)
    images = torch.empty_like(batch.images)
    images[order] = batch.images[order.roll(1)]  # along one cycle, so that no image stays
    return replace(batch, images=images)


def _right(predicted: Tensor, batch: Batch, kinds: int = MOST_KINDS) -> Tensor:
    require_batch("batch", batch, kinds)
    require_tensor("predicted", predicted, tuple(batch.answers.shape), "integer")
    right = predicted == batch.answers.to(predicted.device)
    return right.all(2) if right.ndim == 3 else right


def _mean(right: Tensor) -> float | None:
    return right.float().mean().item() if right.numel() else None
