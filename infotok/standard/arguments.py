"""Checks of arguments that several files of this subpackage share."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from infotok.errors import require

__all__ = ["require_list", "require_names"]


def require_list(name: str, values: Any, what: str, count: int | None = None, of: str = "images") -> list[Any]:
    """`values` as a list, if they are a sequence or a tensor; else TypeError, and ValueError for another number.

    what: they are, in the plural. count: how many are expected, None for any. of: what there is one for each of.
    """
    listed = isinstance(values, Sequence) and not isinstance(values, str | bytes)
    listed = listed or (isinstance(values, Tensor) and values.ndim > 0)
    require(listed, name, type(values).__name__, f"a list of {what}", TypeError)
    if count is not None:
        require(len(values) == count, name, f"{len(values)} {what}", f"one for each of the {count} {of}")
    return list(values)


def require_names(
    name: str, values: Any, what: str = "names", count: int | None = None, of: str = "images"
) -> list[str]:
    """`values` as a list, if they are strings; errors and arguments as those of `require_list`."""
    listed = isinstance(values, Sequence) and not isinstance(values, str) and all(isinstance(v, str) for v in values)
    require(listed, name, type(values).__name__, f"a list of {what}", TypeError)
    return require_list(name, values, what, count, of)
