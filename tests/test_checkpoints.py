"""Checkpoints come back bit for bit, and what is not one is refused in one line that names the file."""

import json
import os

import pytest
import torch
from torch import nn

from infotok.checkpoints import load_checkpoint, load_state, save_checkpoint

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


@pytest.mark.parametrize("content", ["", "{", "[]", '{"meta": {}}', '{"sha256": "", "meta": 3}', "\x00\xff"])
def test_a_damaged_or_foreign_configuration_is_refused(saved, content):
    (saved[1] / "config.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(
        ValueError, match=r"config.json: got 'a damaged or foreign file', expected the JSON of a checkpoint"
    ):
        load_checkpoint(saved[1])


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
    import hashlib

    (tmp_path / "weights.safetensors").write_bytes(b"pickle")
    digest = hashlib.sha256(b"pickle").hexdigest()
    (tmp_path / "config.json").write_text(json.dumps({"sha256": digest, "meta": {}}))
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
    with pytest.raises(TypeError, match="not JSON serializable"):
        save_checkpoint(tmp_path / "new", {"a": torch.zeros(1)}, {"config": object()})
    assert not (tmp_path / "new").exists()
