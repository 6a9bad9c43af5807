"""The course as a website: every notebook as it ran, the pages of docs/ and the API reference, with a search.

    runs/PROFILE/site/index.html

Sphinx with MyST-NB makes the pages, `infotok.course.site_pages` cleans them. The site opens from disk and fetches
nothing: MathJax, which sets the formulas, is copied into it.
"""

import importlib.util
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import nbformat

from infotok.course.course import Course, Refusal
from infotok.course.display import clock
from infotok.course.downloads import FOLDER
from infotok.course.parameters import asked
from infotok.course.profiles import NOTES
from infotok.course.reference import write_reference
from infotok.course.report import unjudged, write_report
from infotok.course.runs import Shown, shown
from infotok.course.site_lesson import lesson_page
from infotok.optional import needs

__all__ = ["write_site"]

CONFIGURATION = {
    "project": "infotok",
    "extensions": ["myst_nb", "sphinx.ext.mathjax", "infotok.course.site_pages"],
    "html_theme": "furo",
    "html_title": "infotok",
    "html_show_copyright": False,
    "html_show_sphinx": False,
    "html_copy_source": False,
    "html_static_path": ["_static"],
    "templates_path": ["_templates"],
    "html_css_files": ["site.css", "slides.css"],
    "html_js_files": [(name, {"defer": "defer"}) for name in ("figures.js", "code.js", "slides.js")],
    "myst_enable_extensions": ["dollarmath", "amsmath"],
    "myst_heading_anchors": 3,
    "nb_execution_mode": "off",
    "nb_merge_streams": True,
    "nb_code_prompt_show": "Code",
    "nb_code_prompt_hide": "Code",
    "pygments_style": "a11y-high-contrast-light",
    "myst_mathjax_classes": "math|text_html",  # the elements in which MathJax looks for formulas
    "mathjax_path": "mathjax/tex-svg.js",  # draws glyphs itself: fonts cannot be loaded from disk in every browser
    "mathjax3_config": {
        "loader": {"load": ["ui/safe"]},  # no links to scripts in formulas
        "tex": {
            "inlineMath": [["\\(", "\\)"], ["$", "$"]],
            "packages": {"[-]": ["require", "autoload"]},  # and no extensions that a formula asks for
        },
        "options": {"enableMenu": False},
    },
}
MATHJAX = ("tex-svg.js", "ui/safe.js")  # of the package sphinx-mathjax-offline


def write_site(course: Course, profile: str, wanted: dict[str, dict[str, Any] | Refusal] | None = None) -> Path:
    """Write the site, and the report with links to its pages; returns the site's first page.

    Args:
        course: the clone.
        profile: the profile of the runs.
        wanted: the parameters of the run to show of each lesson; by default the profile's own.

    A notebook that was not run with these parameters, or whose run is damaged, is shown as its source and says so.

    Raises:
        Refusal: for a course without `docs/`, and for a profile at which no such run has ended.
    """
    wanted = asked(course, profile, []) if wanted is None else wanted
    lessons = shown(course, profile, wanted)
    if not any(lesson.manifest for lesson in lessons):
        raise Refusal(
            f"profile: got {profile}, of which no run has ended, expected one: infotok run --profile {profile}"
        )
    if not (course.root / "docs" / "index.md").exists():
        raise Refusal(f"docs: got none in {course.root}, expected a clone with docs/index.md")
    target = course.root / "runs" / profile / "site"
    with tempfile.TemporaryDirectory(prefix="infotok-site-") as folder:
        source, built, kept = (Path(folder, name) for name in ("source", "site", FOLDER))
        shutil.copytree(course.root / "docs", source)
        if (course.root / "figures").exists():
            shutil.copytree(course.root / "figures", source / "figures", ignore=shutil.ignore_patterns("*.json"))
        for page in source.glob("*.md"):  # docs/ lies beside notebooks/, and here it is the root
            text = page.read_text(encoding="utf-8")
            for folder in ("notebooks", "figures"):
                text = text.replace(f"](../{folder}/", f"]({folder}/")
            page.write_text(text, encoding="utf-8")
        (source / "notebooks").mkdir()
        for lesson in lessons:
            page = lesson_page(course, lesson, profile, kept)
            nbformat.write(page, source / "notebooks" / f"{lesson.name}.ipynb")
        if (source / "api.md").exists():
            write_reference(source / "api.md")
        _index(source / "index.md", lessons, profile)
        _copy_mathjax(source / "_static" / "mathjax")
        _build(source, built)
        shutil.copytree(kept, built / FOLDER)
        shutil.copy(write_report(course, profile, wanted, pages="notebooks"), built)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(built, target)
    write_report(course, profile, wanted, pages="site/notebooks")
    return target / "index.html"


def _index(path: Path, lessons: list[Shown], profile: str) -> None:
    """Add to the first page the map of the course, and the tree that its navigation is made of."""
    claims = [claim for lesson in lessons if lesson.manifest for claim in lesson.manifest["claims"]]
    later, count = unjudged(claims), sum(claim["holds"] is None for claim in claims)
    left = f"{count} of the {len(claims)} claims are judged {later}." if later else ""
    said = " ".join(sentence for sentence in (NOTES.get(profile), left) if sentence)
    rows = ["## The map", "", *([said, ""] if said else []), "| lesson | took | claims that hold |", "|---|---|---|"]
    titles = {lesson.name: f"{lesson.name[:2]} · {' '.join(lesson.title.split())}" for lesson in lessons}
    for lesson in lessons:
        took, held = "not run", ""
        if lesson.manifest:
            took = f"{clock(lesson.manifest['seconds'])} min"
            judged = [claim["holds"] for claim in lesson.manifest["claims"] if claim["holds"] is not None]
            held = f"{sum(judged)} of {len(judged)}" if judged else "–"
        rows.append(f"| [{titles[lesson.name]}](notebooks/{lesson.name}.ipynb) | {took} | {held} |")
    notebooks = [f"{title} <notebooks/{name}>" for name, title in titles.items()]
    tree = "```{{toctree}}\n:hidden:\n:caption: {}\n\n{}\n```"
    besides = sorted(page.stem for page in path.parent.glob("*.md") if page != path)
    trees = [tree.format(*each) for each in (("The course", "\n".join(notebooks)), ("Reference", "\n".join(besides)))]
    path.write_text("\n\n".join([path.read_text(encoding="utf-8"), "\n".join(rows), *trees]), encoding="utf-8")


def _copy_mathjax(folder: Path) -> None:
    package = importlib.util.find_spec("sphinx-mathjax-offline")
    if package is None:
        raise Refusal("site: got no sphinx-mathjax-offline, expected it installed: pip install -e '.[site]'")
    for name in MATHJAX:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(package.origin).parent / "static" / "mathjax" / name, folder / name)


def _build(source: Path, built: Path) -> None:
    with needs("site", "infotok site"):
        import furo  # noqa: F401 - Sphinx finds the theme and the parser by name
        import myst_nb  # noqa: F401
        from sphinx.application import Sphinx

    with tempfile.TemporaryDirectory() as trees, open(os.devnull, "w") as nowhere:
        warnings = source.parent / "warnings.txt"
        with warnings.open("w", encoding="utf-8") as heard:
            application = Sphinx(source, None, built, trees, "html", CONFIGURATION, status=nowhere, warning=heard)
            application.build()
    plain = re.sub(r"\x1b\[[0-9;]*m", "", warnings.read_text(encoding="utf-8"))
    printed = [line for line in plain.splitlines() if line.strip()]
    if application.statuscode or printed:
        raise Refusal("site: " + "; ".join(printed))
