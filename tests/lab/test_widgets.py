"""Widgets: what the controls become, what moving one does, and where an error goes."""

import base64

import ipywidgets as widgets
import nbformat
import papermill
import pytest

from infotok.lab import explore
from infotok.lab.plots import new, start, style


def line(slope):
    fig, ax = new(width=2, height=1)
    ax.plot([0, slope])
    ax.set_ylim(0, 9)
    return fig


def word(number):
    if number == 3:
        raise ValueError("number: got 3, expected another")
    return widgets.HTML(str(number)) if number < 0 else number


def shown(box):
    """The output widget's state, as the page and the runner get it."""
    return box.children[-1].outputs


def texts(box):
    return [output["data"].get("text/markdown", output["data"]["text/plain"]) for output in shown(box)]


@pytest.mark.parametrize(
    ("control", "kind", "value"),
    [
        ((1, 9, 2, 5), widgets.IntSlider, 5),
        ((0.0, 1.0, 0.25, 0.5), widgets.FloatSlider, 0.5),
        ((0, 1, 0.1, 0), widgets.FloatSlider, 0.0),
        (["a", "b"], widgets.Dropdown, "a"),
        ([("one", 1), ("two", 2)], widgets.Dropdown, 1),
        (True, widgets.Checkbox, True),
        (widgets.FloatLogSlider(value=10, min=0, max=3), widgets.FloatLogSlider, 10),
    ],
)
def test_controls(control, kind, value):
    box = explore(lambda some_name: some_name, some_name=control)
    made, rule, output = box.children
    assert rule.layout.display == "none"
    assert type(made) is kind
    assert made.value == value
    assert made.description == "some name"
    assert made.tooltip == "some name"
    assert isinstance(output, widgets.Output)
    assert made.style.description_width == "initial"
    if isinstance(made, widgets.IntSlider | widgets.FloatSlider | widgets.FloatLogSlider):
        assert made.readout


@pytest.fixture
def clock(monkeypatch):
    """What the widgets take for the time: `clock.seconds` pass with each call of the plot `clock.plot`."""

    class Clock:
        now, seconds, calls = 0.0, 0.0, 0

        def plot(self, **values):
            self.now += self.seconds
            self.calls += 1
            return values["x"]

    clock = Clock()
    monkeypatch.setattr("infotok.lab.widgets.perf_counter", lambda: clock.now)
    return clock


SLIDERS = [
    (0, 9, 1, 4),
    (0.0, 2.0, 0.5, 0.5),
    widgets.FloatLogSlider(value=10, min=0, max=3),
    widgets.SelectionSlider(options=[1, 2, 3]),
]


@pytest.mark.parametrize("slider", SLIDERS, ids=lambda slider: type(slider).__name__)
def test_a_picture_follows_its_slider_while_updates_are_fast(clock, slider):
    clock.seconds = 0.099
    made = explore(clock.plot, x=slider).children[0]
    assert made.continuous_update
    assert clock.calls == 1
    clock.seconds = 0.101
    made.value = 3 if isinstance(made, widgets.SelectionSlider) else made.max
    assert not made.continuous_update, "this one was slow"
    clock.seconds = 0.05
    made.value = 2 if isinstance(made, widgets.SelectionSlider) else 1
    assert made.continuous_update


@pytest.mark.parametrize(("seconds", "calls"), [(0.1, 2), (0.49, 2), (0.5, 1), (3, 1)])
def test_a_first_update_that_is_not_fast_is_timed_again_unless_it_is_slow(clock, seconds, calls):
    clock.seconds = seconds
    assert not explore(clock.plot, x=(0, 9, 1, 4)).children[0].continuous_update
    assert clock.calls == calls


def test_what_only_the_first_update_does_is_not_counted(clock):
    def plot(x):
        clock.seconds = 0.2 if clock.calls == 0 else 0.02
        return clock.plot(x=x)

    assert explore(plot, x=(0, 9, 1, 4)).children[0].continuous_update


def test_a_picture_shown_before_is_not_drawn_again(clock, monkeypatch):
    monkeypatch.setattr("infotok.lab.widgets.KEPT", 2)
    clock.seconds = 0.2
    box = explore(clock.plot, x=(0, 9, 1, 4))
    slider, output, calls = box.children[0], box.children[-1], clock.calls
    for value, drawn in ((5, 1), (4, 1), (6, 2), (4, 2), (5, 3)):  # 5 was the one longest not shown
        slider.value = value
        assert output.outputs[0]["data"]["text/plain"] == str(value)
        assert clock.calls - calls == drawn, value
        assert not slider.continuous_update, "a kept picture does not make the next one fast"


def test_an_error_and_what_cannot_be_compared_are_not_kept():
    calls = []

    def plot(x):
        calls.append(x)
        return 1 / x if isinstance(x, int) else x

    made = explore(plot, x=widgets.Dropdown(options=[("none", 0), ("one", 1), ("a list", [1])])).children[0]
    for index in (1, 0, 2, 0, 2, 1):
        made.index = index
    assert calls.count(1) == 1
    assert calls.count(0) >= 3
    assert calls.count([1]) == 2


