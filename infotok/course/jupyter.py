"""JupyterLab on a working copy of the lessons, so that running a lesson changes nothing that git follows.

    for line in copy_lessons(course):
        print(line)
    os.execve(*launch(course, port=8888))

The copies lie in `scratch/`, which git ignores. A copy whose cells nobody changed follows its lesson; one with your
changes stays until `fresh`, which moves it to a folder of its own first. Modules beside the lessons are copied alike.
JupyterLab's server is rooted at the clone, so links between lessons, documents and figures work. `labconfig/` has the
defaults that the course needs: every cell in the page, because long notebooks jump in the mode that leaves cells out,
and no request for news. Your own settings still come before them.
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
COPIED = ".copied.json"  # in it: by lesson, a digest of what was copied
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
    copied = _copied(work / COPIED)
    lessons = {name: course.notebook(name) for name in course.names}
    helpers = {path.name: path for path in sorted((course.root / "notebooks").glob("*.py"))}  # that lessons import
    for name, lesson in (lessons | helpers).items():
        copy, now = work / lesson.name, _digest(lesson)
        if copy.exists():
            own = _digest_or_none(copy)
            if own == now:
                copied[name] = now
                continue  # its outputs stay as they are
            changed = own != copied.get(name)
            if changed and not fresh:
                if copied.get(name) != now:
                    lines.append(f"{SCRATCH}/{copy.name}: {CHANGED}")
                continue
            if changed:
                kept.mkdir(exist_ok=True)
                lines.append(f"{SCRATCH}/{copy.name}: moved to {kept.name}/")
                copy.rename(kept / copy.name)
        shutil.copyfile(lesson, copy)
        copied[name] = now
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


def _digest(path: Path) -> str:
    """A digest of a notebook's sources, which running it does not change, or of another file's content."""
    if path.suffix != ".ipynb":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    sources = [(cell["cell_type"], cell["source"]) for cell in read_cells(path)]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def _digest_or_none(copy: Path) -> str | None:
    """Likewise of a copy; None for a file that is no notebook any more."""
    try:
        return _digest(copy)
    except Refusal:
        return None


def _copied(path: Path) -> dict[str, str]:
    """By lesson, the digest of what was copied; {} for a missing or damaged file, so that changed copies are kept."""
    try:
        found = read_json(path)
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _next_free(work: Path) -> Path:
    """The first folder `kept-N` that does not exist yet."""
    number = 1
    while (work / f"kept-{number}").exists():
        number += 1
    return work / f"kept-{number}"
