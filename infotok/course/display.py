"""What the command prints: the progress of runs, their summary, and the list of lessons.

In a terminal each notebook has one live line; elsewhere each change of a run is a line of its own.
"""

import math
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from infotok.course.course import Course
from infotok.course.parameters import OWN, asked, read_parameters
from infotok.course.runs import Shown, ended, read_manifest, shown
from infotok.course.state import Run
from infotok.lab.record import PROFILES

__all__ = ["Display", "clock", "listing", "summary"]

COLOURS = {"passed": "green", "kept": "green", "failed": "red", "interrupted": "yellow", "queued": "dim"}


def console() -> Console:
    """The terminal, or a wide page without colours where there is none."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=160, highlight=False)


def clock(seconds: float) -> str:
    """Minutes and seconds, as 1:05."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Display:
    """The progress of runs while they last: `with Display(runs) as display: display.refresh()`."""

    def __init__(self, runs: list[Run]) -> None:
        page = console()
        self.live = page.is_terminal
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[status]}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[place]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=page,
            disable=not self.live,
            speed_estimate_period=math.inf,  # cells differ: the mean speed since the start tells most
        )
        blank = {"status": "", "place": ""}
        self.tasks = [(run, self.progress.add_task(run.name, start=False, total=1.0, **blank)) for run in runs]
        self.printed: dict[str, str] = {}

    def __enter__(self) -> "Display":
        self.progress.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.refresh()
        self.progress.stop()

    def refresh(self) -> None:
        """Show what has changed."""
        for run, task in self.tasks:
            if run.begun and self.progress.tasks[task].start_time is None:
                self.progress.start_task(task)
            status = f"[{COLOURS.get(run.status, 'cyan')}]{run.status}[/]"
            self.progress.update(task, completed=run.fraction() if run.begun else 0, status=status, place=_where(run))
            if run.ended:
                self.progress.stop_task(task)
            if not self.live:
                self._print(run, task)

    def _print(self, run: Run, task: TaskID) -> None:
        line = _news(run)
        if line != self.printed.get(run.name, "queued"):
            self.printed[run.name] = line
            left = self.progress.tasks[task].time_remaining if run.status == "running" else None
            about = f", about {clock(left)} left" if left else ""
            print(f"{run.name}: {line} ({clock(run.elapsed)}{about})", flush=True)


def _where(run: Run) -> str:
    """The place of a live line: the sweep in the running cell, or the cell."""
    sweep = run.sweep() if run.status == "running" else None
    if sweep:
        return f"{sweep['label']} {sweep['done']}/{sweep['total']}"
    return "" if run.ended else run.place


def _news(run: Run) -> str:
    """What is worth a line of its own: a new status, a new section, each quarter of a sweep."""
    if run.status != "running":
        return {"waiting": "waiting for another run of the same folder"}.get(run.status, run.status)
    sweep = run.sweep()
    quarter = f", {sweep['label']} {4 * sweep['done'] // sweep['total'] * 25} %" if sweep else ""
    return (run.place.partition("] ")[2] or "starting") + quarter


def summary(runs: list[Run]) -> None:
    """The table of claims, and each notebook's result with its faults."""
    page = console()
    claims = Table(box=None, padding=(0, 2), header_style="bold")
    for column in ("notebook", "claim", "value", "claimed", "verdict"):
        claims.add_column(column, overflow="fold")
    for run in runs:
        for claim in _claims(run):
            verdict, colour = {True: ("holds", "green"), False: ("FAILS", "red"), None: ("not judged", "dim")}[
                claim["holds"]
            ]
            value = f"{claim['value']:.4g}"
            claims.add_row(run.name, Text(claim["text"]), value, claim["bound"], Text(verdict, style=colour))
    results = Table(box=None, padding=(0, 2), header_style="bold")
    for column in ("notebook", "result", "time"):
        results.add_column(column)
    for run in runs:
        results.add_row(run.name, Text(run.status, style=COLOURS.get(run.status, "")), clock(run.seconds))
    page.print()
    if claims.row_count:
        page.print(claims)
        page.print()
    page.print(results)
    for run in runs:
        for fault in run.faults:
            page.print(Text(f"{run.name}: {fault}", style="red"), soft_wrap=True)
        for note in run.notes:
            page.print(Text(f"{run.name}: {note}", style="yellow"), soft_wrap=True)


def _claims(run: Run) -> list[dict[str, Any]]:
    try:
        return read_manifest(run.folder)["claims"]
    except ValueError:  # it failed before that; its faults have the reason
        return []


def listing(course: Course, assignments: list[str]) -> None:
    """Print every lesson with its parameters and, for each profile, the result of the run with these parameters."""
    page = console()
    known = {"laptop", *course.profiles()}
    profiles = [profile for profile in PROFILES if profile in known]
    found = {profile: shown(course, profile, asked(course, profile, assignments)) for profile in profiles}
    for index, name in enumerate(course.names):
        lesson = found["laptop"][index]
        page.print(Text(name, style="bold"), Text(lesson.title), soft_wrap=True)
        if lesson.fault:
            page.print(Text(f"    {lesson.fault}", style="red"), soft_wrap=True)
            continue
        for parameter in read_parameters(course.notebook(name)).values():
            if parameter.name not in OWN:
                page.print(
                    f"    {parameter.name}: {parameter.expected} = {parameter.default!r}",
                    Text(parameter.help, "dim"),
                    markup=False,
                )
        for profile in profiles:
            _list_run(page, course, profile, found[profile][index])
    for line in course.others:
        page.print(Text(line, style="dim"), soft_wrap=True)


def _list_run(page: Console, course: Course, profile: str, lesson: Shown) -> None:
    """Print one line for the run with the parameters wanted, and one for each damaged run."""
    run = lesson.run
    if lesson.fault:
        page.print(Text(f"    {profile}: {lesson.fault}", style="red"), soft_wrap=True)
    if run and not run.damage:
        status = Text(run.manifest["status"], style=COLOURS.get(run.manifest["status"], ""))
        page.print(f"    {profile}:", status, f"{run.manifest['started']} in {clock(run.manifest['seconds'])}")
    for other in ended(course, profile, lesson.name):
        if other.damage:
            page.print(Text(f"    {profile}: damaged: {other.damage}", style="red"), soft_wrap=True)
