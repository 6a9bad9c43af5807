"""One lesson as the site shows it: its notebook with folded code, and a box that says which run it is.

A run that somebody else made may be shown, so the box holds text and links of our own, and nothing else.
"""

import re
from pathlib import Path
from urllib.parse import quote

import nbformat

from infotok.course.course import Course
from infotok.course.display import clock
from infotok.course.downloads import FOLDER, write_downloads
from infotok.course.executed import only_shown, read_executed
from infotok.course.profiles import NOTE_ID
from infotok.course.report import unjudged
from infotok.course.runs import Shown, own_file

__all__ = ["lesson_page"]

NOT_JUDGED = re.compile(r"– not judged below (?:laptop|full|gpu)(?=</b>)")  # of each claim; the box says it once


def lesson_page(course: Course, lesson: Shown, profile: str, downloads: Path) -> nbformat.NotebookNode:
    """The notebook to show, with its box under the first cell; its files are written below `downloads`."""
    executed, fault = _executed(course, lesson)
    notebook = only_shown(executed or _source(course, lesson), lesson.name)
    results = notebook if executed else None
    files = write_downloads(course, lesson, results, downloads / lesson.name)
    links = [(what, f"../{FOLDER}/{lesson.name}/{quote(name)}") for what, name in files]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace("](../docs/", "](../")
        elif cell.cell_type == "code":
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
            _say_once(cell)
    box = _run_box(lesson, links) if executed else _other_box(course, fault, profile, links)
    below = 2 if len(notebook.cells) > 1 and notebook.cells[1].get("id") == NOTE_ID else 1  # after the note
    notebook.cells.insert(below, nbformat.v4.new_markdown_cell(box))
    return notebook


def _executed(course: Course, lesson: Shown) -> tuple[nbformat.NotebookNode | None, str]:
    """The executed notebook, None if there is none, and what is wrong with it."""
    fault = lesson.fault or (lesson.run.damage if lesson.run else "")
    if manifest := lesson.manifest:
        try:
            return read_executed(own_file(lesson.run.folder, manifest, f"{lesson.name}.ipynb")), ""
        except ValueError as damage:
            fault = str(damage)
    return None, fault


def _source(course: Course, lesson: Shown) -> nbformat.NotebookNode:
    try:
        return read_executed(course.notebook(lesson.name))
    except (OSError, ValueError):
        return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(f"# {lesson.name}")])


def _say_once(cell: nbformat.NotebookNode) -> None:
    """Leave the dash of a claim that was not judged, and not its words."""
    for output in cell.get("outputs", []):
        if isinstance(html := output.get("data", {}).get("text/html"), str):
            output.data["text/html"] = NOT_JUDGED.sub("–", html)


def _run_box(lesson: Shown, links: list[tuple[str, str]]) -> str:
    """The box of a run: when, by which command, its claims, its files and the slides."""
    manifest = lesson.manifest
    claims = [claim["holds"] for claim in manifest["claims"]]
    counted = [(claims.count(True), "hold"), (claims.count(False), "fail")]
    lines = [
        _paragraph(f"As it ran on {manifest['started'][:10]}, in {clock(manifest['seconds'])} minutes, by"),
        f'<p class="command">{_text(manifest["command"])}</p>',
        _paragraph(f"Claims: {', '.join(f'{count} {what}' for count, what in counted if count) or 'none judged'}."),
    ]
    if later := unjudged(manifest["claims"]):
        count = claims.count(None)
        what = "claims, marked – below, are" if count > 1 else "claim, marked – below, is"
        lines.append(_paragraph(f"{count} {what} judged {later}."))
    if not lesson.current:
        lines.append(_paragraph("The notebook or the package has changed since."))
    report = f'<p>The <a href="../report.html#{lesson.name}">report</a> has all of it.</p>'
    return _box("This run", [*lines, report, *_kept(links)])


def _other_box(course: Course, fault: str, profile: str, links: list[tuple[str, str]]) -> str:
    """The box of a lesson without a run, or with a damaged one."""
    if not fault:
        line = f"This lesson was not run at the profile {profile}; here is its source."
        return _box("Not run", [_paragraph(line), *_kept(links)])
    lines = [fault.replace(f"{course.root}/", ""), "Here is its source."]
    return _box("Damaged", [*map(_paragraph, lines), *_kept(links)])


def _kept(links: list[tuple[str, str]]) -> list[str]:
    """The line of downloads and the one of other views."""
    listed = ", ".join(f'<a href="{address}" download>{_text(what)}</a>' for what, address in links)
    downloads = [f'<p class="downloads">Download: {listed}.</p>'] if links else []
    return [*downloads, '<p class="views"><a href="?slides">Show as slides</a></p>']


def _box(title: str, lines: list[str]) -> str:
    return f'<div class="admonition tip this-run"><p class="admonition-title">{title}</p>{"".join(lines)}</div>'


def _paragraph(line: str) -> str:
    return f"<p>{_text(line)}</p>"


def _text(line: str) -> str:
    """`line` as HTML on one line, without what MyST or a formula would begin with."""
    return "".join(c if c.isalnum() or c in " .,:;-_/" else f"&#{ord(c)};" for c in line)
