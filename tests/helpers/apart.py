"""Processes that a test starts and may kill, forked from a server that has run nothing.

A fork of the testing process would copy locks that its threads hold, and share the lock of tqdm's bars: a child killed
while it draws a bar keeps that lock, and the next bar of the tests would wait for ever.
"""

import multiprocessing
import socket
from collections.abc import Callable

PRELOADED = [
    "accelerate", "pytest", "transformers.models.gpt2.modeling_gpt2", "infotok.evaluation", "infotok.experiments.hosts",
    "torch.distributed.fsdp", "torch.distributed.tensor", "torch.distributed.checkpoint.state_dict",
]  # fmt: skip
SERVER = multiprocessing.get_context("forkserver")


def started(target: Callable, *args) -> multiprocessing.Process:
    """A process that runs `target(*args)`, a function that can be imported; it ends with the tests at the latest."""
    SERVER.set_forkserver_preload(PRELOADED)
    process = SERVER.Process(target=target, args=args, daemon=True)
    process.start()
    return process


def ended(processes: list, seconds: float = 300) -> list[int | None]:
    """The exit codes of processes; None is one that has not ended in time, and is killed."""
    for process in processes:
        process.join(seconds)
    codes = [process.exitcode for process in processes]
    for process in processes:
        process.kill()
    return codes


def answer(target: Callable, *args, seconds: float = 120) -> object:
    """What `target(pipe, *args)` sends through its end of a pipe."""
    mine, theirs = SERVER.Pipe()
    process = started(target, theirs, *args)
    theirs.close()  # so that a process that dies without an answer ends the wait
    assert mine.poll(seconds), "no answer in time"
    found = mine.recv()
    assert ended([process], seconds) == [0]
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
