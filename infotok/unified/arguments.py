"""Checks of the arguments of models and their parts; the numbers inside tensors are checked in eval mode only.

- `check_states`     floats that a network takes: shape, dtype and range
- `check_ids`        ids of words; `check_questions` also how they are padded, `check_answers` also how they end
- `check_images`     the shape of images, whose numbers the tokenizer checks
- `check_batch`      the parts of a batch that a training step uses
- `check_layout`     the mask and the positions of a row
- `check_part`       an object that has the attributes which are used
- `check_keys`       a description with the keys that it needs and no others

In training mode NaN is passed on to the loss, where `train` stops: to check a number would stall an accelerator.
"""

from typing import Any

import torch
from torch import Tensor

from infotok.errors import checking, require, require_instance, require_tensor

__all__ = [
    "check_answers",
    "check_batch",
    "check_ids",
    "check_images",
    "check_keys",
    "check_layout",
    "check_part",
    "check_questions",
    "check_states",
]

LAYERS, NUMBERS = 2**10, 2**24  # at most: of layers or codebooks, of any other size

SIZES = "(-1e15, 1e15)"  # of numbers whose squares a norm can add up in float32
MOST_STEPS = 10_000  # of a flow
GUIDANCE = "[0, 1000]"
UNIFORM = "[0, 1]"


def check_states(
    name: str,
    value: Any,
    shape: tuple[int | str, ...],
    training: bool,
    weight: Tensor | None = None,
    values: str = SIZES,
) -> None:
    """Refuse all but floats of `shape`, of the dtype of `weight` unless autocast converts them, and in `values`."""
    looked = not training and isinstance(value, Tensor) and checking(value)
    require_tensor(name, value, shape, values=values if looked else None)
    if weight is not None:
        same = value.dtype == weight.dtype or torch.is_autocast_enabled(value.device.type)
        require(same, name, value.dtype, f"dtype {weight.dtype}, as the weights", TypeError)


def check_ids(name: str, ids: Any, shape: tuple[int | str, ...], count: int, training: bool = False) -> None:
    """Refuse all but int64 of `shape`, one or more, below `count`."""
    require_tensor(name, ids, shape, "int64")
    require(ids.numel() > 0, name, ids, f"ids of shape ({', '.join(map(str, shape))}), one or more")
    if checking(ids, training):
        low, high = (int(bound) for bound in ids.aminmax())
        inside = low >= 0 and high < count
        require(inside, name, f"id {low if low < 0 else high}", f"ids from 0 to {count - 1}")


def check_questions(
    name: str, questions: Any, shape: tuple[int | str, ...], count: int, pad: int = 0, training: bool = False
) -> None:
    """Refuse all but ids of shape (B, Q, T), a word or more in each question, with `pad` at its end only."""
    check_ids(name, questions, shape, count, training)
    if checking(questions, training):
        there = questions != pad
        require(there[..., 0].all(), name, "an empty one", "a word or more in each")
        require((there[..., 1:] <= there[..., :-1]).all(), name, "a word behind padding", "padding at the end")


def check_answers(
    name: str, answers: Any, shape: tuple[int | str, ...], count: int, end: int, training: bool = False
) -> None:
    """Refuse all but ids of shape (..., N), each answer ended by `end`, with 0 behind it."""
    check_questions(name, answers, shape, count, training=training)
    if checking(answers, training):
        last = answers.gather(-1, (answers != 0).sum(-1, keepdim=True) - 1)
        once = (last == end).all() and ((answers == end).sum(-1) == 1).all()
        require(once, name, "an answer without its end", f"id {end} at the end of each, and nowhere else")


def check_images(name: str, images: Any, rows: int | str = "B") -> None:
    """Refuse all but floats of shape (B, 3, S, S)."""
    require_tensor(name, images, (rows, 3, "S", "S"))


def check_batch(batch: Any, count: int, training: bool, longest: int = 1, end: int | None = None) -> None:
    """Refuse a batch whose images, captions, questions and answers do not fit each other; `count` words are known.

    longest, end: tokens of an answer, and the id that ends it; None where an answer is one word.
    """
    check_part("batch", batch, ("images", "captions", "questions", "answers", "text"), "a ShapesBatch")
    check_images("batch.images", batch.images)
    rows = len(batch.images)
    check_ids("captions", batch.captions, (rows, "T"), count, training)
    check_questions("questions", batch.questions, (rows, "Q", "T"), count, training=training)
    asked = tuple(batch.questions.shape[:2])
    if end is None:
        check_ids("batch.answers", batch.answers, asked, count, training)
    else:
        check_answers("batch.answers", batch.answers, (*asked, longest), count, end, training)


def check_layout(mask: Any, positions: Any, shape: tuple[int, int, int | str], room: int, training: bool) -> None:
    """Refuse all but a boolean `mask` (B, 1, N, M) and `positions` (B, N) from 0 to `room` - 1; shape is (B, N, M)."""
    rows, length, seen = shape
    require_tensor("mask", mask, (rows, 1, length, seen), "any")
    require(mask.dtype == torch.bool, "mask", mask.dtype, "dtype bool", TypeError)
    check_ids("positions", positions, (rows, length), room, training)


def check_part(name: str, value: Any, attributes: tuple[str, ...], expected: str) -> None:
    """TypeError unless `value` is an object, not a class, with these attributes."""
    fits = not isinstance(value, type) and all(hasattr(value, attribute) for attribute in attributes)
    kind = value if value is None or isinstance(value, str) else type(value).__name__
    require(fits, name, kind, f"{expected}, with .{', .'.join(attributes)}", TypeError)


def check_backbone(value: Any) -> None:
    """TypeError unless `value` is a language model on embeddings: a `Backbone`, or another module with its parts."""
    check_part("backbone", value, ("hidden", "words", "positions", "parameters"), "a Backbone, or a module")


def check_keys(name: str, value: Any, keys: set[str]) -> None:
    """TypeError or ValueError unless `value` is a dict with these keys."""
    require_instance(name, value, dict)
    require(value.keys() == keys, name, f"keys {', '.join(map(str, value))}", f"keys {', '.join(sorted(keys))}")
