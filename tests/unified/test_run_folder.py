"""A training folder after kills, damage, a full disk and a second training: one clear line, or the same bits.

INFOTOK_DAMAGES=100 damages as many files, INFOTOK_EVERY=1 kills before every operation on a file, and INFOTOK_KILLS=100
in test_training kills at as many random moments; without them a few are tried.
"""

import itertools
import json
import os
import random
import resource
import shutil
import signal
import sys
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from apart import answer, ended, started
from trainings import SMALL, WORLD, altered, bits_repeat, build, interrupted, losses, whole_run

from infotok.checkpoints import load_checkpoint, save_checkpoint
from infotok.unified import read_metrics, train
from infotok.unified.identity import difference, made_with
from infotok.worlds import ShapesWorld

DAMAGES = int(os.environ.get("INFOTOK_DAMAGES", 12))
EVERY = int(os.environ.get("INFOTOK_EVERY", 13))
FILES = ("metrics.jsonl", "checkpoint-00000004/config.json", "checkpoint-00000004/weights.safetensors")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with bits_repeat():
        yield


@pytest.fixture(scope="module")
def undisturbed():
    return whole_run()


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A run stopped after five of its eight steps, with the checkpoint of step 4."""
    folder = tmp_path_factory.mktemp("runs") / "stopped"
    with pytest.MonkeyPatch.context() as patch:
        interrupted(folder, patch, step=7)
    assert [row["step"] for row in read_metrics(folder)] == [1, 2, 3, 4, 5]
    return folder


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Whole runs with files of the same names: of other data, and of another step."""
    root = tmp_path_factory.mktemp("others")
    train(build(), WORLD, altered(SMALL, steps=4, seed=6), root / "data")
    with pytest.MonkeyPatch.context() as patch:
        interrupted(root / "step", patch, step=5)
    (root / "step" / "checkpoint-00000002").rename(root / "step" / "checkpoint-00000004")
    return root


@pytest.fixture
def folder(template, tmp_path):
    return Path(shutil.copytree(template, tmp_path / "run"))


