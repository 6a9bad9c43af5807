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
    made, output = box.children
    assert type(made) is kind
    assert made.value == value
    assert made.description == "some name"
    assert made.tooltip == "some name"
    assert isinstance(output, widgets.Output)
    assert made.style.description_width == "initial"
    if isinstance(made, widgets.IntSlider | widgets.FloatSlider | widgets.FloatLogSlider):
        assert made.continuous_update is False
        assert made.readout


@pytest.mark.parametrize(("step", "readout"), [(0.25, ".2f"), (0.5, ".1f"), (1e-05, ".5f"), (1.0, ".1f")])
def test_a_readout_shows_what_a_step_changes(step, readout):
    assert explore(lambda x: x, x=(0.0, 1.0, step, 0.0)).children[0].readout_format == readout


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
    slider, button, _ = box.children
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
