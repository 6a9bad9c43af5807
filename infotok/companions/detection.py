"""Errors of a detector: the half total error rate, and the threshold of equal errors.

    threshold = equal_error_threshold(scores, labels)          # on validation captures of the domains that are known
    half_total_error_rate(new_scores, new_labels, threshold)   # on the domain that is not

Scores are higher for live captures. A threshold that is fitted to the captures on which it is then judged makes the
error too low, and cannot be had where the detector is used.
"""

from typing import Any

import numpy as np

from infotok.errors import require, require_float, require_numbers

__all__ = ["equal_error_threshold", "half_total_error_rate"]


def half_total_error_rate(scores: Any, labels: Any, threshold: float) -> float:
    """Half total error rate, HTER: the mean of the rates of false acceptance and false rejection.

        HTER = (P(score >= threshold | spoof) + P(score < threshold | live)) / 2

    scores: (N,), any numbers below 1e150 in size, higher for live
    labels: (N,), 1 for live and 0 for spoof, both present
    threshold: from which on a capture is accepted as live

    Raises ValueError for NaN, other labels, one class only, or unequal lengths.

    Example:
        >>> from infotok.companions import half_total_error_rate
        >>> scores, labels = [0.1, 0.6, 0.4, 0.9], [0, 0, 1, 1]  # two spoofs, two live captures
        >>> half_total_error_rate(scores, labels, threshold=0.5)  # one of two accepted, one of two rejected
        0.5
    """
    scores, live = _checked(scores, labels)
    threshold = require_float("threshold", threshold)
    return float((scores[~live] >= threshold).mean() + (scores[live] < threshold).mean()) / 2


def equal_error_threshold(scores: Any, labels: Any) -> float:
    """The threshold at which false acceptances and false rejections are as nearly equal in rate as scores allow.

    It lies halfway between two scores, or a little outside of all. Of several with the same difference of the two
    rates, it is the one with the lowest HTER, and of those the lowest. Errors as in
    `half_total_error_rate`.

    scores: (N,), any numbers below 1e150 in size, higher for live
    labels: (N,), 1 for live and 0 for spoof, both present

    Example:
        >>> from infotok.companions import equal_error_threshold, half_total_error_rate
        >>> scores, labels = [0.1, 0.3, 0.5, 0.9], [0, 0, 1, 1]
        >>> threshold = equal_error_threshold(scores, labels)
        >>> threshold, half_total_error_rate(scores, labels, threshold)
        (0.4, 0.0)
    """
    scores, live = _checked(scores, labels)
    values = np.unique(scores)
    step = max(1.0, abs(values[0]), abs(values[-1])) * 1e-6
    between = values[:-1] + (values[1:] - values[:-1]) / 2
    between = np.where(between > values[:-1], between, values[1:])  # of neighbours among floats it may be the lower
    candidates = np.concatenate([[values[0] - step], between, [values[-1] + step]])
    accepted = 1 - np.searchsorted(np.sort(scores[~live]), candidates, side="left") / (~live).sum()
    rejected = np.searchsorted(np.sort(scores[live]), candidates, side="left") / live.sum()
    order = np.lexsort((candidates, (accepted + rejected).round(12), np.abs(accepted - rejected).round(12)))
    return float(candidates[order[0]])


def _checked(scores: Any, labels: Any) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and which are of live captures."""
    scores, labels = require_numbers("scores", scores, ndim=1), require_numbers("labels", labels, "[0, 1]", ndim=1)
    require(len(scores) == len(labels), "labels", labels, f"{len(scores)} labels, one for each score")
    require(np.isin(labels, (0, 1)).all(), "labels", "a label between 0 and 1", "1 for live and 0 for spoof")
    require(0 < labels.sum() < len(labels), "labels", "one class only", "live and spoofed captures, 1 and 0")
    require(np.abs(scores).max() < 1e150, "scores", "scores above 1e150", "numbers that can be compared")
    return scores, labels == 1
