"""A record keeps what it is told and judges by the number alone."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from infotok.files import read_json, write_atomically
from infotok.reproduce import Record


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
        ({"at_least": 1, "judged_at": "lptop"}, "judged_at: got 'lptop', expected one of smoke, laptop, gpu"),
    ],
)
def test_a_claim_needs_a_bound(arguments, line):
    with pytest.raises(ValueError, match=line):
        Record().claim("a claim", 1.0, **arguments)


def test_an_unknown_profile_is_refused():
    with pytest.raises(ValueError, match="profile: got 'lptop'"):
        Record("", "lptop")


def test_everything_said_is_on_disk_at_once(tmp_path):
    record = Record(tmp_path, "laptop")
    assert record.cells == tmp_path / "cells"
    record.metric("accuracy", np.float32(0.1))
    record.metric("curve", torch.tensor([1.0, 2.0]))
    record.claim("it holds", 1, at_least=0, source="a book")
    frame = record.table("rows", pd.DataFrame({"beta": [1, 2]}), "a caption")
    said = read_json(tmp_path / "metrics.json")
    assert said["metrics"] == {"accuracy": float(np.float32(0.1)), "curve": [1.0, 2.0]}
    assert said["claims"][0]["holds"] is True
    assert said["claims"][0]["source"] == "a book"
    assert pd.read_csv(tmp_path / "tables" / "rows.csv").equals(frame)
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
