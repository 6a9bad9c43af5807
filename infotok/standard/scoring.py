"""Scores of exported tasks without lmms-eval: the same rows, the same judge, a function that answers or draws.

    folder = export_tasks(ShapesWorld(), "tasks/shapes")
    score_questions(folder, host.answer)["overall"]
    score_prompts(folder, host.draw)["images"]

An answer is free text of a model. It counts as one of the answers that its kind of question has if that word alone
occurs in it: "A red one." is "red", "2" is "two".
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor

from infotok.errors import require, require_function
from infotok.images import require_images
from infotok.standard.arguments import require_names
from infotok.standard.geneval import by_tag
from infotok.standard.hosts import resized
from infotok.standard.tasks import pixels_of, read_prompts_of, read_questions, world_of

__all__ = ["asked", "read_answer", "score_prompts", "score_questions"]

DIGITS = dict(zip("0123456789", ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
                  strict=True))  # fmt: skip
INSTRUCTION = "Answer with one of these words:"


def score_questions(
    folder: str | Path, answer: Callable[[Sequence[Tensor], Sequence[str]], Sequence[str]]
) -> dict[str, float]:
    """Accuracy by kind of question and over all questions, "overall", of an exported folder.

    folder: written by `export_tasks`.
    answer: images (3, H, W) in [0, 1] and questions, one for each image -> an answer to each.

    Example:
        >>> from tempfile import mkdtemp
        >>> from infotok.standard import export_tasks, read_questions, score_questions
        >>> from infotok.worlds import ShapesWorld
        >>> folder = export_tasks(ShapesWorld(), mkdtemp(), n=4, questions=2)
        >>> truth = [row["answer"] for row in read_questions(folder)]
        >>> score_questions(folder, lambda images, questions: truth)["overall"]
        1.0
    """
    require_function("answer", answer, "a function of images and questions")
    rows = read_questions(folder)
    said = answer([pixels_of(row["image"]) for row in rows], [asked(row["question"], row["choices"]) for row in rows])
    said = require_names("answer", said, "answers", len(rows), "questions")
    pairs = list(zip(rows, said, strict=True))
    right = [(row["kind"], read_answer(each, row["choices"]) == row["answer"]) for row, each in pairs]
    kinds = dict.fromkeys(kind for kind, _ in right)
    values = {kind: [float(good) for each, good in right if each == kind] for kind in kinds}
    overall = sum(good for _, good in right) / len(right)
    return {**{kind: sum(each) / len(each) for kind, each in values.items()}, "overall": overall}


def score_prompts(folder: str | Path, draw: Callable[[Sequence[str]], Tensor]) -> dict[str, float]:
    """Share of images that follow their prompts, by tag, "overall" (the tags' mean) and "images" (of all).

    folder: written by `export_tasks`.
    draw: prompts -> images (N, 3, H, W) in [0, 1]; they are resized to the world's size, for its reader.

    Example:
        >>> from tempfile import mkdtemp
        >>> import torch
        >>> from infotok.standard import export_tasks, score_prompts
        >>> from infotok.worlds import ShapesWorld
        >>> folder = export_tasks(ShapesWorld(), mkdtemp(), n=4, questions=2)
        >>> scores = score_prompts(folder, lambda prompts: torch.full((len(prompts), 3, 32, 32), 0.5))
        >>> scores["images"]  # grey images follow no prompt
        0.0
    """
    require_function("draw", draw, "a function of prompts")
    world, prompts = world_of(folder), read_prompts_of(folder)
    images = draw([prompt["prompt"] for prompt in prompts])
    require_images("draw", images, ("N", 3, "H", "W"))
    require(len(images) == len(prompts), "draw", f"{len(images)} images", f"one for each of the {len(prompts)} prompts")
    small = resized(images, world.size)
    right = [follows(world, image, prompt) for image, prompt in zip(small, prompts, strict=True)]
    return by_tag(prompts, right)


def follows(world: object, image: Tensor, prompt: dict) -> bool:
    """Whether the world's reader finds in an image (3, S, S) what a prompt asks for."""
    return world.score_generations(image[None], [prompt])[prompt["tag"]] == 1.0


def asked(question: str, choices: Sequence[str]) -> str:
    """A question with the words that may answer it on a second line; models with a closed vocabulary read the first."""
    return f"{question}\n{INSTRUCTION} {', '.join(choices)}."


def read_answer(said: str, choices: Sequence[str]) -> str:
    """The one of `choices` that a model's text says, or the text itself where it says none or several.

    >>> read_answer("It is a Red one.", ["red", "blue"]), read_answer("2", ["one", "two"])
    ('red', 'two')
    >>> read_answer("red or blue", ["red", "blue"])
    'red or blue'
    """
    text = " ".join(DIGITS.get(word, word) for word in re.findall(r"[\w'-]+", said.lower()))
    if text in choices:
        return text
    found = [choice for choice in choices if re.search(rf"(?<![\w-]){re.escape(choice.lower())}(?![\w-])", text)]
    return found[0] if len(found) == 1 else said
