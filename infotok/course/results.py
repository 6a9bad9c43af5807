"""The claims and figures of a lesson: of its run, or else those that are committed with the course."""

import base64
from dataclasses import dataclass
from typing import Any

from infotok.course.course import Course, Refusal
from infotok.course.parameters import asked
from infotok.course.profiles import NOTES
from infotok.course.report import figures_of_run
from infotok.course.runs import Shown, read_record, shown

__all__ = ["Results", "read_results"]


@dataclass(frozen=True)
class Results:
    """What a lesson found.

    Attributes:
        claims: as the record has them: text, value, bound, holds, source, judged_at.
        figures: name, caption and source, a data URL, in the order in which they were recorded.
        origin: one sentence that says which run it was.
        note: what must be said of its profile, or "".
    """

    claims: list[dict[str, Any]]
    figures: list[dict[str, str]]
    origin: str
    note: str = ""


def read_results(course: Course, names: list[str], profile: str, assignments: list[str]) -> dict[str, Results]:
    """The results of each lesson: of the run asked for, or, where there is none, those in figures/NAME.

    Raises:
        Refusal: for a lesson with neither, and for files that are damaged.
    """
    wanted = asked(course, profile, assignments)
    lessons = shown(course, profile, {name: wanted[name] for name in names})
    return {lesson.name: _of_run(lesson) if lesson.manifest else _committed(course, lesson) for lesson in lessons}


def _of_run(lesson: Shown) -> Results:
    manifest, faults = lesson.manifest, []
    figures = figures_of_run(lesson, faults)
    if faults:
        raise Refusal(faults[0])
    origin = f"As it ran on {manifest['started'][:10]}, by {manifest['command']}."
    return Results(manifest["claims"], figures, origin, NOTES.get(manifest["profile"], ""))


def _committed(course: Course, lesson: Shown) -> Results:
    if damage := lesson.fault or (lesson.run.damage if lesson.run else ""):
        raise Refusal(damage)
    folder = course.root / "figures" / lesson.name
    if not (folder / "metrics.json").exists():
        raise Refusal(f"{lesson.name}: got neither a run nor figures/{lesson.name}, expected one: infotok run")
    try:
        record = read_record(folder / "metrics.json")
    except ValueError as damage:
        raise Refusal(str(damage)) from None
    figures = []
    for name, recipe in record["figures"].items():
        if (folder / f"{name}.png").exists():  # a picture that only a run draws may be left out
            picture = base64.b64encode((folder / f"{name}.png").read_bytes()).decode()
            figures.append({"name": name, "caption": recipe["caption"], "source": f"data:image/png;base64,{picture}"})
    return Results(record["claims"], figures, "The results committed with the course.")
