"""Links of pages and lessons lead to files and headings: in the repository, and in the copies that JupyterLab opens."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

from infotok.course.course import Course
from infotok.course.jupyter import SCRATCH, copy_lessons

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ADDRESS = r"[^()<>\s]*(?:\([^()\s]*\)[^()<>\s]*)*"  # it may have brackets in pairs
LINK = re.compile(rf'\]\(<?({ADDRESS})>?(?:\s+"[^"]*")?\)|<(?:a|img)\b[^>]*?(?:href|src)="([^"]+)"')
CODE = re.compile(r"^(`{3,}).*?^\1|`[^`\n]+`", re.DOTALL | re.MULTILINE)


@cache
def text(path: Path) -> str:
    """What a page says, or the Markdown of a lesson, without code."""
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        said = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    else:
        said = path.read_text()
    return CODE.sub("", said)


@cache
def anchors(path: Path) -> set[str]:
    """The names by which its headings are linked, as GitHub and MyST make them."""
    headings = re.findall(r"^#{1,6}\s+(.+?)\s*$", text(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(path: Path) -> set[str]:
    return {first or second for first, second in LINK.findall(text(path))}


def broken(path: Path, folder: Path) -> list[str]:
    """The links of `path` that lead nowhere, if the file lay in `folder`; those to other sites are checked for form."""
    found = []
    for link in sorted(links(path)):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            well_formed = parts.scheme in ("http", "https") and re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc)
            found += [] if well_formed and " " not in link else [f"{link}: not of the form of an address"]
            continue
        target = (folder / unquote(parts.path)).resolve() if parts.path else path
        anchored = parts.fragment and target.suffix in (".md", ".ipynb")
        if not target.exists():
            found.append(f"{link}: no such file")
        elif anchored and unquote(parts.fragment).lower() not in anchors(target):
            found.append(f"{link}: no such heading")
    return found


def test_links_are_found_in_every_form(tmp_path):
    page = tmp_path / "page.md"
    forms = '[a](b.md) ![c](<d.png>) <img alt="x" src="e.png"> [f](https://g/h_(i)) `[j](k)`'
    page.write_text(f"# One two!\n{forms}\n```\n[l](m)\n```")
    assert links(page) == {"b.md", "d.png", "e.png", "https://g/h_(i)"}
    assert anchors(page) == {"one-two"}
    assert broken(page, tmp_path) == [
        "b.md: no such file",
        "d.png: no such file",
        "e.png: no such file",
        "https://g/h_(i): not of the form of an address",
    ]


@pytest.mark.parametrize("path", [*PAGES, *LESSONS], ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    assert broken(path, path.parent) == []


def test_pages_and_lessons_have_links():
    assert {"README.md", "index.md", "findings.md"} <= {path.name for path in PAGES if len(links(path)) >= 5}
    assert all(links(path) for path in LESSONS)


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """A clone after `infotok lab`: the repository's folders, and the copies of the lessons."""
    root = tmp_path_factory.mktemp("clone")
    for folder in ROOT.iterdir():
        if folder.name not in (SCRATCH, "runs", ".git"):
            (root / folder.name).symlink_to(folder)
    assert copy_lessons(Course(root)) == []
    return root


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_links_of_the_copies_lead_somewhere(clone, lesson):
    copy = clone / SCRATCH / lesson.name
    assert links(copy) == links(lesson)
    assert broken(copy, copy.parent) == []
