"""The largest memory that a process has used so far, on a GPU or on the machine."""

import os
import resource
import sys

import torch

__all__ = ["peak_memory", "reset_peak"]


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
