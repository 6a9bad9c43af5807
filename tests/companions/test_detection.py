"""HTER and the threshold of equal errors: by hand, against scikit-learn's roc_curve, and on bad inputs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, roc_curve

from infotok.companions import equal_error_threshold, half_total_error_rate

SCORES, LABELS = [0.1, 0.4, 0.6, 0.3, 0.7, 0.9, 0.8, 0.95], [0, 0, 0, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("threshold", "hter"),
    [
        (0.5, (1 / 3 + 1 / 5) / 2),  # one spoof of three accepted, one live capture of five rejected
        (0.65, (0 + 1 / 5) / 2),
        (0.6, (1 / 3 + 1 / 5) / 2),  # a score at the threshold is accepted
        (0.0, 1 / 2),  # all accepted
        (1.0, 1 / 2),  # all rejected
    ],
)
def test_hter_by_hand(threshold, hter):
    assert half_total_error_rate(SCORES, LABELS, threshold) == pytest.approx(hter)


def test_the_threshold_of_equal_errors_by_hand():
    assert equal_error_threshold([0, 1, 2, 3], [0, 1, 0, 1]) == 1.5  # half of each wrong, on either side
    assert equal_error_threshold([0, 1, 2, 3], [0, 0, 1, 1]) == 1.5  # none wrong
    assert equal_error_threshold(SCORES, LABELS) == pytest.approx(0.5)  # rates 0.33 and 0.20; at 0.65 0 and 0.20


@given(seed=st.integers(0, 10**6), count=st.integers(2, 60), ties=st.booleans())
def test_hter_is_one_minus_balanced_accuracy(seed, count, ties):
    scores, labels = sample(seed, count, ties)
    threshold = float(np.random.default_rng(seed).normal())
    expected = 1 - balanced_accuracy_score(labels, scores >= threshold)
    assert half_total_error_rate(scores, labels, threshold) == pytest.approx(expected)


@given(seed=st.integers(0, 10**6), count=st.integers(2, 60), ties=st.booleans())
def test_equal_errors_are_as_near_as_roc_curve_has_them(seed, count, ties):
    scores, labels = sample(seed, count, ties)
    accepted, detected, _ = roc_curve(labels, scores, drop_intermediate=False)
    gaps = np.abs(accepted - (1 - detected))
    threshold = equal_error_threshold(scores, labels)
    false_accept = np.mean(scores[labels == 0] >= threshold)
    false_reject = np.mean(scores[labels == 1] < threshold)
    assert abs(false_accept - false_reject) == pytest.approx(gaps.min(), abs=1e-9)
    best = ((accepted + 1 - detected) / 2)[np.isclose(gaps, gaps.min())].min()
    assert half_total_error_rate(scores, labels, threshold) == pytest.approx(best)


@given(seed=st.integers(0, 10**6))
def test_an_increasing_map_of_the_scores_changes_no_error(seed):
    scores, labels = sample(seed, 40, False)
    first = half_total_error_rate(scores, labels, equal_error_threshold(scores, labels))
    moved = np.exp(scores)
    assert half_total_error_rate(moved, labels, equal_error_threshold(moved, labels)) == pytest.approx(first)


def sample(seed, count, ties):
    rng = np.random.default_rng(seed)
    labels = np.r_[0, 1, rng.integers(0, 2, count - 2)]
    scores = rng.normal(size=count) + labels
    return scores.round(0) if ties else scores, labels


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": [1] * 8}, "labels: got 'one class only', expected live and spoofed captures"),
        ({"labels": LABELS[:4]}, r"labels: got shape \(4,\), expected 8 labels"),
        ({"labels": [0.5, *LABELS[1:]]}, "labels: got 'a label between 0 and 1', expected 1 for live"),
        ({"labels": [2, *LABELS[1:]]}, r"labels: got 2.0, expected numbers in \[0, 1\]"),
        ({"scores": [np.nan, *SCORES[1:]]}, "scores: got nan, expected numbers"),
        ({"scores": []}, "scores: got shape .* expected 1 axes, one number or more"),
    ],
)
def test_bad_input_is_named(change, message):
    good = {"scores": SCORES, "labels": LABELS} | change
    with pytest.raises(ValueError, match=message):
        equal_error_threshold(**good)
    with pytest.raises(ValueError, match=message):
        half_total_error_rate(**good, threshold=0.5)
    with pytest.raises(ValueError, match="threshold: got nan, expected a number"):
        half_total_error_rate(SCORES, LABELS, float("nan"))


def test_neighbouring_floats_are_told_apart():
    for low in (1.0, np.nextafter(1.0, 2)):  # halfway between them there is no float
        scores = [low, np.nextafter(low, 2)]
        assert half_total_error_rate(scores, [0, 1], equal_error_threshold(scores, [0, 1])) == 0


def test_of_equally_good_thresholds_it_is_the_lowest():
    rng, tied = np.random.default_rng(0), 0
    for _ in range(1000):
        scores, labels = rng.integers(0, 8, 26).astype(float), np.arange(26) % 2  # 13 of each: thirteenths round
        values = np.unique(scores)
        candidates = [values[0] - 1e-6 * max(1, values[-1]), *(values[1:] + values[:-1]) / 2, values[-1] * (1 + 1e-6)]

        def rank(threshold):  # in exact counts
            accepted = (scores[labels == 0] >= threshold).sum()  # noqa: B023
            rejected = (scores[labels == 1] < threshold).sum()  # noqa: B023
            return abs(int(accepted) - int(rejected)), int(accepted) + int(rejected)

        best = min(candidates, key=rank)
        tied += sum(rank(each) == rank(best) for each in candidates) > 1
        assert equal_error_threshold(scores, labels) == best
    assert tied > 10
