"""One page of everything that was run: claims, figures, and how to get the same again. It opens from disk, offline."""

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2

from infotok.files import read_json, write_atomically
from infotok.reproduce.course import Course


def write_report(course: Course, profile: str) -> Path:
    """Write runs/PROFILE/report.html, and beside it a page of each executed notebook, from the latest ended runs."""
    folder = course.root / "runs" / profile
    sections = [_section(course, profile, name) for name in course.names]
    claims = [claim for section in sections for claim in section["claims"]]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("infotok.reproduce", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.get_template("report.html.j2").render(
        profile=profile,
        sections=sections,
        ran=[section for section in sections if section["manifest"]],
        counts={verdict: sum(claim["holds"] is verdict for claim in claims) for verdict in (True, False, None)},
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    write_atomically(folder / "report.html", page)
    return folder / "report.html"


def _section(course: Course, profile: str, name: str) -> dict[str, Any]:
    """What the report says of one notebook; manifest None where it has not been run."""
    ended = course.manifests(profile, name)
    if not ended:
        return {"name": name, "title": course.title(name), "manifest": None, "claims": [], "figures": []}
    folder, manifest = ended[0].parent, read_json(ended[0])
    record = read_json(folder / "metrics.json") if (folder / "metrics.json").exists() else {"figures": {}}
    return {
        "name": name,
        "title": course.title(name),
        "manifest": manifest,
        "claims": manifest["claims"],
        "figures": [
            {"name": figure, "caption": recipe["caption"], "source": _embedded(folder / "figures" / f"{figure}.png")}
            for figure, recipe in record["figures"].items()
        ],
        "page": _page(folder / f"{name}.ipynb", course.root / "runs" / profile / f"{name}.html"),
    }


def _embedded(picture: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"


def _page(executed: Path, page: Path) -> str | None:
    """The name of the executed notebook's page, made anew if the notebook is newer; None if it never started."""
    if not executed.exists():
        return None
    if not page.exists() or page.stat().st_mtime < executed.stat().st_mtime:
        import nbformat  # with nbconvert a second to import, which a report of kept runs need not spend

        from infotok.reproduce.pages import write_page

        write_page(nbformat.read(executed, as_version=4), page)
    return page.name
