"""Checks of arguments: an error is one line that names the argument, what came and what is expected.

    require(beta > 0, "beta", beta, "a number above 0")
    with checks(False):                     # fp16 training: GradScaler skips a step with an infinity, no error ends it
        loss = model(batch)

Shapes and types are always checked. The numbers inside tensors (NaN, infinity, ranges) are checked on the CPU, and on
an accelerator in eval mode only, since reading a number there waits for the device. `checks(False)` switches these
value checks off, `checks(True)` makes them everywhere; while torch compiles or exports there are none.
"""

import math
import sys
from collections.abc import Sequence
from numbers import Integral, Real
from pathlib import PurePath
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:  # torch and NumPy are imported where a tensor or an array is checked: the command needs neither
    import numpy as np
    from torch import Tensor

LARGEST = 2**31 - 1  # the largest size: a larger one is a mistake, refused before anything is allocated
LONGEST = 160  # characters of a value that a line shows
_enabled: bool | None = None  # None: on the CPU, and on an accelerator in eval mode


class checks:
    """Switch the checks of values on or off: as a function from here on, as a context manager inside the block.

    - enabled: False for none; True for all, also in training on an accelerator; None for the default
    """

    def __init__(self, enabled: bool | None) -> None:
        require(enabled is None or isinstance(enabled, bool), "enabled", enabled, "True, False or None", TypeError)
        global _enabled
        self.before, _enabled = _enabled, enabled

    def __enter__(self) -> None:
        """The switch was set when the object was made."""

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        global _enabled
        _enabled = self.before


def checking(values: Any, training: bool = False) -> bool:
    """Whether the numbers in the tensor `values` are checked; training: the mode of the module that checks."""
    from torch.compiler import is_compiling  # here, so that a command without tensors need not import torch

    if is_compiling():
        return False
    return _enabled if _enabled is not None else values.device.type == "cpu" or not training


def require(condition: Any, name: str, got: Any, expected: str, error: type[Exception] = ValueError) -> None:
    """Raise `error` with the line "name: got ..., expected ..." unless `condition` holds.

    >>> require(2 > 1, "beta", 2, "a number above 1")
    >>> require(-1 > 1, "beta", -1, "a number above 1")
    Traceback (most recent call last):
        ...
    ValueError: beta: got -1, expected a number above 1
    """
    if not condition:
        refuse(name, got, expected, error)


def refuse(name: str, got: Any, expected: str, error: type[Exception] = ValueError) -> NoReturn:
    """Raise `error` with the line "name: got ..., expected ..."."""
    raise error(message(name, got, expected)) from None


def message(name: str, got: Any, expected: str) -> str:
    """The line itself; arrays are described by their shape, and long values are cut."""
    shape = getattr(got, "shape", None)
    if shape is not None and len(shape):
        shown = f"shape {tuple(shape)}"
    else:
        shown = " ".join((repr(got) if isinstance(got, str) else str(got)).split())
        shown = shown if len(shown) <= LONGEST else shown[:LONGEST] + " ..."
    return f"{name}: got {shown}, expected {expected}"


def require_instance(name: str, value: Any, kind: type | tuple[type, ...], expected: str | None = None) -> None:
    """TypeError unless `value` is a `kind`; `expected` describes it, by default the name of the class."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    names = " or ".join(f"a {each.__name__}" for each in kinds)
    require(isinstance(value, kind), name, _kind(value), expected or names, TypeError)


def require_int(name: str, value: Any, low: int = 1, high: int = LARGEST) -> int:
    """`value` as an int, low <= value <= high; TypeError for a value that is not an integer (a boolean is not).

    >>> require_int("steps", 2.5)
    Traceback (most recent call last):
        ...
    TypeError: steps: got 2.5, expected a positive integer
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    require(whole, name, _shown(value), integers(low, high), TypeError)
    require(low <= value, name, value, integers(low, high))
    require(value <= high, name, value, integers(low, high) if high < LARGEST else f"an integer, at most {high}")
    return int(value)


