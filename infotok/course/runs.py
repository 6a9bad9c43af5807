"""Ended runs on disk, each checked before it is shown; a damaged run is named and the others are shown all the same.

A run is found by its parameters. Of the runs of a notebook with the same profile and parameters, the one by the
current sources is shown, or else the latest one by earlier sources.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastjsonschema

from infotok.course.checked import read_checked
from infotok.course.course import Course, Refusal
from infotok.files import to_json
from infotok.lab.record import NAME

__all__ = [
    "Ended",
    "Shown",
    "changed",
    "digest",
    "ended",
    "own_file",
    "read_manifest",
    "read_record",
    "replaced",
    "seal",
    "shown",
]

TEXT, NUMBER, OBJECT = {"type": "string"}, {"type": "number"}, {"type": "object"}
TEXTS = {"type": "array", "items": TEXT}
CLAIM = {
    "type": "object",
    "required": ["text", "value", "bound", "holds", "source", "judged_at"],
    "properties": {
        **dict.fromkeys(("text", "bound", "source", "judged_at"), TEXT),
        "value": NUMBER,
        "holds": {"type": ["boolean", "null"]},
    },
}
CLAIMS = {"type": "array", "items": CLAIM}
GIT = {
    "type": ["object", "null"],
    "required": ["commit", "dirty"],
    "properties": {"commit": TEXT, "dirty": {"type": "boolean"}},
}
MANIFEST = {
    "notebook": TEXT,
    "profile": TEXT,
    "status": {"enum": ["passed", "failed"]},
    "faults": TEXTS,
    "command": TEXT,
    "parameters": OBJECT,
    "seed": {},
    "started": TEXT,
    "seconds": NUMBER,
    "cell_seconds": {"type": "array", "items": NUMBER},
    "peak_memory_gib": {"type": ["number", "null"]},
    "device": TEXT,
    "peak_device_gib": {"type": ["number", "null"]},
    "machine": TEXT,
    "python": TEXT,
    "versions": {"type": "object", "additionalProperties": TEXT},
    "git": GIT,
    "metrics": OBJECT,
    "claims": CLAIMS,
    "artifacts": {"type": "object", "additionalProperties": TEXT},
}
FIGURE = {
    "type": "object",
    "required": ["caption"],
    "properties": {"caption": TEXT, "plot": TEXT, "data": OBJECT},
    "dependencies": {"plot": ["data"]},
}
FIGURES = {"type": "object", "patternProperties": {f"^{NAME.pattern}$": FIGURE}, "additionalProperties": False}
RECORD = {"metrics": OBJECT, "claims": CLAIMS, "figures": FIGURES}


def _checker(properties: dict[str, Any]):
    return fastjsonschema.compile({"type": "object", "required": [*properties], "properties": properties})


_check_manifest, _check_record = _checker(MANIFEST), _checker(RECORD)


@dataclass(frozen=True)
class Ended:
    """A run that has ended. `damage` is one line that names a damaged file, "" where the manifest is whole."""

    folder: Path
    manifest: dict[str, Any]
    damage: str = ""


@dataclass(frozen=True)
class Shown:
    """A lesson with its run of the parameters wanted, None if there is none; `fault`: why it cannot be found."""

    name: str
    title: str
    run: Ended | None = None
    current: bool = True  # the run is of today's notebook and package
    fault: str = ""

    @property
    def manifest(self) -> dict[str, Any] | None:
        """The manifest of the run, None if there is none or it is damaged."""
        return self.run.manifest if self.run and not self.run.damage else None


def seal(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest with a SHA-256 of its content, by which any change of the file is detected."""
    return {**manifest, "sha256": hashlib.sha256(to_json(manifest).encode()).hexdigest()}


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run's folder. Raises ValueError with one line that names the file, if it is damaged."""
    path = folder / "manifest.json"
    manifest = _read(path, _check_manifest)
    rest = {key: value for key, value in manifest.items() if key != "sha256"}
    if "sha256" in manifest and seal(rest)["sha256"] != manifest["sha256"]:  # those of version 0.1 have none
        raise ValueError(f"{path}: got other content than was written, expected what its sha256 was taken of")
    return manifest


