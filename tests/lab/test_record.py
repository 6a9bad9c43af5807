"""A record keeps what it is told and judges by the number alone."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from infotok.files import read_json, write_atomically
from infotok.lab import Record
from infotok.lab.plots import start as plots
from infotok.lab.record import require_name


@pytest.mark.parametrize(
    ("value", "bound", "holds"),
    [
        (1.0, {"at_least": 1.0}, True),
        (0.999, {"at_least": 1.0}, False),
        (1.0, {"at_most": 1.0}, True),
        (1.001, {"at_most": 1.0}, False),
        (0.5, {"at_least": 0.0, "at_most": 1.0}, True),
        (2.02, {"close_to": 2.0, "tol": 0.03}, True),
        (1.96, {"close_to": 2.0, "tol": 0.03}, False),
        (float("nan"), {"at_least": 0.0}, False),
        (float("nan"), {"close_to": 0.0, "tol": 1.0}, False),
        (np.float32(3.0), {"at_least": 2}, True),
        (torch.tensor(3.0), {"at_least": 2}, True),
    ],
)
def test_a_claim_is_judged_by_its_bound(value, bound, holds):
    assert Record().claim("a claim", value, **bound).holds is holds


@pytest.mark.parametrize(
    ("profile", "judged_at", "judged"),
    [
        ("smoke", "smoke", True),
        ("smoke", "laptop", False),
        ("laptop", "laptop", True),
        ("laptop", "gpu", False),
        ("gpu", "laptop", True),
        ("laptop", "full", False),
        ("full", "full", True),
    ],
)
def test_a_claim_is_judged_at_its_profile_and_above(profile, judged_at, judged):
    claim = Record(profile=profile).claim("a claim", 0, at_least=1, judged_at=judged_at)
    assert claim.holds is (False if judged else None)
    assert ("not judged" in repr(claim)) is not judged
    assert ("not judged" in claim._repr_html_()) is not judged


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({}, "a bound"),
        ({"close_to": 1.0}, "tol: got None, expected a tolerance together with close_to"),
        ({"tol": 1.0}, "tol: got 1.0"),
        ({"at_least": 3, "at_most": 2}, "at_least: got 3, expected at most the 2 of at_most"),
        ({"close_to": 1.0, "tol": -1}, "tol: got -1, expected a number of at least 0"),
        ({"close_to": 1.0, "tol": float("nan")}, "tol: got nan, expected a finite number"),
        ({"at_least": float("nan")}, "at_least: got nan, expected a finite number"),
        ({"at_most": float("inf")}, "at_most: got inf, expected a finite number"),
        ({"close_to": 1.0, "tol": 0.1, "at_least": 0}, "a bound"),
        ({"at_least": 1, "judged_at": "lptop"}, "judged_at: got 'lptop', expected one of smoke, laptop, full, gpu"),
    ],
)
def test_a_claim_needs_a_bound(arguments, line):
    with pytest.raises(ValueError, match=line):
        Record().claim("a claim", 1.0, **arguments)


@pytest.mark.parametrize(
    "value", [None, "0.5", [1.0], np.ones(2), np.ones(1), torch.ones(3), 1j, {}, pd.Series([1.0])], ids=repr
)
def test_a_claims_value_is_one_number(value, tmp_path):
    record = Record(tmp_path)
    with pytest.raises(TypeError, match=r"value of the claim 'it holds': got .*, expected one number"):
        record.claim("it holds", value, at_least=0)
    assert record.claim("it holds", 1, at_least=0).holds
    assert len(read_json(tmp_path / "metrics.json")["claims"]) == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 10**400])
def test_a_value_that_is_not_finite_bears_nothing_out(value):
    assert Record().claim("it holds", value, at_least=0).holds is False


class Odd:
    """Nothing that JSON knows."""


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (Odd(), "scores: got 'Odd', expected numbers"),
        ({"a": 1, "b": [1, {"c": Odd()}]}, r"scores\['b'\]\[1\]\['c'\]: got 'Odd'"),
        ([1, 1j], r"scores\[1\]: got 'complex'"),
        ({1: 0.1, "1": 0.2}, r"scores: got \[1, '1'\], expected keys that differ as text"),
        ({"a": "\ud800"}, r"scores\['a'\]: got 'str'"),
    ],
)
def test_a_metric_that_json_cannot_hold_is_named_and_spoils_nothing(tmp_path, value, line):
    record = Record(tmp_path)
    record.metric("before", 1)
    with pytest.raises(TypeError, match=line) as refused:
        record.metric("scores", value)
    assert "\n" not in str(refused.value)
    record.metric("after", 2)
    assert read_json(tmp_path / "metrics.json")["metrics"] == {"before": 1, "after": 2}


def test_a_metric_in_a_circle_is_refused(tmp_path):
    circle = []
    circle.append(circle)
    with pytest.raises(TypeError, match=r"scores.*: got 'list'"):
        Record(tmp_path).metric("scores", circle)


def test_what_the_notebook_changes_later_was_not_said(tmp_path):
    record, scores = Record(tmp_path), {"a": 1}
    assert record.metric("scores", scores) is scores
    scores["b"] = Odd()
    record.metric("after", 2)
    assert read_json(tmp_path / "metrics.json")["metrics"]["scores"] == {"a": 1}


@pytest.mark.parametrize(
    "name", ["../../secret", "..", "a/b", "a\\b", "", " a", "a.", "a\nb", "a\0", "C:", "x" * 101, 3, None]
)
def test_names_are_those_of_files_in_the_folder(tmp_path, name):
    record, fig = Record(tmp_path / "run"), plt.figure()
    for kind, say in (
        ("metric", lambda: record.metric(name, 1)),
        ("figure", lambda: record.figure(name, fig)),
        ("table", lambda: record.table(name, pd.DataFrame({"a": [1]}))),
    ):
        with pytest.raises(ValueError, match=f"{kind}'s name: got .*, expected one line of letters"):
            say()
    plt.close(fig)
    assert [path.name for path in (tmp_path / "run").rglob("*")] == ["metrics.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_names_of_the_course_are_names():
    for name in ("accuracy, InfoTok HSIC minus host alone", "sub-scores better after Holm's correction", "plane_2"):
        require_name("metric", name)


def test_a_name_said_twice_is_refused_headlessly_and_replaced_in_jupyterlab(tmp_path, monkeypatch):
    record = Record(tmp_path)
    record.metric("accuracy", 1)
    record.metric("accuracy", 2)
    monkeypatch.setenv("INFOTOK_RUN", "1")
    with pytest.raises(ValueError, match="metric's name: got 'accuracy', expected a name that this run has not used"):
        record.metric("accuracy", 3)
    assert read_json(tmp_path / "metrics.json")["metrics"] == {"accuracy": 2}


def test_figures_and_tables_are_what_they_say(tmp_path):
    record = Record(tmp_path)
    with pytest.raises(TypeError, match="figure plane: got 'str', expected a Matplotlib figure"):
        record.figure("plane", "a picture")
    with pytest.raises(TypeError, match="table rows: got 'list', expected a pandas frame"):
        record.table("rows", [1, 2])
    assert read_json(tmp_path / "metrics.json")["figures"] == {}


@pytest.mark.parametrize("profile", ["smoke", "laptop"])
def test_a_caption_is_the_same_at_every_profile(tmp_path, profile):
    """A figure need not depend on the run's sizes; the executed notebook says once what its profile is."""
    record = Record(tmp_path, profile)
    fig = record.figure("map", plots.course(ready=[]), "The lessons.")
    assert fig.caption == "The lessons."
    assert read_json(tmp_path / "metrics.json")["figures"]["map"]["caption"] == "The lessons."


