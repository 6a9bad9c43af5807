"""A sweep never loses a finished cell: not to an error, not to a kill, and whoever runs its cells."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import psutil
import pytest
from distributed import Client, LocalCluster

from infotok.lab import sweep
from infotok.lab.caching.cell_files import read_cell


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


@pytest.mark.slow
def test_sweep_by_processes_equals_sweep_alone(tmp_path):
    grid = {"a": [1, 2], "b": [1, 2], "log": [str(tmp_path / "log")]}
    assert sweep(counted, grid, jobs=2) == sweep(counted, grid)


@pytest.mark.parametrize(
    ("arguments", "error", "line"),
    [
        ({"grid": []}, ValueError, "grid: got .*expected at least one cell"),
        ({"grid": {"a": []}}, ValueError, "grid: got"),
        ({"grid": {"a": [1]}, "jobs": 0}, ValueError, "jobs: got 0"),
        ({"grid": {"a": [1]}, "jobs": 10**9}, ValueError, "jobs: got 1000000000, expected an integer from -1 to"),
        ({"grid": {"a": "123"}}, TypeError, r"grid\['a'\]: got 'str', expected a list of values"),
        ({"grid": {"a": {1, 2}}}, TypeError, r"grid\['a'\]: got 'set', expected a list of values"),
        ({"grid": {"a": {"b": 1}}}, TypeError, r"grid\['a'\]: got 'dict', expected a list of values"),
        ({"grid": [{"a": 1}, 3]}, TypeError, "grid, cell: got 'int', expected a dict of arguments"),
        ({"grid": {"b": [1]}, "function": lambda a: {}}, TypeError, "grid: got .*cells of b .*missing.*arguments of"),
        ({"grid": {"a": [1]}, "function": lambda a: a}, TypeError, "a dict"),
        ({"grid": {"a": [1]}, "function": dict, "cache": "x"}, TypeError, "source can be read"),
    ],
)
def test_sweep_refuses(arguments, error, line):
    with pytest.raises(error, match=line):
        sweep(**{"function": counted, **arguments})


@pytest.mark.slow
def test_a_dask_cluster_takes_the_cells_over(tmp_path):
    grid = {"a": [1, 2, 3], "b": [1, 2], "log": [str(tmp_path / "log")]}
    local = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with local as cluster, Client(cluster), joblib.parallel_config("dask"):
        rows = sweep(counted, grid, cache=tmp_path / "cells", jobs=-1)
    assert rows == sweep(counted, grid)
    assert len(list((tmp_path / "cells").glob("counted-*.json"))) == len(rows)


@pytest.mark.parametrize("backend", ["multiprocessing", "threading"])
def test_a_backend_of_joblib_that_returns_lists_alone_or_has_no_processes(tmp_path, backend):
    grid = {"a": [1, 2, 3], "b": [1], "log": [str(tmp_path / "log")]}
    with joblib.parallel_config(backend):
        rows = sweep(counted, grid, cache=tmp_path / "cells", jobs=2)
    assert rows == sweep(counted, grid)
    assert len(list((tmp_path / "cells").glob("counted-*.json"))) == 3


ON_RAY = """
import joblib, ray
from pathlib import Path
from ray.util.joblib import register_ray
from infotok.lab import sweep

def f(x, bad):
    if x == bad:
        raise RuntimeError("bad cell")
    return {"y": x / 3}

if __name__ == "__main__":
    try:
        ray.init(num_cpus=2, include_dashboard=False, logging_level="error", log_to_driver=False)
    except Exception as error:
        raise SystemExit(f"no Ray: {error}")
    register_ray()
    try:
        with joblib.parallel_config("ray"):
            try:
                sweep(f, {"x": [1, 2, 3], "bad": [3]}, cache="cells", jobs=-1)
            except RuntimeError as error:
                assert "bad cell" in str(error)
            else:
                raise AssertionError("no error")
            grid = {"x": [1, 2, 3, 4], "bad": [0]}
            assert sweep(f, grid, cache="cells", jobs=-1) == sweep(f, grid), "the rows"
    finally:
        ray.shutdown()
    kept = len(list(Path("cells").glob("f-*.json")))
    print(f"{kept} cells")
