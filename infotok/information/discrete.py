"""Plug-in estimates of entropy and mutual information from counts of labels, with bias corrections, in nats.

- `plugin_mi`       I(X;Y) = H(X) + H(Y) - H(X,Y) of paired labels
- `plugin_entropy`  H of a vector of counts

Plug-in entropy is too low by about (K - 1) / 2N for K symbols in N samples. So plug-in mutual information is too high,
by about (K_xy - K_x - K_y + 1) / 2N, even for independent variables. The corrections subtract that:

- "none"          the maximum-likelihood value, never negative
- "miller-madow"  the formula above with the symbols seen (Miller 1955); may be negative
- "jackknife"     N times the value minus N - 1 times its leave-one-out mean (Efron & Stein 1981); may be negative

With many symbols per sample (N < K_xy) all three are unreliable, and differ from each other.
"""

from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.special import xlogy

from infotok.errors import require, require_choice

__all__ = ["plugin_entropy", "plugin_mi"]

Correction = Literal["none", "miller-madow", "jackknife"]
CORRECTIONS = ("none", "miller-madow", "jackknife")


def plugin_mi(x: ArrayLike, y: ArrayLike, *, correction: Correction = "miller-madow") -> float:
    """Plug-in mutual information of paired labels, in nats; exactly 0 for a constant x or y.

    Args:
        x: (N,) integers, booleans or strings; or (N, columns), each row one symbol.
        y: (N,) or (N, columns), likewise.
        correction: "none", "miller-madow" or "jackknife".

    Raises TypeError for floats: discretise them, or use an estimator for continuous data.

    Example:
        >>> import numpy as np
        >>> from infotok.information import plugin_mi
        >>> x, y = np.random.default_rng(0).integers(10, size=(2, 200))  # independent
        >>> round(plugin_mi(x, y, correction="none"), 2), round(plugin_mi(x, y), 2)  # too high, and corrected
        (0.19, 0.01)
    """
    require_choice("correction", correction, CORRECTIONS)
    codes_x, codes_y = _codes(x, "x"), _codes(y, "y")
    require(len(codes_x) == len(codes_y), "y, samples", len(codes_y), f"as many as x, {len(codes_x)}")
    if codes_x.max() == 0 or codes_y.max() == 0:
        return 0.0  # and not what rounding leaves of H(Y) - H(Y)
    pairs = codes_x * (codes_y.max() + 1) + codes_y
    h_x, h_y, h_xy = (
        plugin_entropy(np.unique(codes, return_counts=True)[1], correction=correction)
        for codes in (codes_x, codes_y, pairs)
    )
    information = h_x + h_y - h_xy
    return max(information, 0.0) if correction == "none" else information  # rounding only: the plug-in is a KL


def plugin_entropy(counts: ArrayLike, *, correction: Correction = "miller-madow") -> float:
    """Plug-in entropy log N - (1/N) sum n log n of counts, in nats, with a bias correction.

    Args:
        counts: (K,) non-negative integers, 2 or more in sum.
        correction: "none", "miller-madow" or "jackknife".

    Example:
        >>> from infotok.information import plugin_entropy
        >>> plugin = plugin_entropy([50, 50], correction="none")
        >>> round(plugin, 3), round(plugin_entropy([50, 50]) - plugin, 3)  # ln 2; the correction is (2 - 1) / 2N
        (0.693, 0.005)
    """
    require_choice("correction", correction, CORRECTIONS)
    counts = as_array(counts, "counts")
    require(np.issubdtype(counts.dtype, np.integer), "counts", counts.dtype, "integer counts", TypeError)
    require(counts.ndim == 1 and (counts >= 0).all(), "counts", counts, "one axis of counts, 0 or above")
    n = counts[counts > 0].astype(np.float64)
    total = n.sum()
    require(total > 1, "counts, sum", int(total), "at least 2")
    log_sum = xlogy(n, n).sum()
    value = np.log(total) - log_sum / total
    if correction == "miller-madow":
        value += (len(n) - 1) / (2 * total)
    elif correction == "jackknife":
        without = log_sum - xlogy(n, n) + xlogy(n - 1, n - 1)  # sum n log n after taking one sample off each symbol
        left_out = np.log(total - 1) - without / (total - 1)
        value = total * value - (total - 1) * (n * left_out).sum() / total
    return float(value)


def as_array(values: ArrayLike, name: str) -> np.ndarray:
    """A NumPy array of NumPy, torch or lists; ValueError for masked, meta or ragged values."""
    if isinstance(values, torch.Tensor):
        require(not values.is_meta, name, "a tensor on the meta device", "values")
        values = values.detach().cpu().to_dense()
        values = values.float().numpy() if values.is_floating_point() else values.numpy()
    require(not np.ma.is_masked(values), name, "masked entries", "an array without a mask: drop or fill them first")
    try:
        return np.asarray(values)
    except ValueError:
        require(False, name, "a ragged sequence", "rows of one length")


def _codes(labels: ArrayLike, name: str) -> np.ndarray:
    """Any labels as (N,) integers from 0."""
    labels = as_array(labels, name)
    require(labels.ndim in (1, 2), name, labels, "shape (N,) or (N, columns)")
    require(len(labels) > 1, f"{name}, samples", len(labels), "at least 2")
    discrete = labels.dtype.kind in "iubUS"
    require(discrete, name, labels.dtype, "integers, booleans or strings; discretise real numbers first", TypeError)
    return np.unique(labels, axis=0, return_inverse=True)[1].reshape(-1)
