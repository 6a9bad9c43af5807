"""A sweep that is killed again and again, and a sweep on a Dask cluster: the rows are those of an undisturbed one."""

import json
import multiprocessing
import os
import random

import numpy as np
import pytest

from infotok.reproduce import sweep

GRID = {"seed": list(range(6)), "size": [40_000, 80_000]}


def simulate(seed, size):
    """Some milliseconds of arithmetic whose last bits tell whether it was done again in the same way."""
    rng = np.random.default_rng(seed)
    return {"mean": float(np.sort(rng.normal(size=size)).cumsum().mean()), "draws": rng.normal(size=50)}


def run(folder):
    sweep(simulate, GRID, cache=folder)


def test_twenty_random_kills(tmp_path, monkeypatch):
    monkeypatch.setenv("INFOTOK_RUN", "1")  # no progress bar
    undisturbed = sweep(simulate, GRID)
    fork, rng, kills, folder = multiprocessing.get_context("fork"), random.Random(0), 0, 0
    while kills < 20:
        process = fork.Process(target=run, args=(tmp_path / str(folder),))
        process.start()
        process.join(rng.uniform(0.0, 0.06))
        if process.is_alive():
            process.kill()
            kills += 1
        process.join()
        assert process.exitcode in (0, -9)  # it never failed by itself
        for path in (tmp_path / str(folder)).glob("simulate-*.json"):
            assert json.loads(path.read_text()).keys() == {"mean", "draws"}  # whole, or not there
        folder += process.exitcode == 0  # done: begin another
        assert folder < 60
    for path in [*tmp_path.iterdir()]:
        assert sweep(simulate, GRID, cache=path) == undisturbed


def where(seed):
    return {"square": seed**2, "process": os.getpid()}


def test_a_local_dask_cluster_takes_a_sweep_over(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    import joblib

    monkeypatch.setenv("INFOTOK_RUN", "1")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        workers = set(client.run(os.getpid).values())
        with joblib.parallel_config("dask"):
            rows = sweep(where, {"seed": list(range(8))}, cache=tmp_path, jobs=-1)
    assert [row["square"] for row in rows] == [seed**2 for seed in range(8)]
    assert {row["process"] for row in rows} <= workers  # there, and not here
    assert sweep(where, {"seed": list(range(8))}, cache=tmp_path) == rows