"""


@pytest.mark.slow
def test_ray_takes_the_cells_over(tmp_path):
    """In a process of its own: Ray needs seconds to start, and gives up on a machine that is too busy."""
    (tmp_path / "script.py").write_text(ON_RAY)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "RAY_USAGE_STATS_ENABLED": "0"}
    command = [sys.executable, "-W", "error", "script.py"]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)
    if "no Ray: " in ended.stderr and "timed out during startup" in ended.stderr:
        pytest.skip("Ray could not start its own processes in time")
    # Two cells that had finished before the error, and four. Ray prints to the same stdout when it replaces a worker.
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "6 cells", ended.stdout + ended.stderr


IN_MAIN = """
import joblib, torch
from pathlib import Path
from distributed import Client, LocalCluster
from infotok.lab import sweep

K = 1.5
class Scaled:
    def __call__(self, x): return helper(x) * K
def helper(x): return x + torch.ones(()).item() / 3
def f(x): return {"y": Scaled()(x), "dtype": str(torch.get_default_dtype())}

if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    grid = {"x": [1, 2, 3, 4]}
    alone = sweep(f, grid)
    assert sweep(f, grid, cache="cells", jobs=2) == alone, "by processes"
    K = 2.5
    moved = sweep(f, grid, cache="cells", jobs=2)
    assert [row["y"] for row in moved] == [(x + 1 / 3) * 2.5 for x in grid["x"]], moved
    assert len(list(Path("cells").glob("f-*.json"))) == 8, "four of each K"
    local = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)
    with local as cluster, Client(cluster), joblib.parallel_config("dask"):
        K = 3.5
        rows = sweep(f, grid, cache="cells", jobs=-1)
    assert rows == sweep(f, grid), "by a cluster"
    print("well")
"""


@pytest.mark.slow
def test_functions_of_main_and_what_they_read_travel_to_other_processes(tmp_path):
    (tmp_path / "script.py").write_text(IN_MAIN)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "script.py"]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)
    assert ended.stdout == "well\n", ended.stderr
    assert len(list((tmp_path / "cells").glob("f-*.json"))) == 12


def test_a_cell_says_what_it_is_of(tmp_path):
    sweep(counted, [{"a": 1, "b": 2, "log": str(tmp_path / "log")}], cache=tmp_path / "cells")
    (path,) = (tmp_path / "cells").glob("*.json")
    content = json.loads(path.read_text())
    assert content["function"] == "counted"
    assert content["arguments"] == {"a": 1, "b": 2, "log": str(tmp_path / "log")}
    assert content["row"]["sum"] == 3
    assert "counted" in content["reads"]


def test_any_damaged_cell_is_computed_again(tmp_path):
    """A hundred damages: bytes flipped, cut, doubled, replaced by other JSON, or a file of another cell."""
    cells, log, draw = tmp_path / "cells", str(tmp_path / "log"), random.Random(0)
    grid = {"a": [1, 2], "b": [3], "log": [log]}
    right = sweep(counted, grid, cache=cells)
    whole = {path: path.read_bytes() for path in cells.glob("counted-*.json")}
    first, second = whole
    for trial in range(100):
        damaged = bytearray(whole[first])
        place = draw.randrange(len(damaged))
        if trial % 5 == 0:
            damaged[place] ^= 1 << draw.randrange(8)
        elif trial % 5 == 1:
            damaged = damaged[:place]
        elif trial % 5 == 2:
            damaged = damaged.replace(b'"sum": ', b'"sum": %d' % draw.randint(1, 9))
        elif trial % 5 == 3:
            damaged = bytearray(draw.choice([b"", b"{}", b"[]", b"null", b"3", b'{"row": {"sum": 3}}']))
        else:
            damaged = bytearray(whole[second])
        first.write_bytes(damaged)
        assert (read_cell(first) is None) == (damaged != whole[first]), (trial, damaged)
        if trial % 10 < 5:
            assert sweep(counted, grid, cache=cells) == right
            assert first.read_bytes() == whole[first]


def test_a_function_that_changes_what_it_reads_is_refused(tmp_path):
    source = "seen = []\ndef f(x):\n    seen.append(x)\n    return {'y': len(seen)}"
    space = {"__name__": "__main__"}
    exec(source, space)
    with pytest.raises(TypeError, match=r"f\(\) reaches seen: got 'a value that it changes'"):
        sweep(space["f"], {"x": [1, 2]}, cache=tmp_path / "cells")


def test_the_order_of_arguments_does_not_matter_but_their_types_do(tmp_path):
    log = str(tmp_path / "log")
    for cell in ({"a": 1, "b": 2, "log": log}, {"log": log, "b": 2, "a": 1}, {"a": 1.0, "b": 2, "log": log}):
        sweep(counted, [cell], cache=tmp_path / "cells")
    assert (tmp_path / "log").read_text().split() == ["12", "1.02"]


SLEEPING = """
import os, sys, time
from infotok.lab import sweep

