"""Widgets: sliders that redraw the picture of a pure function, with a sentence under it.

    explore(plots.gaussian.plane, text=describe, beta=(1.0, 20.0, 0.5, 4.0), points=[50, 100, 200])

- The function is the same one that the tests call over a grid and that a headless run calls once.
- The picture follows a slider while it is dragged, if the last update took under 0.1 s; else it waits until the slider
  is let go. The page holds moves back while one is drawn and sends the latest, so a drag never builds a queue.
- A picture shown before is kept, so that going back to a value draws nothing.
- A slow picture (over 0.3 s) waits for its Run button.
- The picture is as high as the window leaves beside controls and sentence, so that all three are seen together.
- An error is shown in the widget's own output, where the reader sees it and the runner finds it.
- Outputs are set by the kernel, not captured by the page as `interactive_output` does: a headless client that sends
  captured outputs back can miss the cell's end (jupyter_client sends on a shadow of the socket that it waits on,
  which loses the wake-up), and then waits for ever. Setting them also makes a widget testable without a browser.
"""

import traceback
from base64 import b64encode
from collections.abc import Callable, Iterable
from decimal import Decimal
from time import perf_counter
from typing import Any

import ipywidgets as widgets
from IPython.core.formatters import DisplayFormatter
from IPython.display import Markdown

from infotok.errors import require, require_flag, require_float, require_function
from infotok.lab.plots.style import Drawing

LIVE = 0.1  # seconds: an update that takes less can follow a hand
RETRIED = 0.5  # seconds: a first update up to here is timed once more, without what only the first one does
ROW, REST = 34, 200  # pixels: a row of controls; JupyterLab's own bars, the sentence and margins
KEPT = 64  # pictures, the latest used, of some 100 kB each
MOST_DECIMALS = 6  # of a slider's readout
NARROW = 3  # controls from here on stand two in a row


def explore(plot: Callable[..., Any], *, text: Callable[..., str] | None = None, button: bool = False, **controls: Any):
    """A widget that shows `plot(**values)`, and `text(**values)` under it, for the values of its controls.

    Args:
        plot: a pure function returning a figure (or anything that a cell can display). It is called once for each
            combination of values among the last 64 that were shown.
        text: a pure function of the same arguments returning a line of Markdown: how to read the picture.
        button: wait for a click on Run, for updates that take over 0.3 s.
        controls: for each argument a slider (min, max, step, start), a list to choose from (the first is the
            start; entries may be (label, value)), a bool for a checkbox, or any ipywidget with a value.

    An update that took under 0.1 s lets the sliders send while they are dragged; after a slower one they wait until
    they are let go (`continuous_update` of ipywidgets).

    Returns:
        An `ipywidgets.VBox` of the controls, a rule for the page, and the output; each control is described and reached
        by Tab.

    Example:
        >>> from infotok.lab import explore
        >>> def square(x: float) -> str:  # or a figure
        ...     return f"{x} squared is {x * x}"
        ...
        >>> box = explore(square, x=(0.0, 2.0, 0.5, 1.5))  # a slider: least, most, step, start
        >>> box.children[0].value, box.children[-1].outputs[0]["data"]["text/plain"]
        (1.5, "'1.5 squared is 2.25'")
    """
    require_function("plot", plot, "a function that returns a picture"), require_flag("button", button)
    if text is not None:
        require_function("text", text, "a function that returns a line")
    require(controls, "controls", controls, "at least one control")
    inputs = {name: _control(name, value, len(controls) >= NARROW) for name, value in controls.items()}
    output = widgets.Output(layout={"width": "100%"})
    kept: dict[Any, tuple[dict[str, Any], ...]] = {}  # outputs by their values, the latest used last

    def update(_: Any = None) -> None:
        began = perf_counter()
        values = {name: control.value for name, control in inputs.items()}
        key = None if button else _key(values)  # Run draws again
        if key is not None and key in kept:
            kept[key] = output.outputs = kept.pop(key)
            return  # it says nothing about how long a picture takes
        try:
            shown = [plot(**values), *([Markdown(text(**values))] if text else [])]
            output.outputs = tuple(_display_data(item) for item in shown)
            if key is not None:
                kept[key] = output.outputs
                if len(kept) > KEPT:
                    del kept[next(iter(kept))]
        except Exception as error:  # shown to the reader; a callback has no caller to raise it to
            output.outputs = (_error(error),)
        if not button:
            _follow(inputs.values(), perf_counter() - began < LIVE)

    children = [*inputs.values(), _fitted(len(inputs), button), output]
    began = perf_counter()
    update()
    if button:
        run = widgets.Button(description="Run", icon="play", button_style="primary")
        run.on_click(update)
        children.insert(-2, run)
    else:
        if LIVE <= perf_counter() - began < RETRIED:
            kept.clear()
            update()
        for control in inputs.values():
            control.observe(update, "value")
    box = widgets.VBox(children, layout={"flex_flow": "row wrap"})
    return box.add_class(_name(len(inputs), button))


