"""The runner of notebooks: several at a time, each in a worker process of its own.

Parameters and folders are fixed before the first kernel starts, and the manifest alone describes an ended run.
Ctrl-C ends every worker with its kernel; the next run goes on from the finished cells.
"""

import json
import os
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from infotok.course.course import Course, Refusal
from infotok.course.display import Display
from infotok.course.processes import kill_tree
from infotok.course.refusal import os_line
from infotok.course.runs import ended
from infotok.course.state import Run
from infotok.course.worker import Job, command_of

STAGGER = 0.5  # seconds between two starts: kernels that start at once race for ports
ENVIRONMENT = {
    "INFOTOK_RUN": "1",
    # One thread a process: two notebooks side by side beat two threads in one, and sums come out the same anywhere.
    "OMP_NUM_THREADS": "1",
    # glibc keeps the large blocks that one training step frees for the next: half the page faults, 3 % of the time.
    "MALLOC_MMAP_THRESHOLD_": str(2**25),  # the most that every glibc takes
    "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1),
    "JUPYTER_PREFER_ENV_PATH": "1",  # this environment's kernel, not one of the same name in the home folder
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


def run(
    course: Course,
    parameters: dict[str, dict[str, Any] | Refusal],
    profile: str,
    *,
    jobs: int = 1,
    fresh: bool = False,
    cap_mb: float = 25.0,
) -> list[Run]:
    """Run notebooks and wait for all of them.

    Args:
        course: the clone.
        parameters: the parameters of each notebook by its name; a notebook with a Refusal instead counts as failed.
        profile: the profile, which names the folder of the runs.
        jobs: how many notebooks run at a time.
        fresh: whether to forget finished and interrupted runs of the same parameters and sources.
        cap_mb: the largest file that a run may leave, in MB.

    Returns:
        The ended runs, in the order of `parameters`.

    Raises:
        Refusal: where runs/ cannot be written.
        KeyboardInterrupt: on Ctrl-C, once every worker has ended.
    """
    require_writable(course.root / "runs" / profile)
    runs = [_queued(course, name, profile, values) for name, values in parameters.items()]
    waiting, running = [run for run in runs if not run.ended], []
    terminated = signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill is a Ctrl-C
    display = Display(runs)
    try:
        with display:
            last_start = 0.0
            while waiting or running:
                if waiting and len(running) < jobs and time.monotonic() - last_start >= STAGGER:
                    started = waiting.pop(0)
                    _start(started, course, profile, parameters[started.name], fresh, cap_mb)
                    running.append(started)
                    last_start = time.monotonic()
                running = [run for run in running if not run.ended]
                display.refresh()
                time.sleep(0.1)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # once is enough; the clean-up must not be torn
        for each in runs:
            if each.worker:
                kill_tree(each.worker.pid)
            if not each.ended:
                each.status = "interrupted"
        signal.signal(signal.SIGINT, signal.default_int_handler)
        raise
    finally:
        signal.signal(signal.SIGTERM, terminated)
    return runs


def require_writable(folder: Path) -> None:
    """Refusal, before anything is computed, unless `folder` can be made and written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(os_line(error)) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Refusal(f"{folder}: got a folder that cannot be written, expected one for the runs")


def _queued(course: Course, name: str, profile: str, values: dict[str, Any] | Refusal) -> Run:
    if isinstance(values, Refusal):
        return Run(name, course.root / "runs" / profile / name, status="failed", faults=[str(values)])
    before = [run.manifest["cell_seconds"] for run in ended(course, profile, name) if not run.damage]
    weights = [max(seconds, 0.1) for seconds in before[0]] if before else []
    return Run(name, course.run_folder(name, profile, values), weights=weights)


def again(name: str, profile: str, parameters: dict[str, Any]) -> str:
    """The command that repeats this run: it sets every parameter, so that the profile may change."""
    words = ["infotok", "run", name, "--profile", profile]
    for key, value in parameters.items():
        words += ["-p", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]
    return shlex.join(words)


def _start(run: Run, course: Course, profile: str, values: dict[str, Any], fresh: bool, cap_mb: float) -> None:
    job = Job(
        name=run.name,
        profile=profile,
        notebook=str(course.notebook(run.name)),
        folder=str(run.folder),
        parameters=values,
        command=again(run.name, profile, values),
        fresh=fresh,
        cap_mb=cap_mb,
    )
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - the worker and the reader share it
    run.worker = subprocess.Popen(
        command_of(job),
        stdin=subprocess.PIPE,  # never written to: when it closes, the worker ends itself
        stdout=subprocess.PIPE,
        stderr=errors,
        start_new_session=True,  # Ctrl-C reaches this process alone, which ends the others in order
        env={**ENVIRONMENT, **os.environ, "INFOTOK_RUN": "1"},
    )
    run.begun, run.status = time.monotonic(), "running"
    threading.Thread(target=_follow, args=(run, errors), daemon=True).start()


def _follow(run: Run, errors) -> None:
    """Read a worker's events until it ends, and keep the run up to date."""
    last = {}
    with run.worker.stdout as events:
        for line in events:
            event = _event(line)
            last = event if event["event"] == "end" else last
            if event["event"] == "cell":
                run.status, run.number, run.cells, run.place = (
                    "running",
                    event["number"],
                    event["cells"],
                    event["place"],
                )
            elif event["event"] in ("waiting", "finishing"):
                run.status = event["event"]
            elif event["event"] == "damaged":
                run.notes.append(f"{event['line']}; run again")
    code = run.worker.wait()
    run.worker.stdin.close()
    run.seconds = last.get("seconds", time.monotonic() - run.begun)
    run.faults = last.get("faults") or ([] if last else [f"the worker ended with exit code {code}{_last_line(errors)}"])
    errors.close()
    run.status = last.get("status", "failed")


def _event(line: bytes) -> dict[str, Any]:
    """An event of the worker; one without meaning for a line that a kill cut short, or that something else printed."""
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    return event if isinstance(event, dict) and "event" in event else {"event": "none"}


def _last_line(errors) -> str:
    errors.seek(0)
    lines = [line.strip() for line in errors.read().decode(errors="replace").splitlines() if line.strip()]
    return f": {lines[-1]}" if lines else ""


def exit_code(runs: list[Run]) -> int:
    """The exit code of `infotok run`: 0 where every run passed or was kept, else 1."""
    return int(any(run.status not in ("passed", "kept") for run in runs))
