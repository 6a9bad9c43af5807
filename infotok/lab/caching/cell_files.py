"""The file of one finished cell of a sweep: what it was computed from, its result, and a checksum of both.

A file is named after the function and the key of the computation, FUNCTION-KEY.json, and holds

    {"function": "train", "reads": {"steps": "5e03…", ...}, "arguments": {"beta": 0.1}, "row": {...}, "sha256": "…"}

so a file that is damaged, or that was moved to another name, is recognised by itself.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infotok.files import read_json, write_json

__all__ = ["Computation", "read_cell", "write_cell"]

FIELDS = {"function": str, "reads": dict, "arguments": dict, "row": dict, "sha256": str}


class Computation:
    """A function with what it reaches (see `fingerprint`), and the arguments of one cell."""

    def __init__(self, function: str, reads: Mapping[str, str], arguments: Mapping[str, Any]) -> None:
        self.content = {"function": function, "reads": dict(reads), "arguments": dict(arguments)}

    @property
    def file_name(self) -> str:
        """FUNCTION-KEY.json; the order of arguments does not matter, that of a dict among them does."""
        ordered = {
            name: sorted(part.items()) if isinstance(part, dict) else part for name, part in self.content.items()
        }
        name = re.sub(r"\W", "", self.content["function"]) or "function"
        return f"{name}-{_sha256(ordered)[:16]}.json"


def write_cell(path: Path, computation: Computation, row: Mapping[str, Any]) -> None:
    """Write the result of `computation` to `path`, at once or not at all."""
    content = {**computation.content, "row": row}
    write_json(path, content | {"sha256": _sha256(content)})


def read_cell(path: Path) -> dict[str, Any] | None:
    """The row in a finished cell's file; None if there is none, or if it is damaged or of another computation.

    What a file must be of is in its name.
    """
    try:
        content = read_json(path)
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or {name: type(part) for name, part in content.items()} != FIELDS:
        return None
    given = {name: content[name] for name in ("function", "reads", "arguments")}
    same = content.pop("sha256") == _sha256(content) and Computation(**given).file_name == path.name
    return content["row"] if same else None


def _sha256(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
