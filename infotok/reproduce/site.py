"""The course as a site: every notebook as it last ran, searchable, opened from disk or served; nothing is fetched.

    runs/PROFILE/site/index.html

Sphinx with myst-nb makes the pages from `docs/` and the executed notebooks; formulas are MathML, so that no page needs
a script of somebody else's.
"""

import os
import shutil
import tempfile
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from latex2mathml.converter import convert as to_mathml

from infotok.files import read_json
from infotok.reproduce.course import Course, Refusal
from infotok.reproduce.display import clock
from infotok.reproduce.pages import typeset_outputs, without_widgets

__all__ = ["write_site"]

CONFIGURATION = {
    "project": "infotok",
    "extensions": ["myst_nb", __name__],
    "html_theme": "furo",
    "html_title": "infotok",
    "html_show_copyright": False,
    "html_show_sphinx": False,
    "html_copy_source": False,
    "html_math_renderer": "mathml",
    "html_static_path": ["_static"],
    "html_css_files": ["site.css"],
    "myst_enable_extensions": ["dollarmath", "amsmath"],
    "myst_heading_anchors": 3,
    "nb_execution_mode": "off",
    "nb_merge_streams": True,
    "pygments_style": "a11y-high-contrast-light",
}


def write_site(course: Course, profile: str) -> Path:
    """Write the site of the latest ended runs at this profile; a notebook that was not run stands there as its source.

    Refuses a course that has no `docs/` and a profile at which nothing was run.
    """
    runs = {name: course.manifests(profile, name) for name in course.names}
    if not any(runs.values()):
        raise Refusal(
            f"profile: got {profile}, of which no run has ended, expected one: infotok run --profile {profile}"
        )
    if not (course.root / "docs" / "index.md").exists():
        raise Refusal(f"docs: got none in {course.root}, expected a clone with docs/index.md")
    target = course.root / "runs" / profile / "site"
    with tempfile.TemporaryDirectory(prefix="infotok-site-") as folder:
        source, built = Path(folder, "source"), Path(folder, "site")
        shutil.copytree(course.root / "docs", source)
        if (course.root / "figures").exists():
            shutil.copytree(course.root / "figures", source / "figures", ignore=shutil.ignore_patterns("*.json"))
        for page in source.glob("*.md"):  # docs/ lies beside notebooks/, and here it is the root
            page.write_text(
                page.read_text(encoding="utf-8").replace("](../notebooks/", "](notebooks/"), encoding="utf-8"
            )
        (source / "notebooks").mkdir()
        for name, ended in runs.items():
            notebook = _executed(course, name, ended[0] if ended else None, profile)
            nbformat.write(notebook, source / "notebooks" / f"{name}.ipynb")
        _index(course, source / "index.md", runs)
        _build(source, built)
        report = course.root / "runs" / profile / "report.html"
        for page in [report, *(report.with_name(f"{name}.html") for name in course.names)]:
            if page.exists():
                shutil.copy(page, built)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(built, target)
    return target / "index.html"


def _executed(course: Course, name: str, manifest: Path | None, profile: str) -> nbformat.NotebookNode:
    """The notebook to show, without what papermill put into it, and a line that says which run this was."""
    path = manifest.with_name(f"{name}.ipynb") if manifest else course.notebook(name)
    shown = manifest is not None and path.exists()
    notebook = without_widgets(nbformat.read(path if shown else course.notebook(name), as_version=4))
    notebook.cells = [cell for cell in notebook.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    for cell in notebook.cells:
        cell.source = cell.source.replace("](../docs/", "](../") if cell.cell_type == "markdown" else cell.source
        typeset_outputs(cell)
    notebook.cells.insert(
        1, nbformat.v4.new_markdown_cell(_said(read_json(manifest)) if shown else NOT_RUN.format(profile))
    )
    return notebook


NOT_RUN = "```{{note}}\nThis lesson was not run at the profile {}; here is its source.\n```"


def _said(manifest: dict[str, Any]) -> str:
    """What a run came to, in a box."""
    claims = [claim["holds"] for claim in manifest["claims"]]
    counted = [(claims.count(True), "hold"), (claims.count(False), "fail"), (claims.count(None), "are not judged")]
    verdict = ", ".join(f"{count} {what}" for count, what in counted if count) or "none"
    lines = [
        f"As it ran on {manifest['started'][:10]}, in {clock(manifest['seconds'])} minutes, by",
        f"`{manifest['command']}`",
        f'Claims: {verdict}. The <a href="../report.html#{manifest["notebook"]}">report</a> has them all.',
    ]
    return "```{admonition} This run\n:class: tip\n" + "\n\n".join(lines) + "\n```"


def _index(course: Course, path: Path, runs: dict[str, list[Path]]) -> None:
    """Add to the first page the map of the course, and the tree that its navigation is made of."""
    rows = ["## The map", "", "| lesson | took | claims that hold |", "|---|---|---|"]
    for name, ended in runs.items():
        manifest = read_json(ended[0]) if ended else None
        took, held = "not run", ""
        if manifest:
            took = f"{clock(manifest['seconds'])} min"
            judged = [claim["holds"] for claim in manifest["claims"] if claim["holds"] is not None]
            held = f"{sum(judged)} of {len(judged)}"
        rows.append(f"| [{name[:2]} · {course.title(name)}](notebooks/{name}.ipynb) | {took} | {held} |")
    notebooks = [f"{name[:2]} · {course.title(name)} <notebooks/{name}>" for name in runs]
    tree = "```{{toctree}}\n:hidden:\n:caption: {}\n\n{}\n```"
    besides = sorted(page.stem for page in path.parent.glob("*.md") if page != path)
    trees = [tree.format(*each) for each in (("The course", "\n".join(notebooks)), ("Besides", "\n".join(besides)))]
    path.write_text("\n\n".join([path.read_text(encoding="utf-8"), "\n".join(rows), *trees]), encoding="utf-8")


def _build(source: Path, built: Path) -> None:
    from sphinx.application import Sphinx

    with tempfile.TemporaryDirectory() as trees, open(os.devnull, "w") as nowhere:
        warnings = source.parent / "warnings.txt"
        with warnings.open("w") as heard:
            application = Sphinx(source, None, built, trees, "html", CONFIGURATION, status=nowhere, warning=heard)
            application.build()
    said = [line for line in warnings.read_text().splitlines() if line.strip()]
    if application.statuscode or said:
        raise Refusal("site: " + "; ".join(said))


def setup(application: Any) -> dict[str, bool]:
    """Sphinx calls this: formulas as MathML, and one that MathML cannot say as it was written."""
    from docutils.nodes import SkipNode

    def renderer(display: str):
        def visit(writer: Any, node: Any) -> None:
            try:
                writer.body.append(to_mathml(node.astext(), display=display))
            except Exception:
                writer.body.append(f"<code>{escape(node.astext())}</code>")
            raise SkipNode

        return visit, None

    application.add_html_math_renderer("mathml", renderer("inline"), renderer("block"))
    return {"parallel_read_safe": True}
