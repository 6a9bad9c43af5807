"""Exercises: every one of the course, and how answers of each kind are judged."""

import importlib
import math
import pkgutil

import numpy as np
import pytest
import torch

from infotok.lab import exercises
from infotok.lab.exercises import Exercise, Verdict

LESSONS = [module.name for module in pkgutil.iter_modules(exercises.__path__) if module.name != "exercise"]
COURSE = {
    f"{lesson}.{name}": exercise
    for lesson in LESSONS
    for name, exercise in vars(importlib.import_module(f"infotok.lab.exercises.{lesson}")).items()
    if isinstance(exercise, Exercise)
}


@pytest.mark.parametrize("name", COURSE)
def test_every_solution_passes_its_own_check(name):
    exercise = COURSE[name]
    assert exercise.check(exercise.answer).right is True
    for mistake, why in exercise.mistakes.items():
        assert exercise.check(mistake) == Verdict(False, why)
    for nothing in ((None,), (...,), ()):
        assert exercise.check(*nothing).right is None
    assert exercise.question
    assert exercise.solution
    card = exercise._repr_markdown_()
    assert card.count("<details>") == card.count("</details>") == 1 + bool(exercise.hint)
    assert card.index(exercise.question) < card.index("<details>") < card.index(exercise.solution)


def test_there_are_two_exercises_a_lesson():
    for lesson in LESSONS:
        assert sum(name.startswith(f"{lesson}.") for name in COURSE) >= 2, lesson


COIN = Exercise("?", answer=math.log(2), unit="nats", mistakes={0.5: "That is p."}, solution="ln 2", hint="-p ln p")


@pytest.mark.parametrize(
    "answer", [math.log(2), 0.69, np.float32(0.693), torch.tensor(0.693, requires_grad=True), "0.693"]
)
def test_a_number_within_the_tolerance_is_right(answer):
    verdict = COIN.check(answer)
    assert verdict
    assert verdict.right is True


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (0.5, "That is p."),
        (1.0, "right amount in bits; the answer should be in nats"),
        (-0.693, "the sign is not"),
        (3, "3 is too large"),
        (0.1, "0.1 is too small"),
        (0.68, "too small"),
        (math.nan, "finite"),
        (-math.inf, "finite"),
        ("many", "Expected a number of nats, got `'many'`"),
        ([0.5, 0.5], "Expected one number, got shape (2,)"),
        (object, "Expected a number of nats"),
    ],
)
def test_a_wrong_number_is_explained(answer, why):
    verdict = COIN.check(answer)
    assert verdict.right is False
    assert not verdict
    assert why in verdict.why


def test_bits_are_told_from_nats_both_ways():
    bit = Exercise("?", answer=1.0, unit="bits", solution="one")
    assert "right amount in nats; the answer should be in bits" in bit.check(math.log(2)).why


def test_zero_has_an_absolute_tolerance():
    zero = Exercise("?", answer=0.0, solution="none", tol=0.01)
    assert zero.check(0.009)
    assert not zero.check(0.02)


def test_arrays():
    pair = Exercise("?", answer=np.array([1.0, 2.0]), solution="1, 2")
    assert pair.check([1, 2])
    assert "Some entries are right" in pair.check([1, 3]).why
    assert "No entry is right" in pair.check((5, 5)).why
    assert "Expected shape (2,), got shape (3,)" in pair.check(np.ones(3)).why


def test_words_and_truth_values():
    choice = Exercise("?", answer="rate", choices=("rate", "relevance"), mistakes={"relevance": "No."}, solution="rate")
    assert choice.check(" Rate ")
    assert choice.check("relevance").why == "No."
    assert choice.check("cost").why == "Expected `'rate'` or `'relevance'`, got `'cost'`."
    free = Exercise("?", answer="Shannon", solution="Claude Shannon")
    assert free.check("Tishby").why == "Think again, or unfold the hint."
    assert free.check(3).why == "Expected a word, got `3`."
    truth = Exercise("?", answer=False, solution="no")
    assert truth.check(np.bool_(False))
    assert truth.check(True).why == "Think again, or unfold the hint."
    assert truth.check(0).why == "Expected `True` or `False`, got `0`."


def test_functions():
    square = Exercise(
        "?", answer=lambda x: x**2, cases=[(0,), (3,)], mistakes={lambda x: 2 * x: "Doubled."}, solution="x * x"
    )
    assert square.check(lambda x: x * x)
    assert square.check(lambda x: x + x).why == "Doubled."
    assert square.check(lambda x: x**3).why == "Called with `(3)` it returns `27`; the right value is `9`."
    assert square.check(lambda x: 1 / x).why == "Called with `(0)` it raises `ZeroDivisionError: division by zero`."
    assert square.check(lambda: 9).why.startswith("Called with `(0)` it raises `TypeError")
    assert square.check(9).why == "Expected a function, got `9`."
    for unwritten in (lambda x: ..., lambda x: None):
        assert square.check(unwritten).right is None


def test_plain_text_for_a_terminal():
    assert repr(COIN) == "Exercise: ?"
    assert repr(COIN.check(0.5)) == "Not yet: That is p."
    assert repr(COIN.check(...)) == "Not answered yet: Replace ... by your answer and run the cell again."


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"answer": math.nan}, "answer: got nan, expected finite numbers, a word, a bool or a function"),
        (
            {"answer": "red", "choices": ("red", "green"), "mistakes": {"Red": "No."}},
            "mistakes: got 'Red', expected wrong answers only",
        ),
        ({"answer": "red", "choices": ("green",)}, r"choices: got \('green',\), expected words with the answer in it"),
        ({"answer": 1.0, "mistakes": {1.001: "No."}}, "mistakes: got 1.001, expected wrong answers only"),
        ({"answer": abs}, r"cases: got \(\), expected cases for a function, and only for one"),
        ({"answer": 1.0, "cases": [(1,)]}, r"cases: got \[\(1,\)\], expected cases for a function"),
        ({"answer": lambda x: None, "cases": [(1,)]}, "solution: got Not answered yet"),
    ],
)
def test_an_exercise_that_fails_its_own_solution_cannot_be_made(options, message):
    with pytest.raises(ValueError, match=message):
        Exercise("?", solution="!", **options)
