"""What is refused before a kernel starts, and in which words."""

import sys

import pytest
from courses import make_course

from infotok.__main__ import main
from infotok.reproduce import runner
from infotok.reproduce.course import Course, Refusal
from infotok.reproduce.parameters import resolve


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    return make_course(folder, {"02_gaussian_bottleneck": [], "03_other": []}, "smoke: {03_other: {steps: 1}}\n")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["02_gausian_bottlenck"], "notebook: got '02_gausian_bottlenck', expected one of the course; did you mean 02"),
        (["--profile", "lptop"], "profile: got 'lptop', expected one of smoke, laptop, gpu; did you mean laptop?"),
        (["-p", "stepz=3"], "stepz: got a parameter that 02_gaussian_bottleneck does not have; did you mean steps?"),
        (["-p", "steps=abc"], "steps: got 'abc', expected a whole number"),
        (["-p", "steps=1e2"], "steps: got '1e2', expected a whole number"),
        (["-p", "seed=1.5"], "seed: got '1.5', expected a whole number"),
        (["-p", "beta_max=nan"], "beta_max: got 'nan', expected a finite number"),
        (["-p", "flag=yes"], "flag: got 'yes', expected true or false"),
        (["-p", "names=a"], "names: got 'a', expected a JSON list, each item text"),
        (["-p", "seed"], "-p: got 'seed', expected NAME=VALUE"),
        (["-p", "run_dir=x"], "run_dir: got a parameter that 02_gaussian_bottleneck does not have"),
        (["--jobs", "0"], "--jobs: got 0, expected a whole number, 1 or more"),
        (["--jobs", "two"], "--jobs: got 'two', expected a whole number"),
        (["--cap-mb", "big"], "--cap-mb: got 'big', expected a finite number"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_refused_in_one_line(root, words, line, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["infotok", "run", *words, "--root", str(root)])
    monkeypatch.setattr(runner, "_start", lambda *_: pytest.fail("a worker was started"))
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(f"infotok: {line}")
    assert error.count("\n") == 1


def test_values_take_the_types_of_the_parameters_cell(root):
    given = ["seed=7", "beta_max=1e2", "flag=true", 'names=["x"]']
    values = resolve(Course(root), ["03_other"], "smoke", given)["03_other"]
    assert values == {"seed": 7, "steps": 1, "beta_max": 100.0, "names": ["x"], "flag": True}
    assert [type(value) for value in values.values()] == [int, int, float, list, bool]


def test_an_assignment_goes_before_the_profile(root):
    assert resolve(Course(root), ["03_other"], "smoke", ["steps=9"])["03_other"]["steps"] == 9


@pytest.mark.parametrize(
    ("profiles", "line"),
    [
        ("smoke: {03_othr: {steps: 1}}", "03_othr.*did you mean 03_other"),
        ("smoke: {03_other: {stepz: 1}}", "profiles.yaml, smoke, stepz.*did you mean steps"),
        ("smoke: {03_other: {steps: many}}", "profiles.yaml, smoke, steps: got 'many', expected a whole number"),
        ("smoke: {03_other: {beta_max: 1e-4}}", None),  # YAML 1.1 reads this number as text
        ("smke: {}", "smke.*did you mean smoke"),
    ],
)
def test_a_wrong_profile_file_is_refused(tmp_path, profiles, line):
    course = Course(make_course(tmp_path, {"03_other": []}, profiles))
    if line is None:
        assert resolve(course, ["03_other"], "smoke", [])["03_other"]["beta_max"] == 1e-4
        return
    with pytest.raises(Refusal, match=line):
        resolve(course, ["03_other"], "smoke", [])


def test_outside_a_clone_the_command_says_so(tmp_path):
    with pytest.raises(Refusal, match="expected a clone of infotok"):
        Course.find(str(tmp_path))


def test_a_file_that_is_no_notebook_is_refused_in_one_line(tmp_path):
    course = Course(make_course(tmp_path, {"03_other": []}))
    course.notebook("03_other").write_text("{<<<<<<< HEAD")
    with pytest.raises(Refusal, match=r"03_other.ipynb: got a file that cannot be read .*, expected a notebook"):
        course.title("03_other")


def test_the_run_folder_moves_with_source_and_parameters(tmp_path):
    one = Course(make_course(tmp_path / "one", {"a": ["1 + 1"]}))
    two = Course(make_course(tmp_path / "two", {"a": ["1 + 2"]}))
    names = {one.run_folder("a", "laptop", {"seed": 0}).name, one.run_folder("a", "laptop", {"seed": 1}).name}
    names.add(two.run_folder("a", "laptop", {"seed": 0}).name)
    assert len(names) == 3
    assert one.run_folder("a", "laptop", {"seed": 0}).name in names
