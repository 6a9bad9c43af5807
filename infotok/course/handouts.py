"""A sheet of paper for each lesson, and another with its answers, as HTML that prints on A4 and opens offline.

    runs/PROFILE/handouts/NAME.html            what it teaches, the predictions and exercises with room, the figures
    runs/PROFILE/handouts/NAME-answers.html    the answers to the predictions, the keys of the exercises, the claims

Everything is read from the notebook, from its exercises and from its results; no answer stands on the first sheet.
"""

from pathlib import Path
from typing import Any

import jinja2

from infotok.course.course import Course
from infotok.course.markup import mathjax, to_html
from infotok.course.material import Lesson, read_lesson
from infotok.course.results import Results, read_results
from infotok.files import write_atomically
from infotok.lab.exercises.exercise import Exercise

__all__ = ["environment", "write_handouts"]

ROOM = {True: 3, False: 5}  # lines for an answer: to one of several questions, or to a paragraph of them
SMALLEST = {"number": 4, "function": 7}  # lines for an exercise


def environment() -> jinja2.Environment:
    """The templates of printed pages, in which `md` turns Markdown into cleaned HTML."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("infotok.course", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["md"] = lambda text: jinja2.utils.markupsafe.Markup(to_html(text))
    made.filters["inline"] = lambda text: jinja2.utils.markupsafe.Markup(_unwrapped(to_html(text)))
    made.globals["mathjax"] = jinja2.utils.markupsafe.Markup(mathjax())
    return made


def write_handouts(course: Course, names: list[str], profile: str, assignments: list[str]) -> list[Path]:
    """Write both sheets of each lesson; returns their paths.

    Args:
        course: the clone.
        names: the lessons.
        profile, assignments: the run whose figures and claims are shown; without one, the committed ones.

    Raises:
        Refusal: before anything is written, for a lesson that lacks a section, and names it.
    """
    lessons = [read_lesson(course, name) for name in names]
    results = read_results(course, names, profile, assignments)
    folder, made = course.root / "runs" / profile / "handouts", environment()
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for lesson in lessons:
        for template, path in (
            ("handout.html.j2", folder / f"{lesson.name}.html"),
            ("answers.html.j2", folder / f"{lesson.name}-answers.html"),
        ):
            write_atomically(path, made.get_template(template).render(**_content(lesson, results[lesson.name])))
            written.append(path)
    return written


def _content(lesson: Lesson, results: Results) -> dict[str, Any]:
    exercises = [part.exercise for part in lesson.of("exercise")]
    return {
        "lesson": lesson,
        "results": results,
        "predictions": [{"part": part, "room": ROOM[bool(part.items)]} for part in lesson.of("prediction")],
        "exercises": [{"asked": each, "room": _room(each), "key": _key(each)} for each in exercises],
        "folded": [part for part in lesson.of("answers") if part is not lesson.answers],
    }


def _room(exercise: Exercise) -> int:
    return SMALLEST["function" if callable(exercise.answer) else "number"]


def _key(exercise: Exercise) -> dict[str, Any]:
    """The right answer in a few characters, and the usual wrong ones with their explanations."""
    return {
        "right": "" if callable(exercise.answer) else _short(exercise.answer, exercise.unit),
        "wrong": [
            {"got": "" if callable(mistake) else _short(mistake, exercise.unit), "why": why}
            for mistake, why in exercise.mistakes.items()
        ],
    }


def _short(answer: Any, unit: str) -> str:
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        return str(answer)
    return f"{answer:.4g} {unit}".strip()


def _unwrapped(html: str) -> str:
    """The text of one paragraph without its element; of anything longer, all of it."""
    text = html.strip()
    return text[3:-4] if text.startswith("<p>") and text.count("<p>") == 1 and text.endswith("</p>") else text
