"""Numbers with atoms beside a density: zeros and caps that both sides share, against closed forms and quadrature."""

import math

import numpy as np
import pytest
import torch
from scipy.special import entr
from scipy.stats import multivariate_normal, norm

from infotok.information import estimate_mi
from infotok.information.atoms import Dependence, atomic_mi, atoms_of, rare_atoms
from infotok.information.repeats import distinct_pairs


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def gaussian(n, rho, seed):
    return np.random.default_rng(seed).multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=n).T


def binary_entropy(p):
    return float(entr(p) + entr(1 - p))


def zeros_together(share, n=1000, rho=0.0, seed=0):
    """x and y that are 0 together in exactly that share, else a Gaussian pair, and I = H(share) + (1 - share) I_rho."""
    x, y = gaussian(n, rho, seed)
    x[: round(share * n)] = y[: round(share * n)] = 0
    return x, y, binary_entropy(share) - (1 - share) * math.log(1 - rho**2) / 2


@pytest.mark.parametrize("rho", [0.0, 0.8])
@pytest.mark.parametrize("share", [0.01, 0.03, 0.05, 0.1])
def test_zeros_of_both_together(share, rho):
    x, y, truth = zeros_together(share, rho=rho)
    found = estimate_mi(x, y)
    assert found.nats == pytest.approx(truth, abs=0.05 if rho or share == 0.1 else 0.015)  # 0.1: KSG
    assert found.interval[0] < truth < found.interval[1]


def test_zeros_of_one_within_those_of_the_other():
    """With independent densities all information is in the table of zeros: H(B) - P(A) H(B|A)."""
    x, y = gaussian(2000, 0, 1)
    x[:120], y[:60] = 0, 0
    truth = binary_entropy(0.03) - 0.06 * math.log(2)
    found = estimate_mi(x, y)
    assert found.nats == pytest.approx(truth, abs=0.02)
    assert found.interval[0] < truth < found.interval[1]


def test_zeros_of_one_side_that_the_other_decides():
    x, y = gaussian(2000, 0, 2)
    y[x > norm.ppf(0.96)] = 0
    truth = binary_entropy((y == 0).mean())  # the zeros are a function of x; else independent
    assert estimate_mi(x, y).nats == pytest.approx(truth, abs=0.04)
    found = atomic(x, y)
    assert found.nats == pytest.approx(truth, abs=0.02)
    assert found.candidates["the atoms"] == pytest.approx(0, abs=1e-9)


def capped(q, rho):
    """I of a Gaussian pair whose highest values, of probability q, are one, by quadrature."""
    cap, spread = norm.ppf(1 - q), math.sqrt(1 - rho**2)
    at, step = np.linspace(-8, cap, 2001, retstep=True)
    weight = np.where(np.isin(at, at[[0, -1]]), step / 2, step)
    ratio = norm.pdf(at, rho * at[:, None], spread) / norm.pdf(at)
    inside = ratio * np.log(ratio.clip(1e-300)) * norm.pdf(at) * norm.pdf(at)[:, None]
    above = norm.sf(cap, rho * at, spread)
    both = 1 - 2 * (1 - q) + multivariate_normal(cov=[[1, rho], [rho, 1]]).cdf([cap, cap])
    one = (weight * norm.pdf(at) * above * np.log(above.clip(1e-300) / q)).sum()
    return weight @ inside @ weight + 2 * one + both * math.log(both / q**2)


def test_the_quadrature_is_right_for_no_cap_and_for_no_dependence():
    assert capped(1e-9, 0.8) == pytest.approx(-0.5 * math.log(0.36), abs=1e-5)
    assert capped(0.1, 0.0) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("rho", [0.0, 0.8])
@pytest.mark.parametrize("q", [0.01, 0.05, 0.1])
def test_a_cap_on_both_sides(q, rho):
    x, y = (np.minimum(v, norm.ppf(1 - q)) for v in gaussian(1000, rho, 3))
    truth = capped(q, rho)
    found = estimate_mi(x, y)
    assert found.nats == pytest.approx(truth, abs=0.05)
    assert found.interval[0] < truth < found.interval[1] or (rho == 0 and abs(found.nats) < 0.005)


def atomic(x, y):
    def independent(x, y):
        return Dependence(0.0, np.zeros(len(x)), 0.0)

    x, y = x[:, None], y[:, None]
    return atomic_mi(x, y, atoms_of(x), atoms_of(y), independent, 0)


def test_caps_and_zeros_that_are_independent_are_no_information():
    for seed in range(3):
        x, y = gaussian(1000, 0, 10 + seed)
        x[np.random.default_rng(seed).permutation(1000)[:50]] = 0
        found = estimate_mi(x, np.minimum(y, 1.7))
        assert found.nats < 0.02
        assert found.interval[0] <= 0


def test_several_columns_share_zeros():
    x, y, truth = zeros_together(0.03, seed=4)
    other = np.random.default_rng(5).normal(size=(2, 1000))
    assert estimate_mi(np.stack([x, other[0]], 1), np.stack([y, other[1]], 1)).nats == pytest.approx(truth, abs=0.02)


def test_a_rare_cap_without_noise_is_still_a_function():
    x = np.random.default_rng(4).normal(size=800)
    with pytest.warns(UserWarning, match="mutual information is infinite: y is an increasing function of x"):
        assert estimate_mi(x, np.minimum(x, 1.8)).nats == math.inf


def test_what_is_an_atom():
    x = np.random.default_rng(0).normal(size=1000)
    zeros = np.where(np.arange(1000) < 30, 0.0, x)
    np.testing.assert_array_equal(np.bincount(atoms_of(zeros[:, None])), [970, 30])
    caps = np.clip(x, -1.7, 1.7)[:, None]
    assert atoms_of(caps).max() == 2
    for ties in (x, x.round(1), x.round(2), np.exp(x).round(1), np.repeat(x[:100], 10)):
        assert atoms_of(ties[:, None]).max() == 0
    many = np.stack([caps[:, 0], zeros], 1)
    np.testing.assert_array_equal(np.unique(many[atoms_of(many) > 0], axis=0).shape[1], 2)
    assert rare_atoms(atoms_of(zeros[:, None]), atoms_of(x[:, None]))
    half = np.where(np.arange(1000) < 500, 0.0, x)[:, None]
    assert not rare_atoms(atoms_of(half), atoms_of(half))


def test_zeros_of_both_are_no_copies():
    x, y, truth = zeros_together(0.03, n=500)  # 15 equal pairs; they were dropped as copies of one sample
    assert distinct_pairs(x[:, None], y[:, None]) is None
    found = estimate_mi(x, y)
    assert found.nats == pytest.approx(truth, abs=0.03)
    assert not found.warnings


def test_parts_too_small_to_estimate_leave_the_value_to_the_others():
    x, y = gaussian(60, 0, 6)
    x[:20] = y[10:30] = 0
    assert atomic(x, y) is None
