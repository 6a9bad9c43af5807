"""A sweep: a function computed on every cell of a grid, with each finished cell cached on disk.

    rows = sweep(train, {"beta": [1e-3, 1e-2], "seed": [0, 1, 2]}, cache=record.cells, jobs=2)
    frame = pandas.DataFrame(rows)  # beta, seed, and whatever `train` returned

An interrupted sweep resumes, and a larger grid computes only its new cells. Cells run in joblib's processes. joblib's
own backends run them on a cluster: with a `distributed.Client` open,
`with joblib.parallel_config("dask"): sweep(..., jobs=-1)`; for Ray, `ray.util.joblib.register_ray()` and then
`joblib.parallel_config("ray")`. The cache folder must be one that every machine can reach: the worker that computes a
cell writes it there. Ray returns all rows at the end, so the progress line stays at its start until then.

A finished cell is used again only if it is the same computation: the same arguments, and the same `fingerprint` of
everything that the function reaches. Pass to the function what changes from cell to cell, and what it should not share.
"""

import hashlib
import inspect
import itertools
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache as memoised
from pathlib import Path
from typing import Any

from infotok.errors import require, require_folder, require_instance, require_int, require_text
from infotok.files import plain, to_json, write_json
from infotok.lab.caching.cell_files import Computation, read_cell, write_cell
from infotok.lab.caching.fingerprint import fingerprint, name_of
from infotok.lab.record import headless
from infotok.optional import needs

MOST_JOBS = 2**15
COMPUTED_FROM = (".py", ".csv", ".safetensors")  # files of the package that results depend on


def sweep(
    function: Callable[..., dict[str, Any]],
    grid: Mapping[str, Sequence] | Sequence[Mapping[str, Any]],
    cache: str | Path | None = None,
    jobs: int = 1,
    label: str = "",
) -> list[dict[str, Any]]:
    """Call `function(**cell)` on every cell of the grid; returns the rows `{**cell, **result}` in the grid's order.

    Args:
        function: takes JSON values, returns a dict of JSON values (arrays and tensors become lists).
        grid: a list of cells, or a dict of lists whose product is the grid.
        cache: folder of finished cells, each keyed by its arguments and by all that `function` reaches: its code, the
            globals it reads, its helpers, and the modules it imports; None keeps none.
        jobs: how many processes; -1 for one a core.
        label: what the progress line calls the work; the function's name by default.

    A progress bar is written to stderr; TQDM_DISABLE=1 in the environment turns it off.

    Raises:
        ValueError: for no cells, or more than 2^15 `jobs`, or none.
        TypeError: for values without an order, such as a set; for a cell that does not have the arguments of
            `function`; for a cell or a result that is not JSON; with a cache, for a function that reaches what cannot
            be keyed (a model, a random generator, an open file), or that changes what it reaches.
        Whatever `function` raises; cells that had finished stay in the cache.

    Example:
        >>> from infotok.lab import sweep
        >>> def noisy(beta: float, seed: int) -> dict[str, float]:
        ...     return {"score": beta + seed}
        ...
        >>> rows = sweep(noisy, {"beta": [0.1, 0.2], "seed": [0, 1]})  # cache=folder keeps finished cells
        >>> len(rows), rows[0]
        (4, {'beta': 0.1, 'seed': 0, 'score': 0.1})
    """
    require(callable(function), "function", type(function).__name__, "a function of a cell", TypeError)
    require_int("jobs", jobs, -1, MOST_JOBS), require(jobs != 0, "jobs", jobs, "a number of processes, or -1")
    require_text("label", label)
    if cache is not None:
        require_folder("cache", cache)
    cells = _cells(grid)
    _check_arguments(function, cells)
    name, folder = name_of(function), None if cache is None else Path(cache)
    reads = fingerprint(function) if folder else {}
    tasks = [_Task(function, cell, folder, Computation(name, reads, cell)) for cell in cells]
    rows = [task.finished() for task in tasks]
    waiting = [index for index, row in enumerate(rows) if row is None]
    progress = _Progress(label or name.replace("_", " "), len(cells), len(cells) - len(waiting), folder)
    try:
        for index, row in _computed(tasks, waiting, jobs):
            rows[index] = row
            progress.step()
    finally:
        progress.close()
    return [{**cell, **row} for cell, row in zip(cells, rows, strict=True)]


def _cells(grid: Any) -> list[dict[str, Any]]:
    expected = "a dict of lists, or a list of cells"
    require(isinstance(grid, Iterable) and not isinstance(grid, str | bytes), "grid", _kind(grid), expected, TypeError)
    if isinstance(grid, Mapping):
        for key, values in grid.items():
            listed = isinstance(values, Iterable) and not isinstance(values, str | bytes | Set | Mapping)
            require(listed, f"grid[{key!r}]", _kind(values), "a list of values", TypeError)
        grid = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    grid = list(grid)
    for cell in grid:
        require_instance("grid, cell", cell, Mapping, "a dict of arguments")
    require(grid, "grid", grid, "at least one cell")
    return [plain(dict(cell)) for cell in grid]


