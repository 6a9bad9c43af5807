"""The report: one page with the claims and figures of every run, and the command that repeats it. It opens offline."""

import base64
import math
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2

from infotok.course.course import Course, Refusal
from infotok.course.parameters import asked
from infotok.course.profiles import NOTES
from infotok.course.runs import Shown, own_file, read_record, shown
from infotok.files import write_atomically
from infotok.lab.record import PROFILES

__all__ = ["figures_of_run", "unjudged", "write_report"]

LEGIBLE = 11 / (8 / 72 * 120)  # of a figure's width: its smallest text, of 8 points at 120 dots an inch, has 11 pixels
WIDEST = 2000  # pixels that a figure may ask for
Asked = dict[str, dict[str, Any] | Refusal]


def write_report(course: Course, profile: str, wanted: Asked | None = None, pages: str = "") -> Path:
    """Write runs/PROFILE/report.html; returns its path. It names what is damaged.

    Args:
        course: the clone.
        profile: the profile of the runs.
        wanted: the parameters of the run to show of each lesson; by default the profile's own.
        pages: the folder of the site's pages, relative to the report. Without it each lesson is linked to the
            executed notebook in its run folder.
    """
    folder = course.root / "runs" / profile
    lessons = shown(course, profile, asked(course, profile, []) if wanted is None else wanted)
    sections = [_section(course, lesson, pages) for lesson in lessons]
    claims = [claim for section in sections for claim in section["claims"]]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("infotok.course", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.get_template("report.html.j2").render(
        profile=profile,
        note=NOTES.get(profile),
        sections=sections,
        ran=[section for section in sections if section["manifest"]],
        described=[section for section in sections if section["manifest"] or section["faults"]],
        counts={verdict: sum(claim["holds"] is verdict for claim in claims) for verdict in (True, False, None)},
        later=unjudged(claims),
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    write_atomically(folder / "report.html", page)
    return folder / "report.html"


def unjudged(claims: list[dict[str, Any]]) -> str:
    """From which profile on the claims that this run could not judge are judged; "" if it judged all of them."""
    counts = Counter(claim["judged_at"] for claim in claims if claim["holds"] is None)
    known = [(profile, counts[profile]) for profile in PROFILES if counts[profile]]
    if len(known) == 1:
        return f"from {known[0][0]} on"
    return ", ".join(f"{count} from {profile} on" for profile, count in known)


def _section(course: Course, lesson: Shown, pages: str) -> dict[str, Any]:
    """What the report says about one lesson; `manifest` is None if it was not run or its manifest is damaged."""
    manifest = lesson.manifest
    damage = lesson.fault or (lesson.run.damage if lesson.run else "")
    section = {
        "name": lesson.name,
        "title": lesson.title,
        "manifest": manifest,
        "status": "damaged" if damage else manifest["status"] if manifest else "not run",
        "current": lesson.current,
        "faults": [damage] if damage else [],
        "claims": manifest["claims"] if manifest else [],
        "figures": [],
        "page": None,
    }
    if manifest:
        section["faults"] = [*manifest["faults"]]
        figures = figures_of_run(lesson, section["faults"])
        section["figures"] = [figure | {"least": _legible_width(figure["source"])} for figure in figures]
        section["page"] = _page(lesson, pages, section["faults"])
        section["faults"] = [fault.replace(f"{course.root}/", "") for fault in section["faults"]]
    return section


def figures_of_run(lesson: Shown, faults: list[str]) -> list[dict[str, str]]:
    """The figures of a run, each as a data URL with its caption; each damaged file adds a line to `faults`."""
    folder, manifest, figures = lesson.run.folder, lesson.manifest, []
    try:
        if "metrics.json" in manifest["artifacts"]:
            recipes = read_record(own_file(folder, manifest, "metrics.json"))["figures"]
        else:
            recipes = {}  # it failed before it recorded anything
    except ValueError as damage:
        faults.append(str(damage))
        recipes = {}
    for name, recipe in recipes.items():
        try:
            picture = own_file(folder, manifest, f"figures/{name}.png").read_bytes()
        except ValueError as damage:
            faults.append(str(damage))
            continue
        source = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
        figures.append({"name": name, "caption": recipe["caption"], "source": source})
    return figures


def _legible_width(source: str) -> int:
    """Pixels of width below which the smallest text of a figure, a data URL of a PNG, has less than 11 pixels."""
    head = base64.b64decode(source.partition(",")[2][:36])  # of which bytes 16 to 19 are the width
    return min(math.ceil(LEGIBLE * int.from_bytes(head[16:20], "big")), WIDEST)


def _page(lesson: Shown, pages: str, faults: list[str]) -> str | None:
    """The link to the executed notebook: its page on the site, or its file; None, with a fault, if it is damaged."""
    folder, name = lesson.run.folder, f"{lesson.name}.ipynb"
    try:
        if name not in lesson.manifest["artifacts"]:
            return None
        own_file(folder, lesson.manifest, name)
    except ValueError as damage:
        faults.append(str(damage))
        return None
    return f"{pages}/{lesson.name}.html" if pages else f"{folder.name}/{name}"
