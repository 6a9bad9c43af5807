"""A widget on a page is shown as it started: the values of its controls, its picture and its text."""

import nbformat
import pytest
from IPython.display import Markdown
from ipywidgets import Widget

from infotok.course.executed import WIDGET, only_shown
from infotok.course.start_state import STATE, start_state
from infotok.lab import explore


@pytest.fixture
def widget():
    """A widget of the course, and the state that a notebook keeps of it."""
    made = explore(
        lambda beta, mode, fine: Markdown(f"picture of {beta}"),
        text=lambda beta, mode, fine: f"**{mode}** $x^2$",
        beta=(1.0, 4.0, 0.5, 2.5),
        mode=["<a>", "b"],
        fine=True,
    )
    state = Widget.get_manager_state(widgets=None)["state"]
    yield made.model_id, state
    for each in (*made.children, made):  # not all: other tests of this process have widgets too
        each.close()


def text(outputs) -> str:
    return " ".join(str(part) for output in outputs for part in output.data.values())


def test_the_controls_have_their_values_and_the_page_says_how_to_move_them(widget):
    model, state = widget
    said, picture, sentence = start_state(state, model, [], "01_first")
    line = said.data["text/html"]
    assert "<b>beta</b> = 2.5, <b>mode</b> = &lt;a&gt;, <b>fine</b> = on" in line
    assert "<code>infotok lab</code>, then <code>scratch/01_first.ipynb</code>" in line
    assert picture.data["text/markdown"] == "picture of 2.5"
    assert sentence.data["text/markdown"] == "**<a>** $x^2$"


def test_a_picture_that_the_cell_shows_already_is_not_shown_twice():
    picture = "iVBORw0KGgo="
    output = {"output_type": "display_data", "data": {"image/png": picture, "text/plain": "a"}, "metadata": {}}
    state = {
        "box": {"state": {"children": ["IPY_MODEL_slider", "IPY_MODEL_out"]}},
        "slider": {"state": {"description": "n", "value": 3}},
        "out": {"state": {"outputs": [output]}},
    }
    assert len(start_state(state, "box", [])) == 2
    (line,) = start_state(state, "box", [picture])
    assert "the picture above with <b>n</b> = 3" in line.data["text/html"]


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"box": None},
        {"box": {"state": {"children": ["IPY_MODEL_box"]}}},
        {"box": {"state": {"children": 3}}},
        {"box": {"state": {"outputs": [{"output_type": "display_data", "data": {"image/png": [1, {}]}}]}}},
        {"box": {"state": {"outputs": 5}}},
        {"box": {"state": {"description": "n", "index": 9, "_options_labels": ["a"]}}},
    ],
)
def test_a_damaged_state_leaves_the_line(state):
    (line,) = start_state(state, "box", [])
    assert "A widget stands here" in line.data["text/html"]


@pytest.mark.parametrize("metadata", [{"widgets": 1}, {"widgets": {STATE: []}}, {}])
def test_a_notebook_without_states_is_shown(metadata):
    output = nbformat.v4.new_output("display_data", {WIDGET: {"model_id": "x"}})
    cell = nbformat.v4.new_code_cell("1", outputs=[output])
    notebook = only_shown(nbformat.v4.new_notebook(cells=[cell], metadata=metadata), "01_first")
    assert "A widget stands here" in notebook.cells[0].outputs[0].data["text/html"]


def test_formulas_in_the_text_of_a_widget_are_marked(widget):
    model, state = widget
    output = nbformat.v4.new_output("display_data", {WIDGET: {"model_id": model}})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=[output])])
    notebook.metadata["widgets"] = {STATE: {"state": state}}
    (cell,) = only_shown(notebook).cells
    assert r"\(x^2\)" in text(cell.outputs)
    assert 'class="math' in text(cell.outputs)
