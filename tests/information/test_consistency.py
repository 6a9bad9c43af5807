"""The self-consistency tests pass what is consistent and catch what is not."""

import math

import numpy as np
import pytest

from infotok.information.consistency import self_consistency
from infotok.information.discrete import plugin_mi

NAMES = ["independence", "data processing", "redundancy", "bijection", "additivity"]


def ranks(values):
    """Normal scores, column by column: an invariant of monotone maps."""
    order = values.argsort(0).argsort(0)
    return np.sqrt(2) * np.vectorize(lambda p: math.erf(p))(2 * (order + 0.5) / len(values) - 1)


def gaussian_information(x, y):
    """The Gaussian formula on the sample covariance of ranks, with redundant directions left out."""
    x, y = (np.linalg.svd(v - v.mean(0), full_matrices=False) for v in (ranks(x), ranks(y)))
    x, y = (u[:, s > 1e-6 * s[0]] for u, s, _ in (x, y))
    rho = np.linalg.svd(x.T @ y, compute_uv=False).clip(0, 1 - 1e-12)
    return -0.5 * np.log1p(-(rho**2)).sum()


@pytest.fixture(scope="module")
def gaussian():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4000, 2))
    return x, 0.8 * x + 0.6 * rng.standard_normal((4000, 2))


def test_a_consistent_estimator_passes_all(gaussian):
    checks = self_consistency(gaussian_information, *gaussian)
    assert [check.name for check in checks] == NAMES
    assert all(check.passed for check in checks)
    assert checks[4].value == pytest.approx(2 * 2 * 0.51, rel=0.1)


def test_a_discrete_estimator_on_labels():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, 5000)
    y = np.where(rng.random(5000) < 0.3, rng.integers(0, 4, 5000), x)
    assert all(check.passed for check in self_consistency(plugin_mi, x, y, tolerance=0.03))


@pytest.mark.parametrize(
    ("estimator", "caught"),
    [
        (lambda x, y: 1.0, "independence"),
        (lambda x, y: float(np.abs(x).mean() + np.abs(y).mean()), "independence"),
        (lambda x, y: -gaussian_information(x, y), "data processing"),
        (lambda x, y: gaussian_information(x, y) * y.shape[1], "redundancy"),
        (lambda x, y: gaussian_information(x, y) * x.std(), "bijection"),
        (lambda x, y: min(gaussian_information(x, y), math.log(4)), "additivity"),  # what InfoNCE does at a batch of 4
    ],
)
def test_each_failure_is_caught(estimator, caught, gaussian):
    assert caught in [check.name for check in self_consistency(estimator, *gaussian) if not check.passed]


def test_same_seed_same_numbers(gaussian):
    assert self_consistency(gaussian_information, *gaussian, seed=3) == self_consistency(
        gaussian_information, *gaussian, seed=3
    )


def test_bad_input_is_refused(gaussian):
    x, y = gaussian
    with pytest.raises(ValueError, match="y, samples: got 5, expected as many as x, 4000"):
        self_consistency(gaussian_information, x, y[:5])
    with pytest.raises(ValueError, match="x, samples: got 5, expected at least 8"):
        self_consistency(gaussian_information, x[:5], y[:5])
    with pytest.raises(ValueError, match=r"x: got shape \(4000, 2\), expected finite values, no NaN or inf"):
        self_consistency(gaussian_information, x * np.nan, y)
    with pytest.raises(TypeError, match="y: got <U1, expected floats or integer labels"):
        self_consistency(gaussian_information, x, np.full(4000, "a"))
    with pytest.raises(ValueError, match=r"x: got shape \(1, 4000, 2\), expected shape \(N,\) or \(N, D\)"):
        self_consistency(gaussian_information, x[None], y)
    with pytest.raises(ValueError, match=r"tolerance: got 0, expected a number in \(0, inf\)"):
        self_consistency(gaussian_information, x, y, tolerance=0)
    with pytest.raises(ValueError, match="estimator's value: got nan, expected a finite number of nats"):
        self_consistency(lambda x, y: math.nan, x, y)
