"""What a person sees of a run: one live line a notebook, or plain lines where nobody can see a line change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from infotok.course.runs import Shown, ended, read_manifest, shown
from infotok.lab.record import PROFILES

if TYPE_CHECKING:
    from infotok.course.course import Course
    from infotok.course.runner import Run

COLOURS = {"passed": "green", "kept": "green", "failed": "red", "interrupted": "yellow", "queued": "dim"}


def console() -> Console:
    """The terminal, or a wide plain page where there is none."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=160, highlight=False)


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Display:
    """Follows runs while they last: `with Display(runs) as display: display.refresh()`."""

    def __init__(self, runs: list[Run]) -> None:
        self.runs = runs
        self.console = console()
        self.live = Live(console=self.console, refresh_per_second=4) if self.console.is_terminal else None
        self.said: dict[str, str] = {}

    def __enter__(self) -> Display:
        if self.live:
            self.live.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.refresh()
        if self.live:
            self.live.__exit__(*error)

    def refresh(self) -> None:
        if self.live:
            self.live.update(self._table())
            return
        for run in self.runs:
            line = self._news(run)
            if line != self.said.get(run.name, "queued"):
                self.said[run.name] = line
                left = run.left() if run.status == "running" else None
                about = f", about {clock(left)} left" if left is not None else ""
                print(f"{run.name}: {line} ({clock(run.elapsed)}{about})", flush=True)

    def _news(self, run: Run) -> str:
        """What is worth a line of its own: a new state, a new section, each quarter of a sweep."""
        if run.status != "running":
            return {"waiting": "waiting for another run of the same folder"}.get(run.status, run.status)
        sweep = run.sweep()
        quarter = f", {sweep['label']} {4 * sweep['done'] // sweep['total'] * 25} %" if sweep else ""
        return (run.place.partition("] ")[2] or "starting") + quarter

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for run in self.runs:
            left = run.left() if run.status == "running" else None
            sweep = run.sweep() if run.status == "running" else None
            where = f"{sweep['label']} {sweep['done']}/{sweep['total']}" if sweep else run.place
            table.add_row(
                run.name,
                Text(run.status, style=COLOURS.get(run.status, "cyan")),
                ProgressBar(total=1.0, completed=run.fraction(), width=24),
                clock(run.elapsed) if run.begun else "",
                f"{clock(left)} left" if left is not None else "",
                Text(where if not run.ended else "", overflow="ellipsis", no_wrap=True),
            )
        return table


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
    except ValueError:  # it did not come so far; its faults say why
        return []


def listing(course: Course, assignments: list[str]) -> None:
    """Every lesson with its parameters, and how the run of it that is asked for ended at each profile."""
    from infotok.course.parameters import OWN, asked, read_parameters

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
    """One line for the run that was asked for, and one for each damaged run."""
    run = lesson.run
    if lesson.fault:
        page.print(Text(f"    {profile}: {lesson.fault}", style="red"), soft_wrap=True)
    if run and not run.damage:
        status = Text(run.manifest["status"], style=COLOURS.get(run.manifest["status"], ""))
        page.print(f"    {profile}:", status, f"{run.manifest['started']} in {clock(run.manifest['seconds'])}")
    for other in ended(course, profile, lesson.name):
        if other.damage:
            page.print(Text(f"    {profile}: damaged: {other.damage}", style="red"), soft_wrap=True)
