"""A record keeps what it is told, judges by the number alone, and never loses a finished cell."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from infotok.files import read_json, write_atomically
from infotok.reproduce import Record, sweep


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


def counted(a: int, b: int, log: str) -> dict:
    with open(log, "a") as stream:
        stream.write(f"{a}{b}\n")
    if b == 9:
        raise RuntimeError("nine")
    return {"sum": np.int64(a + b), "array": np.array([a, b]) / 3}


def test_sweep_returns_rows_in_the_grids_order_and_computes_each_once(tmp_path):
    log, grid = str(tmp_path / "log"), {"a": [2, 1], "b": [1, 2]}
    grid["log"] = [log]
    first = sweep(counted, grid, cache=tmp_path / "cells")
    assert [(row["a"], row["b"], row["sum"]) for row in first] == [(2, 1, 3), (2, 2, 4), (1, 1, 2), (1, 2, 3)]
    assert first[0]["array"] == [2 / 3, 1 / 3]
    assert sweep(counted, grid, cache=tmp_path / "cells") == first
    assert sweep(counted, [*_product(grid), {"a": 5, "b": 5, "log": log}], cache=tmp_path / "cells")[:4] == first
    assert (tmp_path / "log").read_text().split() == ["21", "22", "11", "12", "55"]


def _product(grid):
    return [{"a": a, "b": b, "log": grid["log"][0]} for a in grid["a"] for b in grid["b"]]


def test_sweep_keeps_what_was_finished_when_a_cell_fails(tmp_path):
    log = str(tmp_path / "log")
    cells = [{"a": 0, "b": b, "log": log} for b in (1, 2, 9, 3)]
    for _ in range(2):
        with pytest.raises(RuntimeError, match="nine"):
            sweep(counted, cells, cache=tmp_path / "cells")
    assert (tmp_path / "log").read_text().split() == ["01", "02", "09", "09"]


def test_sweep_by_processes_equals_sweep_alone(tmp_path):
    grid = {"a": [1, 2], "b": [1, 2], "log": [str(tmp_path / "log")]}
    assert sweep(counted, grid, jobs=2) == sweep(counted, grid)


@pytest.mark.parametrize(
    ("arguments", "error", "line"),
    [
        ({"grid": []}, ValueError, "grid: got .*expected at least one cell"),
        ({"grid": {"a": []}}, ValueError, "grid: got"),
        ({"grid": {"a": [1]}, "jobs": 0}, ValueError, "jobs: got 0"),
        ({"grid": {"a": [1]}, "function": lambda a: a}, TypeError, "a dict"),
        ({"grid": {"a": [1]}, "function": dict, "cache": "x"}, TypeError, "source can be read"),
    ],
)
def test_sweep_refuses(arguments, error, line):
    with pytest.raises(error, match=line):
        sweep(**{"function": counted, **arguments})


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "file.json"
    write_atomically(path, "old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, json.dumps({"new": 1}))
    assert path.read_text() == "old"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.json"]