def _key(values: dict[str, Any]) -> Any:
    """What `values` are kept by; None where one of them is a list, an array or the like."""
    key = tuple((name, type(value), value) for name, value in values.items())
    try:
        hash(key)
    except TypeError:
        return None
    return key


def _follow(controls: Iterable[widgets.ValueWidget], live: bool) -> None:
    """Let the sliders send their value while they are dragged, or not; text fields send theirs at the end alone."""
    for control in controls:
        if control.has_trait("readout"):
            control.continuous_update = live


def _name(controls: int, button: bool) -> str:
    """The class of a widget's box, by what its picture must leave room for."""
    return f"infotok-explore-{controls}{'-run' * button}"


def _fitted(controls: int, button: bool) -> widgets.HTML:
    """A rule of the page: pictures of a box of this class are as high as its controls and sentence leave."""
    rows = (-(-controls // 2) if controls >= NARROW else controls) + button
    height = f"max(200px, calc(100vh - {REST + ROW * rows}px))"
    rule = f".{_name(controls, button)} img {{ max-height: {height}; max-width: 100%; width: auto; height: auto }}"
    return widgets.HTML(f"<style>{rule}</style>", layout={"display": "none"})


def _display_data(item: Any) -> dict[str, Any]:
    data, metadata = item._repr_mimebundle_() if isinstance(item, Drawing) else DisplayFormatter().format(item)
    data = {kind: b64encode(part).decode() if isinstance(part, bytes) else part for kind, part in data.items()}
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def _error(error: Exception) -> dict[str, Any]:
    frames = error.__traceback__.tb_next  # the first is this file's
    lines = "".join(traceback.format_exception(type(error), error, frames)).splitlines()
    return {"output_type": "error", "ename": type(error).__name__, "evalue": str(error), "traceback": lines}


def _decimals(low: float, step: float, start: float) -> int:
    """As many digits behind the point as a step shows, and as the values need: steps of 0.5 from 0.05 have two."""
    written = [Decimal(str(step)), *(Decimal(str(number)).normalize() for number in (low, start))]
    return min(max(0, *(-number.as_tuple().exponent for number in written)), MOST_DECIMALS)


def _control(name: str, value: Any, narrow: bool) -> widgets.ValueWidget:
    """A control described by its argument's name, which updates when it is let go; narrow, for two in a row."""
    label = name.replace("_", " ")
    if isinstance(value, widgets.ValueWidget):
        control = value
        control.description = control.description or label
    elif isinstance(value, bool):
        control = widgets.Checkbox(value, description=label, indent=False)
    elif isinstance(value, list):
        require(value and all(choice == choice for choice in value), name, value, "one choice or more, none NaN")
        control = widgets.Dropdown(options=value, description=label)
    else:
        expected = "(min, max, step, start), a list of choices, a bool or an ipywidget"
        require(isinstance(value, tuple) and len(value) == 4, name, value, expected, TypeError)
        low, high, step, start = value
        for number in value:
            require_float(name, number)
        require(
            low <= start <= high and step > 0, name, value, "(min, max, step, start), min <= start <= max, step > 0"
        )
        whole = all(isinstance(number, int) for number in value)
        decimals = _decimals(low, step, start)
        kind, readout = (widgets.IntSlider, "d") if whole else (widgets.FloatSlider, f".{decimals}f")
        control = kind(start, min=low, max=high, step=step, description=label, readout_format=readout)
    if control.has_trait("continuous_update"):
        control.continuous_update = False
    control.tooltip = control.tooltip or control.description  # else the page's tooltip reads "null"
    control.style.description_width = "initial"  # the whole description, however long
    control.layout.width = control.layout.width or ("22em" if narrow else "32em")
    return control
