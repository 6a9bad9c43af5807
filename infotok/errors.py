"""Bad input, refused at the door: one line that names the argument, what came and what is expected."""

from typing import Any


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
