"""The files that a record has written in a folder, by what its metrics.json names."""

from contextlib import suppress
from pathlib import Path

from infotok.files import read_json

__all__ = ["remove_recorded"]

ENDINGS = {"figures": "png", "tables": "csv"}


def remove_recorded(folder: Path) -> None:
    """Remove the figures and tables of the record in `folder`; files of the same folders that it does not name stay.

    - folder: of the run; without a metrics.json nothing is removed
    """
    with suppress(FileNotFoundError, ValueError):
        earlier = read_json(folder / "metrics.json")
        for kind, ending in ENDINGS.items():
            named = earlier.get(kind) if isinstance(earlier, dict) else None
            for name in named if isinstance(named, dict) else ():
                if Path(name).name == name:  # no path out of the folder
                    (folder / kind / f"{name}.{ending}").unlink(missing_ok=True)
            with suppress(OSError):  # it holds something else, or is not there
                (folder / kind).rmdir()
