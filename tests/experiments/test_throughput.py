"""The speed benchmark: turns, ratios, and steps that compute what they say."""

import pytest
import torch
from torch.nn.functional import mse_loss

from infotok.experiments import throughput
from infotok.experiments.throughput import (
    MinimalGPT,
    host_operations,
    host_seconds,
    infonce_seconds,
    neighbor_seconds,
    quantizer_seconds,
    take_turns,
    time_ratio,
)


def test_steps_take_turns_on_the_same_input():
    calls = []
    steps = {name: lambda given, name=name: calls.append((name, given)) for name in "ab"}
    seconds = take_turns(steps, 2, rounds=3, make=lambda number: number**2)
    assert calls == [(name, number**2) for number in range(throughput.WARM_UP + 6) for name in "ab"]
    assert {name: len(taken) for name, taken in seconds.items()} == {"a": 2, "b": 2}


def test_the_median_of_a_repetition_is_of_its_own_rounds(monkeypatch):
    clock = iter([0, 9, 0, 9, 0, 1, 0, 2, 0, 3, 0, 10, 0, 40, 0, 20])  # two rounds to warm up, then two repetitions
    monkeypatch.setattr(throughput.time, "process_time", lambda: next(clock))
    assert take_turns({"a": lambda _: None}, 2, rounds=3) == {"a": [2.0, 20.0]}


def test_a_ratio_has_the_range_of_its_repetitions():
    assert time_ratio([2.0, 6.0, 4.0], [1.0, 1.0, 2.0]) == {"ratio": 2.0, "low": 2.0, "high": 6.0}
    with pytest.raises(ValueError, match="reference: got '1 times', expected 2, one or more"):
        time_ratio([1.0, 2.0], [1.0])


def test_neighbor_estimators_are_timed_on_the_same_samples():
    values, seconds = neighbor_seconds([1, 2], 300, 2, seed=0)
    assert values["infotok"] == pytest.approx(values["ennemi"], abs=0.01)
    assert values["scikit-learn"][1] is None
    assert seconds["scikit-learn"][1] is None
    assert [len(taken) for taken in seconds["infotok"]] == [2, 2]


def test_the_bare_products_are_those_of_a_training_step():
    """Gradients of the weights of two linear towers whose score matrix has itself as its gradient."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 5, 3, generator=generator)
    weights = [torch.randn(4, 3, generator=generator, requires_grad=True) for _ in range(2)]
    scores = (x @ weights[0].T) @ (y @ weights[1].T).T
    mse_loss(scores, torch.zeros_like(scores), reduction="sum").div(2).backward()
    seen = []

    class Recorded(torch.Tensor):
        def __matmul__(self, other):
            seen.append((torch.Tensor(self) @ torch.Tensor(other)).as_subclass(Recorded))
            return seen[-1]

    throughput._products(
        [v.as_subclass(Recorded) for v in (x, y)], [[w.detach().as_subclass(Recorded)] for w in weights]
    )
    for weight in weights:
        assert any(each.shape == weight.shape and torch.allclose(each, weight.grad, atol=1e-5) for each in seen)


def test_training_steps_are_timed():
    assert {name: len(taken) for name, taken in infonce_seconds(8, 2, 0, pairs=16, dim=4).items()} == {
        "infotok": 2,
        "bare products": 2,
    }
    assert set(quantizer_seconds(16, 1, 0, vectors=64, dim=4)) >= {"infotok", "bare search"}
    assert set(host_seconds(1, 0)) == {"infotok", "hand-written GPT"}


def test_a_minimal_gpt_costs_what_the_backbone_costs_and_sees_only_its_mask():
    counted = host_operations(0)
    assert counted["infotok"] / counted["hand-written GPT"] == pytest.approx(1, abs=0.05)
    torch.manual_seed(0)
    model = MinimalGPT(5, hidden=8, heads=2, positions=4)
    states, mask = torch.randn(1, 3, 8), torch.ones(3, 3, dtype=torch.bool).tril()[None, None]
    moved = states.clone()
    moved[:, 2, 0] += 1
    positions = torch.arange(3)[None]
    before, after = (model(each, mask, positions) for each in (states, moved))
    assert torch.equal(before[:, :2], after[:, :2])
    assert not torch.allclose(before[:, 2], after[:, 2])
