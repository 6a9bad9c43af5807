"""Estimators examined on worlds of known truth; every row of the table carries its error and its time.

    python -m infotok.experiments.estimators figures/19_benchmarks/tasks.json --method auto ksg cca --seeds 0 1 2

writes the rows one by one and, started again, does only those that are missing. `examine` is one row, for `sweep`.
With `--peers PYTHON SCRIPT` the estimators are those of other libraries: PYTHON is that of their own environment and
SCRIPT (`notebooks/peers.py`) runs in it, on the same samples.
"""

import argparse
import itertools
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from infotok.errors import require
from infotok.files import read_json, write_json
from infotok.information.estimate import METHODS, estimate_mi
from infotok.worlds.tasks import beyond_normal, staircase

__all__ = ["examine", "examine_peers", "task_names"]


def task_names() -> list[str]:
    """The names of the forty tasks, in the order of the table."""
    return [task.name for task in beyond_normal()]


def examine(task: str, method: str, seed: int, n: int) -> dict[str, Any]:
    """`estimate_mi(..., method)` on n samples of a task: nats, interval, truth, seconds, and auto's reason."""
    worlds = {t.name: t.world for t in [*beyond_normal(), *staircase()]}
    require(task in worlds, "task", task, "a name from `task_names()` or of the staircase")
    world = worlds[task]
    x, y = world.sample(n, seed)
    start = time.perf_counter()
    estimate = estimate_mi(x, y, method, seed=seed)
    return {
        "nats": estimate.nats,
        "low": estimate.interval[0],
        "high": estimate.interval[1],
        "truth": world.mutual_information,
        "seconds": round(time.perf_counter() - start, 2),
        "choice": estimate.method,
        "reason": estimate.reason,
        "candidates": estimate.candidates,
    }


def examine_peers(
    python: Path, script: Path, methods: list[str], tasks: list[str], seed: int, n: int
) -> list[dict[str, Any]]:
    """What `script`, run by another environment's `python`, answers on the samples that `examine` would draw.

    The script is given a file of arrays x_TASK (n, dx) and y_TASK (n, dy), the name of a JSON file, where it leaves
    rows of task, method, nats and seconds, and the methods; it runs on one thread. Returns the rows with seed, n and
    truth; RuntimeError with its last line if it fails.
    """
    worlds = {task.name: task.world for task in beyond_normal()}
    require(set(tasks) <= worlds.keys(), "tasks", tasks, "names from `task_names()`")
    with tempfile.TemporaryDirectory() as scratch:
        samples, answers = Path(scratch, "samples.npz"), Path(scratch, "answers.json")
        drawn = {task: worlds[task].sample(n, seed) for task in tasks}
        np.savez(samples, **{f"{v}_{task}": xy[k] for task, xy in drawn.items() for k, v in enumerate("xy")})
        alone = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        ran = subprocess.run([python, script, samples, answers, *methods], capture_output=True, text=True, env=alone)
        last = (ran.stderr.strip() or "silence").splitlines()[-1]
        require(ran.returncode == 0, f"{script}", last, "answers", RuntimeError)
        rows = read_json(answers)
    return [row | {"seed": seed, "n": n, "truth": worlds[row["task"]].mutual_information} for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="JSON file of rows, made or added to")
    parser.add_argument("--method", nargs="+", default=["auto"], metavar="NAME", help=", ".join(METHODS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--n", type=int, default=5000)
    parser.add_argument("--tasks", nargs="+", default=task_names(), metavar="NAME", help="all forty by default")
    parser.add_argument("--peers", nargs=2, type=Path, metavar=("PYTHON", "SCRIPT"), help="other libraries' instead")
    asked = parser.parse_args()
    unknown = sorted(set(asked.method) - set(METHODS)) if not asked.peers else []  # a script knows its own
    if unknown:
        parser.error(f"--method: got {', '.join(unknown)}, expected some of {', '.join(METHODS)}")
    torch.set_num_threads(1)
    table = read_json(asked.file) if asked.file.exists() else {"command": "", "rows": []}
    table["command"] = f"python -m infotok.experiments.estimators {shlex.join(sys.argv[1:])}"
    done = {(row["task"], row["method"], row["seed"], row["n"]) for row in table["rows"]}
    for method, seed in itertools.product(asked.method, asked.seeds):
        missing = [task for task in asked.tasks if (task, method, seed, asked.n) not in done]
        together = [missing] if asked.peers else [[task] for task in missing]  # their libraries take long to load
        for tasks in filter(None, together):
            if asked.peers:
                rows = examine_peers(*asked.peers, [method], tasks, seed, asked.n)
            else:
                cell = {"task": tasks[0], "method": method, "seed": seed, "n": asked.n}
                rows = [cell | examine(**cell)]
            table["rows"] += rows
            write_json(asked.file, table)
            for row in rows:
                told = f"{row['nats']:.3f} of {row['truth']:.3f}, {row['seconds']} s"
                print(f"{method} {seed} {row['task']}: {told}", flush=True)


if __name__ == "__main__":
    main()
