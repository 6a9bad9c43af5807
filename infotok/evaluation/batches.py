"""Checks of a batch of any world, and of its questions alone, before answers are scored."""

from typing import Any

from infotok.errors import require, require_tensor
from infotok.unified.arguments import check_part
from infotok.worlds.source import MOST_WORDS

__all__ = ["require_batch", "require_questions"]

MOST_KINDS = 2**10  # of questions


def require_batch(name: str, batch: Any, kinds: int = MOST_KINDS) -> None:
    """Raise TypeError or ValueError unless `batch` has images with questions, answers and kinds that fit each other.

    name: what the line of an error calls the batch.
    kinds: how many kinds of questions there are, at most.
    """
    check_part(name, batch, ("images", "questions", "answers", "kinds"), "a batch")
    require_tensor(f"{name}.images", batch.images, ("B", 3, "S", "S"), values="[0, 1]")
    side, across = batch.images.shape[2:]
    require(side == across > 0, f"{name}.images", batch.images, "square images")
    require_questions(name, batch, len(batch.images), kinds)


def require_questions(name: str, batch: Any, rows: int | str = "B", kinds: int = MOST_KINDS) -> None:
    """Raise TypeError or ValueError unless questions, answers and kinds of so many `rows` fit each other.

    name, kinds: as in `require_batch`.
    batch: a batch, or its questions alone.
    """
    check_part(name, batch, ("questions", "answers", "kinds"), "questions")
    words = f"[0, {MOST_WORDS}]"
    several = getattr(batch.answers, "ndim", 2) == 3  # tokens of each answer
    require_tensor(f"{name}.answers", batch.answers, (rows, "Q", "N")[: 2 + several], "int64", words)
    shape = tuple(batch.answers.shape[:2])
    require_tensor(f"{name}.questions", batch.questions, (*shape, "T"), "int64", words)
    require(batch.questions.shape[-1] > 0, f"{name}.questions", batch.questions, "a word or more in each")
    require_tensor(f"{name}.kinds", batch.kinds, shape, "int64", f"[0, {kinds - 1}]")
