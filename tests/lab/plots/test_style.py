"""Plots: pure, one look whatever the reader's settings, the same bytes from arrays and from JSON."""

import base64
import inspect
import json
import subprocess
import sys
import warnings
from itertools import combinations, pairwise
from pathlib import Path
from unittest import mock

import matplotlib
import nbformat
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from nbclient import NotebookClient

from infotok.lab.plots import drawn, new, redraw, save, start, style

ROOT = Path(__file__).parents[3]
RNG = np.random.default_rng(0)
CURVES = {keep: {name: RNG.random((3, 4)) for name in ("relevance", "fidelity")} for keep in ("one", "other")}


def strips(n, size):
    code = {"reconstructed": RNG.random((n, size, size)), "predicted": RNG.integers(0, 10, n), "accuracy": 0.5}
    return {
        "images": RNG.random((n, size, size)),
        "labels": RNG.integers(0, 10, n),
        "codes": {"one": code, "other": code},
    }


GRID = [
    (start.course, {"ready": []}),
    (start.course, {"ready": ["00_start_here", "05_hsic_bottleneck"]}),
    (start.course, {"ready": [name for _, lessons in start.COURSE for name, *_ in lessons]}),
    *((start.two_codes, {"bits": bits, **strips(n, size)}) for bits, n, size in [(1, 1, 4), (24, 8, 8), (8, 3, 16)]),
    (start.budgets, {"bits": [1, 2, 4, 8], "codes": CURVES, "label_entropy": 2.3}),
    (start.budgets, {"bits": np.array([1, 2, 4, 30]), "codes": CURVES, "label_entropy": 0.69}),
]


@pytest.fixture
def in_package(monkeypatch):
    """A plot function that passes for one of infotok.lab.plots, before @drawn."""

    def line(*, y, label="line"):
        "A line."
        fig, ax = new(width=3, height=2)
        ax.plot(y, label=label)
        ax.set(xlabel="x / nats", ylabel="y / bits", title=label)
        return fig

    line.__module__ = "infotok.lab.plots.start"
    return line


@pytest.mark.parametrize(("plot", "data"), GRID)
def test_a_recipe_redraws_the_same_bytes(plot, data):
    fig = plot(**data)
    assert isinstance(fig, Figure)
    assert style.png(redraw(json.loads(json.dumps(fig.recipe)))) == style.png(fig)


def test_arrays_tensors_and_lists_draw_the_same(in_package):
    line = drawn(in_package)
    y = [0.1, 0.7, 0.3]
    pictures = {style.png(line(y=kind)) for kind in (y, tuple(y), np.array(y), torch.tensor(y, dtype=torch.float64))}
    assert len(pictures) == 1
    assert line(y=torch.tensor(y)).recipe["data"]["y"] == torch.tensor(y).tolist()  # float32 as it is, not rounded anew


def test_a_recipe_keeps_the_defaults(in_package):
    assert drawn(in_package)(y=[1]).recipe == {"plot": "start.line", "data": {"y": [1], "label": "line"}}


def test_a_missing_point_is_a_gap(in_package):
    assert style.png(drawn(in_package)(y=[1, None, 2, 3])) != style.png(drawn(in_package)(y=[1, 1.5, 2, 3]))


def test_the_reader_s_settings_change_nothing():
    plot, data = GRID[-1]
    mine = style.png(plot(**data))
    with matplotlib.rc_context({"font.size": 30, "axes.grid": False, "lines.linewidth": 9, "xtick.major.size": 20}):
        assert style.png(plot(**data)) == mine
        assert matplotlib.rcParams["font.size"] == 30, "and its own are given back"


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ([1, float("nan")], ValueError, "y: got nan, expected finite numbers"),
        (np.array([np.inf]), ValueError, "y: got inf, expected finite numbers"),
        ({"a": [1, float("nan")]}, ValueError, r"y\['a'\]: got nan"),
        ([object()], TypeError, "y: got 'object', expected numbers, strings, None"),
        (lambda: 1, TypeError, "y: got 'function', expected numbers"),
    ],
)
def test_data_that_json_cannot_hold_are_refused(in_package, value, error, message):
    with pytest.raises(error, match=message):
        drawn(in_package)(y=value)


def test_drawn_refuses_what_redraw_could_not_find():
    with pytest.raises(ValueError, match=r"drawn: got '.*test_style', expected a function in infotok.lab.plots"):
        drawn(lambda *, y: new()[0])


def test_drawn_wants_keywords(in_package):
    def line(y):
        return new()[0]

    line.__module__ = in_package.__module__
    with pytest.raises(TypeError, match=r"line\(y\): got 'positional or keyword', expected keyword-only data"):
        drawn(line)
    with pytest.raises(TypeError, match="missing a required argument: 'y'"):
        drawn(in_package)()


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (
            {"plot": "os.system", "data": {}},
            "got 'os.system', expected 'module.function' with a module of infotok.lab.plots",
        ),
        ({"plot": "../start.course", "data": {}}, "expected 'module.function'"),
        ({"plot": "start", "data": {}}, "got 'start', expected a @drawn function of start"),
        ({"plot": "start.np", "data": {}}, "got 'start.np', expected a @drawn function of start: .*course"),
        ({"plot": "start.new", "data": {}}, "got 'start.new', expected a @drawn function"),
        ({"plot": "start.np.save", "data": {}}, "expected a @drawn function"),
        ({"plot": "style.save", "data": {}}, "expected a @drawn function of style: none"),
        ({"plot": None, "data": {}}, "got None, expected 'module.function'"),
        ({"plot": "start.course", "data": []}, r"recipe\['data'\]: got \[\], expected a dict"),
        ({"plot": "start.course"}, "recipe: got .*expected {'plot'"),
        ("start.course", "recipe: got 'start.course', expected {'plot'"),
    ],
)
def test_redraw_refuses_all_but_drawn_functions(recipe, message):
    with pytest.raises(ValueError, match=message):
        redraw(recipe)


