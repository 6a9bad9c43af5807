"""HTML that only shows something: what a notebook put out or a manifest says is cleaned before a page shows it.

nh3 keeps the elements and attributes named here. Scripts, styles, frames, forms, event handlers and everything that
would be fetched from elsewhere are removed.
"""

import re

from infotok.optional import needs

__all__ = ["clean"]

ELEMENTS = """
a abbr acronym article aside b blockquote br caption cite code col colgroup dd del details div dl dt em figcaption
figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li main mark nav ol p pre q s samp section small span strong sub summary sup
table tbody td tfoot th thead tr u ul var
"""
WITH_CONTENT = {"script", "style", "template", "noscript", "iframe", "object", "svg", "math"}  # removed with their text
CELLS = {"colspan", "rowspan", "align", "scope", "span", "width"}
ATTRIBUTES = {
    "*": {"class", "id", "style", "title", "lang", "dir", "role"},
    "a": {"href", "rel", "download"},
    "img": {"src", "alt", "width", "height"},
    "details": {"open"},
    "ol": {"start"},
    **dict.fromkeys(("td", "th", "col", "colgroup"), CELLS),
}
SIDES = ("", "-left", "-right", "-top", "-bottom")
LOOKS = """
background-color border-radius color display font-family font-size font-style font-weight height line-height max-width
opacity overflow text-align text-decoration vertical-align white-space width
"""
STYLES = {*LOOKS.split()} | {f"{box}{side}" for box in ("margin", "padding", "border") for side in SIDES}
PICTURE = re.compile(r"[\w.][\w./ %~+-]*")  # a file beside the page: no scheme and no host


def clean(html: str) -> str:
    """HTML that runs nothing and fetches nothing; its links are relative, or to http, https and mailto."""
    with needs("site", "a page"):
        import nh3

    return nh3.clean(
        html,
        tags={*ELEMENTS.split()},
        clean_content_tags=WITH_CONTENT,
        attributes=ATTRIBUTES,
        attribute_filter=_kept,
        filter_style_properties=STYLES,
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
    )


def _kept(tag: str, attribute: str, value: str) -> str | None:
    """The value of an attribute, or None to remove it."""
    return None if attribute == "src" and not PICTURE.fullmatch(value) else value
