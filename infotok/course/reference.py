"""The API reference: one page for each subpackage, made from the docstrings of its public names.

griffe reads the sources without importing them; the pages are Markdown, which Sphinx turns into HTML.
"""

import re
from pathlib import Path
from typing import Any

from infotok.optional import needs

__all__ = ["AREAS", "write_reference"]

AREAS = (
    *("information", "bottleneck", "worlds", "tokenizers", "unified"),
    *("companions", "published", "evaluation", "standard", "experiments", "lab"),
)
WIDTH = 96  # characters of a signature on one line
TITLES = {"parameters": "Arguments", "returns": "Returns", "yields": "Yields", "raises": "Raises"}


def write_reference(page: Path) -> None:
    """Write a page for each subpackage into the folder named after `page`, and link them at its end.

    Args:
        page: docs/api.md, whose text introduces the reference; the pages go to docs/api/.
    """
    with needs("site", "infotok site"):
        import griffe

    package = griffe.load("infotok", search_paths=[Path(__file__).parents[2]], docstring_parser="google")
    page.with_suffix("").mkdir()
    listed = []
    for area in AREAS:
        if area in package.members and package[area].exports:
            text = _area(package[area])
            page.with_suffix("").joinpath(f"{area}.md").write_text(text, encoding="utf-8")
            listed.append(f"infotok.{area} <api/{area}>")
    tree = "\n".join(["```{toctree}", ":maxdepth: 1", "", *listed, "```"])
    page.write_text(f"{page.read_text(encoding='utf-8').rstrip()}\n\n{tree}\n", encoding="utf-8")


def _area(area: Any) -> str:
    parts = [f"# infotok.{area.name}", *_docstring(area)]
    for name in sorted(map(str, area.exports), key=str.lower):
        found = _member(area, name)
        if found is not None:
            parts += _described(name, found, "##")
    return "\n\n".join(parts) + "\n"


def _member(area: Any, name: str) -> Any:
    """What an area exports under a name; also what it imports at first use, and a function named as its module is."""
    found = area.members.get(name)
    if found is None:
        found = next((each.members[name] for each in area.modules.values() if name in each.members), None)
    elif not found.is_alias and found.is_module:
        found = found.members.get(name, found)
    return found.final_target if found is not None and found.is_alias else found


def _described(name: str, thing: Any, mark: str) -> list[str]:
    """A heading, the signature and the docstring of a public name; a module's or a class's own names follow."""
    parts = [f"{mark} {name}"]
    if thing.is_attribute:
        return [*parts, _code(f"{name} = {thing.value}") if thing.value is not None else "", *_docstring(thing)]
    if thing.is_function or thing.is_class:
        parts.append(_code(_signature(name, thing)))
    parts += _docstring(thing)
    for inner, member in thing.members.items() if not thing.is_function else []:
        public = not inner.startswith("_") and not member.is_alias and (member.is_function or member.is_class)
        if public and member.docstring:
            parts += _described(f"{name}.{inner}", member, f"{mark}#")
    return parts


def _signature(name: str, thing: Any) -> str:
    """`name(x: int, ...) -> Result`, on several lines where one is too long."""
    function = thing.members.get("__init__") if thing.is_class and "__init__" in thing.members else thing
    parameters = [each for each in thing.parameters if each.name != "self" and each.name != "cls"]
    written, starred = [], False
    for each in parameters:
        kind = each.kind.value if each.kind else ""
        if kind == "keyword-only" and not starred:
            written.append("*")
        starred = starred or kind in ("keyword-only", "variadic positional")
        stars = {"variadic positional": "*", "variadic keyword": "**"}.get(kind, "")
        annotation = f": {each.annotation}" if each.annotation is not None else ""
        default = f"{' = ' if annotation else '='}{each.default}" if each.default is not None and not stars else ""
        written.append(f"{stars}{each.name}{annotation}{default}")
    returns = f" -> {function.returns}" if function.is_function and thing.is_function and function.returns else ""
    line = f"{name}({', '.join(written)}){returns}"
    return line if len(line) <= WIDTH else "\n".join([f"{name}(", *(f"    {each}," for each in written), f"){returns}"])


def _docstring(thing: Any) -> list[str]:
    """The parts of a docstring: its text as it is, arguments, results and errors as lists."""
    parts, whole = [], {"warnings": False, "returns_multiple_items": False}  # a result may take several lines
    for section in thing.docstring.parse("google", **whole) if thing.docstring else []:
        kind = section.kind.value
        if kind == "text":
            parts.append(section.value)
        elif kind in TITLES:
            parts.append("\n".join([f"**{TITLES[kind]}**", "", *map(_item, section.value)]))
        elif kind == "examples":
            parts += [_code(text) if inner.value == "examples" else text for inner, text in section.value]
        elif kind == "admonition" and section.value.kind == "example":
            parts += ["**Example**", _code(section.value.contents)]
        elif kind == "attributes":
            parts.append("\n".join(["**Attributes**", "", *map(_item, section.value)]))
    return parts


def _item(part: Any) -> str:
    """One argument, result or error, as an entry of a list."""
    name = getattr(part, "name", "") or (str(part.annotation) if part.annotation is not None else "")
    text = " ".join(part.description.split())
    return f"- `{name}`: {text}" if name else f"- {text}"


def _code(text: str) -> str:
    """A block of code, without the directives that tell doctest not to run a line."""
    shown = re.sub(r" *# doctest: \+\w+", "", text)
    return f"```python\n{shown}\n```"
