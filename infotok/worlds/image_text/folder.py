"""Records in a folder: images, and a JSONL file with one object a line that names them."""

import json
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infotok.errors import require_choice
from infotok.worlds.image_text.faults import fault
from infotok.worlds.image_text.paths import inside
from infotok.worlds.image_text.records import Records, checked_image

__all__ = ["ON_ERROR", "FolderRecords", "json_object"]

ON_ERROR = ("raise", "skip")
MOST_LINE = 2**20  # bytes


class FolderRecords(Records):
    """A JSONL file and the images that it names, relative to its folder.

    The file is scanned once, for the place of each line; blank lines do not count. A line is read again when asked for.

    path: the JSONL file.
    fields: {field: its name in the data}.
    on_error: "raise" checks the text of every line at once; "skip" leaves faults to whoever asks for the record.
    """

    def __init__(self, path: str | Path, fields: Mapping[str, str] | None = None, on_error: str = "raise") -> None:
        self.path = Path(path)
        super().__init__(self.path.parent, fields)
        require_choice("on_error", on_error, ON_ERROR)
        self._file = inside(self.root, self.path.name, str(self.path))
        self._starts, self._sizes, self._lines = array("q"), array("q"), array("q")
        self._scan()
        if on_error == "raise":
            for index in range(len(self)):
                self.text(index)
                checked_image(self.raw(index, image=True), self.fields, self.where(index))

    def __len__(self) -> int:
        return len(self._starts)

    def where(self, index: int) -> str:
        """The file and the line, from 1."""
        return f"{self.path}:{self._lines[index]}"

    def raw(self, index: int, image: bool) -> Any:
        """The object of a line."""
        where, size = self.where(index), self._sizes[index]
        if size > MOST_LINE:
            fault(where, f"a line of {size} bytes", f"at most {MOST_LINE}")
        try:
            with self._file.open("rb") as stream:
                stream.seek(self._starts[index])
                content = stream.read(size)
        except OSError as error:
            fault(where, error.strerror or "a fault", "a file that can be read")
        return json_object(content, where)

    def _scan(self) -> None:
        """The start, size and number of each line that is not blank."""
        start, size, line, blank = 0, 0, 1, True
        with self._file.open("rb") as stream:
            while piece := stream.readline(MOST_LINE):
                size += len(piece)
                blank = blank and not piece.strip()
                if piece.endswith(b"\n"):
                    self._add(start, size, line, blank)
                    start, size, line, blank = start + size, 0, line + 1, True
        self._add(start, size, line, blank)

    def _add(self, start: int, size: int, line: int, blank: bool) -> None:
        if not blank:
            self._starts.append(start), self._sizes.append(size), self._lines.append(line)


def json_object(content: bytes, where: str) -> dict[str, Any]:
    """The JSON object of some bytes; BadRecord, in one line that begins with `where`, for anything else."""
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        fault(where, f"bytes that are not UTF-8 (byte {error.start})", "a JSON object")
    except json.JSONDecodeError as error:
        fault(where, f"no JSON (column {error.colno}: {error.msg})", "a JSON object")
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits, brackets by the thousand
        fault(where, f"no JSON ({str(error).splitlines()[0]:.80})", "a JSON object")
    if not isinstance(value, dict):
        fault(where, f"JSON of a {type(value).__name__}", "a JSON object")
    return value
