"""Attached models over two processes, DDP and FSDP: one process's gradients, one line for a death, one file format."""

import json

import pytest
import torch
from published_models import batch_of, published
from published_ranks import (
    CASES,
    IMAGES,
    OPTIONS,
    SAVED,
    attached_model,
    gradients,
    killed_run,
    main,
    train,
    whole_run,
)
from ranks import exit_codes, on_two_ranks

from infotok.published import attach, load, over_processes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    return on_two_ranks(main, tmp_path_factory.mktemp("ranks"))


@pytest.mark.parametrize(("name", "sharding", "lora", "terms"), CASES)
def test_two_processes_are_one(ranks, name, sharding, lora, terms):
    attached = attached_model(name, lora, terms)
    attached(**batch_of(name, IMAGES)).loss.backward()
    expected = gradients(attached)
    assert any(key.startswith("model.model.vqmodel.encoder") for key in expected)
    assert any(torch.tensor(value).any() for key, value in expected.items() if "vqmodel" in key)
    assert any(torch.tensor(value).any() for key, value in expected.items() if "infotok" in key) or terms == "hsic"
    rounding = 1e-2 if lora else 1e-5  # a language model in bfloat16
    for found in ranks:
        own = found[f"{name} {sharding} {lora} {terms}"]
        for key, gradient in expected.items():
            close = {"rtol": rounding, "atol": rounding, "msg": lambda line, k=key: f"{k}: {line}"}
            torch.testing.assert_close(torch.tensor(own[key]), torch.tensor(gradient), **close)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    return folder, on_two_ranks(whole_run, folder)


def test_a_process_that_dies_ends_the_other_with_one_line_and_the_run_goes_on(undisturbed, tmp_path):
    assert exit_codes(killed_run, tmp_path) == [3, -9]
    assert (tmp_path / "line.txt").read_text() == (
        "training: got 'no answer from another process, which has died or left', expected all 2 processes; "
        f"start the run again: it goes on from the last checkpoint in {tmp_path / 'run'}"
    )
    (tmp_path / "rendezvous").unlink(missing_ok=True)
    assert on_two_ranks(whole_run, tmp_path) == undisturbed[1]  # to the bit


def test_a_sharded_checkpoint_is_read_by_a_single_process(undisturbed, tmp_path):
    attached = load(undisturbed[0] / "run", published("janus").bfloat16())
    assert attached.options.lora == 2
    (tmp_path / "run").mkdir()
    for file in (undisturbed[0] / "run").iterdir():
        (tmp_path / "run" / file.name).write_bytes(file.read_bytes())
    alone = train(0, 1, tmp_path / "run")
    for key, weights in json.loads((undisturbed[0] / "0.json").read_text()).items():
        torch.testing.assert_close(torch.tensor(alone[key]), torch.tensor(weights), rtol=0.05, atol=0.02, msg=key)
    assert SAVED == 2


def test_a_single_process_is_as_it_is_and_not_sharded():
    attached = attach(published("janus"), OPTIONS, near=6)
    with over_processes(attached) as model:
        assert model is attached
    half = attach(published("janus").bfloat16(), OPTIONS, near=6)
    for model, sharding, line in (
        (attached, "fsdp", r"sharding: got .*fsdp.* in a single process"),
        (half, "fsdp", r"'fsdp' with trained weights in bfloat16 and float32\", expected trained weights of one type"),
        (half, "ddp", r"^sharding: got 'ddp', expected one of none, fsdp"),
    ):
        with pytest.raises(ValueError, match=line), over_processes(model, sharding):
            pass
