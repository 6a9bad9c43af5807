"""Annotations of known data sets: the objects of a JSON file, each with its place for the lines of errors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infotok.errors import require_instance
from infotok.files import read_json

__all__ = ["field", "named_objects", "objects"]


def objects(path: Path, name: str) -> list[tuple[str, Any]]:
    """(place, object) of a list in a JSON file; `name` is the key that it stands under."""
    rows = read_json(path, (name,))[name]
    require_instance(f"{path}, {name}", rows, list)
    return [(f"{path}, {name} {number}", row) for number, row in enumerate(rows)]


def named_objects(path: Path) -> Iterator[tuple[str, str, Any]]:
    """(place, key, value) of a JSON file that is one object."""
    found = read_json(path)
    require_instance(str(path), found, dict)
    return ((f"{path}, {key!r}", key, value) for key, value in found.items())


def field(row: Any, name: str, where: str, kind: type | tuple[type, ...] = str) -> Any:
    """The field of an object; TypeError, in one line with its place, where it is missing or of another kind."""
    value = row.get(name) if isinstance(row, dict) else None
    require_instance(f"{where}, {name}", value, kind)
    return value
