"""Small courses for the runner's tests: a clone's folders with notebooks of the tests' own."""

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import nbformat

PATIENCE = 300  # seconds, several times what any command of the tests takes
PARAMETERS = '''seed: int = 0  # moves every draw
steps: int = 3
beta_max: float = 4.0  # the last beta
names: list[str] = ["a", "b"]
flag: bool = False
run_dir: str = ""
profile: str = "laptop"'''


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


def infotok(root: Path, *words: str, start: bool = False):
    """The command on that course, as a person calls it; `start` returns the process while it goes on."""
    command = [sys.executable, "-m", "infotok", *words, "--root", str(root)]
    repository = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": repository, "PYTHONWARNINGS": "default"}
    kind = subprocess.Popen if start else partial(subprocess.run, timeout=PATIENCE)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # also when the tests run where Ctrl-C is ignored
    return kind(command, cwd=root, env=environment, text=True, preexec_fn=heard, **streams)


def manifest(root: Path, name: str, profile: str = "laptop") -> dict:
    (path,) = (root / "runs" / profile).glob(f"{name}-*/manifest.json")
    return json.loads(path.read_text())
