"""Where a run comes from and what it used: commit, versions, digests of its files, processor time and memory."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import infotok
from infotok.course.runs import digest

__all__ = ["digests", "git_state", "used_by_children", "versions"]

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "matplotlib", "papermill")
NOT_RESULTS = ("cells", "lock")  # in a run folder: what helps to resume it


def versions() -> dict[str, str]:
    """The version of infotok and of each package that results depend on, if it is installed."""
    found = {"infotok": infotok.__version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def git_state(folder: Path) -> dict[str, Any] | None:
    """The commit, and whether the tree differs from it; None where no git checkout holds the files of `folder`.

    A clone without its own `.git`, unpacked below a checkout of something else, has no commit.
    """

    def git(*words: str) -> bytes:
        return subprocess.run(["git", *words], cwd=folder, capture_output=True, check=True).stdout.strip()

    try:
        if not git("ls-files", "--", "."):
            return None
        return {"commit": git("rev-parse", "HEAD").decode("ascii"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.CalledProcessError):
        return None


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of each result of a run, by its path in the run folder."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    names = {path: path.relative_to(folder) for path in paths}
    return {name.as_posix(): digest(path) for path, name in names.items() if name.parts[0] not in NOT_RESULTS}


def used_by_children() -> tuple[float | None, float | None]:
    """Processor seconds of the kernel and all it started, and the peak memory in GiB of the largest of these processes.

    None each on Windows.
    """
    try:
        import resource
    except ImportError:  # Windows does not count them
        return None, None
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 2**30 if sys.platform == "darwin" else 2**20  # ru_maxrss counts bytes on macOS, KiB elsewhere
    return round(used.ru_utime + used.ru_stime, 2), round(used.ru_maxrss / unit, 3)
