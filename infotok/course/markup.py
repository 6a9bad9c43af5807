"""Markdown as the lessons write it: its blocks, and HTML of it that opens offline, formulas included.

markdown-it reads it, as MyST does for the site. MathJax, which sets the formulas, stands in the page itself.
"""

import importlib.util
import json
import re
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from infotok.course.refusal import Refusal

__all__ = ["blocks", "items", "mathjax", "to_html"]

KINDS = {
    "heading_open": "heading",
    "paragraph_open": "paragraph",
    "bullet_list_open": "list",
    "ordered_list_open": "numbered",
    "math_block": "formula",
}
CONFIGURATION = {
    "tex": {"packages": {"[-]": ["require", "autoload"]}},  # no extensions that a formula asks for
    "svg": {"fontCache": "local"},
    "options": {"enableMenu": False, "ignoreHtmlClass": "page", "processHtmlClass": "math"},  # formulas, and no text
}
EXTRA = "pip install -e '.[site]'"


def blocks(markdown: str) -> Iterator[tuple[str, str]]:
    """The blocks of a text: (kind, source), kind one of heading, paragraph, list, numbered, formula, other."""
    lines = markdown.splitlines()
    for token in _parser().parse(markdown):
        if token.level == 0 and token.map and token.nesting >= 0:
            first, last = token.map
            yield KINDS.get(token.type, "other"), "\n".join(lines[first:last]).strip()


def items(markdown: str) -> tuple[str, ...]:
    """The entries of a list, without their marks."""
    lines = markdown.splitlines()
    found = [token.map for token in _parser().parse(markdown) if token.type == "list_item_open" and token.level == 1]
    entries = ("\n".join(lines[first:last]) for first, last in found)
    return tuple(re.sub(r"\n {2,3}", "\n", re.sub(r"^\s*(?:[-*]|\d+\.)\s+", "", entry)).strip() for entry in entries)


def to_html(markdown: str) -> str:
    """HTML of a text, cleaned; formulas stand in elements of the class `math`, links within the course as words."""
    from infotok.course.safe import clean

    return clean(_parser().render(markdown))


@cache
def mathjax() -> str:
    """The script that sets the formulas of the class `math`, with its configuration; a page that has it is complete."""
    package = importlib.util.find_spec("sphinx-mathjax-offline")
    if package is None:
        raise Refusal(f"formulas: got no sphinx-mathjax-offline, expected it installed: {EXTRA}")
    script = Path(package.origin).parent / "static" / "mathjax" / "tex-svg.js"
    text = script.read_text(encoding="utf-8").replace("</script", "<\\/script")
    return f"<script>window.MathJax = {json.dumps(CONFIGURATION)};</script>\n<script>{text}</script>"


@cache
def _parser() -> Any:
    try:
        from markdown_it import MarkdownIt
        from mdit_py_plugins.dollarmath import dollarmath_plugin
    except ModuleNotFoundError as missing:
        raise Refusal(f"pages: got no {missing.name}, expected it installed: {EXTRA}") from None
    parser = MarkdownIt("commonmark", {"html": True}).enable("table").use(dollarmath_plugin, renderer=_formula)
    parser.add_render_rule("link_open", _link_open)
    parser.add_render_rule("link_close", lambda self, tokens, at, options, env: _closed(tokens, at))
    return parser


def _formula(content: str, options: dict[str, Any]) -> str:
    return f"\\[{escape(content)}\\]" if options["display_mode"] else f"\\({escape(content)}\\)"


def _link_open(self: Any, tokens: Any, at: int, options: Any, env: Any) -> str:
    return self.renderToken(tokens, at, options, env) if _leads_out(tokens[at]) else ""


def _closed(tokens: Any, at: int) -> str:
    """The end of a link that was written: links are not nested, so the latest before it is its own."""
    opened = next(token for token in reversed(tokens[:at]) if token.type == "link_open")
    return "</a>" if _leads_out(opened) else ""


def _leads_out(token: Any) -> bool:
    return str(token.attrGet("href")).startswith("http")
