"""What the kernel and everything it started used of this machine, as far as the system counts it."""

import sys

__all__ = ["used_by_children"]


def used_by_children() -> tuple[float | None, float | None]:
    """Processor seconds and peak memory in GiB of ended children; None each on Windows, which does not count them."""
    try:
        import resource
    except ImportError:
        return None, None
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 2**30 if sys.platform == "darwin" else 2**20  # ru_maxrss counts bytes on macOS, KiB elsewhere
    return round(used.ru_utime + used.ru_stime, 2), round(used.ru_maxrss / unit, 3)
