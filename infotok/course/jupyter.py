"""JupyterLab on a working copy of the lessons, so that running a lesson changes nothing that git follows.

    for line in copy_lessons(course):
        print(line)
    os.execve(*launch(course, port=8888))

The copies lie in `scratch/`, which git ignores. A copy whose cells nobody changed follows its lesson; one with your
changes stays until `fresh`, which moves it to a folder of its own first. JupyterLab's server is rooted at the clone, so
links between lessons, documents and figures work. `labconfig/` has the defaults that the course needs: every cell in
the page, because long notebooks jump in the mode that leaves cells out, and no request for news. Your own settings
still come before them.
"""

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

from infotok.course.course import Course, Refusal, read_cells
from infotok.files import read_json, write_json

__all__ = ["SCRATCH", "copy_lessons", "launch"]

SCRATCH = "scratch"  # the folder of the copies
COPIED = ".copied.json"  # in it: by lesson, a digest of the cells that were copied
FIRST = "00_start_here"
CHANGED = "the lesson has changed since; --fresh takes it and keeps yours"


def copy_lessons(course: Course, fresh: bool = False) -> list[str]:
    """Copy the lessons to `scratch/`; returns a line for each copy that stays behind its lesson, or was moved.

    course: whose lessons.
    fresh: take every lesson anew, and keep changed copies in `scratch/kept-N`.
    """
    work, lines = course.root / SCRATCH, []
    work.mkdir(exist_ok=True)
    kept = _next_free(work)
    copied = read_json(work / COPIED) if (work / COPIED).exists() else {}
    for name in course.names:
        lesson, copy = course.notebook(name), work / f"{name}.ipynb"
        now = _cells_digest(lesson)
        if copy.exists():
            changed = _cells_digest_or_none(copy) != copied.get(name)
            if changed and not fresh:
                if copied.get(name) != now:
                    lines.append(
                        f"{SCRATCH}/{copy.name}: the lesson has changed since; --fresh takes it and keeps yours"
                    )
                continue
            if changed:
                kept.mkdir(exist_ok=True)
                lines.append(f"{SCRATCH}/{copy.name}: moved to {kept.name}/")
                copy.rename(kept / copy.name)
            elif copied.get(name) == now:
                continue  # its outputs stay as they are
        shutil.copyfile(lesson, copy)
        copied[name] = now
    for helper in (course.root / "notebooks").glob("*.py"):  # what a lesson imports from beside it
        shutil.copyfile(helper, work / helper.name)
    write_json(work / COPIED, copied)
    return lines


def launch(
    course: Course, ip: str = "127.0.0.1", port: int = 8888, browser: bool = True
) -> tuple[str, list[str], dict[str, str]]:
    """The program, its arguments and its environment that start JupyterLab on the copies, for `os.execve`.

    course: the clone, at which the server is rooted.
    ip: the address to listen at. Another than this machine's own lets others reach it; they still need its token.
    port: the first to try.
    browser: whether to open one.

    Raises Refusal where JupyterLab is not installed.
    """
    from importlib.util import find_spec

    if find_spec("jupyterlab") is None:
        raise Refusal("JupyterLab: not installed here, expected it: pip install -e '.[notebooks]'")
    words = [sys.executable, "-m", "jupyterlab", f"--ip={ip}", f"--port={port}"]
    words += [f"--ServerApp.root_dir={course.root}", f"--LabApp.default_url=/lab/tree/{SCRATCH}/{FIRST}.ipynb"]
    if not browser:
        words.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # as in most containers
        words.append("--allow-root")
    before = os.environ.get("JUPYTER_CONFIG_PATH", "")
    own = str(Path(__file__).parent)  # JupyterLab reads the folder `labconfig` in it
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, [before, own]))}
    return sys.executable, words, environment


def _cells_digest(path: Path) -> str:
    """A digest of the cells' sources: running a notebook does not change it."""
    sources = [(cell["cell_type"], cell["source"]) for cell in read_cells(path)]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def _cells_digest_or_none(copy: Path) -> str | None:
    """Likewise of a copy; None for a file that is no notebook any more."""
    try:
        return _cells_digest(copy)
    except Refusal:
        return None


def _next_free(work: Path) -> Path:
    """The first folder `kept-N` that does not exist yet."""
    number = 1
    while (work / f"kept-{number}").exists():
        number += 1
    return work / f"kept-{number}"
