"""Permutation tests: exact under independence, also with ties; sensitive where dependence is known."""

import numpy as np
import pytest
import torch
from scipy.stats import binom
from scipy.stats import permutation_test as scipy_permutation_test

from infotok.information.discrete import plugin_mi
from infotok.information.permutation import permutation_test

rng = np.random.default_rng(0)
X = rng.normal(size=200)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.mark.parametrize("method", ["counts", "hsic", "correlation"])
def test_level_is_held_with_ties(method):
    draws = np.random.default_rng(1)
    p = [
        permutation_test(
            *draws.integers(0, 3, (2, 20)),
            method,
            permutations=39,
            seed=seed,
            discrete_x=method == "counts",
            discrete_y=method == "counts",
        ).p_value
        for seed in range(200)
    ]
    for level in (0.05, 0.25, 0.5):
        assert (np.array(p) <= level).sum() <= binom.ppf(0.999, 200, level)
    assert min(p) >= 1 / 40


def test_level_is_held_within_labels():
    draws = np.random.default_rng(2)
    p = []
    for seed in range(100):
        z = draws.integers(0, 2, 40)
        x, y = 3 * z + draws.normal(size=(2, 40))
        p.append(permutation_test(x, y, given=z, permutations=39, seed=seed).p_value)
    assert (np.array(p) <= 0.1).sum() <= binom.ppf(0.999, 100, 0.1)
    assert permutation_test(x, y, permutations=39).p_value == 1 / 40  # without z they depend


@pytest.mark.parametrize(
    "y",
    [
        X + rng.normal(size=200),
        np.sin(3 * X) + 0.5 * rng.normal(size=200),
        (np.abs(X) > 0.7).astype(str),
        X[:, None] ** 2,
    ],
)
def test_dependence_is_found(y):
    found = permutation_test(X, y, permutations=199)
    assert found.p_value == 1 / 200
    assert found.statistic > found.null.max()


def test_a_label_pair_that_depends_only_given_a_third():
    x, y = np.random.default_rng(0).integers(0, 2, (2, 200)).astype(bool)
    assert permutation_test(x, y, given=x ^ y, permutations=99).p_value == 0.01
    assert permutation_test(x, y, permutations=99).p_value > 0.01


def test_counts_agree_with_scipy():
    x = np.random.default_rng(3).integers(0, 3, 60)
    y = np.where(np.random.default_rng(4).random(60) < 0.25, x, np.random.default_rng(5).integers(0, 3, 60))
    ours = permutation_test(x, y, discrete_x=True, discrete_y=True, permutations=1999)
    scipys = scipy_permutation_test(
        (y,),
        lambda shuffled: plugin_mi(x, shuffled, correction="none"),
        permutation_type="pairings",
        n_resamples=1999,
        alternative="greater",
        vectorized=False,
        rng=np.random.default_rng(0),
    )
    assert ours.p_value == pytest.approx(scipys.pvalue, abs=4 * np.sqrt(scipys.pvalue / 2000) + 1e-3)
    assert ours.method == "counts"


def test_any_function_may_be_the_statistic():
    y = X + rng.normal(size=200)
    found = permutation_test(X, y, lambda a, b: abs(np.corrcoef(a, b)[0, 1]), permutations=99)
    assert found.p_value == 0.01
    assert found.statistic == pytest.approx(abs(np.corrcoef(X, y)[0, 1]))


def test_same_seed_same_answer():
    y = rng.normal(size=200)
    first, second = (permutation_test(X, y, permutations=50, seed=4) for _ in range(2))
    assert first.p_value == second.p_value
    assert (first.null == second.null).all()
    assert str(first).startswith("p = 0.")


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((X, X[:5]), {}, ValueError, "y: got '5 samples', expected as many as x has, 200"),
        ((X, X), {"given": X}, TypeError, "given: got 'floats', expected labels"),
        ((X, X), {"given": [0, 1]}, ValueError, "given: got '2 samples', expected as many as x has, 200"),
        ((X, X), {"permutations": 0}, ValueError, "permutations: got 0, expected an integer from 1 to 1000000"),
        (
            (X, X, "mi"),
            {},
            ValueError,
            "method: got 'mi', expected one of auto, counts, correlation, hsic or a function",
        ),
        ((X, X, "counts"), {}, ValueError, "method: got 'counts', expected labels on both sides"),
        ((X[:3], X[:3]), {}, ValueError, "x: got '3 samples', expected at least 4"),
    ],
)
def test_bad_input_is_named(arguments, options, error, message):
    with pytest.raises(error, match=message):
        permutation_test(*arguments, **options)
