"""Labels of any type become the same codes; what counts as a label."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from infotok.information.categories import encode_columns, encode_labels, is_labels, one_hot_codes

CODES = np.array([0, 1, 1, 2, 0, 2, 1, 1])
NAMES = np.array(["cat", "ant", "bee"])[CODES]


@pytest.mark.parametrize(
    "labels",
    [
        NAMES,
        NAMES.astype(object),
        NAMES.tolist(),
        pd.Series(NAMES),
        pd.Series(NAMES, dtype="string"),
        pd.Series(NAMES, dtype="category"),
        pd.Series(CODES - 1, dtype="Int64"),
        pd.DataFrame({"a": NAMES, "b": NAMES}),
        pd.Series(pd.to_datetime("2020-01-01") + pd.to_timedelta(CODES, "D")),
        CODES - 1,
        CODES.astype(float),
        CODES[:, None],
        torch.tensor(CODES),
        torch.tensor(CODES).bfloat16(),
        np.eye(3)[CODES],
        np.eye(3, dtype=bool)[CODES],
        np.stack([CODES // 2, CODES % 2], 1),
    ],
)
def test_any_labels_become_codes_by_first_appearance(labels):
    assert encode_labels(labels).tolist() == CODES.tolist()


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30), st.permutations(range(7)))
def test_codes_do_not_depend_on_names(values, renamed):
    values = np.array(values)
    assert (encode_labels(np.array(renamed)[values + 3]) == encode_labels(values)).all()
    assert len(np.unique(encode_labels(values))) == len(np.unique(values))


def test_columns_are_numbered_apart():
    assert encode_columns(np.array([["a", "x"], ["b", "x"], ["a", "y"]])).tolist() == [[0, 0], [1, 0], [0, 1]]


def test_many_wide_columns_stay_distinct():
    codes = np.random.default_rng(0).integers(0, 8192, (500, 16))
    assert len(np.unique(encode_labels(codes))) == 500


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (NAMES, True),
        (NAMES.tolist(), True),
        (NAMES.astype(object), True),
        (pd.Series(NAMES), True),
        (pd.Series(CODES, dtype="category"), True),
        (pd.Series(CODES > 0), True),
        (pd.DataFrame({"a": NAMES, "b": CODES > 0}), True),
        (pd.DataFrame({"a": NAMES, "b": CODES}), True),
        (CODES > 0, True),
        (np.eye(3)[CODES], True),
        (torch.eye(3)[torch.tensor(CODES)], True),
        (CODES, False),
        (CODES.astype(float), False),
        (CODES.astype(object), False),
        (pd.Series(CODES), False),
        (np.stack([CODES > 0, CODES > 1], 1), False),
        (np.ones((8, 2)), False),
    ],
)
def test_what_counts_as_labels(values, expected):
    assert is_labels(values) is expected


def test_one_hot_rows_are_recognised():
    assert one_hot_codes(np.eye(3)[CODES]).tolist() == CODES.tolist()
    assert one_hot_codes(np.stack([CODES, CODES], 1)) is None
    assert one_hot_codes(np.eye(3)[CODES] * 0.5) is None
    assert one_hot_codes(CODES) is None


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (["a", None], ValueError, r"y: got '1 missing labels \(None or NaN\)', expected a label in every row"),
        (np.array([1.0, np.nan]), ValueError, "y: got '1 missing labels"),
        (pd.Series([1, None], dtype="Int64"), ValueError, "y: got '1 missing labels"),
        (pd.Series(["a", None], dtype="category"), ValueError, "y: got '1 missing labels"),
        (pd.Series(pd.to_datetime(["2020-01-01", None])), ValueError, "y: got '1 missing labels"),
        (np.array([], dtype=int), ValueError, r"y: got shape \(0,\), expected at least one label"),
        (np.zeros((2, 2, 2), int), ValueError, r"y: got shape \(2, 2, 2\), expected labels of shape"),
        (np.array([{1: 2}, {3: 4}], dtype=object), TypeError, "y: got labels of an unhashable"),
    ],
)
def test_bad_labels_are_named(labels, error, message):
    with pytest.raises(error, match=message):
        encode_labels(labels, "y")
