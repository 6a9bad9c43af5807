"""JSON files that must have a certain shape: what is wrong with one, in a few words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastjsonschema import JsonSchemaValueException

from infotok.files import read_json

__all__ = ["read_checked"]


def read_checked(path: Path, check: Callable[[Any], Any]) -> Any:
    """The JSON of `path`, checked by `check`, a compiled schema; ValueError gives the reason if it cannot be read."""
    try:
        return check(read_json(path))
    except JsonSchemaValueException as error:
        reason = error.message.replace("data.", "", 1)
    except RecursionError:
        reason = "nested too deeply"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0].removeprefix(f"{path}: ")
    raise ValueError(reason)
