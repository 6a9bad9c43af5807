"""A lesson's widgets, moved in its own kernel: what `courses.run_at_smoke` puts under a lesson that it runs."""

from collections.abc import Iterable
from typing import Any

import ipywidgets as widgets

CELL = """
from widgets_moved import every_widget_answers
every_widget_answers(Out.values())
"""


def every_widget_answers(outputs: Iterable[Any]) -> None:
    """Each widget among a lesson's outputs changes picture and text with its first control, and shows no error."""
    found = [output for output in outputs if isinstance(output, widgets.VBox)]
    assert found, "no widget"
    for widget in found:
        control, *_, shown = widget.children
        before = shown.outputs
        _move(control)
        for run in (child for child in widget.children if isinstance(child, widgets.Button)):
            run.click()
        count = len(shown.outputs), len(before)
        assert count == (2, 2), f"{control.description}: {count} outputs, expected a picture and a line of text"
        for now, then in zip(shown.outputs, before, strict=True):
            assert now["output_type"] == "display_data", now
            assert now["data"] != then["data"], f"{control.description}: nothing changed"


def _move(control: widgets.ValueWidget) -> None:
    """A slider twenty steps to the right, or to its end; a list to its second choice."""
    if isinstance(control, widgets.Dropdown | widgets.SelectionSlider):
        last = len(control.options) - 1
        control.index = 1 if isinstance(control, widgets.Dropdown) else min(control.index + 20, last)
    else:
        control.value = min(control.value + 20 * control.step, control.max)
