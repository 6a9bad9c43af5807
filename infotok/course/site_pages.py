"""A Sphinx extension for the course's site: pages include no other files and are cleaned before they are written.

The notebooks on the site may have been executed by somebody else, so nothing in them is trusted.
"""

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import download_reference

from infotok.course.safe import clean

__all__ = ["setup"]


def setup(application: Any) -> dict[str, bool]:
    """Sphinx calls this to load the extension."""
    application.set_html_assets_policy("always")  # MathJax on every page: Sphinx does not know of formulas in outputs
    application.connect("builder-inited", _include_nothing)
    application.connect("doctree-read", _keep_inside, priority=1)  # before Sphinx collects what to copy
    application.connect("html-page-context", _clean_page)
    return {"parallel_read_safe": True}


def _include_nothing(application: Any) -> None:
    application.env.settings["file_insertion_enabled"] = False


def _keep_inside(application: Any, doctree: nodes.document) -> None:
    """Remove pictures and downloads from outside the site's sources, and markup in titles, which other pages repeat."""
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
        context["body"] = clean(context["body"])
