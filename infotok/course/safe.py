"""Markup that only shows something: what a notebook put out or a manifest says is a stranger's until it is cleaned.

HTML keeps the elements and attributes named here and loses scripts, styles, frames, forms and anything fetched from
elsewhere; formulas are set as MathML after that, and MathML keeps no links. bleach, by nbconvert's own preprocessor,
does the cleaning.
"""

import copy
import re
from html import unescape
from typing import Any
from xml.etree.ElementTree import tostring

import nbformat
from bleach import ALLOWED_TAGS
from bleach.css_sanitizer import ALLOWED_CSS_PROPERTIES
from latex2mathml.converter import convert_to_element
from nbconvert.preprocessors.sanitize import SanitizeHTML

__all__ = ["clean", "mathml", "only_shown", "typeset"]

# Elements whose content is not text either, so that it goes with them.
DROPPED = re.compile(r"<(script|style|template|noscript|iframe|object|svg|math)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.I)
ELEMENTS = """
article aside br caption cite col colgroup dd del details div dl dt figcaption figure h1 h2 h3 h4 h5 h6 hr img ins kbd
main mark nav p pre q s samp section small span sub summary sup table tbody td tfoot th thead tr u var
"""
TAGS = ALLOWED_TAGS | {*ELEMENTS.split()}
STYLES = (ALLOWED_CSS_PROPERTIES - {"cursor"}) | {
    *("border", "border-left", "border-right", "border-top", "border-bottom", "border-radius", "max-width", "opacity"),
    *(f"{box}{side}" for box in ("margin", "padding") for side in ("", "-left", "-right", "-top", "-bottom")),
}
SCHEMES = (None, "http", "https", "mailto")

LOOKS = """
xmlns display mathvariant stretchy fence form separator lspace rspace width height depth voffset minsize maxsize
linethickness columnalign rowalign columnlines rowlines columnspacing rowspacing accent accentunder movablelimits
displaystyle scriptlevel largeop symmetric mathsize mathcolor mathbackground notation frame
"""
MATHML_ATTRIBUTES = {*LOOKS.split()}
# Tags and code come first, so that a dollar inside them is left alone; no formula goes beyond a tag.
MATH = re.compile(
    r"""(<(pre|code)\b.*?</\2\s*>|<(?:[^>"']|"[^"]*"|'[^']*')*>|```[^<]*?```|`[^`\n<]*`)"""
    r"|\$\$([^<]+?)\$\$|(?<![\\$])\$(?=[^\s$])([^$<]*?[^\s\\$<])\$(?!\d)",
    re.DOTALL,
)
SHOWN = {"text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/jpeg"}


def _attribute(tag: str, name: str, value: str) -> bool:
    if name in ("src", "href"):
        scheme, host = _destination(value)
        return tag == "a" and scheme in SCHEMES if name == "href" else tag == "img" and not scheme and not host
    if name in ("class", "id", "style", "title", "alt", "lang", "dir", "role", "open", "width", "height", "start"):
        return True
    if tag in ("td", "th", "col", "colgroup"):
        return name in ("colspan", "rowspan", "align", "scope", "span")
    return tag == "a" and name in ("rel", "download")


def _destination(link: str) -> tuple[str | None, bool]:
    """The scheme of a link, as a browser finds it, and whether it names a host."""
    link = re.sub(r"[\x00-\x20]", "", unescape(link))
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", link)
    return (scheme[1].lower() if scheme else None), link[:2].replace("\\", "/") == "//"


_SANITIZER = SanitizeHTML(tags=sorted(TAGS), attributes=_attribute, styles=sorted(STYLES), strip=True)


def clean(html: str | bytes) -> str:
    """HTML that runs nothing, links by http, https and mailto only, and fetches nothing."""
    html = html.decode() if isinstance(html, bytes) else str(html)
    return _SANITIZER.sanitize_html_tags(DROPPED.sub("", html))


def mathml(latex: str, display: str = "inline") -> str:
    """LaTeX as MathML without links, styles and names. Raises whatever latex2mathml raises for what is no formula."""
    tree = convert_to_element(latex.strip(), display=display)
    for element in tree.iter():
        element.attrib = {key: value for key, value in element.attrib.items() if key in MATHML_ATTRIBUTES}
        element.text = unescape(element.text or "")  # it is full of character references
    return tostring(tree, encoding="unicode", short_empty_elements=False).replace("\n", " ")


def typeset(html: str) -> str:
    """Clean HTML with LaTeX between dollars as MathML; a formula that MathML cannot say stays as it was written."""

    def one(match: re.Match) -> str:
        markup, _, block, inline = match.groups()
        if markup:
            return markup
        try:
            return mathml(unescape(block or inline), "block" if block else "inline")
        except Exception:
            return match[0]

    return MATH.sub(one, html)


def only_shown(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy of an executed notebook without the outputs and the metadata that a page or its maker would act on."""
    notebook = copy.deepcopy(notebook)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata = _node({"kernelspec": kernel, "language_info": {"name": "python"}})
    for cell in notebook.cells:
        tags = [tag for tag in cell.metadata.get("tags", []) if re.fullmatch(r"[\w-]+", str(tag))]
        hidden = cell.metadata.get("jupyter", {}).get("source_hidden") is True
        cell.metadata = _node({"tags": tags, **({"jupyter": {"source_hidden": True}} if hidden else {})})
        for output in cell.get("outputs", []):
            if "data" in output:
                data = {kind: data for kind, data in output.data.items() if kind in SHOWN}
                output.data = _node(data or {"text/plain": "(shown in JupyterLab only)"})
                output.metadata = _node({})
    return notebook


def _node(value: dict[str, Any]) -> nbformat.NotebookNode:
    return nbformat.from_dict(value)
