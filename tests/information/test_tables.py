"""Tables as people have them: pandas' own number types, objects, integers beside floats, other orders of rows."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch

from infotok.information import estimate_mi, mixed_ksg, permutation_test
from infotok.information.variables import variable

rng = np.random.default_rng(0)
Z, E = rng.normal(size=(2, 400))
AGE = rng.integers(18, 90, 400)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(Z, dtype="Float64"),
        pd.Series(Z, dtype="double[pyarrow]"),
        pd.Series(pd.arrays.SparseArray(Z)),
        pd.Series(Z, dtype=object),
        pd.DataFrame({"a": Z}, dtype="Float64"),
        pd.DataFrame({"a": Z}).astype(object),
        Z.astype(object),
        [Decimal(value) for value in Z.tolist()],
        [Fraction(value) for value in Z.tolist()],
    ],
    ids=["nullable", "arrow", "sparse", "objects", "frame", "frame of objects", "array", "decimals", "fractions"],
)
def test_numbers_of_other_types_are_numbers(values):
    np.testing.assert_array_equal(variable(values, "x").numbers[:, 0], Z)
    assert estimate_mi(values, E, "ksg").nats == estimate_mi(Z, E, "ksg").nats


def test_integers_and_booleans_of_other_types_stay_labels():
    codes = AGE % 3
    for values in (
        pd.Series(codes, dtype="Int64"),
        pd.Series(codes, dtype="int64[pyarrow]"),
        pd.Series(codes, dtype=object),
        codes.astype(object),
    ):
        np.testing.assert_array_equal(variable(values, "x").label, variable(codes, "x").label)
    for values in (pd.Series(Z > 0, dtype="boolean"), (Z > 0).astype(object), [2**70 + int(code) for code in codes]):
        assert variable(values, "x").label is not None


@pytest.mark.parametrize("kind", ["Float64", "Int64"])
def test_missing_numbers_are_named(kind):
    with pytest.raises(ValueError, match="x: got 'NaN or infinity', expected finite values"):
        estimate_mi(pd.Series([1, None] * 20, dtype=kind), np.arange(40.0))


def test_a_table_of_integers_and_floats_is_read_as_its_array():
    y = (AGE - 54) / 20.8 + Z + E
    table = pd.DataFrame({"age": AGE, "z": Z})
    estimate = estimate_mi(table, y)
    assert estimate.nats == estimate_mi(table.to_numpy(), y).nats
    assert estimate.nats == pytest.approx(0.5 * math.log(3), abs=0.1)
    assert estimate_mi(table.astype({"age": "Int64", "z": "Float64"}), y).nats == estimate.nats
    assert estimate_mi(table.to_numpy(object), y).nats == estimate.nats


def test_a_table_keeps_its_categories_one_hot():
    table = pd.DataFrame({"age": AGE, "z": Z, "few": AGE % 3, "text": np.where(E > 0, "a", "b")})
    assert variable(table, "x").numbers.shape == (400, 1 + 1 + 3 + 2)
    assert variable(table.to_numpy(object), "x").numbers.shape == (400, 7)
    assert variable(table[["few", "text"]], "x").numbers is None


def test_other_orders_of_rows_are_said():
    x, y = pd.Series(Z), pd.Series(Z + E)
    shuffled = y.sample(frac=1, random_state=0)
    with pytest.warns(UserWarning, match=r"x, y: the indices of pandas differ; .* y.loc\[x.index\]"):
        estimate = estimate_mi(x, shuffled)
    assert len(estimate.warnings) == 1
    assert estimate.nats < 0.02
    again = estimate_mi(x, shuffled.loc[x.index])
    assert again.warnings == ()
    assert again.nats == estimate_mi(Z, Z + E).nats
    with pytest.warns(UserWarning, match="x, given: the indices of pandas differ"):
        estimate_mi(x, y, given=shuffled.to_frame())
    assert estimate_mi(x, shuffled.to_numpy()).warnings == ()


@pytest.mark.parametrize("said", [np.False_, np.bool_(0), 0])
def test_booleans_of_numpy_decide_as_those_of_python(said):
    x, noise = np.random.default_rng(0).normal(size=(2, 200))
    x, other = np.round(3 * x).astype(int), np.round(x)
    for method in ("auto", "mixed"):
        assert estimate_mi(x, x + noise, method, discrete_x=said) == estimate_mi(x, x + noise, method, discrete_x=False)
    assert estimate_mi(x, noise, "ksg", discrete_x=said) == estimate_mi(x, noise, "ksg", discrete_x=False)
    assert estimate_mi(other, other, "discrete", discrete_x=np.True_, discrete_y=1).nats > 1
    with pytest.raises(TypeError, match="x: got 'discrete=False'"):
        estimate_mi(x, x, "discrete", discrete_x=said)
    for refused in ("no", 2, [True]):
        with pytest.raises(ValueError, match="discrete_x: got"):
            estimate_mi(x, noise, "ksg", discrete_x=refused)
        with pytest.raises(ValueError, match="discrete_x: got"):
            permutation_test(x, noise, discrete_x=refused)


def test_few_samples_are_numbers_and_take_all_neighbours():
    x, noise = np.random.default_rng(0).normal(size=(2, 8))
    for values in (x, x.tolist(), pd.Series(x)):
        assert variable(values, "x").numbers is not None
    assert variable(np.repeat(x, 2), "x").label is not None
    assert estimate_mi(x, noise, "mixed").nats < 1  # eight labels, each one-hot, were 4.7 nats at k = 5
    for k in range(1, 8):
        assert estimate_mi(x, noise, "mixed", k=k).nats == mixed_ksg(x, noise, k=k)
