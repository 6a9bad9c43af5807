"""A lesson as slides: one HTML file that opens offline, is moved by the arrow keys, and prints a slide on each page.

    runs/PROFILE/slides/NAME.html

The slides follow the notebook: its question, each prediction before its figures, each formula, each figure with its
sentence, the claims with their verdicts, the answers to the predictions, and the exercises.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infotok.course.course import Course
from infotok.course.handouts import environment
from infotok.course.material import Lesson, read_lesson
from infotok.course.results import Results, read_results
from infotok.files import write_atomically

__all__ = ["Slide", "slides_of", "write_slides"]

CLAIMS = 6  # on one slide


@dataclass(frozen=True)
class Slide:
    """One slide: its kind, its heading, and what it shows: a text in Markdown, a list, a figure or claims."""

    kind: str
    heading: str
    text: str = ""
    items: tuple[str, ...] = ()
    figure: dict[str, str] | None = None
    claims: tuple[dict[str, Any], ...] = ()


def write_slides(course: Course, names: list[str], profile: str, assignments: list[str]) -> list[Path]:
    """Write the slides of each lesson; returns their paths.

    Args:
        course: the clone.
        names: the lessons.
        profile, assignments: the run whose figures and claims are shown; without one, the committed ones.

    Raises:
        Refusal: before anything is written, for a lesson that lacks a section, and names it.
    """
    lessons = [read_lesson(course, name) for name in names]
    results = read_results(course, names, profile, assignments)
    folder, template = course.root / "runs" / profile / "slides", environment().get_template("slides.html.j2")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for lesson in lessons:
        own = results[lesson.name]
        page = template.render(lesson=lesson, slides=list(slides_of(lesson, own)), origin=own.origin, note=own.note)
        write_atomically(folder / f"{lesson.name}.html", page)
        written.append(folder / f"{lesson.name}.html")
    return written


def slides_of(lesson: Lesson, results: Results) -> Iterator[Slide]:
    """The slides of a lesson, in the order of its notebook."""
    yield Slide("title", lesson.title, items=lesson.able)
    yield Slide("question", "The question", lesson.question)
    left = [*results.figures]
    for number, part in enumerate(lesson.parts):
        if number == _first_after_the_figures(lesson):
            yield from (Slide("figure", "", figure=figure) for figure in left)
            left = []
            yield from _claims(results)
        match part.kind:
            case "figures":
                last = max((n for n, figure in enumerate(left) if figure["name"] in part.items), default=-1)
                shown, left = left[: last + 1], left[last + 1 :]  # with those before it whose names are not written out
                yield from (Slide("figure", part.heading, figure=figure) for figure in shown)
            case "exercise":
                choices = f"\n\nOne of: {', '.join(part.exercise.choices)}." if part.exercise.choices else ""
                yield Slide("exercise", "Exercise", part.exercise.question + choices)
            case "play":
                yield Slide("play", "Find out", items=part.items)
            case "prediction":
                yield Slide("prediction", "Predict", part.text, part.items)
            case _:
                yield Slide(part.kind, part.heading, part.text)


def _first_after_the_figures(lesson: Lesson) -> int:
    """The place of the first exercise, or of the answers to the predictions where they come before it."""
    return next(n for n, part in enumerate(lesson.parts) if part.kind == "exercise" or part is lesson.answers)


def _claims(results: Results) -> Iterator[Slide]:
    for first in range(0, len(results.claims), CLAIMS):
        yield Slide("claims", "The claims", claims=tuple(results.claims[first : first + CLAIMS]))
