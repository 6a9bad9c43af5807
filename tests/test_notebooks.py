"""Every notebook keeps the course's form, runs at smoke size in a minute of a core, and says nothing on stderr."""

import ast
from pathlib import Path

import nbformat
import papermill
import pytest
import yaml
from courses import copy_of_the_clone, infotok

from infotok.course.course import Course
from infotok.course.parameters import read_parameters
from infotok.course.runs import read_manifest

COURSE = Course(Path(__file__).parents[1])
FIRST_CODE, SECOND_CODE = 0, 1
SECONDS = 60  # of processor time: what a free core takes, however busy the machine is
# Lessons on other papers than ours, and the benchmarks: CI runs them.
LEFT_TO_CI = ("16_diffusion_pruning", "17_unlearnable_examples", "18_face_anti_spoofing", "19_benchmarks")
MARKS = dict.fromkeys(LEFT_TO_CI, pytest.mark.slow)


@pytest.fixture(params=COURSE.names)
def name(request):
    return request.param


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_form(name):
    notebook = nbformat.read(COURSE.notebook(name), as_version=4)
    nbformat.validate(notebook)
    code = code_cells(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata) <= {"kernelspec"}
    assert not any(cell.outputs or cell.execution_count for cell in code), "outputs are stripped"
    assert "parameters" in code[FIRST_CODE].metadata.tags
    assert "check_parameters(globals())" in code[SECOND_CODE].source, "the second cell refuses impossible parameters"
    assert {"seed", "run_dir", "profile"} <= set(read_parameters(COURSE.notebook(name)))
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for heading in ("Predict", "Sources"):
        assert heading.lower() in prose.lower(), f"no {heading}"
    source = "\n".join(cell.source for cell in code)
    assert ".claim(" in source
    assert ".check(" in source, "exercises check themselves"
    assert "explore(" in source, "a widget"


def test_no_cell_ends_with_a_bare_metric(name):
    """Its output would be a number or a dict without a unit or an explanation."""
    code = code_cells(nbformat.read(COURSE.notebook(name), as_version=4))
    last = {cell.id: statements[-1] for cell in code if (statements := ast.parse(cell.source).body)}
    ends = {key: ast.unparse(node.value) for key, node in last.items() if isinstance(node, ast.Expr)}
    assert [key for key, text in ends.items() if text.startswith("record.metric(")] == []


@pytest.mark.parametrize("name", [pytest.param(each, marks=MARKS.get(each, ())) for each in COURSE.names])
def test_smoke(name, smoke_run):
    (folder,) = Course(smoke_run(name)).run_folders("smoke", name)
    executed = folder / f"{name}.ipynb"
    for cell in code_cells(nbformat.read(executed, as_version=4)):
        for output in cell.outputs:
            assert output.get("name") != "stderr", output.text
    assert 0 < read_manifest(folder)["cpu_seconds"] < SECONDS, "too large for a quick look"


def test_profiles_change_sizes_only():
    profiles = yaml.safe_load((COURSE.root / "notebooks" / "profiles.yaml").read_text())
    assert set(profiles) <= {"smoke", "full", "gpu"}, "laptop is what the notebooks say themselves"
    for entries in profiles.values():
        for values in (entries or {}).values():
            assert "seed" not in values


@pytest.mark.slow
def test_plain_papermill_runs_a_notebook(tmp_path):
    out = tmp_path / "out.ipynb"
    source = COURSE.notebook("00_start_here")
    papermill.execute_notebook(source, out, {"seed": 3}, progress_bar=False, cwd=source.parent)
    assert "seed = 3" in out.read_text()


def test_an_impossible_value_is_refused_before_a_kernel_starts(tmp_path):
    ended = infotok(
        copy_of_the_clone(tmp_path), "run", "02_gaussian_bottleneck", "--profile", "smoke", "-p", "beta_max=-1"
    )
    assert ended.returncode == 2
    assert ended.stderr.strip() == "infotok: beta_max: got '-1', expected a number in (1, inf)"
    assert not ended.stdout


def test_the_environment_files_agree():
    for file in ("environment.yml", ".binder/environment.yml"):
        listed = yaml.safe_load((COURSE.root / file).read_text())
        assert {"pip": ["-e .[notebooks,hub,pictures]"]} in listed["dependencies"]
        assert listed["channels"] == ["conda-forge"]