def integers(low: float = -math.inf, high: float = math.inf) -> str:
    """The integers from `low` to `high` in words; `LARGEST` and above count as no upper limit.

    >>> integers(1), integers(0), integers(2), integers(2, 16)
    ('a positive integer', 'a non-negative integer', 'an integer, at least 2', 'an integer from 2 to 16')
    """
    if high < LARGEST:
        return f"an integer from {low} to {high}" if low > -LARGEST else f"an integer, at most {high}"
    names = {0: "a non-negative integer", 1: "a positive integer"}
    return "an integer" if low < -LARGEST else names.get(low, f"an integer, at least {low}")


def require_float(name: str, value: Any, interval: str = "(-inf, inf)") -> float:
    """`value` as a float in `interval`, such as "[0, 1)"; TypeError for a value that is not a number.

    >>> require_float("decay", 1.0, "[0, 1)")
    Traceback (most recent call last):
        ...
    ValueError: decay: got 1.0, expected a number in [0, 1)
    """
    number = isinstance(value, Real) and not isinstance(value, bool)
    expected = f"a number in {interval}"
    require(number, name, _shown(value), expected, TypeError)
    representable = value in (-math.inf, math.inf) or abs(value) <= sys.float_info.max
    require(bool(_inside(value, interval)) and representable, name, value, expected)
    return float(value)


def require_choice(name: str, value: Any, choices: Sequence[Any]) -> None:
    """ValueError unless `value` is one of `choices` (strings)."""
    known = isinstance(value, str) and value in choices
    require(known, name, value if isinstance(value, str) else _kind(value), f"one of {', '.join(choices)}")


def require_flag(name: str, value: Any) -> None:
    """TypeError unless `value` is True or False."""
    require(isinstance(value, bool), name, _shown(value), "True or False", TypeError)


def require_function(name: str, value: Any, expected: str) -> None:
    """TypeError unless `value` can be called; `expected` says with what."""
    require(callable(value) and not isinstance(value, type), name, _kind(value), expected, TypeError)


def require_generator(name: str, value: Any) -> None:
    """TypeError unless `value` is a torch.Generator."""
    import torch

    require_instance(name, value, torch.Generator, "a torch.Generator")


def require_device(name: str, value: Any) -> None:
    """TypeError or ValueError unless `value` is a torch.device or names one."""
    import torch

    require_instance(name, value, (str, torch.device), "a device or its name")
    try:
        torch.device(value)
    except RuntimeError:
        require(False, name, value, "a device, such as cpu or cuda")


def require_folder(name: str, value: Any) -> None:
    """TypeError or ValueError unless `value` is the path of a folder: a string or a pathlib.Path, not empty."""
    require_instance(name, value, (str, PurePath), "a folder's path")
    require(str(value), name, value, "a folder's path, . for this one")


def require_text(name: str, value: Any) -> None:
    """TypeError unless `value` is a string."""
    require(isinstance(value, str), name, _shown(value), "a string", TypeError)


def require_seed(name: str, value: Any) -> None:
    """TypeError or ValueError unless `value` is a seed, an integer from 0 to 2^63 - 1, or a NumPy generator."""
    import numpy as np

    if not isinstance(value, np.random.Generator):
        require_int(name, value, 0, 2**63 - 1)


def require_numbers(
    name: str, values: Any, interval: str = "(-inf, inf)", *, ndim: int | tuple[int, ...] | None = None
) -> "np.ndarray":
    """`values` as a float64 array of finite real numbers in `interval`, with `ndim` axes and at least one entry.

    `values` are numbers, sequences, NumPy arrays or torch tensors of any real dtype. TypeError for strings, booleans,
    complex numbers and objects; ValueError for masked entries, ragged sequences, and values out of the interval.
    """
    import numpy as np

    if hasattr(values, "is_meta"):  # a torch tensor
        require(not values.is_meta, name, "a tensor on the meta device", "values")
        values = values.detach().cpu().to_dense()
        values = (values.double() if values.is_floating_point() else values).numpy()
    require(not np.ma.is_masked(values), name, "masked entries", "an array without a mask: drop or fill them first")
    try:
        array = np.asarray(values)
    except ValueError:
        array = np.empty(0, dtype=object)
    plain = array.dtype.kind in "fiu" or (array.size == 0 and array.dtype != object)
    got = f"dtype {array.dtype}" if isinstance(values, np.ndarray) else _kind(values)
    require(plain, name, got, "real numbers", TypeError)
    axes = (ndim,) if isinstance(ndim, int) else ndim
    many = axes is None or array.ndim in axes
    require(many and array.size > 0, name, array, f"{'' if axes is None else _axes(axes)}one number or more")
    array = array.astype(np.float64)
    inside = _inside(array, interval)
    if not inside.all():
        require(False, name, array[~inside].flat[0], f"numbers in {interval}, none NaN")
    return array


