"""Training on two processes, by DDP and by FSDP: one process's numbers, one file format, one line for a death."""

import json

import pytest
import torch
from safetensors.torch import load_file
from scaling import CASES, changed, first_gradients, killed_rank, on_ranks, resumed_rank, small_host, train_rank
from trainings import WORLD, bits_repeat, losses

from infotok.unified import load_weights, train

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with bits_repeat():
        yield


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    assert on_ranks(train_rank, folder) == [0, 0]
    return folder


def close(found, expected, name, **tolerances):
    torch.testing.assert_close(found, expected, **tolerances, msg=lambda line: f"{name}: {line}")


@pytest.mark.parametrize("sharding", ["none", "fsdp"])
@pytest.mark.parametrize("case", CASES)
def test_two_processes_are_one(two, case, sharding):
    model = small_host(case)
    with first_gradients(model) as alone:
        rows = losses(train(model, WORLD, changed()))
    for rank in range(2):
        gradients = load_file(two / f"{case}-{sharding}-{rank}.safetensors")
        assert gradients.keys() == alone.keys()
        for name, gradient in alone.items():
            torch.testing.assert_close(
                gradients[name], gradient, rtol=1e-5, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}"
            )
        found = json.loads((two / f"{case}-{sharding}-{rank}.json").read_text())
        assert found[0] == pytest.approx(rows[0], rel=1e-5)
        for row, expected in zip(found, rows, strict=True):  # later steps: optimisers magnify rounding
            assert row == pytest.approx(expected, rel=2e-3, abs=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_a_checkpoint_is_the_same_file_with_and_without_sharding(two, case):
    models = [small_host(case) for _ in range(2)]
    steps = [load_weights(model, two / f"{case}-{name}") for model, name in zip(models, ("none", "fsdp"), strict=True)]
    assert steps == [4, 4]
    for (name, one), other in zip(models[0].named_parameters(), models[1].parameters(), strict=True):
        close(one, other, name, rtol=1e-3, atol=2e-3)  # optimisers magnify rounding
    with pytest.warns(UserWarning, match="sharding=fsdp there and none now: numbers will round"):
        rows = train(small_host(case), WORLD, changed(), two / f"{case}-fsdp")
    assert len(rows) == 4  # finished there, so loaded here: optimisers' states fit as well


def test_a_process_that_dies_ends_the_others_with_one_line_and_the_run_goes_on(two, tmp_path):
    assert on_ranks(killed_rank, tmp_path) == [3, -9]
    line = (tmp_path / "line.txt").read_text()
    assert line == (
        "training: got 'no answer from another process, which has died or left', expected all 2 processes; "
        f"start the run again: it goes on from the last checkpoint in {tmp_path / 'run'}"
    )
    assert [path.name for path in (tmp_path / "run").glob("checkpoint-*")] == ["checkpoint-00000002"]
    assert on_ranks(resumed_rank, tmp_path) == [0, 0]
    undisturbed = json.loads((two / "hsic-fsdp-0.json").read_text())
    assert json.loads((tmp_path / "resumed-0.json").read_text()) == undisturbed  # to the bit


def test_a_single_process_is_not_sharded():
    with pytest.raises(ValueError, match=r"sharding: got .*fsdp.* in a single process"):
        train(small_host("hsic"), WORLD, changed(sharding="fsdp"))
