"""A machine that misbehaves: damaged files, a full disk, folders that cannot be written, other systems."""

import builtins
import os
import resource
import subprocess
import sys
from functools import partial
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest
from courses import ended_run, infotok, make_course, manifest

import infotok as package
from infotok.__main__ import main
from infotok.course import provenance, runner, worker
from infotok.course.course import Course, Refusal
from infotok.course.parameters import resolve
from infotok.course.provenance import git_state, used_by_children
from infotok.course.runner import run
from infotok.files import write_json

RECORD = "from infotok.lab import Record\nrecord = Record(run_dir, profile)\nrecord.metric('steps', steps);"


@pytest.mark.slow
def test_a_damaged_run_is_run_again_and_a_damaged_lesson_stops_no_other(tmp_path):
    root = make_course(tmp_path, {"01_manifest": [RECORD], "02_metrics": [RECORD], "03_well": ["1"], "04_torn": ["1"]})
    for name, file in (("01_manifest", "manifest.json"), ("02_metrics", "metrics.json")):
        (ended_run(root, name) / file).write_bytes(b"{")
    ended_run(root, "03_well")
    Course(root).notebook("04_torn").write_text("<<<<<<< HEAD")
    (root / "notebooks" / "Untitled.ipynb").write_text("{}")
    ended = infotok(root, "run", "--jobs", "2")
    lines = ended.stdout.splitlines()
    assert ended.returncode == 1, "04_torn was not run"
    assert "Traceback" not in ended.stdout + ended.stderr
    for name, file in (("01_manifest", "manifest.json"), ("02_metrics", "metrics.json")):
        (line,) = [line for line in lines if line.startswith(f"{name}: /")]
        assert file in line
        assert line.endswith("run again")
        assert manifest(root, name)["status"] == "passed"
        assert manifest(root, name)["metrics"] == {"steps": 3}
    assert any(line.split()[:2] == ["03_well", "kept"] for line in lines)
    (line,) = [line for line in lines if line.startswith("04_torn: 04_torn.ipynb: got a file that cannot be read")]
    assert "notebooks/Untitled.ipynb: not part of the course" in ended.stderr


@pytest.mark.slow
def test_a_full_disk_ends_in_one_line_beside_the_results_of_the_others(tmp_path):
    root = make_course(tmp_path, {"01_small": [RECORD], "02_large": [RECORD, "print('x' * 300_000)"]})
    full = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (100_000, 100_000))  # no file grows beyond
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(package.__file__))}
    command = [sys.executable, "-m", "infotok", "run", "--root", str(root)]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, preexec_fn=full, timeout=300)
    assert ended.returncode in (1, 2)
    assert "Traceback" not in ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    assert any(line.split()[:2] == ["01_small", "passed"] for line in lines)
    assert any(line.split()[:2] == ["02_large", "failed"] for line in lines)
    assert [line for line in lines if line.startswith("02_large: ") and "File too large" in line]
    assert ended.stderr.count("\n") <= 1, "the report, too large as well, is one line"


@pytest.mark.parametrize("what", ["a file", "a dangling link"])
def test_runs_that_cannot_be_written_are_one_line(tmp_path, what):
    root = make_course(tmp_path, {"01_first": ["1"]})
    if what == "a file":
        (root / "runs").write_text("")
    else:
        (root / "runs").symlink_to(tmp_path / "nowhere" / "deep")
    with pytest.raises(Refusal, match=r"runs.*: got '.*', expected a file that can be read and written"):
        run(Course(root), {"01_first": {}}, "laptop")


def test_a_folder_of_somebody_else_is_one_line(tmp_path, monkeypatch):
    root = make_course(tmp_path, {"01_first": ["1"]})
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # the tests may run as root, who may do all
    with pytest.raises(Refusal, match="runs/laptop: got a folder that cannot be written"):
        run(Course(root), {"01_first": {}}, "laptop")


def test_what_the_system_refuses_is_one_line(tmp_path, monkeypatch, capsys):
    root = make_course(tmp_path, {"01_first": ["1"]})

    def refused(*_):
        raise PermissionError(13, "Permission denied", str(root / "runs"))

    monkeypatch.setattr("infotok.course.report.write_atomically", refused)
    monkeypatch.setattr(sys, "argv", ["infotok", "report", "--root", str(root)])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith(f"infotok: {root / 'runs'}: got 'Permission denied', expected a file")