def busy(a):
    open(f"busy{a}", "w").close()
    end = time.monotonic() + 600
    while time.monotonic() < end: sum(range(1000))
    return {"a": a}

def idle(a):
    return {"a": a}

if __name__ == "__main__":
    if sys.argv[1] == "idle":
        sweep(idle, {"a": [1, 2]}, cache="cells", jobs=2)  # one worker may compute both
        open("ready", "w").close()
        time.sleep(600)
    sweep(busy, {"a": [1, 2, 3]}, cache="cells", jobs=2)
"""


@pytest.mark.slow
@pytest.mark.parametrize("state", ["busy", "idle"])
def test_workers_end_with_the_process_that_sweeps(tmp_path, state):
    """Killed without a chance to say so: joblib's own processes would stay for five minutes."""
    (tmp_path / "script.py").write_text(SLEEPING)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    sweeping = psutil.Popen([sys.executable, "script.py", state], cwd=tmp_path, env=environment)
    end = time.monotonic() + 60

    def at_work() -> list[psutil.Process]:
        workers = [child for child in sweeping.children() if "LokyProcess" in " ".join(child.cmdline())]
        started = (tmp_path / "ready").exists() if state == "idle" else len([*tmp_path.glob("busy*")]) == 2
        return sweeping.children(recursive=True) if len(workers) == 2 and started else []

    while not (left := at_work()):
        assert time.monotonic() < end
        time.sleep(0.1)
    sweeping.kill()
    begun = time.monotonic()
    sweeping.wait()
    _, alive = psutil.wait_procs(left, timeout=10)
    print(f"{len(left)} processes ended {time.monotonic() - begun:.2f} s after the one that swept")
    assert not alive


SCRIPT = """
import time, numpy as np
from infotok.lab import sweep

def slow(a):
    time.sleep(0.05)
    return {"draws": np.random.default_rng(a).normal(size=1000)}

if __name__ == "__main__":
    rows = sweep(slow, {"a": list(range(30))}, cache="cells")
    print(sum(sum(row["draws"]) for row in rows).hex())
"""


def _count(cells: Path) -> int:
    return len(list(cells.glob("slow-*.json")))


@pytest.mark.slow
def test_twenty_random_kills_lose_nothing(tmp_path):
    """Killed at any moment, a sweep goes on from its whole cells and ends with the undisturbed one's numbers."""
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

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


BARS = """
from infotok.lab import sweep
from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.unified import TrainConfig, train
from infotok.worlds import ShapesWorld

sweep(lambda a: {"b": a}, {"a": [1, 2]})
tokenizer = SharedTokenizer.from_config(TokenizerConfig(quantizer=None))
train(tokenizer, ShapesWorld(), TrainConfig(steps=1, batch=4))
"""


@pytest.mark.slow
@pytest.mark.parametrize("disabled", [True, False])
def test_no_bar_is_written_where_tqdm_is_disabled(disabled):
    environment = {name: value for name, value in os.environ.items() if name not in ("INFOTOK_RUN", "TQDM_DISABLE")}
    environment |= {"TQDM_DISABLE": "1"} if disabled else {}
    command = [sys.executable, "-c", BARS]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert ("training:" in ended.stderr, "<lambda>:" in ended.stderr) == (not disabled, not disabled), ended.stderr


def test_the_packages_digest_moves_with_its_tables_and_weights(tmp_path, monkeypatch):
    (tmp_path / "lab").mkdir()
    module = sys.modules["infotok.lab.sweep"]  # the name in `infotok.lab` is the function
    monkeypatch.setattr(module, "__file__", str(tmp_path / "lab" / "sweep.py"))
    digests = []
    for name, content in [("a.py", "x = 1"), ("b.csv", "1,2"), ("b.csv", "1,3"), ("c.safetensors", "w"), ("d.j2", "p")]:
        (tmp_path / "lab" / name).write_text(content)
        digests.append(module.package_digest.__wrapped__())
    assert len({*digests}) == 4
    assert digests[3] == digests[4], "no result depends on how a page looks"
