"""The rows that a training run logs, one line of JSON each, under checksums.

The last field of a line is the first 16 digits of the SHA-256 of the checksum before it and of its row: a line that was
damaged, lost, doubled or taken from another run is found, and the last checksum stands for the whole history.
"""

import hashlib
import json
import warnings
from collections.abc import Iterator
from pathlib import Path

from infotok.errors import require, require_folder
from infotok.files import parse_json, read_bytes

__all__ = ["METRICS", "read_lines", "read_metrics", "write_line"]

METRICS = "metrics.jsonl"
Row = dict[str, float]


def read_metrics(run_dir: str | Path) -> list[Row]:
    """The rows of a run's `metrics.jsonl`, none for no such file; a last line that a kill cut short is left out.

    ValueError, in one line that names the file and the line, for a damaged one. Lines of version 0.1 have no checksums
    and are read with a warning.
    """
    require_folder("run_dir", run_dir)
    return [row for row, _ in read_lines(Path(run_dir) / METRICS)]


def write_line(row: Row, before: str) -> tuple[str, str]:
    """The line of a row, and its checksum; `before` is the checksum of the row before it, "" for the first."""
    checksum = _checksum(row, before)
    return json.dumps({**row, "sha256": checksum}) + "\n", checksum


def read_lines(path: Path) -> Iterator[tuple[Row, str | None]]:
    """Each row with its checksum, None in a file of version 0.1; a damaged line raises when it is reached."""
    *whole, cut = (read_bytes(path) if path.exists() else b"").split(b"\n")
    before: str | None = ""
    for number, line in enumerate([*whole, cut] if cut else whole, 1):
        try:
            row, checksum = _parse(line, f"{path}, line {number}")
            if number == 1 and checksum is None:
                warnings.warn(f"{path}: written by version 0.1, without checksums", stacklevel=3)
                before = None
            right = checksum == (None if before is None else _checksum(row, before))
            require(right, f"{path}, line {number}", "a damaged line", "one whose checksum is right")
        except ValueError:
            if number > len(whole):
                return
            raise
        yield row, checksum
        before = checksum


def _parse(line: bytes, name: str) -> tuple[Row, str | None]:
    row = parse_json(line, name)
    require(isinstance(row, dict), name, "a damaged line", "an object of numbers")
    checksum = row.pop("sha256", None)
    numbers = type(row.get("step")) is int and all(isinstance(value, int | float) for value in row.values())
    require(numbers, name, "a damaged line", "an object of numbers, with its step")
    return row, checksum


def _checksum(row: Row, before: str) -> str:
    return hashlib.sha256((before + json.dumps(row)).encode()).hexdigest()[:16]
