"""Estimates are apart from the caller's torch: gradient modes, autocast, defaults, generators of other devices."""

import contextlib

import numpy as np
import pandas as pd
import pytest
import torch

from infotok.information import estimate_mi, mi_matrix, permutation_test, probe_mi
from infotok.information.auto import compare
from infotok.information.isolation import seeded, whole_seed
from infotok.information.neural import Training

FAST = {"steps": 20, "batch": 32, "hidden": 16, "every": 10}
RNG = np.random.default_rng(0)
X = RNG.standard_normal((240, 2))
Y = X**2 + 0.3 * RNG.standard_normal((240, 2))
TOKENS = RNG.integers(4, size=(240, 5))
PARITY = TOKENS.sum(axis=1) % 2  # only the network sees it


def learned():
    return compare(X, Y, plan=Training(steps=20, batch=64, every=10)).candidates[-1].terms.mean()


ESTIMATES = {
    "critic": lambda: estimate_mi(X, Y, "infonce", **FAST).nats,
    "coordinates": learned,
    "symbols": lambda: probe_mi(TOKENS, PARITY).candidates["embedded"],
}


@contextlib.contextmanager
def several_modes():
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16), torch.device("meta"):
        yield


CONTEXTS = {"inference mode": torch.inference_mode, "no gradients, autocast and a default device": several_modes}


@pytest.fixture(scope="module")
def plain():
    return {name: estimate() for name, estimate in ESTIMATES.items()}


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("name", ESTIMATES)
def test_modes_of_the_caller_change_no_estimate(name, context, plain):
    with CONTEXTS[context]():
        assert ESTIMATES[name]() == plain[name]


@contextlib.contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@pytest.mark.parametrize("name", ESTIMATES)
def test_weights_are_single_precision_whatever_the_default(name, plain):
    with default_dtype(torch.float64):  # initial weights are other draws
        assert ESTIMATES[name]() == pytest.approx(plain[name], abs=0.3)


def test_generators_of_gpus_are_not_seeded(monkeypatch):
    seeds = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds.append)
    for estimate in ESTIMATES.values():
        estimate()
    assert seeds == []


def test_draws_are_those_of_manual_seed():
    state = torch.get_rng_state()
    with seeded(7):
        drawn = torch.nn.Linear(3, 4).weight
    assert torch.equal(torch.get_rng_state(), state)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        assert torch.equal(torch.nn.Linear(3, 4).weight, drawn)


SEEDED = {
    "estimate_mi": lambda seed: estimate_mi(X, Y, seed=seed).nats,
    "given": lambda seed: estimate_mi(X[:, 0], Y[:, 0], given=X[:, 1] ** 2, seed=seed).nats,
    "mi_matrix": lambda seed: float(mi_matrix(pd.DataFrame(TOKENS * 7).astype(str), seed=seed).iloc[0, 1]),
    "probe_mi": lambda seed: probe_mi(X, PARITY, seed=seed).nats,
    "permutation_test": lambda seed: permutation_test(X, Y, permutations=9, seed=seed).statistic,
}


@pytest.mark.parametrize("name", SEEDED)
def test_a_seed_may_be_a_generator_or_any_integer_of_63_bits(name):
    assert whole_seed(3) == 3
    drawn = whole_seed(np.random.default_rng(3))
    assert SEEDED[name](np.random.default_rng(3)) == SEEDED[name](drawn)  # the large integer that is drawn
