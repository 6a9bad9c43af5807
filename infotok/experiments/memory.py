"""The largest memory that a process has used so far, on a GPU or on the machine, and that a function takes."""

import os
import resource
import sys
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import torch

from infotok.errors import require_choice, require_function

__all__ = ["peak_growth", "peak_memory", "reset_peak"]


def reset_peak(device: str) -> None:
    """Count a GPU's peak from now on; that of a process on the CPU cannot be reset."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()


def peak_memory(device: str) -> tuple[int, int]:
    """Bytes used at most, and bytes that there are, on the device ("cpu" or "cuda")."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated(), torch.cuda.get_device_properties(0).total_memory
    unit = 1 if sys.platform == "darwin" else 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return used, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def peak_growth(function: Callable[[], Any], device: str = "cpu") -> int:
    """The largest number of bytes of tensors that a function holds beyond those before it, by torch's allocators.

    function: called once, without arguments.
    device: "cpu", where each allocation is traced, which takes time; or "cuda".
    """
    require_function("function", function, "a function without arguments")
    require_choice("device", device, ("cpu", "cuda"))
    if device == "cuda":
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        function()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiler:
        function()
    traced = (each for each in profiler.profiler.kineto_results.events() if each.name() == "[memory]")
    changes = [each.nbytes() for each in sorted(traced, key=lambda each: each.start_ns())]
    return max(accumulate(changes, initial=0))
