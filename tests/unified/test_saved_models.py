"""Models and training folders of version 0.1, whose attributes had other names, load and draw as they did then."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from infotok.checkpoints import load_checkpoint, load_state, save_checkpoint
from infotok.files import read_json
from infotok.unified import AutoregressiveModel, ContinuousModel, MaskedModel, train
from infotok.unified.base import RENAMED
from infotok.worlds import ShapesWorld
from tests.helpers.trainings import SMALL, WORLD, bits_repeat, build, interrupted, losses, whole_run

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "figures" / "11_infotok" / "models"
KINDS = {"autoregressive": AutoregressiveModel, "masked": MaskedModel, "continuous": ContinuousModel}
DRAWINGS = read_json(ROOT / "tests" / "data" / "drawings.json")  # what version 0.1 drew and answered
OLD = {new: old for old, new in RENAMED.items()}


def old_name(name, start=""):
    """The name in version 0.1 of a tensor of today."""
    own = name.removeprefix(start)
    heads = [new for new in OLD if own == new or own.startswith(f"{new}.")]
    return start + OLD[heads[0]] + own[len(heads[0]) :] if heads else name


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_committed_model_draws_and_answers_as_version_0_1_did(name):
    model = KINDS[name.split("-")[0]].from_pretrained(MODELS / name)
    batch = ShapesWorld(nuisance=0.8).batch(4, torch.Generator().manual_seed(0))
    drawn = model.draw(batch.captions, torch.Generator().manual_seed(5), guidance=2.0)
    then = DRAWINGS[name]
    torch.testing.assert_close(drawn[..., 0], torch.tensor(then["tokens"]), atol=2e-3, rtol=0)
    assert model.answer(batch.images, batch.questions).tolist() == then["answers"]
    likely = model.answer_probabilities(batch.images, batch.questions).amax(-1).flatten()
    torch.testing.assert_close(likely, torch.tensor(then["probabilities"]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_committed_model_has_every_tensor_of_its_file_and_no_other(name, tmp_path):
    model, raw = (
        KINDS[name.split("-")[0]].from_pretrained(MODELS / name),
        load_file(MODELS / name / "weights.safetensors"),
    )
    own = model.state_dict()
    assert {old_name(key) for key in own} == raw.keys()
    for key, tensor in own.items():
        assert torch.equal(tensor, raw[old_name(key)].to(tensor.dtype)), key
    model.save_pretrained(tmp_path)
    assert load_file(tmp_path / "weights.safetensors").keys() == own.keys()  # written with the names of today


def test_a_training_folder_of_version_0_1_goes_on_bit_for_bit(tmp_path, monkeypatch):
    with bits_repeat():
        interrupted(tmp_path, monkeypatch)
        (folder,) = tmp_path.glob("checkpoint-*")
        tensors, meta = load_checkpoint(folder)
        renamed = {old_name(name, "model."): tensor for name, tensor in tensors.items()}
        assert {"model.start", "model.place", "model.see.weight", "model.head.depth"} <= renamed.keys() - tensors.keys()
        save_checkpoint(folder, renamed, meta)
        model = build()
        assert losses(train(model, WORLD, SMALL, tmp_path)) == whole_run()[0]
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in whole_run()[1].items())


def test_a_name_of_then_never_takes_the_place_of_one_of_today():
    model = build()
    state = model.state_dict()
    with pytest.raises(ValueError, match="model: got 'start', expected no such tensor"):
        load_state(model, {**state, "start": state["boi_embedding"] + 1}, "model")
