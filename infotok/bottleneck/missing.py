"""Missing labels and captions: which rows of a batch have one.

A row of floats that is all NaN is missing, and so is the label -100 (`ignore_index` of torch's cross-entropy). A row of
zeros is not: 0 may be what the caption says. Other labels below 0, and NaN or inf among numbers, are refused.
"""

import torch
from torch import Tensor

from infotok.errors import require

__all__ = ["IGNORED", "fill_missing", "present_rows"]

IGNORED = -100  # the label that torch's cross-entropy ignores


def present_rows(values: Tensor, name: str, mask: Tensor | None = None) -> Tensor:
    """The rows of values (B, ...) that are there, and not left out by `mask` (B,), as booleans (B,)."""
    if values.is_floating_point():
        rows = values.detach().reshape(len(values), -1)
        present = ~rows.isnan().all(1)
    else:
        present = values != IGNORED if values.ndim == 1 else torch.ones_like(values[:, 0], dtype=torch.bool)
    if mask is not None:
        present = present & mask
    if values.is_floating_point():
        bad = (present & ~rows.isfinite().all(1)).nonzero()
        row = f"NaN or inf in row {bad[0].item()}" if len(bad) else ""
        require(not len(bad), name, row, "finite numbers; a missing row is NaN throughout")
    else:
        labels = values[present]
        least = int(labels.min()) if labels.numel() else 0
        require(least >= 0, f"{name}, labels", least, f"0 or above; {IGNORED} marks a missing label of shape (B,)")
    return present


def fill_missing(values: Tensor, present: Tensor) -> Tensor:
    """values (B, ...) with 0 in the rows that are missing; the gradient there is 0."""
    return values.masked_fill(~present.view(-1, *[1] * (values.ndim - 1)), 0)
