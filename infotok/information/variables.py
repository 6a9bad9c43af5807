"""The kinds of samples that `estimate_mi` distinguishes: numbers, one label, or several symbols per sample.

- numbers (N, d)   floats; integers with `discrete=False`; integers of almost as many values as samples; uint8 pixels
- label (N,)       text, booleans, categories, one-hot rows, few integers, floats of few values; `discrete=True`
- symbols (N, L)   several columns of integers or text, each an alphabet of its own, such as token codes

The kind decides how I(X;Y) is estimated; the true value is the same.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from infotok.errors import require
from infotok.information.categories import encode_columns, encode_labels, one_hot_codes
from infotok.information.samples import as_samples, dense, kind_name, kind_of, plain, row_codes

FEW = 10  # values that a column of floats must exceed to be more than a label
MANY = 100  # integer values, written as floats, up to which they are labels
PER_LABEL, PER_LABEL_LEAST = 20, 5  # samples of each label, on average: of whole floats and rows; of integers


@dataclass(frozen=True)
class Variable:
    """The samples of x, y or z; exactly one of the three arrays is given.

    name: of the argument, for errors
    numbers: (N, d) floats
    label: (N,) integer codes
    symbols: (N, L) integer codes
    """

    name: str
    numbers: np.ndarray | None = None
    label: np.ndarray | None = None
    symbols: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.of_a_kind)

    def rows(self, index: np.ndarray) -> "Variable":
        """The samples of these indices."""
        parts = {part: getattr(self, part) for part in ("numbers", "label", "symbols")}
        return replace(self, **{part: None if v is None else v[index] for part, v in parts.items()})

    @property
    def of_a_kind(self) -> np.ndarray:
        """The array that is given: numbers (N, d), label (N,) or symbols (N, L)."""
        return next(v for v in (self.numbers, self.label, self.symbols) if v is not None)

    @property
    def features(self) -> np.ndarray:
        """The samples as numbers (N, d): labels and symbols one-hot."""
        if self.numbers is not None:
            return self.numbers
        columns = self.symbols if self.label is None else self.label[:, None]
        return np.hstack([np.eye(column.max() + 1)[column] for column in columns.T])


def variable(values: Any, name: str, discrete: bool | None = None) -> Variable:
    """The `Variable` of samples.

    values: (N,) or (N, d) of NumPy, torch, pandas or lists
    name: of the argument, for errors
    discrete: True for labels, False for numbers, None to decide by type and number of values

    Raises TypeError for what is neither, ValueError for fewer than two samples, NaN, infinity and masked values.
    """
    discrete = declared(discrete, name)
    values = plain(values, name)
    dates = "numbers or labels (dates: convert them to numbers first)"
    require(kind_of(values) not in "mM", name, kind_name(values), dates, TypeError)
    if discrete is False:
        return Variable(name, numbers=as_samples(values, name, discrete=True))
    if np.ndim(values) > 1 and np.shape(values)[1] > 1:
        return _wide(values, name, discrete)
    if discrete is None and _is_measured(values):
        return Variable(name, numbers=as_samples(values, name, discrete=True))
    return Variable(name, label=encode_labels(values, name))


def declared(discrete: Any, name: str) -> bool | None:
    """`discrete_x` or `discrete_y` as True, False or None; NumPy's booleans, 0 and 1 are those of Python."""
    known = discrete is None or (isinstance(discrete, int | np.bool_) and discrete in (0, 1))
    require(known, f"discrete_{name}", discrete, "True, False or None")
    return None if discrete is None else bool(discrete)


def _wide(values: Any, name: str, discrete: bool | None) -> Variable:
    """Several columns: one-hot rows are a label; numbers stay, with categories beside them one-hot; else symbols."""
    if one_hot_codes(values) is not None:
        return Variable(name, label=encode_labels(values, name))
    if discrete is None and hasattr(values, "iloc"):
        return _table([values.iloc[:, j] for j in range(values.shape[1])], name) or _symbols(values, name)
    if discrete is None:
        array = np.asarray(values)
        if array.dtype.kind == "O" and (found := _table(list(array.T), name)):
            return found
        pixels = array.dtype == np.uint8
        if pixels or (array.dtype.kind == "f" and len(np.unique(array[: 50 * FEW], axis=0)) > FEW):
            return Variable(name, numbers=as_samples(array, name, discrete=True))
    return _symbols(values, name)


def _table(columns: list, name: str) -> Variable | None:
    """Columns of which some are numbers, as numbers: categories one-hot, but no column of many integers. Else None."""
    sides = [variable(column, name) for column in columns]
    if all(side.numbers is None for side in sides):
        return None
    for j, (side, column) in enumerate(zip(sides, columns, strict=True)):
        if side.label is not None and side.label.max() >= FEW and kind_of(dense(column, name)) in "fiu":
            sides[j] = variable(column, name, discrete=False)
    return Variable(name, numbers=np.hstack([side.features for side in sides]))


def _symbols(values: Any, name: str) -> Variable:
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
        few = count <= min(FEW, len(array) // 2)  # of which most repeat, also among few samples
        whole = count <= MANY and (array == np.round(array)).all()
        return not (few or (whole and count * PER_LABEL <= len(array)))
    return count * PER_LABEL_LEAST > len(array)
