"""Paired differences against scipy's own tests and coverage; corrections against statsmodels' definition by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from infotok.evaluation.statistics import benjamini_hochberg, holm, paired_difference

A, B = [0.81, 0.85, 0.79, 0.90, 0.84], [0.78, 0.80, 0.80, 0.83, 0.82]
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_a_paired_difference_is_scipys():
    found = paired_difference(A, B)
    test = stats.ttest_rel(A, B)
    assert found.mean == pytest.approx(np.mean(A) - np.mean(B))
    assert found.p == pytest.approx(test.pvalue)
    assert found.interval == pytest.approx(tuple(test.confidence_interval(0.95)))
    half = stats.t.ppf(0.975, 4) * np.std(np.subtract(A, B), ddof=1) / np.sqrt(5)  # the textbook's formula
    assert found.interval[1] - found.mean == pytest.approx(half)


def test_the_sides_change_the_sign_and_seeds_repeat():
    forth, back = paired_difference(A, B, seed=3), paired_difference(B, A, seed=3)
    assert forth.interval == pytest.approx((-back.interval[1], -back.interval[0]))
    assert paired_difference(A, B, seed=3) == forth
    assert paired_difference(A, B, level=0.5).interval[0] > forth.interval[0]


def test_scores_of_pandas_are_paired_by_the_same_seeds():
    a, b = pd.Series(A), pd.Series(B)
    assert paired_difference(a, b) == paired_difference(A, B)
    with pytest.raises(ValueError, match="b: got 'another index than that of a', expected scores of the same seeds"):
        paired_difference(a, b[::-1])
    assert paired_difference(a, b[::-1].loc[a.index]) == paired_difference(A, B)


def test_t_intervals_cover_at_their_level():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.3, 1, (600, 6)), rng.normal(0, 1, (600, 6))
    intervals = [paired_difference(*pair, resamples=99).interval for pair in zip(a, b, strict=True)]
    assert np.mean([low <= 0.3 <= high for low, high in intervals]) == pytest.approx(0.95, abs=0.03)


def test_bootstrap_of_many_pairs_agrees_with_t():
    rng = np.random.default_rng(1)
    found = paired_difference(rng.normal(0.5, 1, 400), rng.normal(0, 1, 400))
    assert found.bootstrap == pytest.approx(found.interval, abs=0.02)


def test_equal_differences_have_no_width():
    same = paired_difference([1.0, 2.0, 3.0], [0.5, 1.5, 2.5])
    assert (same.interval, same.bootstrap, same.p, same.better) == ((0.5, 0.5), (0.5, 0.5), 0.0, True)
    none = paired_difference([1.0, 2.0], [1.0, 2.0])
    assert (none.mean, none.p, none.better) == (0.0, 1.0, False)
    rounded = paired_difference([0.1 + 0.2, 0.1 + 0.2], [0.3, 0.3])  # 5.6e-17 above
    assert rounded == none, "rounding is no improvement"


def test_holm_and_benjamini_hochberg_on_a_worked_example():
    p = [0.01, 0.04, 0.03, 0.005]
    assert holm(p) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert benjamini_hochberg(p) == pytest.approx([0.02, 0.04, 0.04, 0.02])


@given(P_VALUES)
def test_corrections_keep_order_and_their_bounds(p):
    p = np.array(p)
    bonferroni = np.minimum(p * len(p), 1)
    for adjusted in (holm(p), benjamini_hochberg(p)):
        assert (adjusted >= p - 1e-12).all()
        assert (adjusted <= bonferroni + 1e-12).all()
        assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()
    assert (benjamini_hochberg(p) <= holm(p) + 1e-12).all()


def test_holm_holds_its_family_wise_rate():
    rng = np.random.default_rng(2)
    assert np.mean([(holm(rng.uniform(size=10)) <= 0.1).any() for _ in range(3000)]) == pytest.approx(0.1, abs=0.02)


def test_it_reads_as_one_line():
    assert str(paired_difference([0.6, 0.7], [0.5, 0.6])) == "+0.100 [+0.100, +0.100], 2 pairs"
    assert paired_difference(A, B).asdict()["pairs"] == 5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: paired_difference([1.0], [2.0]), "a, b: got '1 pairs', expected 2 or more"),
        (lambda: paired_difference([1.0, 2.0], [2.0]), r"b: got shape \(1,\), expected scores paired"),
        (
            lambda: paired_difference([1.0, np.nan], [2.0, 1.0]),
            r"a: got nan, expected numbers in \(-inf, inf\), none NaN",
        ),
        (lambda: paired_difference(A, B, level=1.0), "level: got 1.0"),
        (lambda: holm([]), "p: got"),
        (lambda: benjamini_hochberg([0.1, 1.5]), r"p: got 1\.5, expected numbers in \[0, 1\], none NaN"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
