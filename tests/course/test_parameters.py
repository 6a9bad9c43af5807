"""What is refused before a kernel starts, and in which words."""

import json
import sys

import pytest
from courses import DEFAULTS, make_course

from infotok.__main__ import main
from infotok.course import runner
from infotok.course.course import Course, Refusal
from infotok.course.parameters import read_parameters, resolve


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    return make_course(folder, {"02_gaussian_bottleneck": [], "03_other": []}, "smoke: {03_other: {steps: 1}}\n")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["02_gausian_bottlenck"], "notebook: got '02_gausian_bottlenck', expected one of the course; did you mean 02"),
        (["03"], "notebook: got '03', expected one of the course; did you mean 03"),
        (["--profile", "lptop"], "profile: got 'lptop', expected one of smoke, laptop, full, gpu; did you mean laptop"),
        (["-p", "stepz=3"], "stepz: got a parameter that 02_gaussian_bottleneck does not have; did you mean steps?"),
        (["-p", "steps=abc"], "steps: got 'abc', expected a positive integer"),
        (["-p", "steps=1e2"], "steps: got '1e2', expected a positive integer"),
        (["-p", "seed=1.5"], "seed: got '1.5', expected an integer"),
        (["-p", "beta_max=nan"], "beta_max: got 'nan', expected a finite number"),
        (["-p", "rate=0"], "rate: got '0', expected a number in (0, 1]"),
        (["-p", "kind=lin"], "kind: got 'lin', expected one of linear, quadratic"),
        (["-p", "sizes=[2, 0]"], "sizes: got '[2, 0]', expected a list of 1 or more, each item a positive integer, as"),
        (["-p", "sizes=[]"], "sizes: got '[]', expected a list of 1 or more, each item a positive integer, as JSON"),
        (["-p", "flag=yes"], "flag: got 'yes', expected True or False"),
        (["-p", "names=a"], "names: got 'a', expected a list, each item text, as JSON"),
        (["-p", "names=[\"\\ud800\"]"], "names: got "),
        (["-p", "seed"], "-p: got 'seed', expected NAME=VALUE"),
        (["-p", "seed=1", "-p", "seed=2"], "-p: got seed twice, expected it once"),
        (["-p", "names=" + "[" * 100_000], "names: got '[[[[["),
        (["-p", "seed=" + "9" * 5000], "seed: got '99999"),
        (["-p", "profile=x"], "profile: got a parameter that 02_gaussian_bottleneck does not have"),
        (["-p", "run_dir=x"], "run_dir: got a parameter that 02_gaussian_bottleneck does not have"),
        (["--jobs", "0"], "Invalid value for '--jobs': Input should be greater than or equal to 1"),
        (["--jobs", "two"], "Invalid value for '--jobs': Input should be a valid integer"),
        (["--cap-mb", "big"], "Invalid value for '--cap-mb': Input should be a valid number"),
        (["--cap-mb", "nan"], "Invalid value for '--cap-mb': Input should be greater than or equal to 0"),
        (["--no-such-option"], "No such option"),
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
    assert values == {**DEFAULTS, "seed": 7, "steps": 1, "beta_max": 100.0, "names": ["x"], "flag": True}
    assert [type(value) for value in values.values()] == [int, int, float, list, bool, float, str, list]


def test_values_are_written_as_on_any_command_line(root):
    given = ["rate=.5", "beta_max=1_000", "flag=TRUE", "kind=quadratic", "sizes=[3, 4]", "seed=-3"]
    values = resolve(Course(root), ["03_other"], "laptop", given)["03_other"]
    assert values == DEFAULTS | {
        "rate": 0.5,
        "beta_max": 1000.0,
        "flag": True,
        "kind": "quadratic",
        "sizes": [3, 4],
        "seed": -3,
    }


def test_an_assignment_goes_before_the_profile(root):
    assert resolve(Course(root), ["03_other"], "smoke", ["steps=9"])["03_other"]["steps"] == 9


@pytest.mark.parametrize(
    ("profiles", "line"),
    [
        ("smoke: {03_othr: {steps: 1}}", "03_othr.*did you mean 03_other"),
        ("smoke: {03_other: {stepz: 1}}", "profiles.yaml, smoke, stepz.*did you mean steps"),
        ("smoke: {03_other: {steps: many}}", "profiles.yaml, smoke, steps: got 'many', expected a positive integer"),
        ("smoke: {03_other: {steps: 0}}", "profiles.yaml, smoke, steps: got 0, expected a positive integer"),
        ("smoke: {03_other: {sizes: [1, 0]}}", r"profiles.yaml, smoke, sizes\[1\]: got 0, expected a positive integer"),
        *((f"smoke: {{03_other: {{beta_max: {text}}}}}", None) for text in ("1e-4", "1.5e3", ".5e1", "2.e2")),
        ("smoke: {03_other: {beta_max: 1e4f}}", "beta_max: got '1e4f', expected a finite number"),
        ("smke: {}", "smke.*did you mean smoke"),
    ],
)
def test_a_wrong_profile_file_is_refused(tmp_path, profiles, line):
    course = Course(make_course(tmp_path, {"03_other": []}, profiles))
    if line is None:
        assert resolve(course, ["03_other"], "smoke", [])["03_other"]["beta_max"] in (1e-4, 1500.0, 5.0, 200.0)
        return
    with pytest.raises(Refusal, match=line):
        resolve(course, ["03_other"], "smoke", [])


