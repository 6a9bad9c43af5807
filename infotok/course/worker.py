"""The worker: one process that executes one notebook with papermill in its run folder and writes its manifest.

The runner starts `python -m infotok.course.worker JOB` and reads one JSON event a line from its standard output.
A lock on the run folder makes a second runner wait. If the runner dies, its pipe closes; the worker then ends its
kernel and itself.
"""

import json
import os
import platform
import shutil
import sys
import threading
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infotok.course.provenance import digests, git_state, used_by_children, versions
from infotok.course.quick import without_grammar
from infotok.course.refusal import os_line
from infotok.course.runs import changed, read_manifest, read_record, seal
from infotok.files import write_atomically, write_json


@dataclass(frozen=True)
class Job:
    """What a worker runs, and how."""

    name: str
    profile: str
    notebook: str
    folder: str
    parameters: dict[str, Any]
    command: str
    fresh: bool
    cap_mb: float


class Events:
    """Writes events to standard output; what anything else prints goes to standard error."""

    def __init__(self) -> None:
        self.stream = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
        os.dup2(2, 1)

    def __call__(self, event: str, **facts: Any) -> None:
        self.stream.write(json.dumps({"event": event, **facts}) + "\n")


def main() -> None:
    """Run the job of the command line."""
    without_grammar()
    job = Job(**json.loads(sys.argv[1]))
    threading.Thread(target=_end_with_the_runner, daemon=True).start()
    say, folder = Events(), Path(job.folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder, say):
            if not job.fresh and (manifest := _finished(folder, say)):
                say("end", status="kept", faults=[], seconds=manifest["seconds"])
                return
            if job.fresh:
                _empty(folder)
            else:
                _take_over_cells(folder)
            manifest = _run(job, folder, say)
    except OSError as error:
        say("end", status="failed", faults=[os_line(error)])
    else:
        say("end", status=manifest["status"], faults=manifest["faults"], seconds=manifest["seconds"])


def _finished(folder: Path, say: Events) -> dict[str, Any] | None:
    """The manifest of a run that passed and whose files are unchanged, else None; damage is an event."""
    if not os.path.lexists(folder / "manifest.json"):
        return None
    try:
        manifest = read_manifest(folder)
    except ValueError as error:
        say("damaged", line=str(error))
        return None
    if manifest["status"] != "passed":
        return None
    if line := changed(folder, manifest):
        say("damaged", line=line)
        return None
    return manifest


def _end_with_the_runner() -> None:
    sys.stdin.buffer.read()  # returns when the runner closes its end, by intent or by its death
    from infotok.course.processes import kill_children

    kill_children(os.getpid())
    os._exit(1)


def _locked(folder: Path, say: Events):
    from filelock import FileLock, Timeout

    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say("waiting")
        lock.acquire()
    return lock


def _take_over_cells(folder: Path) -> None:
    """Copy finished cells from the notebook's other runs; a sweep uses those that are the same computation."""
    from infotok.lab.caching.cell_files import read_cell

    for path in folder.parent.glob(f"{folder.name.rpartition('-')[0]}-{'[0-9a-f]' * 10}/cells/*.json"):
        own = folder / "cells" / path.name
        if read_cell(own) is None and read_cell(path) is not None:
            write_atomically(own, path.read_bytes())


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()


