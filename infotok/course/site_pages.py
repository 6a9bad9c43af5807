"""What Sphinx does beside its own for the course's site: every page is cleaned, and its formulas are set as MathML.

The notebooks on the site were executed elsewhere, perhaps by somebody else: they include no file of this machine, and
what they show is HTML that runs nothing.
"""

from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import download_reference

from infotok.course.safe import clean, typeset

__all__ = ["setup"]


def setup(application: Any) -> dict[str, bool]:
    """Sphinx calls this."""
    application.add_html_math_renderer("dollars", _between("$"), _between("$$"))
    application.connect("builder-inited", _include_nothing)
    application.connect("doctree-read", _keep_inside, priority=1)  # before Sphinx collects what to copy
    application.connect("html-page-context", _clean_page)
    return {"parallel_read_safe": True}


def _between(dollars: str):
    """A renderer that leaves a formula as LaTeX between dollars: `_clean_page` sets it once the page is clean."""

    def visit(writer: Any, node: nodes.Element) -> None:
        writer.body.append(escape(f"{dollars}{node.astext().strip()}{dollars}", quote=False))
        raise nodes.SkipNode

    return visit, None


def _include_nothing(application: Any) -> None:
    application.env.settings["file_insertion_enabled"] = False


def _keep_inside(application: Any, doctree: nodes.document) -> None:
    """No picture or download from beside the site's sources, and no markup in a title, which stands on other pages."""
    folder = Path(application.srcdir)
    page = folder / application.env.docname
    for node in [*doctree.findall(nodes.image), *doctree.findall(download_reference)]:
        target = str(node.get("uri") or node.get("reftarget"))
        path = folder / target.lstrip("/") if target.startswith("/") else page.parent / target
        if "://" not in target and not path.resolve().is_relative_to(folder.parent.resolve()):
            node.replace_self(nodes.Text(node.astext() or node.get("alt", "")))
    for title in doctree.findall(nodes.title):
        for raw in [*title.findall(nodes.raw)]:
            raw.replace_self(nodes.Text(""))


def _clean_page(application: Any, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    if "body" in context:
        context["body"] = typeset(clean(context["body"]))