def test_text_fields_and_widgets_with_a_button_wait(clock):
    assert not explore(clock.plot, x=widgets.IntText(3)).children[0].continuous_update
    assert not explore(clock.plot, button=True, x=(0, 9, 1, 4)).children[0].continuous_update


@pytest.mark.parametrize(
    ("number", "button", "pixels"), [(1, False, 234), (2, False, 268), (3, False, 268), (5, True, 336)]
)
def test_a_picture_leaves_room_for_its_controls(number, button, pixels):
    box = explore(lambda **values: 1, button=button, **{f"x{n}": (0, 9, 1, 4) for n in range(number)})
    (name,) = box._dom_classes
    rule = box.children[-2].value
    assert f".{name} img" in rule
    assert f"100vh - {pixels}px" in rule


@pytest.mark.parametrize(("step", "readout"), [(0.25, ".2f"), (0.5, ".1f"), (1e-05, ".5f"), (1.0, ".1f")])
def test_a_readout_shows_what_a_step_changes(step, readout):
    assert explore(lambda x: x, x=(0.0, 1.0, step, 0.0)).children[0].readout_format == readout


def test_a_readout_shows_what_its_values_need():
    formats = {(0.05, 1.05, 0.5, 0.05): ".2f", (0.0, 1.0, 0.5, 0.25): ".2f", (10.0, 50.0, 20, 30): ".0f"}
    formats |= {(0.0, 1.0, 0.5, 1 / 3): ".6f"}
    for control, readout in formats.items():
        assert explore(lambda x: x, x=control).children[0].readout_format == readout, control


def test_a_description_of_its_own_is_kept():
    assert (
        explore(lambda x: x, x=widgets.IntText(description="budget / bits")).children[0].description == "budget / bits"
    )


def test_moving_a_control_changes_picture_and_text():
    box = explore(line, text=lambda slope: f"slope: **{slope}**", slope=(0, 9, 1, 5))
    for slope in (7, 0, 5):
        box.children[0].value = slope
        picture, text = shown(box)
        assert base64.b64decode(picture["data"]["image/png"]) == style.png(line(slope))
        assert text["data"]["text/markdown"] == f"slope: **{slope}**"
    assert picture["data"]["text/plain"] == line(5).alt


def test_an_error_lands_in_the_output_and_the_reader_can_go_on():
    box = explore(word, number=(1, 5, 1, 2))
    assert texts(box) == ["2"]
    box.children[0].value = 3
    (error,) = shown(box)
    assert error["output_type"] == "error"
    assert (error["ename"], error["evalue"]) == ("ValueError", "number: got 3, expected another")
    assert error["traceback"][-1] == "ValueError: number: got 3, expected another"
    assert not any("lab/widgets.py" in line for line in error["traceback"]), "the reader's code, not ours"
    box.children[0].value = 4
    assert texts(box) == ["4"]


def test_an_error_of_the_text_is_shown_as_well():
    box = explore(word, text=lambda number: 1 / 0, number=(1, 5, 1, 2))
    assert [output["output_type"] for output in shown(box)] == ["error"]


def test_a_slow_widget_waits_for_its_button():
    calls = []
    box = explore(lambda x: calls.append(x) or x, button=True, x=(0, 9, 1, 4))
    slider, button, *_ = box.children
    assert calls == [4]
    slider.value = 7
    assert calls == [4]
    assert texts(box) == ["4"]
    button.click()
    assert calls == [4, 7]
    assert texts(box) == ["7"]


@pytest.mark.parametrize(
    ("control", "error", "message"),
    [
        ((1, 2), TypeError, r"x: got \(1, 2\), expected \(min, max, step, start\), a list of choices"),
        ("word", TypeError, "x: got 'word', expected"),
        ((1, 5, 1, 9), ValueError, r"x: got \(1, 5, 1, 9\), expected .* min <= start <= max, step > 0"),
        ((1, 5, 0, 3), ValueError, "step > 0"),
    ],
)
def test_impossible_controls_are_refused(control, error, message):
    with pytest.raises(error, match=message):
        explore(lambda x: x, x=control)


def test_no_controls_are_refused():
    with pytest.raises(ValueError, match=r"controls: got \{\}, expected at least one control"):
        explore(lambda: 1)


def test_a_headless_run_keeps_picture_and_error_in_the_widgets_state(tmp_path):
    """Where the runner looks for errors that papermill does not see."""
    sources = [
        "from infotok.lab import explore\nfrom infotok.lab.plots import start",
        "explore(lambda x: start.course(ready=[]), x=(0, 3, 1, 0))",
        "box = explore(lambda x: x / (x - 2), x=(0, 3, 1, 0))\nbox",
        "box.children[0].value = 2",
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), tmp_path / "in.ipynb")
    ran = papermill.execute_notebook(tmp_path / "in.ipynb", tmp_path / "out.ipynb", progress_bar=False)
    states = ran.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    outputs = {output["output_type"]: output for state in states for output in state["state"].get("outputs", [])}
    assert set(outputs) == {"display_data", "error"}
    picture = outputs["display_data"]["data"]["image/png"]
    assert picture == base64.b64encode(style.png(start.course(ready=[]))).decode()
    assert outputs["error"]["ename"] == "ZeroDivisionError"
