"""One page of everything that was run: claims, figures, and how to get the same again. It opens from disk, offline."""

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2

from infotok.course.course import Course, Refusal
from infotok.course.parameters import asked
from infotok.course.runs import Shown, own_file, read_record, shown
from infotok.files import write_atomically

__all__ = ["write_report"]

Asked = dict[str, dict[str, Any] | Refusal]


def write_report(course: Course, profile: str, wanted: Asked | None = None) -> Path:
    """Write runs/PROFILE/report.html, and beside it a page of each executed notebook.

    `wanted` has the parameters of the run to show of each lesson, by default the profile's own. What is damaged is
    named on the page.
    """
    folder = course.root / "runs" / profile
    lessons = shown(course, profile, asked(course, profile, []) if wanted is None else wanted)
    sections = [_section(course, profile, lesson) for lesson in lessons]
    claims = [claim for section in sections for claim in section["claims"]]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("infotok.course", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.get_template("report.html.j2").render(
        profile=profile,
        sections=sections,
        ran=[section for section in sections if section["manifest"]],
        described=[section for section in sections if section["manifest"] or section["faults"]],
        counts={verdict: sum(claim["holds"] is verdict for claim in claims) for verdict in (True, False, None)},
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    write_atomically(folder / "report.html", page)
    return folder / "report.html"


def _section(course: Course, profile: str, lesson: Shown) -> dict[str, Any]:
    """What the report says of one lesson; manifest None where it has not been run, or its manifest is damaged."""
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
        section |= _kept(lesson, course.root / "runs" / profile / f"{lesson.name}.html", section["faults"])
        section["faults"] = [fault.replace(f"{course.root}/", "") for fault in section["faults"]]
    return section


def _kept(lesson: Shown, page: Path, faults: list[str]) -> dict[str, Any]:
    """The figures and the page of a run; each file that is damaged adds a line to `faults`."""
    folder, manifest, figures, written = lesson.run.folder, lesson.manifest, [], None
    try:
        if "metrics.json" in manifest["artifacts"]:
            recipes = read_record(own_file(folder, manifest, "metrics.json"))["figures"]
        else:
            recipes = {}  # it failed before it said anything
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
    try:
        if f"{lesson.name}.ipynb" in manifest["artifacts"]:
            written = _page(own_file(folder, manifest, f"{lesson.name}.ipynb"), page)
    except ValueError as damage:
        faults.append(str(damage))
    return {"figures": figures, "page": written}


def _page(executed: Path, page: Path) -> str:
    """The name of the executed notebook's page, made anew if it is not this run's; ValueError for no notebook."""
    stamp = f"<!-- {executed.parent.name} {executed.stat().st_mtime_ns} -->"
    if not page.exists() or not page.read_text(encoding="utf-8", errors="replace").endswith(stamp):
        from infotok.course.pages import read_executed, write_page  # a second to import, which kept pages need not

        write_page(read_executed(executed), page, stamp)
    return page.name
