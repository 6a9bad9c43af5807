"""The inputs of a training step that regularises tokens, checked: on one rank, and as one batch over all ranks.

- `check_tokens`     features and the mask of their padding -> `Padding`
- `check_inputs`     other inputs, a row for each image
- `Variable`         what tokens are compared with; `variable` makes one, `conditioning` gives it to a prior
- `check_on_ranks`   any such check, whose error every rank raises if one does
"""

import math
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from infotok.bottleneck.conditional import vectors
from infotok.bottleneck.missing import check_rows, fill_missing, present_rows
from infotok.bottleneck.padding import Padding
from infotok.distributed import of_each_rank
from infotok.errors import checking, require, require_finite, require_tensor

__all__ = ["Variable", "check_inputs", "check_on_ranks", "check_tokens", "conditioning", "variable"]

Checked = TypeVar("Checked")


class Variable(NamedTuple):
    """What the tokens are compared with, in one batch."""

    name: str  # of the argument: "text", "answer" or "target"
    values: Tensor  # (B, ...), 0 where missing
    present: Tensor  # (B,) booleans: which rows have one; of every rank once gathered


def check_tokens(features: Tensor, dim: int, length: int | None, mask: Tensor | None, training: bool) -> Padding:
    """Features (B, L, dim), finite wherever `mask` (B, L) says that a token is real; training: the module's mode."""
    padded = "a padded tensor (B, L, dim) with mask=, see torch.nested.to_padded_tensor"
    require(not features.is_nested, "features", "a nested tensor", padded)
    require_tensor("features", features, ("B", "L", dim))
    require(features.numel() > 0, "features", features, f"a tensor of shape (B, L, {dim}), not empty")
    found = features.shape[1]
    require(length in (None, found), "features, tokens", found, f"length={length}, as declared")
    padding = Padding(*features.shape[:2], mask)
    if checking(features, training):
        require_finite("features", padding.pack(features.detach()), training)
    return padding


def check_inputs(inputs: dict[str, Tensor | None], text_mask: Tensor | None, size: int) -> None:
    """Each input that is not None has a row for each of `size` images; text_mask is boolean, (B,)."""
    for name, value in (inputs | {"text_mask": text_mask}).items():
        if value is not None:
            check_rows(name, value, size)
    if text_mask is not None:
        expected = "booleans (B,), true where there is a caption"
        require(text_mask.dtype == torch.bool, "text_mask", text_mask.dtype, expected, TypeError)
        require(text_mask.ndim == 1, "text_mask", text_mask, expected)


def variable(
    name: str, values: Tensor, width: int | None, mask: Tensor | None = None, training: bool = False
) -> Variable:
    """values (B, ...) of `width` numbers a row, or labels (B,) below `width`; missing rows as in `missing`."""
    present = present_rows(values, name, mask, training)
    if values.is_floating_point():
        found = math.prod(values.shape[1:])
        require(width in (None, found), name, values, f"{width} numbers in each row, as {name}_dim={width}")
    elif values.ndim == 1 and width is not None and checking(values, training) and present.any():
        largest = int(values[present].max())
        require(largest < width, f"{name}, labels", largest, f"0 to {width - 1}, as {name}_dim={width}")
    return Variable(name, fill_missing(values, present), present)


def conditioning(text: Variable, width: int, training: bool) -> Tensor:
    """The text as a prior takes it: 0 for a missing one, which stands for no condition."""
    if text.present.all():
        return text.values
    return vectors(text.values, width, text.name, training) * text.present[:, None]


def check_on_ranks(check: Callable[[], Checked], features: Tensor, inputs: dict[str, Tensor | None]) -> Checked:
    """The result of `check`, or the error of each rank where one refuses its batch or where batches do not fit.

    Without it one rank would raise alone, and the others wait for its rows. Costs one small all_gather.
    """
    refused, checked = None, None
    try:
        checked = check()
    except (TypeError, ValueError) as error:
        refused = error
    shape = tuple(features.shape[:2]) if refused is None else (0, 0)
    widths = [-1 if refused or value is None else math.prod(value.shape[1:]) for value in inputs.values()]
    ranks = of_each_rank([refused is not None, *shape, *widths], features.device)
    if refused is not None:
        raise refused
    bad = [str(rank) for rank, values in enumerate(ranks) if values[0]]
    require(not bad, "inputs", f"a refused batch on rank {', '.join(bad)}", "valid inputs on every rank")
    remedies = ["drop_last=True makes batches even", "pad to one length, with mask="]
    names = ["features, rows", "features, tokens", *(f"{name}, numbers in a row (-1: none)," for name in inputs)]
    for i, name in enumerate(names, start=1):
        found = [values[i] for values in ranks]
        remedy = f": {remedies[i - 1]}" if i <= len(remedies) else ""
        require(len(set(found)) == 1, f"{name} on each rank", found, f"as many on each{remedy}")
    return checked
