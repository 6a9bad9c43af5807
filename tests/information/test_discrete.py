"""Plug-in information against dit, scipy and brute force; its corrections against simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy as scipy_entropy

from infotok.information import estimate_mi
from infotok.information.discrete import plugin_entropy, plugin_mi
from infotok.information.exact import discrete_mi

pairs = st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 4)), min_size=2, max_size=40)


@given(pairs)
def test_plugin_equals_dit(samples):
    import dit  # seconds, in one process of the tests instead of each

    x, y = np.array(samples).T
    cells, counts = np.unique(samples, axis=0, return_counts=True)
    joint = dit.Distribution([tuple(map(int, cell)) for cell in cells], counts / counts.sum())
    expected = dit.shannon.mutual_information(joint, [0], [1]) * np.log(2)
    assert plugin_mi(x, y, correction="none") == pytest.approx(expected, abs=1e-9)


@given(pairs)
def test_symmetric_and_bounded_by_the_entropies(samples):
    x, y = np.array(samples).T
    for correction in ("none", "miller-madow", "jackknife"):
        assert plugin_mi(x, y, correction=correction) == pytest.approx(plugin_mi(y, x, correction=correction), abs=1e-9)
    value = plugin_mi(x, y, correction="none")
    counts = np.unique(x, return_counts=True)[1]
    assert 0 <= value <= plugin_entropy(counts, correction="none") + 1e-9
    assert plugin_entropy(counts, correction="none") == pytest.approx(scipy_entropy(counts), abs=1e-9)


def test_jackknife_is_the_leave_one_out_formula():
    samples = np.array([0, 0, 0, 1, 1, 2, 5])

    def entropy(values):
        return scipy_entropy(np.unique(values, return_counts=True)[1])

    left_out = np.mean([entropy(np.delete(samples, i)) for i in range(7)])
    expected = 7 * entropy(samples) - 6 * left_out
    assert plugin_entropy(np.bincount(samples), correction="jackknife") == pytest.approx(expected)


@pytest.mark.parametrize("correction", ["miller-madow", "jackknife"])
def test_corrections_remove_most_of_the_bias(correction):
    rng = np.random.default_rng(0)
    joint = rng.dirichlet(np.ones(36)).reshape(6, 6)
    draws = [np.unravel_index(rng.choice(36, 300, p=joint.ravel()), (6, 6)) for _ in range(400)]
    truth = discrete_mi(joint)
    raw = np.mean([plugin_mi(*d, correction="none") for d in draws]) - truth
    corrected = np.mean([plugin_mi(*d, correction=correction) for d in draws]) - truth
    assert raw > 0.02
    assert abs(corrected) < raw / 3


def test_any_labels():
    x = np.array([0, 1, 1, 2, 0, 2, 1, 1])
    y = np.array([0, 1, 1, 1, 0, 0, 1, 1])
    expected = plugin_mi(x, y)
    assert plugin_mi(np.array(["a", "b", "c"])[x], y.astype(bool)) == pytest.approx(expected)
    assert plugin_mi(np.stack([x // 2, x % 2], 1), y) == pytest.approx(expected)
    assert plugin_mi(x.tolist(), y.tolist()) == pytest.approx(expected)
    for correction in ("none", "miller-madow", "jackknife"):
        assert plugin_mi(np.zeros(8, int), x, correction=correction) == pytest.approx(0, abs=1e-12)  # a constant


def test_bad_input_is_refused():
    x = np.array([0, 1, 1])
    with pytest.raises(TypeError, match="x: got float64, expected integers, booleans or strings; discretise"):
        plugin_mi(np.array([0.1, np.nan, 1.0]), x)
    with pytest.raises(ValueError, match="y, samples: got 2, expected as many as x, 3"):
        plugin_mi(x, x[:2])
    with pytest.raises(ValueError, match="x, samples: got 1, expected at least 2"):
        plugin_mi(x[:1], x[:1])
    with pytest.raises(ValueError, match=r"x: got shape \(1, 1, 3\), expected shape \(N,\) or \(N, columns\)"):
        plugin_mi(x[None, None], x)
    with pytest.raises(ValueError, match="correction: got 'mm', expected one of none, miller-madow, jackknife"):
        plugin_mi(x, x, correction="mm")
    with pytest.raises(TypeError, match="counts: got float64, expected integer counts"):
        plugin_entropy([0.5, 0.5])
    with pytest.raises(ValueError, match=r"counts: got shape \(2,\), expected one axis of counts, 0 or above"):
        plugin_entropy([3, -1])
    with pytest.raises(ValueError, match="counts, sum: got 1, expected at least 2"):
        plugin_entropy([1, 0])


def test_a_constant_has_no_information_up_to_the_last_bit():
    for n in range(2, 60):
        x, constant = np.arange(n) % 3, np.zeros(n, dtype=int)
        for correction in ("none", "miller-madow", "jackknife"):
            assert plugin_mi(x, constant, correction=correction) == plugin_mi(constant, x, correction=correction) == 0.0


def test_intervals_reach_into_what_is_possible():
    coin, other = np.arange(1000) % 2, np.arange(1000) // 2 % 2
    for same in (estimate_mi(coin, coin), estimate_mi(coin, coin, given=other)):
        assert same.interval[0] <= np.log(2) <= same.interval[1]  # exactly even; the correction goes beyond
    low, high = estimate_mi(coin, other).interval  # exactly independent; the correction goes below
    assert low < 0 <= high < 0.001
    for seed in range(50):
        x, y = np.random.default_rng(seed).integers(2, size=(2, 500))
        assert estimate_mi(x, y).interval[1] >= 0
        assert estimate_mi(x, x).interval[0] <= np.log(2)
