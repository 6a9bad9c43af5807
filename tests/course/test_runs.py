"""Ended runs: the one that was asked for is found, and a damaged one is named and blocks no other."""

import json
import os
import sys

import pytest
from courses import ended_run, make_course

from infotok.__main__ import main
from infotok.course.course import Course, Refusal
from infotok.course.figures import redraw_all, take_metrics
from infotok.course.parameters import asked
from infotok.course.runs import changed, read_manifest, read_record, replaced, seal, shown
from infotok.files import read_json, write_json


def command(root, capsys, monkeypatch, *words):
    """The command in this process: its exit code, what it printed and what it said on standard error."""
    monkeypatch.setattr(sys, "argv", ["infotok", *words, "--root", str(root)])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr()
    return left.value.code or 0, said.out, said.err


@pytest.fixture
def root(tmp_path):
    return make_course(tmp_path, {"01_first": ["1"], "02_second": ["2"]}, "smoke: {02_second: {steps: 1}}\n")


def seed_shown(root, profile, *assignments):
    course = Course(root)
    lessons = shown(course, profile, asked(course, profile, list(assignments)))
    return [lesson.manifest["seed"] if lesson.manifest else None for lesson in lessons]


def test_the_run_shown_is_the_one_asked_for_and_not_the_latest(root):
    ended_run(root, "02_second", profile="smoke")
    later = ended_run(root, "02_second", "seed=7", profile="smoke")
    os.utime(later / "manifest.json", (2**31, 2**31))
    assert seed_shown(root, "smoke") == [None, 0]
    assert seed_shown(root, "smoke", "seed=7") == [None, 7]
    assert seed_shown(root, "smoke", "seed=8") == [None, None]
    assert seed_shown(root, "laptop") == [None, None]
    ended_run(root, "01_first", "seed=7", profile="smoke")
    assert seed_shown(root, "smoke", "seed=7") == [7, 7]


def test_report_list_and_figures_are_of_the_run_asked_for(root, capsys, monkeypatch):
    ended_run(root, "02_second", started="2026-01-01T00:00:00+00:00")
    ended_run(root, "02_second", "seed=7", started="2026-02-02T00:00:00+00:00")
    page = root / "runs" / "laptop" / "report.html"
    for words, day, other in (((), "2026-01-01", "2026-02-02"), (("-p", "seed=7"), "2026-02-02", "2026-01-01")):
        assert command(root, capsys, monkeypatch, "report", *words)[0] == 0
        assert day in page.read_text()
        assert other not in page.read_text()
        listed = command(root, capsys, monkeypatch, "list", *words)[1]
        assert day in listed
        assert other not in listed
        assert command(root, capsys, monkeypatch, "figures", "02_second", "--from", "laptop", *words)[0] == 0
        assert read_json(root / "figures/02_second/metrics.json")["started"].startswith(day)
    code, _, error = command(root, capsys, monkeypatch, "report", "-p", "nosuch=1")
    assert (code, error) == (
        2,
        "infotok: nosuch: got a parameter that no lesson has, expected one that some lesson has\n",
    )
    code, _, error = command(root, capsys, monkeypatch, "figures", "-p", "seed=1")
    assert code == 2
    assert "-p: got it without --from" in error


def test_the_report_links_the_notebook_of_the_run_shown(root, capsys, monkeypatch):
    folders = {number: ended_run(root, "01_first", *given) for number, given in ((0, []), (7, ["seed=7"]))}
    for words, number in (((), 0), (("-p", "seed=7"), 7), ((), 0)):
        command(root, capsys, monkeypatch, "report", *words)
        assert f'href="{folders[number].name}/01_first.ipynb"' in (root / "runs/laptop/report.html").read_text()


def test_a_run_by_earlier_sources_is_shown_and_said_to_be(root, capsys, monkeypatch):
    ended_run(root, "01_first")
    path = Course(root).notebook("01_first")
    path.write_text(path.read_text().replace("# Lesson", "# Edited lesson"))
    command(root, capsys, monkeypatch, "report")
    page = (root / "runs/laptop/report.html").read_text()
    assert "by earlier sources of the notebook" in page
    ended_run(root, "01_first", started="2026-03-03T00:00:00+00:00")
    command(root, capsys, monkeypatch, "report")
    page = (root / "runs/laptop/report.html").read_text()
    assert "by earlier sources" not in page
    assert "2026-03-03" in page


