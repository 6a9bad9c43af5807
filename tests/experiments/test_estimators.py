"""The benchmark of estimators: its rows, its command, and other libraries' answers on the same samples."""

import subprocess
import sys

import pytest

from infotok.experiments.estimators import benchmark_estimator, benchmark_peers, task_names
from infotok.files import read_json
from infotok.worlds.tasks import beyond_normal


def test_one_row_of_the_benchmark():
    row = benchmark_estimator(task_names()[0], "gaussian", seed=0, n=500)
    assert row["truth"] == beyond_normal()[0].world.mutual_information
    assert row["low"] < row["nats"] < row["high"]
    assert row["nats"] == pytest.approx(row["truth"], abs=0.15)
    assert row["seconds"] >= 0


def test_an_unknown_task_is_refused():
    with pytest.raises(ValueError, match="task: got 'nothing'"):
        benchmark_estimator("nothing", "ksg", 0, 100)


@pytest.mark.slow
def test_the_command_does_only_what_is_missing(tmp_path):
    file = tmp_path / "rows.json"
    command = [sys.executable, "-m", "infotok.experiments.estimators", file, "--n", "100", "--method", "gaussian"]
    options = ["--tasks", "normal 1x1", "--seeds", "0"]
    first = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    assert first.stdout.startswith("gaussian 0 normal 1x1: ")
    second = subprocess.run([*command, *options, "1"], capture_output=True, text=True, check=True)
    assert second.stdout.startswith("gaussian 1 normal 1x1: ")
    assert [row["seed"] for row in read_json(file)["rows"]] == [0, 1]


def test_other_environments_answer_on_the_same_samples(tmp_path):
    script = tmp_path / "means.py"
    script.write_text("""import json, sys
import numpy as np
samples = np.load(sys.argv[1])
x = samples["x_normal 1x1"]
row = {"task": "normal 1x1", "method": sys.argv[3], "nats": float(x.mean()), "seconds": 0.0}
json.dump([row], open(sys.argv[2], "w"))
""")
    (row,) = benchmark_peers(sys.executable, script, ["mean"], ["normal 1x1"], 3, 100)
    world = next(task.world for task in beyond_normal() if task.name == "normal 1x1")
    assert row["nats"] == pytest.approx(world.sample(100, 3)[0].mean())
    assert (row["method"], row["seed"], row["n"], row["truth"]) == ("mean", 3, 100, world.mutual_information)
    script.write_text("import no_such_library")
    with pytest.raises(RuntimeError, match=r'means.py: got "ModuleNotFoundError.*no_such_library.*expected answers'):
        benchmark_peers(sys.executable, script, ["mean"], ["normal 1x1"], 3, 100)
