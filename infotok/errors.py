"""Bad input, refused in one line that names the argument, what came and what is expected.

    require(beta > 0, "beta", beta, "a number above 0")
    with checks(False):                     # fp16 training: GradScaler skips a step with an infinity, no error ends it
        loss = model(batch)

Shapes and types are always checked. The numbers inside tensors (NaN, infinity, ranges) are checked where that is cheap:
on the CPU, and on an accelerator in eval mode only, since a look at a number there stalls the device. `checks(False)`
switches these value checks off, `checks(True)` makes them everywhere; while torch compiles or exports there are none.
"""

from types import TracebackType
from typing import Any

_enabled: bool | None = None  # None: where it is cheap


class checks:
    """Switch the checks of values on or off: as a function from here on, as a context manager inside the block.

    enabled: False for none, True for all, on accelerators in training too; None, at first, for those that are cheap.
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
    """Whether the numbers in the tensor `values` are to be checked, in a pass of a module in this mode."""
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
        raise error(message(name, got, expected))


def message(name: str, got: Any, expected: str) -> str:
    """The line itself; arrays are described by their shape, not printed."""
    shape = getattr(got, "shape", None)
    shown = f"shape {tuple(shape)}" if shape is not None and len(shape) else repr(got) if isinstance(got, str) else got
    return f"{name}: got {shown}, expected {expected}"
