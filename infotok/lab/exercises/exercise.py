"""Exercises that check themselves: a card with a folded hint and solution, and an explanation for each wrong answer.

    coin = Exercise(
        "How much information does one toss of a fair coin carry?",
        answer=math.log(2),
        unit="nats",
        mistakes={0.5: "That is the probability of heads; its entropy is what is asked for."},
        hint=r"$H = -\\sum_i p_i \\ln p_i$ with two equal terms.",
        solution=r"$H = \\ln 2 \\approx 0.693$ nats, which is one bit.",
    )
    coin             # in a notebook: the card
    coin.check(0.7)  # right, or why not

An exercise is refused if its own answer does not pass the check, so importing the exercises tests them.
"""

import html
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from infotok.errors import require, require_float, require_text
from infotok.files import plain


@dataclass(frozen=True)
class Verdict:
    """The result of checking an answer: right (True), wrong (False) or missing (None), with an explanation."""

    right: bool | None
    why: str

    def __bool__(self) -> bool:
        return self.right is True

    def __repr__(self) -> str:
        return f"{_VERDICTS[self.right][0]}: {_bare(self.why)}" if self.why else _VERDICTS[self.right][0]

    def _repr_markdown_(self) -> str:
        name, mark, colour = _VERDICTS[self.right]
        return _card(f'<b style="color:{colour}">{mark} {name}</b> &nbsp;{self.why}', colour)


_VERDICTS = {
    True: ("Right", "✓", "#009E73"),
    False: ("Not yet", "✗", "#D55E00"),
    None: ("Not answered yet", "–", "#6E6E6E"),
}


@dataclass(frozen=True, repr=False)
class Exercise:
    """A question with one right answer: a number, an array, a word, a bool, or a function.

    Args:
        question, hint, solution: Markdown, with LaTeX between dollar signs.
        answer: the right answer; a function is compared with the reader's on `cases`.
        unit: of a number. "nats" also recognises an answer in bits, and "bits" one in nats.
        tol: the largest error of a number, relative to the right one (absolute if that is zero).
        mistakes: typical wrong answers (functions, if the answer is a function), each with its explanation.
        cases: for a function, the tuples of arguments on which to compare.
        choices: for a word, the words to choose from.

    Example:
        >>> import math
        >>> from infotok.lab import Exercise
        >>> coin = Exercise("What is the entropy of a fair coin?", answer=math.log(2), solution="ln 2", unit="nats")
        >>> coin.check(0.693)
        Right: Unfold the solution to compare your reasoning.
        >>> bool(coin.check(0.5))
        False
    """

    question: str
    answer: Any
    solution: str
    hint: str = ""
    unit: str = ""
    tol: float = 0.01
    mistakes: Mapping[Any, str] = field(default_factory=dict)
    cases: Sequence[tuple] = ()
    choices: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name in ("question", "solution", "hint", "unit"):
            require_text(name, getattr(self, name))
        require_float("tol", self.tol, "[0, inf)")
        self._check_parts()
        require(
            bool(self.cases) == callable(self.answer), "cases", self.cases, "cases for a function, and only for one"
        )
        verdict = self.check(self.answer)
        require(verdict, "solution", verdict, "a solution that passes its own check")
        for mistake in self.mistakes:
            require(not self.check(mistake), "mistakes", mistake, "wrong answers only")

    def _check_parts(self) -> None:
        """Check the types of answer, mistakes, cases and choices."""
        if not callable(self.answer):
            possible = isinstance(self.answer, str | bool) or _numbers(self.answer) is not None
            require(possible, "answer", self.answer, "finite numbers, a word, a bool or a function")
        named = isinstance(self.mistakes, Mapping) and all(isinstance(why, str) for why in self.mistakes.values())
        require(named, "mistakes", self.mistakes, "wrong answers, each with a sentence", TypeError)
        listed = isinstance(self.cases, Sequence) and all(isinstance(case, tuple) for case in self.cases)
        require(listed, "cases", self.cases, "tuples of arguments", TypeError)
        words = isinstance(self.choices, tuple | list) and all(isinstance(choice, str) for choice in self.choices)
        require(words, "choices", self.choices, "words", TypeError)
        require(not self.choices or self.answer in self.choices, "choices", self.choices, "words with the answer in it")

    def check(self, answer: Any = None) -> Verdict:
        """Check an answer. None and `...` stand for a missing answer, which is not a failure.

        answer: the reader's: a number, an array, a word, a bool or a function.
        """
        if answer is None or answer is ...:
            return Verdict(None, "Replace `...` by your answer and run the cell again.")
        if callable(self.answer):
            return self._check_function(answer)
        if _same(answer, self.answer, self.tol):
            return Verdict(True, "Unfold the solution to compare your reasoning.")
        for mistake, why in self.mistakes.items():
            if _same(answer, mistake, self.tol):
                return Verdict(False, why)
        return Verdict(False, self._explain(answer))

    def _check_function(self, answer: Any) -> Verdict:
        if not callable(answer):
            return Verdict(False, f"Expected a function, got `{_show(answer)}`.")
        results = []
        for case in self.cases:
            try:
                results.append(answer(*case))
            except Exception as error:  # an error of the answer is part of the verdict
                return Verdict(False, f"Called with `{_call(case)}` it raises `{type(error).__name__}: {error}`.")
        if any(result is None or result is ... for result in results):
            return Verdict(None, "The function does not return anything yet.")

        def agrees(function: Callable) -> list[bool]:
            pairs = zip(results, self.cases, strict=True)
            return [_same(result, function(*case), self.tol) for result, case in pairs]

        if all(agrees(self.answer)):
            return Verdict(True, f"All {len(self.cases)} cases agree. Unfold the solution to compare.")
        for mistake, why in self.mistakes.items():
            if all(agrees(mistake)):
                return Verdict(False, why)
        wrong = agrees(self.answer).index(False)
        case, got, right = self.cases[wrong], _show(results[wrong]), _show(self.answer(*self.cases[wrong]))
        return Verdict(False, f"Called with `{_call(case)}` it returns `{got}`; the right value is `{right}`.")

    def _explain(self, answer: Any) -> str:
        if isinstance(self.answer, str | bool):
            choices = self.choices or ((True, False) if isinstance(self.answer, bool) else ())
            if isinstance(answer, type(self.answer)) and (answer in choices or not choices):
                return "Think again, or unfold the hint."
            return f"Expected {' or '.join(f'`{choice!r}`' for choice in choices) or 'a word'}, got `{_show(answer)}`."
        try:
            got, right = np.asarray(plain(answer), dtype=float), np.asarray(self.answer, dtype=float)
        except (TypeError, ValueError, OverflowError):
            return f"Expected a number{' of ' + self.unit if self.unit else ''}, got `{_show(answer)}`."
        if got.shape != right.shape:
            return f"Expected {f'shape {right.shape}' if right.ndim else 'one number'}, got shape {got.shape}."
        if not np.isfinite(got).all():
            return "Expected finite numbers."
        other, factor = {"nats": ("bits", math.log(2)), "bits": ("nats", 1 / math.log(2))}.get(self.unit, ("", 1))
        if other and _same(got * factor, right, self.tol):
            return f"That is the right amount in {other}; the answer should be in {self.unit} (1 bit = ln 2 nats)."
        if _same(-got, right, self.tol):
            return "The size is right, the sign is not."
        if got.ndim:
            return (
                "Some entries are right, others are not."
                if np.isclose(got, right, rtol=self.tol).any()
                else "No entry is right yet."
            )
        return f"{_show(answer)} is too {'large' if got > right else 'small'}."

    def __repr__(self) -> str:
        return f"Exercise: {_bare(self.question)}"

    def _repr_markdown_(self) -> str:
        folds = [("Hint", self.hint), ("Solution", self.solution)]
        folded = "".join(
            f"\n\n<details><summary>{name}</summary>\n\n{text}\n\n</details>" for name, text in folds if text
        )
        return _card(f"<b>Exercise</b> &nbsp;{self.question}{folded}", "#0072B2")