@pytest.mark.parametrize(
    ("profiles", "line"),
    [
        (b"[1, 2]", r"profiles.yaml: got \[1, 2\], expected names"),
        (b"text", "profiles.yaml: got 'text', expected names"),
        (b"smoke: {a", "profiles.yaml: got a file that cannot be read .* in line 1"),
        (b"a: b: c", "profiles.yaml: got a file that cannot be read .* in line 1"),
        (b"\x00\x01\xff", "profiles.yaml: got a file that cannot be read"),
        (b"\xff\xfe\xfd", "profiles.yaml: got a file that cannot be read"),
        (b"smoke: 3", "profiles.yaml, smoke: got 3, expected names"),
        (b"smoke: {03_other: [steps]}", r"profiles.yaml, smoke, 03_other: got \['steps'\], expected names"),
        (b"smoke: {03_other: {steps: null}}", "profiles.yaml, smoke, steps: got None, expected a positive integer"),
        (b"smoke: {}\nsmoke: {03_other: {steps: 1}}", "found 'smoke' twice in line 2"),
        (b"smoke: {03_other: {steps: 1, steps: 2}}", "found 'steps' twice in line 1"),
        (b"smoke: {3: {steps: 1}}", "profiles.yaml, smoke: got 3, expected a known name"),
        (b"smoke: {03_other: {1: 2}}", "profiles.yaml, smoke, 03_other: got 1, expected a known name"),
        (b"smoke: {? [a, b] : c}", "profiles.yaml"),
        (b"smoke: !!python/object:os.system {}", "profiles.yaml: got a file that cannot be read"),
        (b"- " * 5000, "profiles.yaml: got a file that cannot be read"),
        (b"", "profiles.yaml: got no profile smoke"),
        (b"gpu: {}", "profiles.yaml: got no profile smoke"),
    ],
)
def test_a_damaged_profile_file_is_one_line(tmp_path, profiles, line):
    course = Course(make_course(tmp_path, {"03_other": []}))
    (tmp_path / "notebooks" / "profiles.yaml").write_bytes(profiles)
    with pytest.raises(Refusal, match=line) as refused:
        resolve(course, ["03_other"], "smoke", [])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("profiles", ["", "smoke:", "smoke: {03_other: }", "smoke: {}\ngpu:"])
def test_an_empty_entry_sets_nothing(tmp_path, profiles):
    course = Course(make_course(tmp_path, {"03_other": []}, profiles))
    assert resolve(course, ["03_other"], "laptop", [])["03_other"]["steps"] == 3


def edited(root, change):
    """The course with its one notebook changed: by a function of its JSON, or to these bytes."""
    course = Course(make_course(root, {"03_other": []}))
    path = course.notebook("03_other")
    if isinstance(change, bytes):
        path.write_bytes(change)
    else:
        notebook = json.loads(path.read_text())
        change(notebook)
        path.write_text(json.dumps(notebook))
    return course


