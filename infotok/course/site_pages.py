"""A Sphinx extension for the course's site: pages include no other files and are cleaned before they are written.

The notebooks on the site may have been executed by somebody else, so nothing in them is trusted.
"""

from itertools import pairwise
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
    application.connect("doctree-read", _describe_pictures)
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


def _describe_pictures(application: Any, doctree: nodes.document) -> None:
    """Give each picture its text: what the figure says of itself, else its caption, else its section's title."""
    bundles = [node for node in doctree.findall(nodes.container) if node.get("nb_element") == "mime_bundle"]
    for bundle, following in pairwise([*bundles, None]):
        for picture in bundle.findall(nodes.image):
            said = _of_type(bundle, "text/plain")
            caption = _of_type(following, "text/markdown") if following else ""
            picture["alt"] = said if said and not said.startswith("<") else caption or _title_above(bundle)
    for picture in doctree.findall(nodes.image):
        picture["alt"] = picture.get("alt") or _title_above(picture)


def _of_type(bundle: nodes.Element, kind: str) -> str:
    """The text of an output in one of its forms, on one line."""
    parts = [part.astext() for part in bundle.findall(nodes.container) if part.get("mime_type") == kind]
    return " ".join(" ".join(parts).split())


def _title_above(node: nodes.Node | None) -> str:
    while node is not None and not isinstance(node, nodes.section):
        node = node.parent
    title = next(iter(node.findall(nodes.title)), None) if node is not None else None
    return f"Figure: {title.astext()}" if title is not None else "Figure"


def _clean_page(application: Any, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    if "body" in context:
        context["body"] = clean(context["body"])