def _same(got: Any, wanted: Any, tol: float) -> bool:
    """Equal words (in any case), equal truth values, or numbers within `tol`."""
    got, wanted = plain(got), plain(wanted)
    if isinstance(wanted, str):
        return isinstance(got, str) and got.strip().casefold() == wanted.strip().casefold()
    if isinstance(wanted, bool) or isinstance(got, bool):
        return got is wanted
    got, wanted = _numbers(got), _numbers(wanted)
    if got is None or wanted is None:
        return False
    scale = np.where(wanted == 0, 1.0, np.abs(wanted))
    return got.shape == wanted.shape and bool((np.abs(got - wanted) <= tol * scale).all())


def _numbers(value: Any) -> np.ndarray | None:
    """Finite real numbers, also written as text, as an array; None for anything else."""
    try:
        array = np.asarray(plain(value))
        array = array.astype(float) if array.dtype.kind in "iufbU" else np.array(np.nan)
    except (TypeError, ValueError, OverflowError):
        return None
    return array if np.isfinite(array).all() else None


def _show(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return np.array2string(value, precision=4, separator=", ", threshold=8)
    return f"{value:.4g}" if isinstance(value, float | np.floating) else repr(value)


def _call(arguments: tuple) -> str:
    return f"({', '.join(map(_show, arguments))})"


def _card(markdown: str, colour: str) -> str:
    """Markdown inside a box; Markdown inside HTML needs the blank lines."""
    return f'<div style="border-left:4px solid {colour};padding:.3em .8em;margin:.3em 0">\n\n{markdown}\n\n</div>'


def _bare(markdown: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>|[*`$]", "", markdown))
