"""The progress of runs: one live line a notebook in a terminal, plain lines elsewhere."""

import re

import pytest

from infotok.course.display import Display
from infotok.course.state import Run
from infotok.files import write_json


@pytest.fixture
def runs(tmp_path):
    running = Run("01_first", tmp_path / "first", status="running", place="cell [2] A heading", number=1, cells=4)
    running.begun = 1.0
    write_json(running.folder / "cells" / "progress.json", {"label": "training", "done": 1, "total": 2})
    return [running, Run("02_second", tmp_path / "second")]


def test_a_cell_counts_by_the_time_it_took_last(runs):
    run = runs[0]
    assert run.fraction() == pytest.approx((1 + 0.5) / 4)
    run.weights = [1.0, 7.0, 1.0, 1.0]
    assert run.fraction() == pytest.approx((1 + 3.5) / 10)
    run.weights = [1.0]  # of another version of the notebook
    assert run.fraction() == pytest.approx((1 + 0.5) / 4)
    run.status = "failed"
    assert run.fraction() == 1.0


def test_in_a_terminal_each_notebook_has_a_line(runs, monkeypatch, capsys):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with Display(runs) as display:
        assert display.live
        display.refresh()
        display.progress.refresh()
        runs[0].status = "passed"
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().out)
    first, second = text.strip().splitlines()[-2:]
    assert re.match(r"01_first +passed +\S+ +[0-9]+:[0-9]{2}:[0-9]{2} ", first)
    assert re.match(r"02_second +queued +\S+ +-:--:--", second)
    assert "training 1/2" in text


def test_elsewhere_each_change_is_a_line(runs, monkeypatch, capsys):
    monkeypatch.setenv("TTY_COMPATIBLE", "0")
    with Display(runs) as display:
        display.refresh()
        display.refresh()
        runs[0].status, runs[0].seconds = "passed", 65
    lines = capsys.readouterr().out.splitlines()
    assert [re.sub(r" \(.*", "", line) for line in lines] == ["01_first: A heading, training 50 %", "01_first: passed"]
    assert lines[1].endswith("(1:05)")
