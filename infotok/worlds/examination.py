"""Estimators examined on worlds of known truth; every row of the table carries its error and its time.

    python -m infotok.worlds.examination figures/12_benchmarks/tasks.json --method auto ksg cca --seeds 0 1 2

writes the rows one by one and, started again, does only those that are missing. `examine` is one row, for `sweep`.
"""

import argparse
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import torch

from infotok.errors import require
from infotok.files import read_json, write_json
from infotok.information.estimate import METHODS, estimate_mi
from infotok.worlds.tasks import beyond_normal, staircase

__all__ = ["examine", "task_names"]


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="JSON file of rows, made or added to")
    parser.add_argument("--method", nargs="+", default=["auto"], choices=METHODS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--n", type=int, default=5000)
    parser.add_argument("--tasks", nargs="+", default=task_names(), metavar="NAME", help="all forty by default")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    table = read_json(asked.file) if asked.file.exists() else {"command": "", "rows": []}
    table["command"] = f"python -m infotok.worlds.examination {shlex.join(sys.argv[1:])}"
    done = {(row["task"], row["method"], row["seed"], row["n"]) for row in table["rows"]}
    for method in asked.method:
        for seed in asked.seeds:
            for task in asked.tasks:
                if (task, method, seed, asked.n) in done:
                    continue
                cell = {"task": task, "method": method, "seed": seed, "n": asked.n}
                row = cell | examine(**cell)
                table["rows"].append(row)
                write_json(asked.file, table)
                print(
                    f"{method} {seed} {task}: {row['nats']:.3f} of {row['truth']:.3f}, {row['seconds']} s", flush=True
                )


if __name__ == "__main__":
    main()