def test_save_writes_the_figure_whole_or_not_at_all(tmp_path, monkeypatch):
    fig = start.course(ready=[])
    path = save(fig, tmp_path / "new" / "course.png")
    assert path.read_bytes() == style.png(fig)
    assert b"Software" not in path.read_bytes()
    with pytest.raises(ValueError, match=r"path: got '.*course.pdf', expected a name that ends in .png"):
        save(fig, tmp_path / "course.pdf")
    other = start.course(ready=[])
    monkeypatch.setattr(other, "draw", lambda *args, **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save(other, path)
    assert [file.name for file in path.parent.iterdir()] == ["course.png"]
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_figure_is_rendered_again_only_if_it_has_changed(tmp_path):
    fig = start.course(ready=[])
    saved = style.save(fig, tmp_path / "map.png").read_bytes()
    with mock.patch.object(type(fig), "savefig") as render:
        assert style.png(fig) == saved
        render.assert_not_called()
    fig.axes[0].set_title("Another title")
    assert style.png(fig) != saved
    (line,) = fig.axes[0].plot([0, 1], [0, 1])
    with_line = style.png(fig)
    line.set_color("red")
    assert style.png(fig) != with_line


def test_new_gives_axes_as_matplotlib_does():
    fig, ax = new(width=3, height=2)
    assert tuple(fig.get_size_inches()) == (3, 2)
    assert ax in fig.axes
    _, axes = new(ncols=3, nrows=2, sharex=True)
    assert axes.shape == (2, 3)


def test_alternative_text_says_what_is_shown(in_package):
    fig = drawn(in_package)(y=[1, 2], label="a label")
    assert fig.alt == "A line. a label: y / bits against x / nats."
    data, metadata = fig._repr_mimebundle_()
    assert data["text/plain"] == metadata["image/png"]["alt"] == fig.alt


def test_alternative_text_of_many_panels_counts_those_that_it_leaves_out():
    fig, axes = new(ncols=6, nrows=10)
    for number, ax in enumerate(axes.flat):
        ax.set_title(f"a drawing of prompt {number}")
    text = style._describe(fig, "A grid of drawings.")
    assert text.startswith("A grid of drawings. a drawing of prompt 0. a drawing of prompt 1.")
    assert len(text) < style.MOST_TEXT + 20
    told = text.count("prompt")
    assert text.endswith(f" {60 - told} more panels.")


def test_every_drawn_function_says_what_it_shows():
    for _, function in inspect.getmembers(start, style._is_drawn):
        assert inspect.getdoc(function), function


def test_nothing_imports_pyplot():
    code = "import sys, infotok.lab; from infotok.lab.plots import start; start.course(ready=[])._repr_mimebundle_()"
    code += "; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_a_notebook_shows_a_figure_once_with_and_without_pyplot():
    draw = "from infotok.lab.plots import start\nfig = start.course(ready=[])\nfig"
    sources = [draw, "import matplotlib.pyplot", draw, "%matplotlib inline", draw]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook).execute()
    expected = base64.b64encode(style.png(start.course(ready=[]))).decode()
    for cell in notebook.cells[::2]:
        (output,) = cell.outputs
        assert output.data["image/png"].replace("\n", "") == expected
        assert output.data["text/plain"].startswith("Map of the course")


def test_a_recorded_figure_stands_above_its_caption():
    draw = "from infotok.lab.plots import start\nfrom infotok.lab import Record\n"
    draw += "Record().figure('map', start.course(ready=[]), 'What to see.')"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(draw)])
    NotebookClient(notebook).execute()
    picture, caption = notebook.cells[0].outputs
    assert "image/png" in picture.data
    assert caption.data["text/markdown"] == "*What to see.*"


def test_the_palette_is_legible():
    def luminance(colour):
        rgb = np.array(matplotlib.colors.to_rgb(colour))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    def contrast(one, other):  # as the web's accessibility guidelines define it
        dark, light = sorted((luminance(one), luminance(other)))
        return (light + 0.05) / (dark + 0.05)

    assert contrast(style.GRAY, "white") > 4.5, "text"
    assert all(contrast(colour, "white") > 2 for colour in style.PALETTE), "lines"
    assert len(set(style.PALETTE)) == len(style.PALETTE)


@pytest.mark.parametrize("kind", ["protanomaly", "deuteranomaly", "tritanomaly"])
def test_colours_differ_to_every_eye(kind):
    """Simulated at full severity (Machado et al. 2009): any two colours stay ten units apart in CAM02-UCS."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # an escape in a string of its own, when first compiled
        from colorspacious import cspace_convert, deltaE
    space = {"name": "sRGB1+CVD", "cvd_type": kind, "severity": 100}
    colours = [matplotlib.colors.to_rgb(colour) for colour in (*style.PALETTE, style.GRAY)]
    seen = np.clip(cspace_convert(np.array(colours), space, "sRGB1"), 0, 1)
    assert min(deltaE(one, other, input_space="sRGB1") for one, other in combinations(seen, 2)) > 10


def test_the_map_has_every_notebook_and_leads_to_every_lesson():
    lessons = [name for _, row in start.COURSE for name, *_ in row]
    assert {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")} <= set(lessons)
    numbers = [name[:2] for name in lessons]
    assert all(one < other for one, other in pairwise(numbers))
    reached = {end for ends in start.LEADS_TO.values() for end in ends.split()}
    assert reached == set(numbers) - {"00"}
    assert set(start.LEADS_TO) == set(numbers) - {"19"}
