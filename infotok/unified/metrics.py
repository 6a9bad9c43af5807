"""The metrics that a training run logs: rows of numbers, one line of JSON each, under checksums.

The last field of a line is the first 16 digits of the SHA-256 of the checksum before it and of its row: a line that was
damaged, lost, doubled or taken from another run is found, and the last checksum stands for the whole history.
"""

import hashlib
import json
import os
import warnings
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from infotok.errors import require, require_folder
from infotok.files import naming, parse_json, read_bytes, write_atomically

__all__ = ["METRICS", "REMEDY", "History", "read_metrics"]

METRICS = "metrics.jsonl"
REMEDY = "; put the file back from a copy, or remove the folder {} to begin anew"
Row = dict[str, float]


def read_metrics(run_dir: str | Path) -> list[Row]:
    """The rows of a run's `metrics.jsonl`, none for no such file; a last line that a kill cut short is left out.

    run_dir: folder of the run.

    ValueError, in one line that names the file and the line, for a damaged one. Lines of version 0.1 have no checksums
    and are read with a warning.

    Example:
        >>> from tempfile import mkdtemp
        >>> from infotok.tokenizers import SharedTokenizer, TokenizerConfig
        >>> from infotok.unified import TrainConfig, read_metrics, train
        >>> from infotok.worlds import ShapesWorld
        >>> folder, tokenizer = mkdtemp(), SharedTokenizer.from_config(TokenizerConfig(quantizer=None))
        >>> rows = train(tokenizer, ShapesWorld(), TrainConfig(steps=20, batch=8), folder)
        >>> [row["step"] for row in read_metrics(folder)], read_metrics(folder) == rows
        ([10, 20], True)
    """
    require_folder("run_dir", run_dir)
    return [row for row, _ in read_lines(Path(run_dir) / METRICS)]


class History:
    """The rows that a run has logged, in memory and in its file; `checksum` is that of the last row.

    path: the file, None to keep rows in memory only.
    every: steps between rows.
    ends: steps at which the run ends, and before it those at which it was lengthened.
    writes: whether this process writes the file.
    """

    def __init__(self, path: Path | None, every: int, ends: tuple[int, ...], writes: bool) -> None:
        self.path, self.every, self.ends, self.writes = path, every, ends, writes
        self.rows: list[Row] = []
        self.checksum = ""

    def log(self, row: Row) -> None:
        """Add a row."""
        self.rows.append(row)
        if self.path and self.writes:
            line, self.checksum = write_line(row, self.checksum)
            with naming(self.path), self.path.open("a") as stream:
                stream.write(line)

    def flush(self) -> None:
        """Wait until the rows are on the disk."""
        with naming(self.path), self.path.open("ab") as stream:
            os.fsync(stream.fileno())

    def restore(self, step: int, last: str | None) -> None:
        """Go on after `step`: keep the rows up to there, which end with the checksum `last`, and drop the others."""
        self.rows, text = self._rows_until(step, last) if step else [], ""
        for row in self.rows:
            line, self.checksum = write_line(row, self.checksum)
            text += line
        if self.writes:
            write_atomically(self.path, text)

    def warn_if_lost(self, save_every: int) -> None:
        """Warn that a run starts from the beginning although an earlier one had written a checkpoint."""
        with suppress(ValueError):
            steps = [row["step"] for row, _ in read_lines(self.path)]
            if steps and steps[-1] > save_every:
                got = f"{self.path.parent}: got rows up to step {steps[-1]} and no checkpoint; the run begins anew"
                warnings.warn(got, stacklevel=6)

    def _rows_until(self, step: int, last: str | None) -> list[Row]:
        """The rows up to `step`; by their steps alone in a run of version 0.1, which has no checksums."""
        steps = sorted({*range(self.every, step + 1, self.every), *(end for end in self.ends if end <= step)})
        count = len(steps)
        try:
            found = list(islice(read_lines(self.path), count))
            rows, checksum = [row for row, _ in found], found[-1][1] if found else ""
            expected = f"its {count} rows up to step {step}"
            require(len(rows) == count, str(self.path), f"{len(rows)} rows", expected)
            require([row["step"] for row in rows] == steps, str(self.path), "rows of other steps", expected)
            require(last is None or last == checksum, str(self.path), "the rows of another run", expected)
        except (ValueError, FileNotFoundError) as error:
            raise ValueError(str(error) + REMEDY.format(self.path.parent)) from None
        return rows


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
