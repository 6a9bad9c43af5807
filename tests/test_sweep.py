"""A sweep never loses a finished cell: not to an error, not to a kill, and whoever runs its cells."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
from distributed import Client, LocalCluster

from infotok.reproduce import sweep
from infotok.reproduce.cell_files import read_cell


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


def test_a_dask_cluster_takes_the_cells_over(tmp_path):
    grid = {"a": [1, 2, 3], "b": [1, 2], "log": [str(tmp_path / "log")]}
    local = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with local as cluster, Client(cluster), joblib.parallel_config("dask"):
        rows = sweep(counted, grid, cache=tmp_path / "cells", jobs=-1)
    assert rows == sweep(counted, grid)
    assert len(list((tmp_path / "cells").glob("counted-*.json"))) == len(rows)


SCRIPT = """
import time, numpy as np
from infotok.reproduce import sweep

def slow(a):
    time.sleep(0.05)
    return {"draws": np.random.default_rng(a).normal(size=1000)}

if __name__ == "__main__":
    rows = sweep(slow, {"a": list(range(30))}, cache="cells")
    print(sum(sum(row["draws"]) for row in rows).hex())
"""


def _count(cells: Path) -> int:
    return len(list(cells.glob("slow-*.json")))


def test_twenty_random_kills_lose_nothing(tmp_path):
    """Killed at any moment, a sweep goes on from its whole cells and ends with the undisturbed one's numbers."""
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}

    def start(folder):
        folder.mkdir(exist_ok=True)
        return subprocess.Popen(
            [sys.executable, tmp_path / "script.py"],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    undisturbed, _ = start(tmp_path / "whole").communicate(timeout=60)
    cells, moments = tmp_path / "killed/cells", random.Random(0)
    for _ in range(20):
        process = start(tmp_path / "killed")
        known, deadline = _count(cells), time.monotonic() + 30
        while _count(cells) == known:  # Python has started, and the sweep goes on from where it was
            assert time.monotonic() < deadline
            time.sleep(0.005)
        time.sleep(moments.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        for path in cells.glob("slow-*.json"):
            assert len(read_cell(path)["draws"]) == 1000
    resumed, _ = start(tmp_path / "killed").communicate(timeout=60)
    assert resumed == undisturbed != ""
