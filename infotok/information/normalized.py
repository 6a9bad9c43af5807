"""Mutual information on a scale from 0 to 1.

- `normalized_mi`             two label columns: I(X;Y) divided by an average of H(X) and H(Y), as scikit-learn does
- `information_correlation`   any I: sqrt(1 - exp(-2 I)), which is |rho| of jointly Gaussian variables (Linfoot 1957)
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from infotok.errors import require, require_choice, require_numbers
from infotok.information.categories import encode_labels
from infotok.information.discrete import CORRECTIONS, Correction, plugin_mi
from infotok.information.labels import entropy_of

__all__ = ["information_correlation", "normalized_mi"]

AVERAGES = {
    "arithmetic": lambda a, b: (a + b) / 2,
    "geometric": lambda a, b: (a * b) ** 0.5,
    "min": min,
    "max": max,
}


def normalized_mi(
    x: Any,
    y: Any,
    *,
    average: Literal["arithmetic", "geometric", "min", "max"] = "arithmetic",
    correction: Correction = "none",
) -> float:
    """Normalised mutual information (NMI) of labels, I(X;Y) / average(H(X), H(Y)), from 0 to 1.

    Args:
        x: (N,) labels of any type; or (N, d), each row one label.
        y: (N,) or (N, d), likewise.
        average: "arithmetic", "geometric", "min" or "max" of the two entropies.
        correction: "none" equals scikit-learn's `normalized_mutual_info_score`, which is above 0 for independent
            labels; "miller-madow" and "jackknife" correct I, not the entropies, and clip to [0, 1].

    Two constants give 1, one constant 0. Raises ValueError for unequal lengths, missing labels and unknown names.

    Example:
        >>> from infotok.information import normalized_mi
        >>> round(normalized_mi(["a", "a", "b", "b"], [1, 1, 0, 0]), 2)  # the same labels by other names
        1.0
        >>> round(normalized_mi([0, 0, 1, 1], [0, 1, 2, 3]), 2)  # ln 2 / ((ln 2 + ln 4) / 2)
        0.67
    """
    require_choice("average", average, tuple(AVERAGES))
    require_choice("correction", correction, CORRECTIONS)
    x, y = encode_labels(x, "x"), encode_labels(y, "y")
    require(len(x) == len(y), "y", f"{len(y)} labels", f"as many as x has, {len(x)}")
    if x.max() == 0 or y.max() == 0:
        return float(x.max() == y.max())
    nats = max(plugin_mi(x, y, correction=correction), 0.0)
    return min(nats / AVERAGES[average](entropy_of(x), entropy_of(y)), 1.0)


def information_correlation(nats: ArrayLike) -> float | np.ndarray:
    """Informational correlation sqrt(1 - exp(-2 I)): 0 for independence, 1 for infinite information.

    For jointly Gaussian variables it is |rho|. Source: Linfoot 1957.

    nats: I of any shape; values below 0, which estimates may have by chance, give 0. ValueError for NaN.

    Example:
        >>> from infotok.information import gaussian_mi, information_correlation
        >>> round(information_correlation(gaussian_mi([[1.0, 0.8], [0.8, 1.0]], dim_x=1)), 2)
        0.8
    """
    nats = require_numbers("nats", nats, "[-inf, inf]")
    result = np.sqrt(-np.expm1(-2 * nats.clip(min=0)))
    return float(result) if result.ndim == 0 else result
