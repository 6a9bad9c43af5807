"""A grid of experiments, each finished cell kept: interrupted work resumes, added cells cost only themselves.

    rows = sweep(train, {"beta": [1e-3, 1e-2], "seed": [0, 1, 2]}, cache=record.cells, jobs=2)
    frame = pandas.DataFrame(rows)  # beta, seed, and whatever `train` returned

Cells run in joblib's processes. joblib's own backends take them to a cluster:
with a `distributed.Client` open, `with joblib.parallel_config("dask"): sweep(..., jobs=-1)`; for Ray,
`ray.util.joblib.register_ray()` and then `joblib.parallel_config("ray")`. The cache folder must be one that every
machine sees.
"""

import hashlib
import inspect
import itertools
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import cache as memoised
from pathlib import Path
from typing import Any

from infotok.errors import require
from infotok.files import plain, read_json, to_json, write_json
from infotok.reproduce.record import headless


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
        cache: folder of finished cells, keyed by the cell, the function's source and the package's; None keeps none.
        jobs: how many processes; -1 for one a core.
        label: what the progress line calls the work; the function's name by default.

    Raises:
        ValueError: for no cells or `jobs` of 0. TypeError: for a cell or a result that is not JSON.
        Whatever `function` raises; cells that had finished stay in the cache.
    """
    cells = _cells(grid)
    require(isinstance(jobs, int) and (jobs >= 1 or jobs == -1), "jobs", jobs, "a number of processes, or -1")
    label = label or function.__name__.replace("_", " ")
    folder = Path(cache) if cache else None
    paths = [folder / f"{function.__name__}-{_key(function, cell)}.json" if folder else None for cell in cells]
    rows = [read_json(path) if path and path.exists() else None for path in paths]
    waiting = [index for index, row in enumerate(rows) if row is None]
    progress = _Progress(label, len(cells), len(cells) - len(waiting), folder)
    for index, row in _computed(function, cells, paths, waiting, jobs):
        rows[index] = row
        progress.step()
    progress.close()
    return [{**cell, **row} for cell, row in zip(cells, rows, strict=True)]


def _cells(grid: Any) -> list[dict[str, Any]]:
    if isinstance(grid, Mapping):
        grid = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    cells = [plain(dict(cell)) for cell in grid]
    require(cells, "grid", grid, "at least one cell")
    return cells


def _computed(function, cells, paths, waiting, jobs):
    if jobs == 1 or len(waiting) <= 1:
        yield from ((index, _compute(function, cells[index], paths[index])) for index in waiting)
        return
    import joblib

    tasks = (joblib.delayed(_indexed)(index, function, cells[index], paths[index]) for index in waiting)
    yield from joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(tasks)


def _indexed(index, function, cell, path):
    return index, _compute(function, cell, path)


def _compute(function, cell, path) -> dict[str, Any]:
    result = function(**cell)
    require(isinstance(result, Mapping), f"{function.__name__}()", type(result).__name__, "a dict", TypeError)
    row = json.loads(to_json(result))  # so that a computed row and a cached one are the same
    if path:
        write_json(path, row)  # by the process that computed it: a cell once finished is never lost
    return row


def _key(function: Callable, cell: dict[str, Any]) -> str:
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        require(False, "function", function, "a function whose source can be read, to key its cache by", TypeError)
    # The layers that only show and run results cannot change one.
    text = json.dumps([source, package_digest(without=("lab", "reproduce")), cell], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@memoised
def package_digest(without: tuple[str, ...] = ()) -> str:
    """A digest of the package's source files, less the subpackages named."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package)
        if name.parts[0] not in without:
            digest.update(str(name).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


class _Progress:
    """A bar for a person; under the runner a small file that its own progress line reads."""

    def __init__(self, label: str, total: int, done: int, folder: Path | None) -> None:
        self.state = {"label": label, "done": done, "total": total}
        self.path = folder / "progress.json" if folder and headless() else None
        self.bar = None
        if self.path:
            write_json(self.path, self.state)
        elif not headless():
            from tqdm.auto import tqdm

            self.bar = tqdm(total=total, initial=done, desc=label, leave=False)

    def step(self) -> None:
        self.state["done"] += 1
        if self.path:
            write_json(self.path, self.state)
        if self.bar is not None:
            self.bar.update()

    def close(self) -> None:
        if self.path:
            self.path.unlink(missing_ok=True)
        if self.bar is not None:
            self.bar.close()