DAMAGES = {
    "empty": b"",
    "cut": b'{"notebook": "01_fi',
    "binary": bytes(range(256)),
    "a list": b"[]",
    "no keys": b"{}",
    "nested": b"[" * 100_000,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
@pytest.mark.parametrize("file", ["manifest.json", "metrics.json", "02_second.ipynb"])
def test_a_damaged_run_is_named_and_blocks_nothing(root, file, damage, capsys, monkeypatch):
    ended_run(root, "01_first")
    folder = ended_run(root, "02_second")
    (folder / file).write_bytes(damage)
    code, out, error = command(root, capsys, monkeypatch, "report")
    assert (code, error) == (0, "")
    page = (root / "runs/laptop/report.html").read_text()
    assert f"runs/laptop/{folder.name}/{file}" in page
    assert "one is one" in page, "the other lesson is there"
    code, out, _ = command(root, capsys, monkeypatch, "list")
    assert code == 0
    assert "laptop: passed" in out
    if file == "manifest.json":
        assert f"laptop: damaged: runs/laptop/{folder.name}/manifest.json: got " in out
    code, _, error = command(root, capsys, monkeypatch, "figures", "02_second", "--from", "laptop")
    if file != "02_second.ipynb":
        assert code == 2
        assert error.count("\n") == 1
        assert file in error


def test_every_flipped_byte_of_a_manifest_is_noticed(root):
    folder = ended_run(root, "01_first")
    path = folder / "manifest.json"
    whole = path.read_bytes()
    before = {key: value for key, value in read_manifest(folder).items() if key != "sha256"}
    noticed = 0
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        line = ""
        try:
            after = read_manifest(folder)
        except ValueError as error:
            line = str(error)
        if line:
            noticed += 1
            assert line.startswith(f"{path}: got ")
            assert "\n" not in line
        else:  # white space, or the name of the seal: what is said is the same
            assert {key: after[key] for key in before} == before
    assert noticed > 0.9 * len(whole) / 7


def test_a_file_that_is_not_what_the_run_wrote_is_noticed(root):
    figures = {"plane": {"caption": "A plane."}}
    folder = ended_run(root, "01_first", figures=figures)
    manifest = read_manifest(folder)
    assert changed(folder, manifest) == ""
    picture = folder / "figures" / "plane.png"
    picture.write_bytes(b"another picture")
    assert changed(folder, manifest).startswith(f"{picture}: got other content than the run wrote")
    picture.unlink()
    assert changed(folder, manifest).startswith(f"{picture}: got No such file")


def test_manifests_of_version_0_1_are_read(root):
    folder = ended_run(root, "01_first")
    old = {key: value for key, value in read_manifest(folder).items() if key != "sha256"}
    write_json(folder / "manifest.json", old | {"cpu_seconds": 3.0})
    assert read_manifest(folder)["cpu_seconds"] == 3.0
    assert seed_shown(root, "laptop") == [0, None]


def test_a_lesson_that_is_damaged_blocks_no_other(root, capsys, monkeypatch):
    ended_run(root, "01_first")
    Course(root).notebook("02_second").write_text("<<<<<<< HEAD")
    for words in (("report",), ("list",), ("list", "-p", "seed=7")):
        assert command(root, capsys, monkeypatch, *words)[0] == 0
    assert "02_second.ipynb: got a file that cannot be read" in (root / "runs/laptop/report.html").read_text()
    assert "02_second.ipynb: got a file that cannot be read" in command(root, capsys, monkeypatch, "list")[1]


def test_what_is_no_lesson_is_listed_as_such(root, capsys, monkeypatch):
    for name in ("Untitled", "02_second-Copy1", "01_first (1)"):
        (root / "notebooks" / f"{name}.ipynb").write_text("{}")
    assert Course(root).names == ["01_first", "02_second"]
    code, out, _ = command(root, capsys, monkeypatch, "list")
    assert code == 0
    for name in ("Untitled", "02_second-Copy1", "01_first (1)"):
        assert f"notebooks/{name}.ipynb: not part of the course" in out
    assert command(root, capsys, monkeypatch, "report")[0] == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "metrics.json: got a damaged file"),
        (b"{", "metrics.json: got a damaged file"),
        (b"\xff\xfe", "metrics.json: got a damaged file"),
        (b"[]", "must be object"),
        (b"{}", "must contain"),
        ({"figures": []}, "figures must be object"),
        ({"figures": {"a": 3}}, "must be object"),
        ({"figures": {"../../a": {"caption": ""}}}, "figures must not contain"),
        ({"figures": {"a": {"caption": "", "plot": "start.course"}}}, "data"),
        ({"figures": {"a": {"caption": "", "plot": "os.system", "data": {}}}}, "cannot be drawn"),
        ({"figures": {"a": {"caption": "", "plot": "start.course", "data": {"nosuch": 1}}}}, "cannot be drawn"),
        ({"claims": [{"text": 3}]}, "claims"),
        ({"metrics": None}, "metrics must be object"),
    ],
)
def test_damaged_committed_metrics_are_one_line(root, content, reason):
    path = root / "figures" / "01_first" / "metrics.json"
    path.parent.mkdir(parents=True)
    if isinstance(content, dict):
        content = json.dumps({"metrics": {}, "claims": [], "figures": {}} | content).encode()
    path.write_bytes(content)
    with pytest.raises(Refusal) as refused:
        redraw_all(Course(root), ["01_first"])
    assert reason in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_nothing_is_published_where_one_run_is_missing(root):
    ended_run(root, "01_first")
    with pytest.raises(Refusal, match="02_second: got no passed run at laptop"):
        take_metrics(Course(root), ["01_first", "02_second"], "laptop")
    assert not (root / "figures").exists()


def test_clean_removes_what_was_replaced_and_keeps_other_parameters(root):
    seven = ended_run(root, "01_first", "seed=7")
    old = ended_run(root, "01_first")
    path = Course(root).notebook("01_first")
    path.write_text(path.read_text().replace("# Lesson", "# Edited lesson"))
    interrupted = root / "runs/laptop/01_first-0123456789"
    interrupted.mkdir()
    new = ended_run(root, "01_first")
    for age, folder in enumerate((new, seven, interrupted, old)):
        os.utime(folder, (2**31 - age, 2**31 - age))
    assert set(replaced(Course(root))) == {old, interrupted}


def test_a_seal_is_of_everything_said():
    manifest = seal({"a": 1, "b": float("nan")})
    assert manifest != seal({"a": 2, "b": float("nan")})
    assert seal({"a": 1, "b": float("nan")})["sha256"] == manifest["sha256"]


def test_a_record_may_be_checked_alone(tmp_path):
    write_json(tmp_path / "metrics.json", {"metrics": {}, "claims": [], "figures": {}})
    assert read_record(tmp_path / "metrics.json")["figures"] == {}
