"""Missing labels and captions: which rows of a batch have one.

A row of floats that is all NaN is missing, and so is the label -100 (`ignore_index` of torch's cross-entropy). A row of
zeros is not: 0 may be what the caption says. Other labels below 0, and NaN or inf among numbers, are refused.
"""

import torch
from torch import Tensor

from infotok.errors import checking, require, require_tensor

__all__ = ["IGNORED", "check_rows", "fill_missing", "present_rows"]

IGNORED = -100  # the label that torch's cross-entropy ignores


def check_rows(name: str, values: Tensor, size: int | None = None) -> None:
    """values (B, ...): real numbers, a row for each of `size` images."""
    require_tensor(name, values, kind="any")
    require(not values.is_complex(), name, values.dtype, "real numbers or labels", TypeError)
    expected = "one row or more" if size is None else f"one row for each of the {size} images"
    require(values.ndim > 0 and values.numel() > 0 and size in (None, len(values)), f"{name}, batch", values, expected)


def present_rows(values: Tensor, name: str, mask: Tensor | None = None, training: bool = False) -> Tensor:
    """The rows of values (B, ...) that are there, and not left out by `mask` (B,), as booleans (B,).

    training: the mode of the module that asks, for the checks of values.
    """
    if values.is_floating_point():
        rows = values.detach().reshape(len(values), -1)
        present = ~rows.isnan().all(1)
    else:
        present = values != IGNORED if values.ndim == 1 else torch.ones_like(values[:, 0], dtype=torch.bool)
    if mask is not None:
        present = present & mask
    if not checking(values, training):
        return present
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
