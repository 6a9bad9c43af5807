"""The benchmark of mutual-information estimators: tasks of known truth, the error and the time of each estimate.

    python -m infotok.experiments.estimators figures/19_benchmarks/tasks.json --method auto ksg cca --seeds 0 1 2

writes the rows one by one and, started again, does only those that are missing. `benchmark_estimator` makes one row,
for `sweep`. With `--peers PYTHON SCRIPT` the estimators are those of other libraries: PYTHON is that of their own
environment and SCRIPT (`notebooks/peers.py`) runs in it, on the same samples.
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

__all__ = ["benchmark_estimator", "benchmark_peers", "task_names"]


def task_names() -> list[str]:
    """The names of the forty tasks, in the order of the table."""
    return [task.name for task in beyond_normal()]


def benchmark_estimator(task: str, method: str, seed: int, n: int) -> dict[str, Any]:
    """One row of the benchmark: `estimate_mi(x, y, method)` on samples of one task, with its error and its time.

    Args:
        task: a name from `task_names()`, or of `worlds.staircase()`.
        method: one of `information.METHODS`.
        seed: of the samples and of the estimator.
        n: number of samples.

    Returns:
        {"nats", "low", "high", "truth"} in nats, low and high the ends of the 95 % interval; "seconds" of the estimate;
        "choice", "reason" and "candidates" of the method "auto".
    """
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


def benchmark_peers(
    python: Path, script: Path, methods: list[str], tasks: list[str], seed: int, n: int
) -> list[dict[str, Any]]:
    """Estimates of other libraries, in an environment of their own, on the samples that `benchmark_estimator` takes.

    Args:
        python: the interpreter of that environment.
        script: is run as `PYTHON SCRIPT SAMPLES.npz ANSWERS.json METHOD ...` on one thread. SAMPLES holds arrays
            x_TASK (n, dx) and y_TASK (n, dy); ANSWERS gets rows of task, method, nats and seconds.
        methods: names that the script knows.
        tasks: names from `task_names()`.
        seed: of the samples.
        n: number of samples.

    Returns:
        The script's rows, each with seed, n and truth (nats) added. RuntimeError with its last line if it fails.
    """
    worlds = {task.name: task.world for task in beyond_normal()}
    require(set(tasks) <= worlds.keys(), "tasks", tasks, "names from `task_names()`")
    with tempfile.TemporaryDirectory() as scratch:
        samples, answers = Path(scratch, "samples.npz"), Path(scratch, "answers.json")
        drawn = {task: worlds[task].sample(n, seed) for task in tasks}
        np.savez(samples, **{f"{v}_{task}": xy[k] for task, xy in drawn.items() for k, v in enumerate("xy")})
        one_thread = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        ran = subprocess.run(
            [python, script, samples, answers, *methods], capture_output=True, text=True, env=one_thread
        )
        last = (ran.stderr.strip() or "no message").splitlines()[-1]
        require(ran.returncode == 0, f"{script}", last, "answers", RuntimeError)
        rows = read_json(answers)
    return [row | {"seed": seed, "n": n, "truth": worlds[row["task"]].mutual_information} for row in rows]


def main() -> None:
    """The command line: add the rows that are missing to a JSON file of rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="JSON file of rows, made or added to")
    parser.add_argument("--method", nargs="+", default=["auto"], metavar="NAME", help=", ".join(METHODS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--n", type=int, default=5000, help="samples of each task")
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
                rows = benchmark_peers(*asked.peers, [method], tasks, seed, asked.n)
            else:
                run = {"task": tasks[0], "method": method, "seed": seed, "n": asked.n}
                rows = [run | benchmark_estimator(**run)]
            table["rows"] += rows
            write_json(asked.file, table)
            for row in rows:
                result = f"{row['nats']:.3f} nats, truth {row['truth']:.3f}, {row['seconds']} s"
                print(f"{method} {seed} {row['task']}: {result}", flush=True)


if __name__ == "__main__":
    main()
