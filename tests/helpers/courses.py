"""Small courses for the runner's tests: a clone's folders with notebooks of the tests' own."""

import json
import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import nbformat
from filelock import FileLock
from widgets_moved import CELL

from infotok.course.course import Course
from infotok.course.parameters import resolve
from infotok.course.runs import digest, seal
from infotok.files import read_json, write_json

PATIENCE = 300  # seconds, several times what any command of the tests takes
PARAMETERS = '''from typing import Annotated, Literal

from pydantic import Field
from infotok.settings import Count

seed: int = 0  # moves every draw
steps: Count = 3
beta_max: float = 4.0  # the last beta
names: list[str] = ["a", "b"]
flag: bool = False
rate: Annotated[float, Field(gt=0, le=1)] = 0.5
kind: Literal["linear", "quadratic"] = "linear"  # of the curve
sizes: Annotated[list[Count], Field(min_length=1)] = [2]
run_dir: str = ""
profile: str = "laptop"'''
DEFAULTS = {"seed": 0, "steps": 3, "beta_max": 4.0, "names": ["a", "b"], "flag": False}
DEFAULTS |= {"rate": 0.5, "kind": "linear", "sizes": [2]}


def make_course(root: Path, notebooks: dict[str, list[str]], profiles: str = "smoke: {}\n") -> Path:
    """Write a course whose notebooks have the parameters above and then the given code cells."""
    folder = root / "notebooks"
    folder.mkdir(parents=True)
    (folder / "profiles.yaml").write_text(profiles)
    for name, cells in notebooks.items():
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
        tagged = nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
        code = [nbformat.v4.new_code_cell(cell) for cell in cells]
        notebook.cells = [nbformat.v4.new_markdown_cell(f"# Lesson {name}"), tagged, *code]
        nbformat.write(notebook, folder / f"{name}.ipynb")
    return root


def copy_of_the_clone(root: Path) -> Path:
    """The course itself in a folder of the tests' own: its notebooks and the committed metrics that they read."""
    for folder in ("notebooks", "figures"):
        shutil.copytree(Path(__file__).parents[2] / folder, root / folder)
    return root


def infotok(root: Path, *words: str, start: bool = False):
    """The command on that course, as a person calls it; `start` returns the process while it goes on."""
    command = [sys.executable, "-m", "infotok", *words, "--root", str(root)]
    helpers = Path(__file__).parent
    paths = os.pathsep.join([str(helpers.parents[1]), str(helpers)])
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONWARNINGS": "default"}
    kind = subprocess.Popen if start else partial(subprocess.run, timeout=PATIENCE)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # also when the tests run where Ctrl-C is ignored
    return kind(command, cwd=root, env=environment, text=True, preexec_fn=heard, **streams)


def run_at_smoke(folder: Path, name: str) -> Path:
    """The course in a folder below this one, where the lesson has run at smoke; the first process to ask runs it.

    A cell under the lesson moves its widgets.
    """
    root = folder / name
    folder.mkdir(exist_ok=True)
    with FileLock(folder / f"{name}.lock"):
        if not (root / "ended.json").exists():
            _with_moved_widgets(Course(copy_of_the_clone(root)).notebook(name))
            ended = infotok(root, "run", name, "--profile", "smoke")
            write_json(root / "ended.json", {"returncode": ended.returncode, "said": ended.stdout + ended.stderr})
    ended = read_json(root / "ended.json")
    assert ended["returncode"] == 0, ended["said"]
    return root


def _with_moved_widgets(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(CELL))
    nbformat.write(notebook, path)


def ended_run(root: Path, name: str, *assignments: str, profile: str = "laptop", **said) -> Path:
    """A run's folder as a run leaves it, without running anything; `said` goes into its manifest and its record."""
    course = Course(root)
    parameters = resolve(course, [name], profile, list(assignments))[name]
    folder = course.run_folder(name, profile, parameters)
    claim = {
        "text": "one is one",
        "value": 1.0,
        "bound": "at least 1",
        "holds": True,
        "source": "",
        "judged_at": "laptop",
    }
    record = {
        "profile": profile,
        "metrics": {"seed": parameters["seed"]},
        "claims": [claim],
        "figures": {},
        "tables": {},
    }
    record |= {key: value for key, value in said.items() if key in record}
    write_json(folder / "metrics.json", record)
    for figure in record["figures"]:
        (folder / "figures").mkdir(exist_ok=True)
        (folder / "figures" / f"{figure}.png").write_bytes(b"a picture")
    notebook = nbformat.read(course.notebook(name), as_version=4)
    notebook.cells += said.get("cells", [])
    nbformat.write(notebook, folder / f"{name}.ipynb")
    files = [path for path in folder.rglob("*") if path.is_file()]
    manifest = {
        **dict.fromkeys(("device", "machine", "python"), "cpu"),
        **dict.fromkeys(("seconds", "peak_memory_gib"), 1.0),
        **dict.fromkeys(("git", "peak_device_gib")),
        **{"notebook": name, "profile": profile, "status": "passed", "faults": [], "cell_seconds": [], "versions": {}},
        "command": f"infotok run {name}",
        "parameters": parameters,
        "seed": parameters["seed"],
        "started": "2026-01-01T00:00:00+00:00",
        "metrics": record["metrics"],
        "claims": record["claims"],
        "artifacts": {path.relative_to(folder).as_posix(): digest(path) for path in files},
    }
    manifest |= {key: value for key, value in said.items() if key in manifest}
    write_json(folder / "manifest.json", seal(manifest))
    return folder


def manifest(root: Path, name: str, profile: str = "laptop") -> dict:
    (path,) = (root / "runs" / profile).glob(f"{name}-*/manifest.json")
    return json.loads(path.read_text())
