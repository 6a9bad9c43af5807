"""What `estimate_mi` takes a side's samples for: numbers, one label a sample, or several symbols a sample.

- numbers (N, d)   floats; integers with `discrete=False`; integers of almost as many values as samples; uint8 pixels
- label (N,)       text, booleans, categories, one-hot rows, few integers, floats of few values; `discrete=True`
- symbols (N, L)   several columns of integers or text, each an alphabet of its own, such as token codes

I(X;Y) is the same whichever way a variable is written down: the choice decides how well it is estimated, never what.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from infotok.errors import require
from infotok.information.categories import encode_columns, encode_labels, one_hot_codes
from infotok.information.samples import as_samples, row_codes

FEW = 10  # values that a column of floats must exceed to be more than a label
MANY = 100  # integer values, written as floats, up to which they are labels
PER_LABEL, PER_LABEL_LEAST = 20, 5  # samples of each label, on average: of whole floats and rows; of integers


@dataclass(frozen=True)
class Variable:
    """One side's samples: exactly one of `numbers` (N, d), `label` (N,) and `symbols` (N, L) is there."""

    name: str
    numbers: np.ndarray | None = None
    label: np.ndarray | None = None
    symbols: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.of_a_kind)

    def rows(self, index: np.ndarray) -> "Variable":
        """Some of the samples."""
        parts = {part: getattr(self, part) for part in ("numbers", "label", "symbols")}
        return replace(self, **{part: None if v is None else v[index] for part, v in parts.items()})

    @property
    def of_a_kind(self) -> np.ndarray:
        """Numbers (N, d) as floats, a label (N,) or symbols (N, L) as integers."""
        return next(v for v in (self.numbers, self.label, self.symbols) if v is not None)

    @property
    def features(self) -> np.ndarray:
        """Numbers that say the same, (N, d): labels and symbols one-hot."""
        if self.numbers is not None:
            return self.numbers
        columns = self.symbols if self.label is None else self.label[:, None]
        return np.hstack([np.eye(column.max() + 1)[column] for column in columns.T])


def variable(values: Any, name: str, discrete: bool | None = None) -> Variable:
    """Samples (N,) or (N, d) of NumPy, torch, pandas or lists as a `Variable`.

    discrete: True for labels, False for numbers, None to decide by type and number of values.
    Raises TypeError for what is neither, ValueError for fewer than two samples, NaN, infinity and masked values.
    """
    require(discrete in (None, True, False), f"discrete_{name}", discrete, "True, False or None")
    values = plain(values, name)
    if discrete is False:
        return Variable(name, numbers=as_samples(values, name, discrete=True))
    if np.ndim(values) > 1 and np.shape(values)[1] > 1:
        return _wide(values, name, discrete)
    if discrete is None and _is_measured(values):
        return Variable(name, numbers=as_samples(values, name, discrete=True))
    return Variable(name, label=encode_labels(values, name))


def plain(values: Any, name: str) -> Any:
    """The values off their device and graph, of shape (N,) or (N, d), N >= 2."""
    values = dense(values, name)
    shape = np.shape(values)
    require(len(shape) in (1, 2), name, values, "samples of shape (N, d)")
    require(shape[0] >= 2, name, np.empty(shape), "at least two samples")
    require(len(shape) == 1 or shape[1] >= 1, name, np.empty(shape), "at least one column")
    return values


def dense(values: Any, name: str) -> Any:
    """The values off their device and graph; masked, complex, nested and sparse ones are refused."""
    if isinstance(values, torch.Tensor):
        whole = values.layout is torch.strided and not values.is_nested and values.device.type != "meta"
        require(whole, name, f"a tensor of layout {values.layout} on {values.device}", "a dense tensor with values")
        values = values.detach().cpu()
        values = values.float().numpy() if values.dtype.is_floating_point and values.itemsize < 4 else values.numpy()
    if isinstance(values, np.ma.MaskedArray):
        masked = int(np.ma.getmaskarray(values).sum())
        require(masked == 0, name, f"{masked} masked values", "samples without gaps (drop or fill them first)")
        values = values.data
    if not hasattr(values, "to_numpy"):
        try:
            array = np.asarray(values)
        except ValueError:
            require(False, name, "rows of unequal length", "samples of shape (N, d)")
        values = values if isinstance(values, list) and array.dtype.kind in "US" else array  # ["a", None] keeps None
    require(kind_of(values) not in "cmMV", name, _kind_name(values), "numbers or labels", TypeError)
    return values


def _wide(values: Any, name: str, discrete: bool | None) -> Variable:
    """Several columns: one-hot rows are a label; numbers stay, with categories beside them one-hot; else symbols."""
    if one_hot_codes(values) is not None:
        return Variable(name, label=encode_labels(values, name))
    if discrete is None and hasattr(values, "iloc"):
        sides = [variable(values.iloc[:, j], name) for j in range(values.shape[1])]
        if any(side.numbers is not None for side in sides):
            return Variable(name, numbers=np.hstack([side.features for side in sides]))
    elif discrete is None:
        array = np.asarray(values)
        pixels = array.dtype == np.uint8
        if pixels or (array.dtype.kind == "f" and len(np.unique(array[: 50 * FEW], axis=0)) > FEW):
            return Variable(name, numbers=as_samples(array, name, discrete=True))
    codes = encode_columns(values, name)
    rows = row_codes(codes)
    if (rows.max() + 1) * PER_LABEL <= len(rows):  # rows that repeat often are one label
        return Variable(name, label=encode_labels(rows, name))
    return Variable(name, symbols=codes)


def _is_measured(values: Any) -> bool:
    """Whether one column of no declared kind is numbers: floats of many values, or integers that hardly repeat."""
    kind = kind_of(values)
    if kind not in "fiu":
        return False
    array = np.asarray(values)
    if kind == "f" and not np.isfinite(array).all():
        return True  # refused there, by name
    count = len(np.unique(array))
    if kind == "f":
        whole = count <= MANY and (array == np.round(array)).all()
        return not (count <= FEW or (whole and count * PER_LABEL <= len(array)))
    return count * PER_LABEL_LEAST > len(array)


def kind_of(values: Any) -> str:
    """The NumPy kind of all columns together; "O" for pandas types of its own."""
    types = getattr(values, "dtypes", None) if hasattr(values, "to_numpy") else None
    if types is None:
        return np.asarray(values).dtype.kind
    kinds = {getattr(kind, "kind", "O") for kind in (types if hasattr(types, "to_numpy") else [types])}
    own = any(not isinstance(kind, np.dtype) for kind in (types if hasattr(types, "to_numpy") else [types]))
    return "O" if own or (len(kinds) > 1 and not kinds <= set("fiu")) else "f" if len(kinds) > 1 else kinds.pop()


def _kind_name(values: Any) -> str:
    return str(getattr(values, "dtype", None) or getattr(values, "dtypes", type(values).__name__))
