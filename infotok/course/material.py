"""What a lesson asks and teaches, read from its notebook by its structure, so that nothing is written twice.

the title and the question   the first cell, up to "After this lesson you will be able to" and its list
a prediction                 a paragraph that begins with **Predict, with the formulas and lists right after it
things to find out           the list right after a paragraph that ends in "find out:"
a formula                    a display formula, with the paragraph before it and the heading above it
a figure                     `record.figure("name", ...)` in a code cell
an exercise                  a code cell that is `exercises.NAME`
answers                      a folded part; the one whose summary names the predictions answers these
"""

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infotok.course.course import Course, Refusal, read_cells
from infotok.course.markup import blocks, items
from infotok.lab.exercises.exercise import Exercise

__all__ = ["Lesson", "Part", "read_lesson"]

ABLE = "After this lesson you will be able to"
FOLDED = re.compile(r"<details><summary>(.*?)</summary>(.*?)</details>", re.DOTALL)
PREDICT = re.compile(r"\*\*Predict[^*]*\*\*\s*")
PLAY = re.compile(r"find out:\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """A part of a lesson, in Markdown.

    Attributes:
        kind: prediction, play, formula, figures, exercise or answers.
        heading: the heading above it; of answers, the summary.
        text: what it says, without its questions.
        items: its questions one by one; of figures, their names.
        exercise: of an exercise.
    """

    kind: str
    heading: str
    text: str = ""
    items: tuple[str, ...] = ()
    exercise: Exercise | None = None


@dataclass(frozen=True)
class Lesson:
    """A lesson: its name, title, question, what a reader will be able to do, its minutes, and its parts in order."""

    name: str
    title: str
    question: str
    able: tuple[str, ...]
    minutes: int
    parts: tuple[Part, ...]

    def of(self, kind: str) -> list[Part]:
        """The parts of one kind, in order."""
        return [part for part in self.parts if part.kind == kind]

    @property
    def answers(self) -> Part:
        """The folded answers to the predictions."""
        return next(part for part in self.of("answers") if _of_predictions(part))


def read_lesson(course: Course, name: str) -> Lesson:
    """The lesson of that name.

    Raises:
        Refusal: one line that names the lesson and the section that it lacks.
    """
    cells = read_cells(course.notebook(name))
    first = cells[0]["source"] if cells and cells[0]["cell_type"] == "markdown" else ""
    found = list(blocks(first))
    at = next((n for n, (kind, text) in enumerate(found) if kind == "paragraph" and text.endswith(ABLE)), None)
    listed = found[at + 1] if at is not None and at + 1 < len(found) else ("", "")
    minutes = re.search(r"^Reading: (\d+) minutes\.", first, re.MULTILINE)
    lesson = Lesson(
        name=name,
        title=found[0][1].lstrip("# ") if found and found[0][0] == "heading" else "",
        question="\n\n".join(text for _, text in found[1:at]),
        able=items(listed[1]) if listed[0] == "list" else (),
        minutes=int(minutes[1]) if minutes else 0,
        parts=tuple(_parts(cells, name)),
    )
    needed = {
        "title as its first line": lesson.title,
        f"list after '{ABLE}'": lesson.able,
        "line 'Reading: N minutes.' in its first cell": lesson.minutes,
        "paragraph that begins with '**Predict'": lesson.of("prediction"),
        "folded answers to its predictions": [part for part in lesson.of("answers") if _of_predictions(part)],
        "exercise": lesson.of("exercise"),
    }
    for section, there in needed.items():
        if not there:
            raise Refusal(f"{name}: got a lesson without it, expected a {section}")
    return lesson


def _of_predictions(part: Part) -> bool:
    return "prediction" in part.heading.lower()


def _parts(cells: list[dict[str, Any]], name: str) -> Iterator[Part]:
    heading, module = "", None
    for cell in cells:
        if cell["cell_type"] == "markdown":
            for part in _of_text(cell["source"], heading):
                if part.kind == "heading":
                    heading = part.text
                else:
                    yield part
        elif cell["cell_type"] == "code":
            tree = _tree(cell["source"])
            module = _exercises(tree) or module
            exercise = _exercise(tree)
            if exercise and module:
                yield Part("exercise", heading, exercise=_named(module, exercise, name))
            if names := _figures(tree):
                yield Part("figures", heading, items=names)


def _of_text(source: str, heading: str) -> Iterator[Part]:
    """The parts of a text cell, and its headings as parts of their own."""
    pieces = FOLDED.split(source)  # text, summary, folded text, text, ...
    for number in range(0, len(pieces), 3):
        found = [*blocks(pieces[number]), ("", "")]
        for n, (kind, text) in enumerate(found):
            if kind == "heading":
                heading = text.lstrip("# ")
                yield Part("heading", "", heading)
            elif kind == "paragraph" and PREDICT.match(text):
                yield _prediction(found[n:], heading)
            elif kind == "paragraph" and PLAY.search(text) and found[n + 1][0] == "list":
                yield Part("play", heading, text, items(found[n + 1][1]))
            elif kind == "formula" and not any(PREDICT.match(before) for _, before in found[:n]):
                lead = found[n - 1][1] if n and found[n - 1][0] == "paragraph" else ""
                yield Part("formula", heading, f"{lead}\n\n{text}".strip())
        if number + 2 < len(pieces):
            yield Part("answers", re.sub("<[^>]+>", "", pieces[number + 1]), pieces[number + 2].strip())


def _prediction(found: list[tuple[str, str]], heading: str) -> Part:
    """A paragraph and what belongs to it: formulas, a list that explains, and at its end the numbered questions."""
    first = PREDICT.sub("", found[0][1])
    texts, listed = [first[:1].upper() + first[1:]], ()
    for kind, text in found[1:]:
        if kind == "numbered":
            listed = items(text)
        if kind not in ("formula", "list"):
            break
        texts.append(text)
    return Part("prediction", heading, "\n\n".join(texts).strip(), listed)


def _tree(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.Module([], [])


def _exercises(tree: ast.Module) -> str | None:
    """X of `from infotok.lab.exercises import X as exercises`."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "infotok.lab.exercises":
            for alias in node.names:
                if alias.asname == "exercises":
                    return alias.name
    return None


def _exercise(tree: ast.Module) -> str | None:
    """NAME of a cell that is `exercises.NAME`."""
    match tree.body:
        case [ast.Expr(ast.Attribute(ast.Name("exercises"), attribute))]:
            return attribute
    return None


def _named(module: str, name: str, lesson: str) -> Exercise:
    try:
        found = getattr(importlib.import_module(f"infotok.lab.exercises.{module}"), name, None)
    except ModuleNotFoundError:
        found = None
    if not isinstance(found, Exercise):
        raise Refusal(f"{lesson}: got exercises.{name}, expected an exercise of infotok.lab.exercises.{module}")
    return found


def _figures(tree: ast.Module) -> tuple[str, ...]:
    """The names of the figures that a cell records, as far as they are written out."""
    names = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(ast.Attribute(ast.Name("record"), "figure"), [ast.Constant(str(name)), *_]):
                names.append((node.lineno, name))
    return tuple(name for _, name in sorted(names))