def require_tensor(
    name: str, value: Any, shape: tuple[int | str, ...] = ("...",), kind: str = "float", values: str | None = None
) -> "Tensor":
    """`value`, if it is a tensor of `shape` and `kind`; else TypeError or ValueError.

    - shape: a size, or a name for any size from 0, per axis; a leading "..." is any number of axes
    - kind: "float", "integer", "int64" or "any"
    - values: an interval for its entries; this check waits for the device, so leave it out in training loops

    >>> import torch
    >>> require_tensor("images", torch.zeros(2, 3), ("B", 3, "S", "S"))
    Traceback (most recent call last):
        ...
    ValueError: images: got shape (2, 3), expected a tensor of shape (B, 3, S, S)
    """
    import torch

    if not isinstance(value, torch.Tensor):  # no line unless it is needed: torch.compile cannot print sizes
        require(False, name, _kind(value), f"a tensor of shape {_shape(shape)}", TypeError)
    fits = {
        "float": value.is_floating_point(),
        "integer": not (value.is_floating_point() or value.is_complex() or value.dtype == torch.bool),
        "int64": value.dtype == torch.int64,
        "any": True,
    }[kind]
    require(fits, name, value.dtype, f"dtype {kind}", TypeError)
    require(not value.is_meta, name, "a tensor on the meta device", "a tensor with values")
    require(value.layout == torch.strided, name, "a sparse tensor", "a dense one")
    rest = shape[1:] if shape[:1] == ("...",) else shape
    own = value.shape[value.ndim - len(rest) :] if rest is not shape else value.shape
    same = len(own) == len(rest) and all(isinstance(b, str) or a == b for a, b in zip(own, rest, strict=True))
    if not same:
        require(False, name, value, f"a tensor of shape {_shape(shape)}")
    if values is not None and value.numel():
        low, high = (float(end) for end in value.detach().aminmax())
        wrong = math.isnan(low) or not (_inside(low, values) and _inside(high, values))
        if wrong:
            got = "NaN" if math.isnan(low) else f"values from {low:g} to {high:g}"
            require(False, name, got, f"finite values in {values}")
    return value


def require_finite(name: str, values: "Tensor", training: bool = False) -> None:
    """ValueError for NaN or infinity in `values`, if `checking` says so; training: the mode of the module."""
    if values.numel() and checking(values, training):
        # the largest magnitude is finite only if all are, and ten times faster to compute
        require(values.detach().abs().amax().isfinite(), name, "NaN or infinity", "finite numbers")


def require_rows(name: str, value: Any, shape: tuple[int | str, ...] = ("...",), training: bool = False) -> "Tensor":
    """`value`, if it is a float tensor of `shape` with one entry or more, finite by `require_finite`."""
    require_tensor(name, value, shape)
    if value.numel() == 0:
        require(False, name, value, f"a tensor of shape {_shape(shape)}, not empty")
    require_finite(name, value, training)
    return value


def _inside(value: Any, interval: str) -> Any:
    low, high = (float(end) for end in interval[1:-1].split(","))
    above = value >= low if interval[0] == "[" else value > low
    return above & (value <= high if interval[-1] == "]" else value < high)


def _shown(value: Any) -> Any:
    """What a line shows of a value that is not a number: numbers and strings as they are, else the type's name."""
    return value if isinstance(value, Real | str | None) else _kind(value)


def _kind(value: Any) -> str | None:
    """What a line shows of a value of the wrong type: the type's name."""
    return None if value is None else type(value).__name__


def _shape(shape: tuple[int | str, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 and shape != ('...',) else ''})"


def _axes(axes: tuple[int, ...]) -> str:
    return f"{' or '.join(map(str, axes))} axes, "
