"""Missing labels and captions: which rows of a batch are there.

A row of floats that is NaN throughout is missing, and so is the label -100 (`ignore_index` of torch's cross-entropy). A
row of zeros is not: 0 may be what the caption says. Other labels below 0, and NaN or infinity in a row, are errors.

- `check_rows`     values of a batch; `present_rows` says which rows are there, `fill_missing` sets the others to 0
"""

import torch
from torch import Tensor

from infotok.errors import checking, require, require_tensor

__all__ = ["IGNORED", "check_rows", "fill_missing", "present_rows"]

IGNORED = -100  # the label that torch's cross-entropy ignores


def check_rows(name: str, values: Tensor, size: int | None = None) -> None:
    """TypeError or ValueError unless `values` (B, ...) are real numbers, a row for each of `size` images."""
    require_tensor(name, values, kind="any")
    require(not values.is_complex(), name, values.dtype, "real numbers or labels", TypeError)
    expected = "one row or more" if size is None else f"one row for each of the {size} images"
    require(values.ndim > 0 and values.numel() > 0 and size in (None, len(values)), f"{name}, batch", values, expected)


def present_rows(values: Tensor, name: str, mask: Tensor | None = None, training: bool = False) -> Tensor:
    """Booleans (B,), true for rows that are not missing.

    values: (B, ...) floats or labels.
    name: of the argument, for errors.
    mask: (B,) booleans, false for rows to leave out too.
    training: mode of the module that calls, which decides whether values are checked.
    """
    if values.is_floating_point():
        rows = values.detach().reshape(len(values), -1)
        present = ~rows.isnan().all(1)
    else:
        marked = values.ndim == 1  # as int64: -100 as a uint8 would be the label 156
        present = values.long() != IGNORED if marked else torch.ones_like(values[:, 0], dtype=torch.bool)
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
    """values (B, ...) with 0, and a gradient of 0, in the rows that are missing."""
    return values.masked_fill(~present.view(-1, *[1] * (values.ndim - 1)), 0)
