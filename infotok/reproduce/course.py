"""Where the course lies on disk: its notebooks, their profiles, and one folder for every run.

notebooks/NAME.ipynb, notebooks/profiles.yaml
runs/PROFILE/NAME-KEY/     KEY digests the notebook's source, the package's source and the parameters
figures/NAME/              committed pictures and the metrics.json they are redrawn from
"""

import hashlib
import json
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from infotok.files import read_json
from infotok.reproduce.record import PROFILES
from infotok.reproduce.sweep import package_digest


class Refusal(Exception):
    """What was asked for cannot be; the message is the one line to show."""


def nearest(name: str, names: list[str]) -> str:
    """ "; did you mean X?" for the name most like `name`, or all there are where none is."""
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f"; there are: {', '.join(names) or 'none'}"


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
        return sorted(path.stem for path in (self.root / "notebooks").glob("*.ipynb"))

    def notebook(self, name: str) -> Path:
        return self.root / "notebooks" / f"{name}.ipynb"

    def select(self, names: list[str]) -> list[str]:
        """The named notebooks, or all of them; refuses a name that is not there."""
        for name in names:
            if name not in self.names:
                raise Refusal(f"notebook: got {name!r}, expected one of the course{nearest(name, self.names)}")
        return list(dict.fromkeys(names)) or self.names

    def profile(self, profile: str) -> dict[str, dict[str, Any]]:
        """What the profile sets, by notebook; `laptop` is what the notebooks say themselves."""
        import yaml

        if profile not in PROFILES:
            raise Refusal(
                f"profile: got {profile!r}, expected one of {', '.join(PROFILES)}{nearest(profile, [*PROFILES])}"
            )
        path = self.root / "notebooks" / "profiles.yaml"
        profiles = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        for known, what in ((PROFILES, profiles), *((self.names, entries or {}) for entries in profiles.values())):
            for name in what:
                if name not in known:
                    raise Refusal(f"{path.name}: got {name!r}, expected a known name{nearest(name, [*known])}")
        return profiles.get(profile) or {}

    def cells(self, name: str) -> list[dict[str, Any]]:
        """The notebook's cells; refuses a file that is no notebook."""
        try:
            return read_json(self.notebook(name))["cells"]
        except (ValueError, KeyError, TypeError) as reason:
            raise Refusal(f"{name}.ipynb: got a file that cannot be read ({reason}), expected a notebook") from None

    def title(self, name: str) -> str:
        """The notebook's first heading."""
        for cell in self.cells(name):
            if cell["cell_type"] == "markdown" and (heading := first_heading("".join(cell["source"]))):
                return heading
        return name

    def run_folder(self, name: str, profile: str, parameters: dict[str, Any]) -> Path:
        """The folder of this very run: other sources or other parameters have another."""
        cells = [[cell["cell_type"], "".join(cell["source"])] for cell in self.cells(name)]
        text = json.dumps([cells, package_digest(), parameters], sort_keys=True)
        return self.root / "runs" / profile / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"

    def manifests(self, profile: str, name: str) -> list[Path]:
        """The manifests of the notebook's ended runs, latest first."""
        found = (self.root / "runs" / profile).glob(f"{name}-{'[0-9a-f]' * 10}/manifest.json")
        return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)

    def run_folders(self) -> list[Path]:
        """Every run's folder, finished or not."""
        pattern = f"*/*-{'[0-9a-f]' * 10}"
        return sorted(path for path in (self.root / "runs").glob(pattern) if path.is_dir())

    def replaced(self) -> list[Path]:
        """The folders of runs that a newer one of the same notebook and profile replaced."""
        newest: dict[tuple[str, str], Path] = {}
        for folder in sorted(self.run_folders(), key=lambda path: path.stat().st_mtime):
            newest[folder.parent.name, folder.name.rpartition("-")[0]] = folder
        return [folder for folder in self.run_folders() if folder not in newest.values()]


def first_heading(markdown: str) -> str:
    """The text of the first heading in a markdown cell, or ""."""
    return next((line.lstrip("#").strip() for line in markdown.splitlines() if line.startswith("#")), "")
