"""`infotok run` on notebooks that behave, and on notebooks that do everything they should not."""

import json
import os
import re
import signal
import time

import psutil
import pytest
from courses import DEFAULTS, infotok, make_course, manifest
from filelock import FileLock

from infotok.course.course import Course
from infotok.course.parameters import resolve
from infotok.lab.caching.cell_files import Computation, write_cell

RECORD = "from infotok.lab import Record, sweep\nrecord = Record(run_dir, profile)"
TRAIN = """
def train(beta, seed):
    import time
    time.sleep(PAUSE)
    SETUP
    for _ in range(50):
        x = draw()
        error = x @ weight - x.sum(-1)
        loss = (error**2).mean() + beta * (weight**2).sum()
        weight = weight - 0.05 * (2 * x.T @ error / len(x) + 2 * beta * weight)
    return {"loss": loss, "weight": weight}
rows = sweep(train, [{"beta": b / 10, "seed": seed} for b in range(6)], cache=record.cells)
record.metric("losses", [row["loss"] for row in rows])
record.metric("weights", [row["weight"] for row in rows])
record.claim("training converges", max(record.metrics["losses"]), at_most=100)
"""
NUMPY = """import numpy as np
    weight, draw = np.zeros(4), lambda generator=np.random.default_rng(seed): generator.normal(size=(32, 4))"""
TORCH = """import torch
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(seed)
    weight, draw = torch.zeros(4), lambda: torch.randn(32, 4, generator=generator)"""


def training(pause: float, setup: str = NUMPY) -> list[str]:
    """A sweep that waits so many seconds in each cell; to import torch takes as long as all the rest of such a run."""
    return [RECORD, TRAIN.replace("PAUSE", str(pause)).replace("SETUP", setup)]


def kernels(root) -> list[psutil.Process]:
    """The kernels and workers at work on a course."""
    found = []
    for process in psutil.process_iter(["cmdline", "status", "cwd"]):
        words = " ".join(process.info["cmdline"] or [])
        here = str(root) in words or (process.info["cwd"] or "").startswith(str(root))
        if here and ("ipykernel" in words or "infotok.course.worker" in words):
            found.append(process)
    return found


