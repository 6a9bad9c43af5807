"""The course's own notebooks and committed figures, and how pictures and pages are made from runs."""

from pathlib import Path

import numpy as np
import pytest
from courses import infotok, make_course
from matplotlib.text import Text
from PIL import Image

from infotok.course.course import Course, Refusal, first_heading
from infotok.course.figures import redraw_all, take_metrics
from infotok.files import read_json
from infotok.lab.plots.style import redraw

ROOT = Path(__file__).parents[2]
SMALLEST_POINTS = 8  # of text in a figure: docs/_static/figures.js and the report keep it at 11 pixels
COMMITTED = sorted((ROOT / "figures").glob("*/metrics.json"))


@pytest.mark.slow
@pytest.mark.parametrize("metrics", COMMITTED, ids=lambda path: path.parent.name)
def test_committed_figures_are_what_their_metrics_draw(metrics, tmp_path):
    name = metrics.parent.name
    course = Course(make_course(tmp_path, {name: []}))
    folder = tmp_path / "figures" / name
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_bytes(metrics.read_bytes())
    drawn = redraw_all(course, [name])
    assert {path.name for path in drawn} == {path.name for path in metrics.parent.glob("*.png")}
    moved = [path for path in drawn if path.read_bytes() != (metrics.parent / path.name).read_bytes()]
    if moved:  # another build of Matplotlib may move a grey value, never the picture
        first = [path.read_bytes() for path in drawn]
        assert [path.read_bytes() for path in redraw_all(course, [name])] == first, "the same metrics, the same bytes"
    for path in moved:
        new, old = (np.asarray(Image.open(each).convert("RGB"), float) for each in (path, metrics.parent / path.name))
        assert new.shape == old.shape
        assert np.abs(new - old).mean() < 1.0


@pytest.mark.slow
@pytest.mark.parametrize("metrics", COMMITTED, ids=lambda path: path.parent.name)
def test_no_text_of_a_figure_is_smaller_than_the_pages_take_it_to_be(metrics):
    for name, recipe in read_json(metrics)["figures"].items():
        figure = redraw({key: recipe[key] for key in ("plot", "data")})
        figure.draw_without_rendering()  # ticks get their labels
        small = {
            text.get_text(): text.get_fontsize()
            for text in figure.findobj(Text)
            if text.get_text().strip() and text.get_visible() and text.get_fontsize() < SMALLEST_POINTS
        }
        assert small == {}, name


def test_only_a_passed_run_is_published(tmp_path):
    with pytest.raises(Refusal, match=r"got no passed run at laptop.*infotok run a --profile laptop"):
        take_metrics(Course(make_course(tmp_path, {"a": []})), ["a"], "laptop")


def test_what_other_programs_read_stands_at_the_top(tmp_path):
    cell = """from infotok.lab import Record
record = Record(run_dir, profile)
record.metric("paired", [{"host": "masked", "mean": 0.1}])"""
    make_course(tmp_path, {"a": [cell]})
    assert infotok(tmp_path, "run", "a").returncode == 0
    assert infotok(tmp_path, "figures", "a", "--from", "laptop").returncode == 0
    published = read_json(tmp_path / "figures" / "a" / "metrics.json")
    assert published["paired"] == published["metrics"]["paired"] == [{"host": "masked", "mean": 0.1}]


def test_the_first_heading_is_the_title():
    assert first_heading("text\n## A *title*\n# Another") == "A *title*"
    assert first_heading("no heading") == ""