def test_an_unknown_profile_is_refused():
    with pytest.raises(ValueError, match="profile: got 'lptop'"):
        Record("", "lptop")


def test_everything_said_is_on_disk_at_once(tmp_path):
    record = Record(tmp_path, "laptop")
    assert record.cells == tmp_path / "cells"
    record.metric("accuracy", np.float32(0.1))
    record.metric("curve", torch.tensor([1.0, 2.0]))
    record.claim("it holds", 1, at_least=0, source="a book")
    table = record.table("rows", pd.DataFrame({"beta": [1, 2]}), "a caption")
    said = read_json(tmp_path / "metrics.json")
    assert said["metrics"] == {"accuracy": float(np.float32(0.1)), "curve": [1.0, 2.0]}
    assert said["claims"][0]["holds"] is True
    assert said["claims"][0]["source"] == "a book"
    assert pd.read_csv(tmp_path / "tables" / "rows.csv").equals(table.frame)
    Record(tmp_path, "laptop")  # a resumed run begins to speak anew
    assert read_json(tmp_path / "metrics.json")["metrics"] == {}
    assert not (tmp_path / "tables").exists()


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record = Record()
    record.metric("a", 1)
    record.table("rows", pd.DataFrame({"a": [1]}))
    assert record.cells is None
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "file.json"
    write_atomically(path, "old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, json.dumps({"new": 1}))
    assert path.read_text() == "old"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.json"]


@pytest.mark.parametrize(
    ("frame", "lines"),
    [
        (pd.DataFrame({"v": [1, 2]}), "v 1 2"),
        (pd.DataFrame({"v": [1, 2]}, index=[5, 7]), "v 1 2"),
        (pd.DataFrame({"v": [1, 2]}, index=["a", "b"]), ",v a,1 b,2"),
        (pd.DataFrame({"host": ["a", "b", "a"], "v": [1, 2, 3]}).groupby("host").sum(), "host,v a,4 b,2"),
        (pd.DataFrame({"v": [1, 2]}, index=pd.MultiIndex.from_tuples([(0, 1), (0, 2)])), ",,v 0,1,1 0,2,2"),
        (pd.Series([1, 2], index=pd.Index([8, 9], name="step"), name="v"), "step,v 8,1 9,2"),
    ],
)
def test_a_table_keeps_the_labels_of_its_rows(frame, lines, tmp_path):
    Record(tmp_path).table("table", frame)
    assert (tmp_path / "tables" / "table.csv").read_text().split() == lines.split()


def test_a_record_removes_what_it_recorded_and_nothing_else(tmp_path):
    """A run folder may be a project's own: its figures were removed with those of the record."""
    own = tmp_path / "figures" / "own.png"
    write_atomically(own, b"of the reader")
    for _ in range(2):
        record = Record(tmp_path)
        record.figure("plane", plots.course(ready=[]))
        record.table("table", pd.DataFrame({"v": [1]}))
    Record(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["metrics.json", "own.png"]
    (tmp_path / "metrics.json").write_text('{"figures": {"../figures/own": {}, "own": []}, "tables": 3}')
    Record(tmp_path)
    assert not own.exists(), "named by the record"