def _check_arguments(function: Callable[..., Any], cells: list[dict[str, Any]]) -> None:
    """Refuse cells that `function` cannot be called with, before the first of them is computed."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # a function of C
        return
    for names in {tuple(cell) for cell in cells}:
        try:
            signature.bind(**dict.fromkeys(names))
        except TypeError as error:
            got = f"cells of {', '.join(map(str, names)) or 'nothing'} ({error})"
            require(False, "grid", got, f"the arguments of {name_of(function)}{signature}", TypeError)


def _kind(value: Any) -> str | None:
    return None if value is None else type(value).__name__


@dataclass(frozen=True)
class _Task:
    """One cell, and the folder that keeps it."""

    function: Callable[..., dict[str, Any]]
    arguments: dict[str, Any]
    folder: Path | None
    computation: Computation

    def finished(self) -> dict[str, Any] | None:
        return read_cell(self.folder / self.computation.file_name) if self.folder else None

    def compute(self) -> dict[str, Any]:
        result = self.function(**self.arguments)
        got = type(result).__name__
        require(isinstance(result, Mapping), f"{name_of(self.function)}()", got, "a dict", TypeError)
        row = json.loads(to_json(result))  # so that a computed row and a cached one are the same
        if self.folder:  # by the process that computed it: a cell once finished is never lost
            write_cell(self.folder / self.computation.file_name, self.computation, row)
        return row


def _computed(tasks: list[_Task], waiting: list[int], jobs: int) -> Iterator[tuple[int, dict[str, Any]]]:
    if jobs == 1 or len(waiting) <= 1:
        for index in waiting:
            yield index, tasks[index].compute()
            if index == waiting[0]:
                _unchanged(tasks[index])
        return
    with needs("notebooks", "sweep"):
        import joblib
        from joblib.parallel import BACKENDS, get_active_backend

    backend, _ = get_active_backend()
    dtype = sys.modules["torch"].get_default_dtype() if "torch" in sys.modules else None
    calls = (joblib.delayed(_in_worker)(index, tasks[index], dtype) for index in waiting)
    options: dict[str, Any] = {"n_jobs": jobs}
    if backend.supports_return_generator:
        options["return_as"] = "generator_unordered"  # Ray has lists alone
    if type(backend) in (BACKENDS["loky"], BACKENDS["multiprocessing"]):
        # Every worker, also one that no cell ever reaches, ends with this process; a cluster sees to its own.
        options |= {"initializer": _end_with, "initargs": (os.getpid(),)}
    yield from joblib.Parallel(**options)(calls)


def _unchanged(task: _Task) -> None:
    """Refuse a function whose first cell changed what the next one reads."""
    before = task.computation.content["reads"]
    now = fingerprint(task.function) if task.folder else before
    for name in before:
        changed = f"{name_of(task.function)}() reaches {name}"
        require(now.get(name) == before[name], changed, "a value that it changes", "one that stays the same", TypeError)


def _in_worker(index: int, task: _Task, dtype: Any) -> tuple[int, dict[str, Any]]:
    if dtype is not None:  # a new process begins with torch's own
        import torch

        torch.set_default_dtype(dtype)
    return index, task.compute()


def _end_with(parent: int) -> None:
    """End this process soon after its parent, which may be killed at any time; joblib starts each worker with it."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@memoised
def package_digest(without: tuple[str, ...] = ()) -> str:
    """A digest of the package's source files and of the tables and weights beside them, less the subpackages named."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        name = path.relative_to(package)
        if path.suffix in COMPUTED_FROM and name.parts[0] not in without:
            digest.update(str(name).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


class _Progress:
    """A bar for a person; under the runner a small file that its own progress line reads."""

    def __init__(self, label: str, total: int, done: int, folder: Path | None) -> None:
        self.state = {"label": label, "done": done, "total": total}
        self.path = folder / "progress.json" if folder and headless() else None
        self.bar = None
        if self.path:
            write_json(self.path, self.state, durable=False)
        elif not headless():
            with needs("notebooks", "sweep"):
                from tqdm.auto import tqdm

            self.bar = tqdm(total=total, initial=done, desc=label, leave=False)

    def step(self) -> None:
        self.state["done"] += 1
        if self.path:
            write_json(self.path, self.state, durable=False)
        if self.bar is not None:
            self.bar.update()

    def close(self) -> None:
        if self.path:
            self.path.unlink(missing_ok=True)
        if self.bar is not None:
            self.bar.close()
