"""Paths that stay inside a folder: no `..`, no absolute path, no symbolic link that leaves it."""

from pathlib import Path, PureWindowsPath
from typing import Any

from infotok.worlds.image_text.faults import fault

__all__ = ["inside", "read_inside"]


def inside(root: Path, name: Any, where: str) -> Path:
    """The real path of the file `name` in `root`; BadRecord, in one line that begins with `where`, for others.

    root: the folder that the path may not leave.
    name: relative to root.
    """
    expected = "a file inside the folder of the data"
    plain = isinstance(name, str) and name and "\0" not in name and name.isprintable()
    if not plain:
        fault(where, ascii(name)[:80], f"the name of {expected}")
    windows = PureWindowsPath(name)  # knows both kinds of slashes, and drives
    if name.startswith(("/", "\\", "~")) or windows.drive or windows.root or ".." in windows.parts:
        fault(where, "a path that leaves the folder", expected)
    try:
        base = root.resolve(strict=True)
        real = (base / name).resolve()
        if not real.is_relative_to(base):
            fault(where, "a link that leaves the folder", expected)
        if not real.is_file():
            fault(where, "no such file" if not real.exists() else "no plain file", expected)
    except (OSError, RuntimeError) as error:  # a name that is too long, links in a circle
        fault(where, getattr(error, "strerror", None) or "a path that cannot be followed", expected)
    return real


def read_inside(root: Path, name: Any, where: str, most: int) -> bytes:
    """The bytes of the file `name` in `root`, at most `most`; errors as in `inside`."""
    path = inside(root, name, where)
    try:
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except OSError as error:
        fault(where, error.strerror or "a fault", "a file that can be read")
    if len(content) > most:
        fault(where, f"more than {most} bytes", f"a file of at most {most}")
    return content
