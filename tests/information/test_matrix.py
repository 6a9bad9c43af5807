"""Normalised information against scikit-learn; the matrix of a table against closed forms."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import normalized_mutual_info_score

from infotok.information.discrete import plugin_mi
from infotok.information.matrix import mi_matrix
from infotok.information.normalized import AVERAGES, information_correlation, normalized_mi


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


pairs = st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 4)), min_size=2, max_size=40)


@given(pairs, st.sampled_from(sorted(AVERAGES)))
def test_normalized_information_is_scikit_learns(samples, average):
    x, y = np.array(samples).T
    if len(set(x)) > 1 and len(set(y)) > 1:
        expected = normalized_mutual_info_score(x, y, average_method=average)
        assert normalized_mi(x, y, average=average) == pytest.approx(expected, abs=1e-9)


def test_normalized_information_of_the_same_and_of_nothing():
    x = np.random.default_rng(0).integers(0, 5, 400)
    assert normalized_mi(x, np.array(list("qwert"))[x]) == pytest.approx(1)
    assert normalized_mi(x, np.random.default_rng(1).integers(0, 5, 400), correction="miller-madow") < 0.02
    assert normalized_mi(x, np.zeros(400)) == 0
    assert normalized_mi(np.zeros(400), np.zeros(400)) == 1


@given(st.floats(-0.99, 0.99))
def test_information_correlation_is_that_of_gaussians(rho):
    assert information_correlation(-0.5 * math.log(1 - rho**2)) == pytest.approx(abs(rho), abs=1e-6)


def test_information_correlation_at_the_ends():
    assert information_correlation([-0.1, 0, math.inf]).tolist() == [0, 0, 1]
    with pytest.raises(ValueError, match="nats: got nan, expected numbers in"):
        information_correlation(math.nan)


def table(n=400):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, n))
    c = rng.integers(0, 3, n)
    return pd.DataFrame(
        {
            "a": a,
            "b": 0.8 * a + 0.6 * b,
            "cubed": a**3,
            "rounded": rng.normal(size=n).round(1),
            "text": np.array(list("xyz"))[c],
            "flag": c > 0,
            "shifted": 4.0 * c + b,
            "category": pd.Categorical(np.where(rng.random(n) < 0.5, c, 0)),
            "name": [f"row {i}" for i in range(n)],
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(a, "D"),
            "one": 1,
        }
    )


def test_matrix_of_all_kinds():
    frame = table()
    matrix = mi_matrix(frame)
    assert list(matrix.columns) == list(matrix.index) == list(frame.columns)
    assert np.array_equal(matrix, matrix.T)
    assert (matrix.to_numpy() >= 0).all()
    truth = -0.5 * math.log(1 - 0.64)
    assert matrix.loc["a", "b"] == pytest.approx(truth, abs=0.1)
    assert matrix.loc["cubed", "b"] == pytest.approx(truth, abs=0.1)
    assert matrix.loc["day", "b"] == pytest.approx(truth, abs=0.1)
    assert matrix.loc["a", "cubed"] > 2
    assert matrix.loc["a", "rounded"] < 0.06
    counts = frame["text"].value_counts() / len(frame)
    assert matrix.loc["text", "text"] == pytest.approx(-(counts * np.log(counts)).sum())
    assert matrix.loc["text", "flag"] == pytest.approx(matrix.loc["flag", "flag"], abs=0.01)
    assert matrix.loc["text", "shifted"] == pytest.approx(matrix.loc["text", "text"], abs=0.08)
    assert matrix.loc["text", "category"] == pytest.approx(
        plugin_mi(frame["text"].to_numpy(object).astype(str), frame["category"].to_numpy(int)), abs=1e-9
    )
    assert (matrix.loc["name"].drop("name") < 0.05).all()
    assert matrix.loc["a", "a"] == math.inf
    assert (matrix.loc["one"] == 0).all()


def test_missing_values_are_refused_or_left_out():
    frame = table()[["a", "b", "text"]].astype({"text": object})
    frame.loc[3, "a"], frame.loc[5, "text"] = np.nan, None
    with pytest.raises(
        ValueError, match=r"frame, column 'a': got '1 missing', expected none \(or missing='pairwise'\)"
    ):
        mi_matrix(frame)
    matrix = mi_matrix(frame, missing="pairwise")
    assert matrix.notna().all(axis=None)
    assert matrix.loc["a", "b"] == mi_matrix(frame[["a", "b"]].drop(3)).loc["a", "b"]
    frame["empty"] = np.nan
    assert mi_matrix(frame, missing="pairwise")["empty"].isna().all()


def test_what_counts_as_labels_can_be_said():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"grade": rng.integers(0, 5, 300), "count": rng.integers(0, 100, 300)})
    assert np.isfinite(mi_matrix(frame).loc["grade", "grade"])
    assert mi_matrix(frame).loc["count", "count"] == math.inf
    other = mi_matrix(frame, discrete={"grade": False, "count": True})
    assert other.loc["grade", "grade"] == math.inf
    assert np.isfinite(other.loc["count", "count"])


@pytest.mark.parametrize(
    ("frame", "options", "error", "message"),
    [
        (np.zeros((20, 2)), {}, TypeError, "frame: got 'ndarray', expected a pandas DataFrame"),
        (table(5), {}, ValueError, "frame: got '5 rows', expected at least 10"),
        (table()[[]], {}, ValueError, "frame, columns: got"),
        (table(), {"missing": "drop"}, ValueError, "missing: got 'drop', expected one of raise, pairwise"),
        (table(), {"discrete": {"q": True}}, ValueError, r"discrete: got \['q'\], expected names of columns"),
        (pd.DataFrame({"a": [np.inf] * 20}), {}, ValueError, "frame, column 'a': got 'infinity'"),
    ],
)
def test_bad_tables_are_named(frame, options, error, message):
    with pytest.raises(error, match=message):
        mi_matrix(frame, **options)
