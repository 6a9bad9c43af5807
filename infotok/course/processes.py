"""Ending a process with everything it started: a kernel has a session of its own and outlives a plain kill."""

import contextlib

import psutil


def kill_children(pid: int) -> None:
    """Kill everything below process `pid`. All writing here is atomic, so no kill tears a file."""
    with contextlib.suppress(psutil.NoSuchProcess):
        _kill(psutil.Process(pid).children(recursive=True))


def kill_tree(pid: int) -> None:
    """Kill process `pid` and everything below it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        top = psutil.Process(pid)
        top.suspend()  # so that it starts nothing more between being listed and being killed
        _kill([*top.children(recursive=True), top])


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=5)