def wait_for(condition, seconds: float = 60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError("what was waited for did not come")


def cells_in(root) -> list:
    return list((root / "runs").glob("*/*/cells/train-*.json"))


def kernel_of(root):
    return [process for process in kernels(root) if "ipykernel" in " ".join(process.cmdline())]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """One run of five notebooks: one that is well, and one of each fault."""
    widget = """
import ipywidgets as widgets
slider, out = widgets.IntSlider(description="n"), widgets.Output()
@out.capture()
def react(change):
    raise RuntimeError("the callback fell over")
slider.observe(react, "value")
slider.value = 3
"""
    root = make_course(
        tmp_path_factory.mktemp("mixed"),
        {
            "01_well": training(0.0, TORCH),
            "02_claim": [
                RECORD,
                "record.claim('one is two', 1, at_least=2)",
                "record.claim('one is one', 1, at_most=1)",
            ],
            "03_widget": [RECORD, widget],
            "04_large": [RECORD, "(record.folder / 'blob.bin').write_bytes(bytes(2_000_000));"],
            "05_refuse": [
                "from infotok.errors import require\nrequire(beta_max > 1, 'beta_max', beta_max, 'a number above 1')",
                "import time; time.sleep(600)",
            ],
        },
        "smoke: {01_well: {steps: 1}}\ngpu: {}\n",
    )
    ended = infotok(root, "run", "--jobs", "2", "--cap-mb", "1", "-p", "beta_max=-1")
    return root, ended


def test_each_fault_is_told_in_one_line_and_fails_the_run(mixed):
    root, ended = mixed
    assert ended.returncode == 1, ended.stderr
    lines = ended.stdout.splitlines()
    assert "02_claim: claim failed: one is two: got 1, expected at least 2" in lines
    assert "03_widget: a widget's callback raised RuntimeError: the callback fell over" in lines
    assert "04_large: blob.bin: got 2.0 MB of output, expected at most 1 MB" in lines
    assert "05_refuse: beta_max: got -1.0, expected a number above 1" in lines
    assert not any(line.startswith("01_well: claim") for line in lines)
    assert "Traceback" not in ended.stdout
    assert lines[-1] == "report: runs/laptop/report.html"
    assert manifest(root, "01_well")["status"] == "passed"
    assert [manifest(root, name)["status"] for name in ("02_claim", "03_widget", "04_large", "05_refuse")] == [
        "failed"
    ] * 4


def test_the_manifest_says_what_it_takes_to_have_the_run_again(mixed):
    root, _ = mixed
    said = manifest(root, "01_well")
    assert said["parameters"] == DEFAULTS | {"beta_max": -1.0}
    assert said["command"].startswith("infotok run 01_well --profile laptop -p seed=0 -p steps=3 -p beta_max=-1.0")
    assert said["seed"] == 0
    assert said["seconds"] > 0
    assert said["cpu_seconds"] > 0
    assert said["peak_memory_gib"] > 0.05
    assert said["versions"]["torch"]
    assert said["claims"][0]["holds"] is True
    assert len(said["metrics"]["losses"]) == 6
    assert len(said["artifacts"]["metrics.json"]) == 64
    assert {"01_well.ipynb", "metrics.json"} == set(said["artifacts"])


def test_the_report_stands_alone_and_tells_of_every_notebook(mixed):
    root, _ = mixed
    page = (root / "runs/laptop/report.html").read_text()
    assert "one is two" in page
    assert "the callback fell over" in page
    (executed,) = re.findall('href="(01_well-[^"]+.ipynb)"', page)
    assert (root / "runs/laptop" / executed).exists()
    assert "http" not in page.replace("http-equiv", "")


def test_a_finished_run_is_kept_a_failed_one_is_run_again_and_fresh_forgets(mixed):
    root, _ = mixed
    before = manifest(root, "01_well")
    words = ("run", "01_well", "--cap-mb", "1", "-p", "beta_max=-1")
    kept = infotok(root, *words)
    assert kept.returncode == 0
    assert "kept" in kept.stdout
    assert manifest(root, "01_well") == before
    fresh = infotok(root, *words, "--fresh")
    assert fresh.returncode == 0
    after = manifest(root, "01_well")
    assert after["started"] > before["started"]
    assert after["metrics"] == before["metrics"], "the same seed must give the same metrics, bit for bit"


@pytest.mark.slow
def test_a_killed_kernel_fails_the_run_which_then_resumes_bit_for_bit(tmp_path):
    disturbed = make_course(tmp_path / "disturbed", {"train": training(0.5)})
    going = infotok(disturbed, "run", start=True)
    wait_for(lambda: len(cells_in(disturbed)) >= 2)
    kernel_of(disturbed)[0].send_signal(signal.SIGKILL)
    out, _ = going.communicate(timeout=60)
    assert going.returncode == 1
    assert "train: cell [4] Lesson train: the kernel died (killed, or out of memory)" in out.splitlines()
    finished = {path: path.stat().st_mtime_ns for path in cells_in(disturbed)}
    assert 2 <= len(finished) < 6
    assert infotok(disturbed, "run").returncode == 0
    assert {path: path.stat().st_mtime_ns for path in finished} == finished, "finished cells are not trained again"
    calm = make_course(tmp_path / "calm", {"train": training(0.0)})
    assert infotok(calm, "run").returncode == 0
    assert manifest(disturbed, "train")["metrics"] == manifest(calm, "train")["metrics"]


@pytest.mark.slow
def test_another_run_trains_no_finished_cell_again_but_a_fresh_one_does(tmp_path):
    root = make_course(tmp_path, {"train": training(0.0)})
    assert infotok(root, "run").returncode == 0
    cell, damaged, *_ = cells_in(root)
    content = json.loads(cell.read_text())
    computation = Computation(content["function"], content["reads"], content["arguments"])
    write_cell(cell, computation, {**content["row"], "loss": 99.0})  # no training ends there
    damaged.write_text(re.sub(r'"loss": [\d.e-]+', '"loss": 98.0', damaged.read_text()))
    assert "98.0" in damaged.read_text()

    def losses(*words):
        before = set((root / "runs").glob("*/*/metrics.json"))
        assert infotok(root, "run", *words).returncode == 0
        (new,) = set((root / "runs").glob("*/*/metrics.json")) - before
        return json.loads(new.read_text())["metrics"]["losses"]

    again = losses("-p", "beta_max=5")  # a parameter that no cell depends on
    assert 99.0 in again
    assert 98.0 not in again, "a damaged cell is computed anew"
    assert not [path for path in cells_in(root) if path != damaged and "98.0" in path.read_text()]
    assert not {98.0, 99.0} & set(losses("-p", "beta_max=6", "--fresh"))


@pytest.mark.slow
def test_ctrl_c_ends_every_kernel_and_the_same_command_goes_on(tmp_path):
    root = make_course(tmp_path, {"train": training(1.0)})
    going = infotok(root, "run", start=True)
    wait_for(lambda: cells_in(root))
    seen = kernels(root)
    assert seen
    going.send_signal(signal.SIGINT)
    _, error = going.communicate(timeout=30)
    assert going.returncode == 130
    assert "goes on from what is finished" in error
    assert "Traceback" not in error
    wait_for(lambda: not kernels(root), 10)


@pytest.mark.slow
def test_a_runner_that_is_killed_leaves_no_kernel_behind(tmp_path):
    root = make_course(tmp_path, {"train": training(1.0)})
    going = infotok(root, "run", start=True)
    wait_for(lambda: cells_in(root))
    os.kill(going.pid, signal.SIGKILL)
    going.communicate(timeout=30)
    wait_for(lambda: not kernels(root), 10)


@pytest.mark.slow
def test_a_runner_waits_while_another_holds_the_folder(tmp_path):
    root = make_course(tmp_path, {"train": training(0.0)})
    course = Course(root)
    folder = course.run_folder("train", "laptop", resolve(course, ["train"], "laptop", [])["train"])
    folder.mkdir(parents=True)
    with FileLock(folder / "lock"):
        going = infotok(root, "run", start=True)
        heard = [going.stdout.readline(), going.stdout.readline()]
        assert "waiting for another run of the same folder" in "".join(heard)
        assert not cells_in(root)
    out, _ = going.communicate(timeout=120)
    assert going.returncode == 0, out


@pytest.mark.slow
def test_two_runners_at_once_do_the_work_once(tmp_path):
    root = make_course(tmp_path, {"train": training(0.2)})
    runners = [infotok(root, "run", start=True) for _ in range(2)]
    said = [runner.communicate(timeout=120)[0] for runner in runners]
    assert [runner.returncode for runner in runners] == [0, 0], said
    assert sorted("kept" in out for out in said) == [False, True]
    assert manifest(root, "train")["status"] == "passed"


def test_list_report_figures_and_clean(mixed):
    root, _ = mixed
    own = ("-p", "beta_max=-1")
    assert "laptop: passed" not in infotok(root, "list").stdout, "no run has the profile's own parameters"
    listed = infotok(root, "list", *own)
    assert listed.returncode == 0
    assert "01_well  Lesson 01_well" in listed.stdout or "01_well Lesson 01_well" in listed.stdout
    assert "steps: a positive integer = 3" in listed.stdout
    assert "moves every draw" in listed.stdout
    assert "laptop: passed" in listed.stdout
    assert "laptop: failed" in listed.stdout

    page = root / "runs/laptop/report.html"
    page.unlink()
    assert infotok(root, "report", *own).stdout.strip() == "runs/laptop/report.html"
    assert "one is two" in page.read_text()
    assert infotok(root, "report").returncode == 0
    assert "one is two" not in page.read_text()

    refused = infotok(root, "figures", "02_claim", "--from", "laptop", *own)
    assert refused.returncode == 2
    assert "02_claim: got no passed run at laptop" in refused.stderr
    assert infotok(root, "figures", "01_well", "--from", "laptop", *own).returncode == 0
    published = json.loads((root / "figures/01_well/metrics.json").read_text())
    assert published["metrics"] == manifest(root, "01_well")["metrics"]
    assert published["command"].startswith("infotok run 01_well")

    replaced = root / "runs/laptop/01_well-0123456789"
    replaced.mkdir()
    os.utime(replaced, (1, 1))
    assert infotok(root, "clean").stdout.split() == ["removed", "runs/laptop/01_well-0123456789"]
    assert manifest(root, "01_well")["status"] == "passed"
    assert infotok(root, "clean", "--all").returncode == 0
    assert not list((root / "runs").glob("*/*/manifest.json"))