def set_parameters(line):
    def change(notebook):
        notebook["cells"][1]["source"] += f"\n{line}"

    return change


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (b"", "cannot be read"),
        (b"not JSON", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"[]", "must be object"),
        (b"[" * 100_000, "cannot be read"),
        (lambda n: n.pop("cells"), "must contain .*cells"),
        (lambda n: n.update(cells={}), "cells must be array"),
        (lambda n: n.update(cells=[3]), r"cells\[0\] must be object"),
        (lambda n: n["cells"][0].update(source=3), r"cells\[0\].source"),
        (lambda n: n.update(nbformat=3), "nbformat must be same as const definition: 4"),
        (lambda n: n["metadata"]["kernelspec"].update(name="julia"), "kernelspec.name must be .* python3"),
        (lambda n: n["metadata"].clear(), "kernelspec"),
        (lambda n: n["cells"][1]["metadata"].clear(), "got 0 cells tagged 'parameters', expected one"),
        (lambda n: n["cells"].append(n["cells"][1]), "got 2 cells tagged 'parameters', expected one"),
        (set_parameters("more: int = 10*2"), "more: got '10 \\* 2', expected a plain value"),
        (set_parameters('more: float = float("inf")'), "more: got .*, expected a plain value"),
        (set_parameters("more: int = len([])"), "more: got .*, expected a plain value"),
        (set_parameters("more: int = 1.5"), "more: got 1.5, expected an integer"),
        (set_parameters('more: int = "1"'), "more: got '1', expected an integer"),
        (set_parameters("more: float = 1e999"), "more: got inf, expected a finite number"),
        (set_parameters("more: set = {1}"), "more: got the type 'set', expected one of int"),
        (set_parameters("more = 3"), "got 'more = 3' in the parameters cell, expected NAME: TYPE = VALUE"),
        (set_parameters("import os"), "got 'import os' in the parameters cell"),
        (set_parameters("more: int = ("), "a parameters cell that is not Python"),
        (set_parameters("seed: int = 1"), "seed: got it twice"),
        (set_parameters("more: Count = 0"), "more: got 0, expected a positive integer"),
        (set_parameters('more: Literal["a", "b"] = "c"'), "more: got 'c', expected one of a, b"),
        (set_parameters("more: Annotated[float, Field(gt=0)] = 0"), r"more: got 0, expected a number in \(0, inf\)"),
        (set_parameters("more: list[Count] = [1, 0]"), r"more\[1\]: got 0, expected a positive"),
        (set_parameters("more: PositiveInt = 1"), "more: got the type 'PositiveInt', expected one of int"),
        (set_parameters("more: Literal = 1"), "more: got the type 'Literal', expected one of int"),
        (set_parameters("more: Annotated[int, 3] = 1"), r"more: got the type .*, expected Field\(...\) with numbers"),
        (set_parameters("more: Annotated[int, Field(default=3)] = 1"), "more: got the type .*, expected Field"),
        (set_parameters("more: Annotated[int, Field(ge=open(0))] = 1"), "more: got the type .*, expected"),
        (set_parameters("more: Annotated[int, Field(ge=[])] = 1"), "more: got the type .*, expected"),
        (
            set_parameters("more: Annotated[bool, Field(min_length=1)] = True"),
            "more: got a limit that does not fit the type",
        ),
        (set_parameters("from os import system"), "got 'from os import system' .* expected one of the imports"),
        (set_parameters("from .settings import Count"), "expected one of the imports of a parameters cell"),
        (set_parameters("from pydantic import Field as F"), "expected one of the imports of a parameters cell"),
    ],
)
def test_a_damaged_notebook_is_one_line(tmp_path, change, line):
    course = edited(tmp_path, change)
    with pytest.raises(Refusal, match=line) as refused:
        resolve(course, ["03_other"], "laptop", [])
    assert str(refused.value).startswith("03_other.ipynb: ")
    assert "\n" not in str(refused.value)


def test_a_dangling_link_is_one_line(tmp_path):
    course = Course(make_course(tmp_path, {"03_other": []}))
    course.notebook("04_link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(Refusal, match=r"04_link.ipynb: got a file that cannot be read"):
        resolve(course, ["04_link"], "laptop", [])
    assert resolve(course, ["03_other"], "laptop", [])


def test_parameters_are_found_with_their_help(root):
    found = read_parameters(Course(root).notebook("03_other"))
    assert found["seed"].help == "moves every draw"
    assert found["names"].default == ["a", "b"]
    assert found["beta_max"].annotation is float
    assert found["rate"].expected == "a number in (0, 1]"
    assert found["kind"].expected == "one of linear, quadratic"


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


def test_the_run_folder_moves_with_committed_runs_that_the_lesson_reads(tmp_path):
    """Unless the run keeps its results there: it would look for itself in vain."""
    course = Course(
        make_course(tmp_path, {"a": ['folder = Path("figures") / "b"; rows = load(folder / "cells.json")']})
    )
    (tmp_path / "figures" / "b").mkdir(parents=True)

    def folders(file, text):
        (tmp_path / "figures" / "b" / file).write_text(text)
        return [course.run_folder("a", "laptop", {"keep": keep}) for keep in (False, True)]

    for file, moves in {"cells.json": True, "other.json": False, "metrics.json": False}.items():
        before, after = folders(file, "[]"), folders(file, "[1]")
        assert (before[0] != after[0]) is moves
        assert before[1] == after[1]


def test_the_run_folder_moves_with_modules_beside_the_notebook(tmp_path):
    course = Course(make_course(tmp_path, {"a": ["import helper"], "b": ["1 + 1"]}))
    folders = {name: set() for name in "ab"}
    for source in ("x = 1", "x = 2"):
        (tmp_path / "notebooks" / "helper.py").write_text(source)
        for name, found in folders.items():
            found.add(course.run_folder(name, "laptop", {"keep": True}))
    assert {name: len(found) for name, found in folders.items()} == {"a": 2, "b": 1}
