"""`estimate_mi` on tables of many columns: signal in one of them, and none at all."""

import math

import numpy as np
import pytest
import torch

from infotok.information import estimate_mi

RHO8 = -0.5 * math.log(1 - 0.64)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def table(n, columns, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, columns))
    return x, 0.8 * x[:, 0] + 0.6 * rng.normal(size=n)


@pytest.mark.parametrize(("n", "columns"), [(1000, 50), (600, 100)])
def test_the_signal_of_one_column_of_many_is_found(n, columns):
    estimate = estimate_mi(*table(n, columns))
    assert estimate.nats == pytest.approx(RHO8, abs=0.08)
    assert estimate.interval[0] < RHO8 < estimate.interval[1]


@pytest.mark.filterwarnings("ignore:x, y. reduced")
def test_many_columns_without_signal_carry_nothing():
    x, _ = table(600, 100)
    estimate = estimate_mi(x, np.random.default_rng(1).normal(size=600))
    assert abs(estimate.nats) < 0.03
    assert estimate.interval[0] <= 0 <= estimate.interval[1]


def test_what_is_left_out_of_too_many_columns_is_said():
    x, y = table(100, 40)
    with pytest.warns(UserWarning, match="x: 40 columns reduced to 20 principal components; what the others say"):
        estimate_mi(x, y)
