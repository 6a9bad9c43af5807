"""What a page offers to keep is the lesson as it is, and the numbers of its run as they are."""

import csv
import math

import nbformat
import pandas as pd
import pytest
from courses import ended_run, make_course

from infotok.course.course import Course
from infotok.course.downloads import numbers, write_downloads
from infotok.course.parameters import asked
from infotok.course.runs import shown
from infotok.files import read_json

METRICS = {"loss": 0.25, "rows": [{"beta": 1, "rates": [2.0, 3.5]}, {"beta": 2, "rates": []}], "name": 'a "b", c'}


@pytest.fixture
def root(tmp_path):
    return make_course(tmp_path, {"00_first": ["1"]})


def written(root, executed=True):
    course = Course(root)
    (lesson,) = shown(course, "laptop", asked(course, "laptop", []))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# It ran")]) if executed else None
    folder = root / "kept" / "00_first"
    return dict(write_downloads(course, lesson, notebook, folder)), folder


def test_every_number_has_a_row_and_its_place():
    assert list(numbers(METRICS)) == [
        ("loss", 0.25),
        ("rows[0].beta", 1),
        ("rows[0].rates[0]", 2.0),
        ("rows[0].rates[1]", 3.5),
        ("rows[1].beta", 2),
        ("name", 'a "b", c'),
    ]


def test_the_numbers_are_those_of_the_run(root):
    claim = {"text": "x, y", "value": 1.5, "bound": "at least 1", "holds": None, "source": "", "judged_at": "full"}
    run = ended_run(root, "00_first", metrics=METRICS, claims=[claim])
    files, folder = written(root)
    assert [*files.values()] == [
        "00_first.ipynb",
        "00_first-results.ipynb",
        "metrics.json",
        "metrics.csv",
        "claims.csv",
    ]
    assert (folder / "00_first.ipynb").read_bytes() == Course(root).notebook("00_first").read_bytes()
    assert nbformat.read(folder / "00_first-results.ipynb", as_version=4).cells[0].source == "# It ran"
    assert read_json(folder / "metrics.json") == read_json(run / "metrics.json")
    with (folder / "metrics.csv").open(newline="") as file:
        rows = [(name, value) for name, value in csv.reader(file)]
    assert rows == [("name", "value"), *((name, str(value)) for name, value in numbers(METRICS))]
    table = pd.read_csv(folder / "claims.csv")
    assert table.loc[0, ["text", "value", "judged_at"]].tolist() == ["x, y", 1.5, "full"]
    assert math.isnan(table.loc[0, "holds"])


def test_a_damaged_record_is_not_offered(root):
    run = ended_run(root, "00_first")
    (run / "metrics.json").write_text('{"metrics": {"seed": 1}}')
    files, folder = written(root)
    assert [*files.values()] == ["00_first.ipynb", "00_first-results.ipynb"]
    assert not (folder / "metrics.json").exists()


def test_without_a_run_there_is_the_notebook(root):
    files, folder = written(root, executed=False)
    assert [*files] == ["notebook"]
    assert [path.name for path in folder.iterdir()] == ["00_first.ipynb"]
