"""Working copies of the lessons: git sees no change, a reader's changes are kept, and JupyterLab starts on them."""

import os
import subprocess

import nbformat
import pytest
from courses import make_course
from jupyter_server.services.config.manager import ConfigManager

from infotok.course import jupyter
from infotok.course.course import Course, Refusal

CELLS = {"00_start_here": ["1 + 1"], "01_more": ["2 + 2"]}


@pytest.fixture
def course(tmp_path):
    return Course(make_course(tmp_path, CELLS))


def change(path, source="3 + 3"):
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].source = source
    nbformat.write(notebook, path)


def run(path):
    """As running it does: outputs and counts."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text="2")]
    notebook.cells[-1].execution_count = 1
    nbformat.write(notebook, path)


def test_a_copy_follows_its_lesson_until_its_reader_changes_it(course):
    copy = course.root / "scratch" / "00_start_here.ipynb"
    assert jupyter.copy_lessons(course) == []
    assert copy.read_bytes() == course.notebook("00_start_here").read_bytes()
    run(copy)
    outputs = copy.read_bytes()
    assert jupyter.copy_lessons(course) == []
    assert copy.read_bytes() == outputs, "what was run stays"
    change(course.notebook("00_start_here"), "5 + 5")
    assert jupyter.copy_lessons(course) == []
    assert copy.read_bytes() == course.notebook("00_start_here").read_bytes(), "only outputs differed"

    change(copy)
    mine = copy.read_bytes()
    assert jupyter.copy_lessons(course) == []
    change(course.notebook("00_start_here"), "6 + 6")
    (line,) = jupyter.copy_lessons(course)
    assert line == "scratch/00_start_here.ipynb: the lesson has changed since; --fresh takes it and keeps yours"
    assert copy.read_bytes() == mine

    assert jupyter.copy_lessons(course, fresh=True) == ["scratch/00_start_here.ipynb: moved to kept-1/"]
    assert (course.root / "scratch/kept-1/00_start_here.ipynb").read_bytes() == mine
    assert copy.read_bytes() == course.notebook("00_start_here").read_bytes()
    copy.write_text("cut short")
    assert jupyter.copy_lessons(course) == []
    assert jupyter.copy_lessons(course, fresh=True) == ["scratch/00_start_here.ipynb: moved to kept-2/"]


def test_running_and_changing_copies_leaves_git_clean(course):
    git = ["git", "-C", str(course.root), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    (course.root / ".gitignore").write_text("/scratch/\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "Begin"]):
        subprocess.run([*git, *words], check=True)
    jupyter.copy_lessons(course)
    change(course.root / "scratch" / "01_more.ipynb")
    jupyter.copy_lessons(course, fresh=True)
    assert subprocess.run([*git, "status", "--short"], check=True, capture_output=True).stdout == b""


def test_the_command_listens_on_this_machine_and_keeps_the_token(course, monkeypatch):
    program, words, _environment = jupyter.launch(course, port=9999, browser=False)
    assert words[0] == program
    assert {"--ip=127.0.0.1", "--port=9999", "--no-browser", f"--ServerApp.root_dir={course.root}"} <= set(words)
    assert ("--allow-root" in words) == (os.geteuid() == 0)
    assert not any("token" in word or "password" in word for word in words), "JupyterLab's own random token stands"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        Refusal, match=r"^JupyterLab: not installed here, expected it: pip install -e '\.\[notebooks\]'"
    ):
        jupyter.launch(course)


def test_the_defaults_are_read_beside_the_readers_own_settings(course, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(tmp_path / "own"))
    environment = jupyter.launch(course)[2]
    first, second = environment["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert first == str(tmp_path / "own")
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", second)
    overrides = ConfigManager(config_dir_name="labconfig").get("default_setting_overrides")  # as JupyterLab reads them
    assert overrides["@jupyterlab/notebook-extension:tracker"] == {"windowingMode": "none"}
    assert overrides["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"


@pytest.mark.parametrize("content", ["{", "[]", "", "\xff"])
def test_a_damaged_list_of_copies_keeps_them_all(course, content):
    jupyter.copy_lessons(course)
    copy = course.root / "scratch" / "00_start_here.ipynb"
    change(copy)
    own = copy.read_bytes()
    (course.root / "scratch" / ".copied.json").write_text(content)
    assert [line.partition(":")[0] for line in jupyter.copy_lessons(course)] == ["scratch/00_start_here.ipynb"]
    assert copy.read_bytes() == own


def test_a_changed_copy_of_a_module_is_kept_as_that_of_a_lesson(course):
    helper = course.root / "notebooks" / "helper.py"
    copy = course.root / "scratch" / "helper.py"
    helper.write_text("x = 1")
    jupyter.copy_lessons(course)
    helper.write_text("x = 2")
    assert jupyter.copy_lessons(course) == []
    assert copy.read_text() == "x = 2"
    copy.write_text("x = 'mine'")
    assert jupyter.copy_lessons(course) == []
    helper.write_text("x = 3")
    (line,) = jupyter.copy_lessons(course)
    assert line.startswith("scratch/helper.py: the lesson has changed since")
    assert copy.read_text() == "x = 'mine'"
    assert jupyter.copy_lessons(course, fresh=True) == ["scratch/helper.py: moved to kept-1/"]
    assert copy.read_text() == "x = 3"
    assert (course.root / "scratch" / "kept-1" / "helper.py").read_text() == "x = 'mine'"