@pytest.mark.parametrize("variable", ["PYTHONIOENCODING", pytest.param("LC_ALL", marks=pytest.mark.slow)])
def test_a_terminal_that_knows_ascii_alone_is_enough(tmp_path, variable, monkeypatch):
    for name, value in {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LANG": "C"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(variable, {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}[variable])
    said = "record.claim('π is near', 3.14, close_to=3.1, tol=0.1, source='Archimedes, Κύκλου μέτρησις')\nprint('±')"
    root = make_course(tmp_path, {"01_first": [RECORD, said]})
    ended = infotok(root, "run")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "? is near" in ended.stdout or "π is near" in ended.stdout
    assert manifest(root, "01_first")["claims"][0]["text"] == "π is near"
    assert infotok(root, "list").returncode == 0


def test_the_version(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["infotok", "--version"])
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code
    assert capsys.readouterr().out == f"infotok {package.__version__}\n"


def test_a_system_without_resource_counts_nothing(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "resource":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert used_by_children() == (None, None)


def test_macos_counts_memory_in_bytes(monkeypatch):
    used = SimpleNamespace(ru_utime=1.0, ru_stime=0.5, ru_maxrss=2**30)
    monkeypatch.setattr(resource, "getrusage", lambda _: used)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert used_by_children() == (1.5, 1.0)
    monkeypatch.setattr(sys, "platform", "linux")
    assert used_by_children() == (1.5, 1024.0)


def test_without_git_and_outside_a_checkout_there_is_no_commit(tmp_path, monkeypatch):
    assert git_state(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(tmp_path) is None
    assert git_state(tmp_path / "nowhere") is None


def test_the_commit_of_another_project_is_not_the_courses(tmp_path):
    """A clone without its own .git, unpacked below a checkout of something else."""

    def git(*words):
        name = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", *name, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "of something else")
    notebooks = make_course(tmp_path / "unpacked", {"01_a": ["1"]}) / "notebooks"
    assert git_state(notebooks) is None
    git("add", "."), git("commit", "-q", "-m", "a part of it")
    assert git_state(notebooks)["dirty"] is False


def test_versions_name_the_package_where_it_is_not_installed(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(provenance, "version", missing)
    assert provenance.versions() == {"infotok": package.__version__}


@pytest.mark.slow
def test_a_run_that_fails_before_it_says_anything_has_nothing_of_an_earlier_attempt(tmp_path):
    root = make_course(tmp_path, {"01_first": ["raise RuntimeError('early')", RECORD]})
    folder = ended_run(root, "01_first", status="failed")
    (folder / ".metrics.json.torn").write_text("left by a kill")
    assert infotok(root, "run").returncode == 1
    said = manifest(root, "01_first")
    assert said["claims"] == []
    assert said["metrics"] == {}
    assert set(said["artifacts"]) == {"01_first.ipynb"}


@pytest.mark.slow
def test_a_path_with_braces_and_the_line_of_an_earlier_sweep(tmp_path):
    """papermill fills parameters into the braces of a path; a killed sweep leaves its progress."""
    root = make_course(tmp_path / "my {seed} 'clone' {x} ü", {"01_first": [RECORD]})
    course = Course(root)
    folder = course.run_folder("01_first", "laptop", resolve(course, ["01_first"], "laptop", [])["01_first"])
    write_json(folder / "cells" / "progress.json", {"label": "killed", "done": 1, "total": 2})
    ended = infotok(root, "run")
    assert ended.returncode == 0, ended.stdout
    assert "killed 50 %" not in ended.stdout.partition("Lesson")[2]
    assert manifest(root, "01_first")["metrics"] == {"steps": 3}
    assert [path.name for path in tmp_path.iterdir()] == [root.name]


def test_an_error_without_a_message_is_a_fault_like_any_other(tmp_path, monkeypatch):
    def nothing_said(*given, **named):
        raise NotImplementedError

    monkeypatch.setattr("papermill.execute_notebook", nothing_said)
    job = worker.Job("a", "laptop", str(tmp_path / "a.ipynb"), str(tmp_path), {}, "infotok run a", False, 25.0)
    assert worker._execute(job, tmp_path / "b.ipynb", print) == "its first cell: NotImplementedError: no message"


def test_a_line_that_is_no_event_stops_no_run():
    """A kill may cut the last one short, and a module that Python loads by itself may print."""
    lines = (b'{"event": "cell", "number": 1}', b'{"event": "ce', b"[1]", b"hello", b"\xff")
    assert [runner._event(line)["event"] for line in lines] == ["cell", *["none"] * 4]