def _run(job: Job, folder: Path, say: Events) -> dict[str, Any]:
    _clear(job, folder)
    started, clock = datetime.now(UTC), time.monotonic()
    executed = folder / f"{job.name}.ipynb"
    fault = _execute(job, executed, say)
    seconds = round(time.monotonic() - clock, 2)
    say("finishing")

    from infotok.course.faults import faults

    notebook, torn = _read_executed(executed)
    record, damage = _read_record(folder / "metrics.json")
    lines = [line for line in (fault, torn, damage) if line] + faults(notebook, record, folder, job.cap_mb)
    cpu_seconds, peak_memory = used_by_children()
    manifest = {
        "notebook": job.name,
        "profile": job.profile,
        "status": "failed" if lines else "passed",
        "faults": lines,
        "command": job.command,
        "parameters": job.parameters,
        "seed": job.parameters.get("seed"),
        "started": started.isoformat(timespec="seconds"),
        "seconds": seconds,
        "cell_seconds": _cell_seconds(notebook),
        "cpu_seconds": cpu_seconds,
        "peak_memory_gib": peak_memory,
        "device": record.get("device", "cpu"),
        "peak_device_gib": record.get("peak_device_gib"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "versions": versions(),
        "git": git_state(Path(job.notebook).parent),
        "metrics": record.get("metrics", {}),
        "claims": record.get("claims", []),
        "artifacts": digests(folder),
    }
    try:
        write_json(folder / "manifest.json", seal(manifest))
    except OSError as error:  # a full disk: the command still shows the results
        manifest |= {"status": "failed", "faults": [*lines, os_line(error)]}
    return manifest


def _clear(job: Job, folder: Path) -> None:
    """Remove the results and the temporary files of an earlier attempt; cells and training stay."""
    for name in ("manifest.json", "metrics.json", f"{job.name}.ipynb", "cells/progress.json"):
        (folder / name).unlink(missing_ok=True)
    for name in ("figures", "tables"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for path in folder.rglob(".*"):
        if path.is_file():
            path.unlink()


def _read_executed(path: Path) -> tuple[Any, str]:
    """The executed notebook, an empty one if there is none, and a line if it is not whole."""
    import nbformat

    if not path.exists():
        return nbformat.v4.new_notebook(), ""
    try:
        return nbformat.read(path, as_version=4), ""
    except Exception:  # papermill writes in place: a full disk leaves a part
        return nbformat.v4.new_notebook(), f"{path.name}: got a file cut short, expected the executed notebook"


def _read_record(path: Path) -> tuple[dict[str, Any], str]:
    try:
        return (read_record(path) if path.exists() else {}), ""
    except ValueError as error:
        return {}, str(error)


def _execute(job: Job, executed: Path, say: Events) -> str:
    """Execute the notebook by papermill; returns a fault that no output of a cell shows, or ""."""
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.engines import papermill_engines
    from papermill.exceptions import PapermillExecutionError

    from infotok.course.engine import engine
    from infotok.course.faults import place
    from infotok.course.profiles import NOTES

    now = {"place": "its first cell"}

    def begins(notebook, index: int) -> None:
        code = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
        now["place"] = place(notebook, index)
        say("cell", number=code.index(index), cells=len(code), place=now["place"])

    papermill_engines.register("infotok", engine(begins, NOTES.get(job.profile, "")))
    parameters = {**job.parameters, "run_dir": job.folder, "profile": job.profile}
    source, target = (str(path).replace("{", "{{").replace("}", "}}") for path in (job.notebook, executed))
    try:
        papermill.execute_notebook(  # which fills parameters into the braces of a path
            source, target, parameters, engine_name="infotok", cwd=Path(job.notebook).parent, progress_bar=False
        )
    except PapermillExecutionError:
        return ""  # the cell's output has the error
    except DeadKernelError:
        return f"{now['place']}: the kernel died (killed, or out of memory)"
    except OSError as error:
        return f"{now['place']}: {os_line(error)}"
    except Exception as error:  # no kernel named python3, say: one line, and the summary still stands
        reason = (str(error).strip() or "no message").splitlines()[0]
        return f"{now['place']}: {type(error).__name__}: {reason}"
    return ""


def _cell_seconds(notebook) -> list[float]:
    cells = (cell for cell in notebook.cells if cell.cell_type == "code")
    return [round(cell.metadata.get("papermill", {}).get("duration") or 0.0, 2) for cell in cells]


def command_of(job: Job) -> list[str]:
    """The command line that starts this job's worker."""
    return [sys.executable, "-m", "infotok.course.worker", json.dumps(asdict(job))]


if __name__ == "__main__":
    main()