def refused(folder, kind=ValueError):
    """The one line in which a run is refused; the folder is as it was, apart from its lock."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and "lock" not in path.name}
    with pytest.raises(kind) as caught:
        train(build(), WORLD, SMALL, folder)
    assert "\n" not in str(caught.value)
    assert before == {path: path.read_bytes() for path in before}
    return str(caught.value)


def ends_like(folder, undisturbed):
    model = build()
    rows = train(model, WORLD, SMALL, folder)
    assert losses(rows) == undisturbed[0]
    assert read_metrics(folder) == rows
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in undisturbed[1].items())
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint-00000008", "lock", "metrics.jsonl"]


# --- kills ------------------------------------------------------------------------------------------------------------


OPERATIONS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod")


def killed_at(folder, number):
    """Training that is killed right before its operation of this number on a file or folder of the run."""
    torch.set_num_threads(1)
    operations = itertools.count(1)

    def watch(event, arguments):
        own = event in OPERATIONS and str(folder) in str(arguments[0])
        if own and next(operations) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    train(build(), WORLD, SMALL, folder)


@pytest.mark.slow
def test_killed_between_any_two_operations_a_run_goes_on(tmp_path, undisturbed):
    """Every EVERY-th of the operations by which a run writes its files and removes old ones."""
    kills = 0
    for number in itertools.count(1, EVERY):
        folder = tmp_path / str(number)
        [code] = ended([started(killed_at, folder, number)])
        assert code in (0, -signal.SIGKILL)
        ends_like(folder, undisturbed)
        shutil.rmtree(folder)
        if code == 0:
            break
        kills += 1
    print(f"killed at {kills} operations, every {EVERY} of them: the same bits each time")
    assert kills > 60 / EVERY


# --- damaged files ----------------------------------------------------------------------------------------------------


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 4] ^= 2  # of the metrics, in a row that the checkpoint stands for
    path.write_bytes(content)


DAMAGE = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 3]),
    "emptied": lambda path: path.write_bytes(b""),
    "flipped": flip,
    "deleted": lambda path: path.unlink(),
    "doubled": lambda path: path.write_bytes(path.read_bytes() * 2),
}


@pytest.mark.parametrize("damage", [*DAMAGE, "data", "step"])
@pytest.mark.parametrize("name", FILES)
def test_each_damage_of_each_file_is_one_line(folder, others, undisturbed, name, damage):
    if damage in DAMAGE:
        DAMAGE[damage](folder / name)
    else:
        shutil.copy(others / damage / name, folder / name)
    if (name, damage) == ("metrics.jsonl", "doubled"):
        ends_like(folder, undisturbed)  # rows behind those of the checkpoint are logged again in any case
        return
    line = refused(folder)
    assert str(folder) in line
    named = "weights.safetensors" if "config" in name and damage in ("data", "step") else Path(name).name
    assert named in line
    assert line.endswith(f"; put the file back from a copy, or remove the folder {folder} to begin anew")


@pytest.mark.parametrize("source", ["data", "step"])
def test_a_checkpoint_from_elsewhere_is_refused_though_whole(folder, others, source):
    shutil.rmtree(folder / "checkpoint-00000004")
    shutil.copytree(others / source / "checkpoint-00000004", folder / "checkpoint-00000004")
    expected = {
        "data": "config: got 'steps=4 there and 8 now'",
        "step": "got 'the checkpoint of step 2', expected that",
    }
    assert expected[source] in refused(folder)


def test_the_checkpoint_before_a_damaged_one_is_taken_with_a_warning(folder, undisturbed):
    shutil.copytree(folder / "checkpoint-00000004", folder / "checkpoint-00000006")
    flip(folder / "checkpoint-00000006" / "weights.safetensors")
    with pytest.warns(UserWarning, match="06/weights.safetensors: got .*; going on from checkpoint-00000004, the one"):
        ends_like(folder, undisturbed)


def test_a_run_that_lost_its_checkpoints_says_that_it_begins_anew(folder, undisturbed):
    shutil.rmtree(folder / "checkpoint-00000004")
    with pytest.warns(UserWarning, match="got rows up to step 5 and no checkpoint; the run begins anew"):
        ends_like(folder, undisturbed)


def test_many_random_damages_change_nothing_silently(template, others, tmp_path, undisturbed):
    rng, refusals = random.Random(1), 0
    for number in range(DAMAGES):
        folder = Path(shutil.copytree(template, tmp_path / str(number)))
        path = folder / rng.choice(FILES)
        content, at = bytearray(path.read_bytes()), rng.randrange(path.stat().st_size)
        kind = rng.choice(["truncated", "flipped", "zeroed", "inserted", "deleted", "swapped"])
        if kind == "deleted":
            path.unlink()
        elif kind == "swapped":
            shutil.copy(others / rng.choice(["data", "step"]) / path.relative_to(folder), path)
        else:
            if kind == "truncated":
                del content[at:]
            elif kind == "flipped":
                content[at] ^= rng.randrange(1, 256)
            elif kind == "zeroed":
                content[at : at + 64] = bytes(len(content[at : at + 64]))
            else:
                content[at:at] = rng.randbytes(8)
            path.write_bytes(content)
        try:
            train(build(), WORLD, SMALL, folder)
        except ValueError:
            line = refused(folder)  # again, and in one line that names a file of the folder
            assert str(folder) in line
            refusals += 1
        else:
            ends_like(folder, undisturbed)
        shutil.rmtree(folder)
    print(f"{DAMAGES} damaged files: {refusals} refused in one line, {DAMAGES - refusals} the same bits")
    assert refusals > DAMAGES / 3


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda t: t.pop("optimiser.0.1.exp_avg"), "optimiser, 0.1.exp_avg: got 'no such state', expected one"),
        (lambda t: [t.pop(f"optimiser.0.1.{n}") for n in ("step", "exp_avg", "exp_avg_sq")], "0.1.step: got 'no such"),
        (lambda t: [t.pop(name) for name in list(t) if name.startswith("optimiser.1")], "got 'no such state'"),
        (lambda t: [t.pop(name) for name in list(t) if name.startswith("optimiser")], "got 'no such state'"),
        (lambda t: t.update({"optimiser.0.1.exp_avg": torch.zeros(1)}), "exp_avg: got shape (1,), expected shape"),
        (lambda t: t.update({"optimiser.1.0.momentum_buffer": torch.zeros(2, 3)}), "got shape (2, 3), expected shape"),
        (lambda t: t.update({"optimiser.0.1.step": torch.zeros(4)}), "0.1.step: got shape (4,), expected shape ()"),
        (
            lambda t: t.update({"optimiser.0.1.step": torch.tensor(3)}),
            "0.1.step: got 'torch.int64', expected torch.float",
        ),
        (lambda t: t.update({"optimiser.0.999.step": torch.zeros(())}), "got '0.999.step', expected no such state"),
        (lambda t: t.update({"optimiser.7.0.step": torch.zeros(())}), "got '7.0.step', expected no such state"),
        (lambda t: t.update({"optimiser.0.1.momentum_buffer": torch.zeros(1)}), "expected no such state"),
        (
            lambda t: t.update({"scheduler.rate": torch.zeros(1)}),
            "got 'scheduler.rate', expected a tensor of the model",
        ),
        (lambda t: t.pop("model.boi_embedding"), "boi_embedding: got 'no such tensor', expected one"),
    ],
)
def test_states_that_do_not_fit_are_refused_though_the_checksums_do(folder, change, line):
    tensors, meta = load_checkpoint(folder / "checkpoint-00000004")
    change(tensors)
    save_checkpoint(folder / "checkpoint-00000004", tensors, meta)
    assert line in refused(folder)


# --- runs of version 0.1 ----------------------------------------------------------------------------------------------


def as_version_01(folder):
    """What version 0.1 would have left: fewer facts, and no checksum but that of the weights."""
    path = folder / "checkpoint-00000004" / "config.json"
    content = json.loads(path.read_text())
    meta = {name: content["meta"][name] for name in ("step", "config", "model", "world")}
    path.write_text(json.dumps({"sha256": content["sha256"], "meta": meta}))
    rows = read_metrics(folder)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return rows


def test_a_run_of_version_01_goes_on_with_a_warning(folder, undisturbed):
    as_version_01(folder)
    with pytest.warns(UserWarning, match="written by version 0.1") as warned:
        ends_like(folder, undisturbed)
    assert {str(each.message).split(":")[0] for each in warned} == {str(folder / FILES[0]), str(folder / FILES[1])}


@pytest.mark.filterwarnings("ignore:.*written by version 0.1")
@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (lambda rows: rows[:3], "metrics.jsonl: got '3 rows', expected its 4 rows up to step 4"),
        (
            lambda rows: [row for row in rows for _ in range(2)],
            "metrics.jsonl: got 'rows of other steps'",
        ),  # two trained
        (lambda rows: [*rows[:2], {"step": 3, "loss": "x"}, *rows[3:]], "line 3: got 'a damaged line'"),
    ],
)
def test_rows_of_version_01_are_checked_by_their_steps(folder, lines, line):
    rows = lines(as_version_01(folder))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert line in refused(folder)


@pytest.mark.filterwarnings("ignore:.*written by version 0.1")
@pytest.mark.parametrize(
    ("lost", "line"),
    [
        ("optimiser.1.", "optimiser, 1: got 'no state at all', expected that of the steps before"),
        ("optimiser.0.1.exp_avg", "optimiser, 0.1.exp_avg: got 'no such state', expected one"),
    ],
)
def test_states_of_version_01_are_checked_without_a_list(folder, lost, line):
    checkpoint = folder / "checkpoint-00000004"
    tensors, meta = load_checkpoint(checkpoint)
    save_checkpoint(checkpoint, {name: t for name, t in tensors.items() if not name.startswith(lost)}, meta)
    as_version_01(folder)
    assert line in refused(folder)


# --- the metrics by themselves ----------------------------------------------------------------------------------------


def test_a_damaged_line_of_the_metrics_is_named(folder):
    path = folder / "metrics.jsonl"
    whole, rng = path.read_bytes(), random.Random(0)
    rows, ends = read_metrics(folder), [i for i, byte in enumerate(whole) if byte == ord("\n")]
    for _ in range(60):
        content, at = bytearray(whole), rng.randrange(ends[-2])
        content[at] ^= rng.randrange(1, 256)
        path.write_bytes(content)
        number = sum(end < at for end in ends) + 1
        try:
            assert read_metrics(folder) == rows  # a space that became another one
        except ValueError as error:
            line = str(error)
            assert line.startswith((f"{path}, line {number}: got ", f"{path}, line {number + 1}: got "))


@pytest.mark.parametrize("kept", [1, 10, -1])
def test_a_torn_last_line_is_left_out(folder, kept):
    rows, path = read_metrics(folder), folder / "metrics.jsonl"
    *lines, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines) + last[:kept])
    assert read_metrics(folder) == (rows if kept == -1 else rows[:-1])  # only its line end was lost


@pytest.mark.parametrize("lines", [lambda rows: rows[1:], lambda rows: rows[:2] + rows[3:], lambda rows: rows * 2])
def test_lost_and_doubled_lines_are_found(folder, lines):
    path = folder / "metrics.jsonl"
    path.write_bytes(b"".join(lines(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(ValueError, match=r"metrics.jsonl, line \d: got 'a damaged line', expected one whose checksum"):
        read_metrics(folder)


def test_a_folder_without_metrics_has_no_rows(tmp_path):
    assert read_metrics(tmp_path) == []


# --- two trainings, a full disk, a read-only one ----------------------------------------------------------------------


class Waiting(ShapesWorld):
    """A world whose batches wait until they are asked for."""

    ready, go = threading.Event(), threading.Event()

    def batch(self, *args, **kwargs):
        self.ready.set()
        self.go.wait(60)
        return super().batch(*args, **kwargs)


def test_two_trainings_do_not_share_a_folder(tmp_path):
    folder, rows = tmp_path / "run", []
    first = threading.Thread(target=lambda: rows.extend(train(build(), Waiting(nuisance=0.2), SMALL, folder)))
    first.start()
    assert Waiting.ready.wait(60)
    for _ in range(5):
        with pytest.raises(BlockingIOError, match=rf"in use by process {os.getpid()} \(training\)', expected a folder"):
            train(build(), WORLD, SMALL, folder)
    Waiting.go.set()
    first.join(120)
    assert read_metrics(folder) == rows
    assert [row["step"] for row in rows] == list(range(1, 9))


def limited(pipe, folder):
    """Training on a disk with room for the metrics and not for a checkpoint."""
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    try:
        train(build(), WORLD, SMALL, folder)
    except OSError as error:
        pipe.send(str(error))


@pytest.mark.slow
def test_a_full_disk_ends_in_one_line_and_leaves_the_last_checkpoint(folder, undisturbed):
    line = answer(limited, folder)
    assert f"{folder}/checkpoint-00000006: got 'File too large', expected a folder with free space" in line
    assert "\n" not in line
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint-00000004", "lock", "metrics.jsonl"]
    ends_like(folder, undisturbed)


@pytest.mark.skipif(not Path("/sys").is_dir(), reason="a folder in which nobody may write")
def test_a_folder_that_cannot_be_written_to_is_one_line():
    with pytest.raises(OSError, match=r"/sys/infotok: got '.*', expected a folder with free space that may be written"):
        train(build(), WORLD, SMALL, "/sys/infotok")


def test_a_file_in_the_folders_place_is_one_line(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(OSError, match="run: got 'File exists', expected a folder"):
        train(build(), WORLD, SMALL, tmp_path / "run")


# --- what a run is ----------------------------------------------------------------------------------------------------


def test_settings_reach_into_worlds_of_worlds():
    class Few:
        def __init__(self, world, images, words):
            self.world, self.images, self.words = world, images, words

    one = made_with(Few(ShapesWorld(nuisance=0.1), torch.zeros(2), ("a",)))
    assert one["world"]["kind"] == "ShapesWorld"
    assert one["world"]["nuisance"] == 0.1
    assert one["words"] == ["a"]
    assert one["images"] != made_with(Few(None, torch.ones(2), ()))["images"]
    assert made_with(Few(None, np.zeros(2), np.array(["a", 1.0], dtype=object)))["words"] == ["a", 1.0]
    assert json.loads(json.dumps(one)) == one


def test_worlds_with_other_functions_are_others():
    def lengths(captions):
        return torch.tensor([[float(len(caption))] for caption in captions])

    def ones(captions, width=1):
        return torch.ones(len(captions), width)

    texts = [lengths, ones, partial(ones, width=2), partial(ones, width=3), str.split]
    found = [made_with(ShapesWorld(text=text)) for text in texts]
    assert all(difference(one, other).startswith("text.") for one, other in itertools.combinations(found, 2))
    assert found == [made_with(ShapesWorld(text=text)) for text in texts]
    assert json.loads(json.dumps(found)) == found


def test_other_machines_are_warned_of(folder):
    tensors, meta = load_checkpoint(folder / "checkpoint-00000004")
    meta["machine"]["processes"] = 2
    save_checkpoint(folder / "checkpoint-00000004", tensors, meta)
    with pytest.warns(UserWarning, match="processes=2 there and 1 now: numbers will round in another way"):
        train(build(), WORLD, SMALL, folder)
