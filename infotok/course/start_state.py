"""Widgets on a page that runs nothing: the values of the controls, and what the widget showed when its lesson ended.

An executed notebook keeps the state of its widgets. A page shows it as a picture, and says how to move the controls.
"""

from html import escape
from typing import Any

import nbformat

__all__ = ["STATE", "start_state"]

STATE = "application/vnd.jupyter.widget-state+json"  # in the notebook's metadata
DEPTH = 10  # boxes in boxes, at most: the state may be a stranger's
OPEN = "To move it, open the lesson in JupyterLab: <code>infotok lab</code>"


def start_state(state: dict[str, Any], model: str, shown: list[str], lesson: str = "") -> list[nbformat.NotebookNode]:
    """The outputs that stand for a widget: a line about its controls, then its picture and text.

    Args:
        state: the widgets of the notebook, by the identity of their model.
        model: the widget to show.
        shown: pictures in the same cell, base64; one of them is not shown again.
        lesson: the name of the lesson, for the line that says what to open; "" for none.

    A state that is damaged gives the line alone.
    """
    try:
        parts = _flat(state, model)
        controls = [text for part in parts if (text := _control(part))]
        pictures = [output for part in parts for output in _outputs(part)]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError):
        controls, pictures = [], []
    again = [output for output in pictures if output.data.get("image/png") in shown]
    set_to = f" with {', '.join(controls)}" if controls else ""
    where = " the picture above" if again else " below" if pictures else ""
    picture = f":{where}{set_to}" if where or set_to else ""
    place = f", then <code>scratch/{escape(lesson)}.ipynb</code>" if lesson else ""
    line = f'<p class="live-only"><b>A widget stands here, at its start</b>{picture}. {OPEN}{place}.</p>'
    said = nbformat.v4.new_output("display_data", {"text/html": line})
    return [said, *(output for output in pictures if output not in again)]


def _flat(state: dict[str, Any], model: str, depth: int = 0) -> list[dict[str, Any]]:
    """The states of a widget and of all that it contains, without boxes."""
    own = state[model]["state"]
    children = own.get("children")
    if children is None or depth > DEPTH:
        return [own]
    names = [str(child).removeprefix("IPY_MODEL_") for child in children]
    return [part for name in names for part in _flat(state, name, depth + 1)]


def _control(part: dict[str, Any]) -> str:
    """`beta = 0.03` as HTML, or "" for what is no control with a value."""
    labels, index = part.get("_options_labels"), part.get("index")
    value = labels[index] if labels and isinstance(index, int) else part.get("value")
    if value is None or not part.get("description"):
        return ""
    if isinstance(value, bool):
        value = "on" if value else "off"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"<b>{escape(str(part['description']))}</b> = {escape(text)}"


def _outputs(part: dict[str, Any]) -> list[nbformat.NotebookNode]:
    """What an output widget shows, each with its data; ValueError if it is no output of a notebook."""
    found = [output for output in part.get("outputs") or [] if output.get("output_type") == "display_data"]
    try:
        return [nbformat.v4.new_output("display_data", dict(output["data"])) for output in found]
    except nbformat.ValidationError as error:
        raise ValueError(str(error).splitlines()[0]) from None
