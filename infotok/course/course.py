"""Where the course lies on disk: its notebooks, their profiles, and one folder for every run.

notebooks/NAME.ipynb, notebooks/profiles.yaml
runs/PROFILE/NAME-KEY/     KEY digests the source of the notebook, of modules beside it and of the package, the
                           parameters, and committed runs that it reads
figures/NAME/              committed pictures and the metrics.json they are redrawn from
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastjsonschema

from infotok.course.checked import read_checked
from infotok.course.profiles import read_profiles
from infotok.course.refusal import Refusal, nearest
from infotok.lab.record import PROFILES
from infotok.lab.sweep import package_digest

__all__ = ["Course", "Refusal", "first_heading", "nearest", "read_cells"]

LESSON = re.compile("[a-z0-9][a-z0-9_]*")  # what JupyterLab makes by itself, Untitled or X-Copy1, is none
KEY = "[0-9a-f]" * 10
TEXT = {"type": "string"}
SOURCE = {"anyOf": [TEXT, {"type": "array", "items": TEXT}]}
TAGS = {"type": "object", "properties": {"tags": {"type": "array", "items": TEXT}}}
CELL = {
    "type": "object",
    "required": ["cell_type", "source", "metadata"],
    "properties": {"cell_type": {"enum": ["code", "markdown", "raw"]}, "source": SOURCE, "metadata": TAGS},
}
KERNEL = {
    "type": "object",
    "required": ["kernelspec"],
    "properties": {
        "kernelspec": {"type": "object", "required": ["name"], "properties": {"name": {"const": "python3"}}}
    },
}
_check_notebook = fastjsonschema.compile(
    {
        "type": "object",
        "required": ["nbformat", "metadata", "cells"],
        "properties": {"nbformat": {"const": 4}, "metadata": KERNEL, "cells": {"type": "array", "items": CELL}},
    }
)


@dataclass(frozen=True)
class Course:
    """The folders of one clone."""

    root: Path

    @classmethod
    def find(cls, root: str = "") -> "Course":
        """The course in `root`, or in the nearest folder above that has notebooks/profiles.yaml."""
        start = Path(root or ".").resolve()
        for folder in [start] if root else [start, *start.parents]:
            if (folder / "notebooks" / "profiles.yaml").is_file():
                return cls(folder)
        raise Refusal(f"root: got {start}, expected a clone of infotok, with notebooks/profiles.yaml in it")

    @property
    def names(self) -> list[str]:
        """The lessons: notebooks named by lower-case letters, digits and underscores."""
        return [path.stem for path in self._notebooks() if LESSON.fullmatch(path.stem)]

    @property
    def others(self) -> list[str]:
        """One line for each notebook that lies there and is no lesson."""
        expected = "a lesson is named by lower-case letters, digits and underscores"
        others = [path.name for path in self._notebooks() if not LESSON.fullmatch(path.stem)]
        return [f"notebooks/{name}: not part of the course; {expected}" for name in others]

    def _notebooks(self) -> list[Path]:
        return sorted((self.root / "notebooks").glob("*.ipynb"))

    def notebook(self, name: str) -> Path:
        return self.root / "notebooks" / f"{name}.ipynb"

    def select(self, names: list[str]) -> list[str]:
        """The named notebooks, or all of them; refuses a name that is not there."""
        for name in names:
            if name not in self.names:
                raise Refusal(f"notebook: got {name!r}, expected one of the course{nearest(name, self.names)}")
        if not self.names:
            raise Refusal(f"notebooks: got no lesson in {self.root / 'notebooks'}, expected at least one")
        return list(dict.fromkeys(names)) or self.names

    def profile(self, profile: str) -> dict[str, dict[str, Any]]:
        """The parameters that the profile sets, by notebook; `laptop` is the notebooks' own values."""
        if profile not in PROFILES:
            raise Refusal(
                f"profile: got {profile!r}, expected one of {', '.join(PROFILES)}{nearest(profile, [*PROFILES])}"
            )
        profiles = self.profiles()
        if profile not in profiles and profile != "laptop":
            raise Refusal(f"profiles.yaml: got no profile {profile}, expected an entry for it, which may be empty")
        return profiles.get(profile, {})

    def profiles(self) -> dict[str, dict[str, dict[str, Any]]]:
        """What every profile of notebooks/profiles.yaml sets, by notebook."""
        return read_profiles(self.root / "notebooks" / "profiles.yaml", PROFILES, self.names)

    def cells(self, name: str) -> list[dict[str, Any]]:
        """The notebook's cells, each source one string; refuses a file that is no notebook for Python 3."""
        return read_cells(self.notebook(name))

    def title(self, name: str) -> str:
        """The notebook's first heading."""
        for cell in self.cells(name):
            if cell["cell_type"] == "markdown" and (heading := first_heading(cell["source"])):
                return heading
        return name

    def run_folder(self, name: str, profile: str, parameters: dict[str, Any]) -> Path:
        """The folder of this very run: other sources, parameters or committed runs that it reads have another."""
        cells = [[cell["cell_type"], cell["source"]] for cell in self.cells(name)]
        code = "\n".join(source for kind, source in cells if kind == "code")
        data = {} if parameters.get("keep") else self._data(code)  # a run that keeps its results changes them itself
        data |= self._helpers(code)
        text = json.dumps([cells, package_digest(), parameters, data], sort_keys=True)
        return self.root / "runs" / profile / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"

    def _helpers(self, code: str) -> dict[str, str]:
        """Digests of the Python files beside the notebooks that the code imports or names."""
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted((self.root / "notebooks").glob("*.py"))
            if re.search(rf"\b{re.escape(path.stem)}\b", code)
        }

    def _data(self, code: str) -> dict[str, str]:
        """Digests of the committed files of runs whose folder and name the code names: figures/LESSON/FILE.json."""
        return {
            str(path.relative_to(self.root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted((self.root / "figures").glob("*/*.json"))
            if path.name != "metrics.json" and f'"{path.parent.name}"' in code and f'"{path.name}"' in code
        }

    def run_folders(self, profile: str = "*", name: str = "*") -> list[Path]:
        """Every run's folder, finished or not."""
        return sorted(path for path in (self.root / "runs").glob(f"{profile}/{name}-{KEY}") if path.is_dir())


def read_cells(path: Path) -> list[dict[str, Any]]:
    """The cells of a notebook, each source one string; refuses a file that is no notebook for Python 3."""
    try:
        cells = read_checked(path, _check_notebook)["cells"]
    except ValueError as reason:
        raise Refusal(f"{path.name}: got a file that cannot be read ({reason}), expected a notebook") from None
    return [{**cell, "source": "".join(cell["source"])} for cell in cells]


def first_heading(markdown: str) -> str:
    """The text of the first heading in a markdown cell, or ""."""
    return next((line.lstrip("#").strip() for line in markdown.splitlines() if line.startswith("#")), "")