def read_record(path: Path, sha256: str | None = None) -> dict[str, Any]:
    """A metrics.json, that of the digest `sha256` if one is given; ValueError names a damaged file."""
    record = _read(path, _check_record)
    if sha256 not in (None, digest(path)):
        raise ValueError(f"{path}: got other content than the run wrote, expected what its manifest names")
    return record


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def own_file(folder: Path, manifest: dict[str, Any], name: str) -> Path:
    """A file of a run, such as figures/plane.png; ValueError names one that is missing, changed or lies elsewhere."""
    path = folder / name
    try:
        inside = path.resolve(strict=True).is_relative_to(folder.resolve())
        same = inside and digest(path) == manifest["artifacts"].get(name)
    except OSError as error:
        raise ValueError(f"{path}: got {error.strerror}, expected the file that the run wrote") from None
    if not inside:
        raise ValueError(f"{path}: got a link to another place, expected a file in the run's folder")
    if not same:
        raise ValueError(f"{path}: got other content than the run wrote, expected what its manifest names")
    return path


def changed(folder: Path, manifest: dict[str, Any]) -> str:
    """One line that names the first file of the run that is not what the run wrote, or ""."""
    for name in manifest["artifacts"]:
        try:
            own_file(folder, manifest, name)
        except ValueError as error:
            return str(error)
    return ""


def _read(path: Path, check) -> dict[str, Any]:
    try:
        return read_checked(path, check)
    except ValueError as reason:
        raise ValueError(f"{path}: got a damaged file ({reason}), expected what a run wrote") from None


def ended(course: Course, profile: str, name: str) -> list[Ended]:
    """The notebook's ended runs, latest first."""
    found = []
    for folder in course.run_folders(profile, name):
        try:
            when = (folder / "manifest.json").lstat().st_mtime_ns
        except OSError:
            continue  # it goes on, or was interrupted
        try:
            found.append((when, Ended(folder, read_manifest(folder))))
        except ValueError as error:
            line = str(error).replace(f"{course.root}/", "")
            found.append((when, Ended(folder, {}, line)))
    return [run for _, run in sorted(found, key=lambda pair: pair[0], reverse=True)]


def shown(course: Course, profile: str, asked: dict[str, dict[str, Any] | Refusal]) -> list[Shown]:
    """Every lesson of `asked` with the run of its parameters; one that cannot be read has a fault instead.

    The run of today's sources comes first, then the latest of earlier sources, then one whose manifest is damaged.
    """
    found = []
    for name, parameters in asked.items():
        try:
            if isinstance(parameters, Refusal):
                raise parameters
            own = course.run_folder(name, profile, parameters)
            runs = ended(course, profile, name)
            same = [run for run in runs if run.folder == own]
            same += [run for run in runs if not run.damage and run.manifest["parameters"] == parameters]
            run = next(iter([*same, *(run for run in runs if run.damage)]), None)
            found.append(Shown(name, course.title(name), run, run is None or run.folder == own))
        except Refusal as refusal:
            found.append(Shown(name, name, fault=str(refusal)))
    return found


def replaced(course: Course) -> list[Path]:
    """The folders of runs that a newer one of the same notebook, profile and parameters replaced.

    A run with unknown parameters, interrupted or damaged, counts as replaced by any newer one.
    """
    folders = sorted(course.run_folders(), key=lambda path: path.stat().st_mtime)
    keys = {folder: (folder.parent / folder.name.rpartition("-")[0], _parameters(folder)) for folder in folders}
    latest: dict[tuple[Path, str], Path] = {}
    for folder, (notebook, parameters) in keys.items():
        latest[notebook, ""] = latest[notebook, parameters] = folder
    return [folder for folder in folders if latest[keys[folder]] != folder]


def _parameters(folder: Path) -> str:
    """The parameters of an ended run as text, "" if they are not known."""
    try:
        return json.dumps(read_manifest(folder)["parameters"], sort_keys=True)
    except ValueError:
        return ""
