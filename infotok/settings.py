"""Settings whose types and ranges are declared beside them: pydantic checks them, one line refuses a wrong one.

    @settings
    class TrainConfig:
        steps: PositiveInt = 650
        learning_rate: Annotated[float, Field(gt=0)] = 6e-3

    TrainConfig(steps=0)                     # ValueError: steps: got 0, expected a positive integer
    check("steps", PositiveInt, 2.5)         # TypeError: steps: got 2.5, expected a positive integer

A notebook declares its parameters the same way, and `check_parameters(globals())` checks them. Types are exact: text is
no number and a number is no flag; a float may be given as an integer. `require` of `infotok.errors` stays for tensors.
"""

import math
import types
from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import cache, wraps
from numbers import Integral, Real
from typing import Annotated, Any, Literal, TypeVar, Union, dataclass_transform, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic import dataclasses as pydantic_dataclasses
from pydantic.fields import FieldInfo

from infotok.errors import integers, message

__all__ = ["Count", "NonNegative", "Positive", "check", "check_parameters", "expected", "from_text", "settings"]

Count = Annotated[int, Field(ge=1, le=2**31 - 1)]  # a size: a larger one is a slip
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]

STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
Kind = TypeVar("Kind", bound=type)


@dataclass_transform(frozen_default=True, field_specifiers=(Field,))
def settings(kind: Kind) -> Kind:
    """A class decorator: a frozen dataclass whose fields pydantic checks when it is made.

    Raises TypeError for a field of another type or an unknown name, ValueError for a value out of its range; a
    `__post_init__` may check what one field says of another.
    """
    made = pydantic_dataclasses.dataclass(frozen=True, config=STRICT)(kind)
    create = made.__init__

    @wraps(create)
    def init(self: Any, *values: Any, **named: Any) -> None:
        try:
            create(self, *map(_plain, values), **{name: _plain(value) for name, value in named.items()})
        except ValidationError as error:
            raise _one_line(error, get_type_hints(made, include_extras=True)) from None

    made.__init__ = init
    return made


def check(name: str, annotation: Any, value: Any) -> Any:
    """`value`, if it fits the annotation; else TypeError or ValueError in one line that names it."""
    try:
        return _adapter(annotation).validate_python(_plain(value))
    except ValidationError as error:
        raise _one_line(error, {name: annotation}, name) from None


def from_text(name: str, annotation: Any, text: str) -> Any:
    """The value that a command line's `text` stands for: text as it is, anything else as JSON, flags in any case."""
    try:
        if _bare(annotation) is str:
            return _adapter(annotation).validate_python(text)
        return _adapter(annotation).validate_json(text.lower() if _bare(annotation) is bool else text)
    except ValidationError as error:
        raise _one_line(error, {name: annotation}, name) from None


def check_parameters(namespace: Mapping[str, Any]) -> None:
    """Check every annotated variable of a notebook, as `check_parameters(globals())`."""
    annotations = namespace.get("__annotations__")
    if annotations is None and "__annotate__" in namespace:  # Python 3.14 makes annotations when they are asked for
        annotations = namespace["__annotate__"](1)
    for name, annotation in (annotations or {}).items():
        if name in namespace:
            check(name, annotation, namespace[name])


def expected(annotation: Any) -> str:
    """What an annotation accepts, in words.

    >>> expected(Count), expected(Annotated[float, Field(ge=0, lt=1)])
    ('a positive integer', 'a number in [0, 1)')
    >>> expected(Literal["smoke", "laptop"]), expected(list[int] | None)
    ('one of smoke, laptop', 'a list, each item an integer, or None')
    """
    low, high, rest, shape = _limits(annotation)
    bare, arguments = _bare(annotation), get_args(_bare(annotation))
    origin = get_origin(bare)
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if origin in (Union, types.UnionType):
        return ", or ".join(expected(each) for each in arguments)
    if origin in (list, tuple, dict) or bare in (list, tuple, dict):
        item = next((each for each in arguments if each is not ...), None)
        size = f" of {low:g} or more" if shape and low else ""
        named = (origin or bare).__name__
        return f"a {named}{size}" + (f", each item {expected(item)}" if item is not None and named != "dict" else "")
    if bare is int:
        return integers(low + rest["open_low"], high - rest["open_high"])
    if bare is float:
        return (
            f"a number in {_interval(low, high, rest)}" if (low, high) != (-math.inf, math.inf) else "a finite number"
        )
    return {bool: "True or False", str: "text", type(None): "None"}.get(bare, getattr(bare, "__name__", str(bare)))


def _interval(low: float, high: float, rest: dict[str, bool]) -> str:
    left = "(" if rest["open_low"] or low == -math.inf else "["
    right = ")" if rest["open_high"] or high == math.inf else "]"
    return f"{left}{low:g}, {high:g}{right}"


def _limits(annotation: Any) -> tuple[float, float, dict[str, bool], bool]:
    """The lower and the upper limit, which of them are open, and whether they are of a length."""
    low, high, rest, shape = -math.inf, math.inf, {"open_low": False, "open_high": False}, False
    stated = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    for each in stated:
        for limit in each.metadata if isinstance(each, FieldInfo) else [each]:
            if isinstance(limit, Ge | Gt):
                low, rest["open_low"] = getattr(limit, "ge", getattr(limit, "gt", low)), isinstance(limit, Gt)
            elif isinstance(limit, Le | Lt):
                high, rest["open_high"] = getattr(limit, "le", getattr(limit, "lt", high)), isinstance(limit, Lt)
            elif isinstance(limit, MinLen):
                low, shape = limit.min_length, True
            elif isinstance(limit, MaxLen):
                high, shape = limit.max_length, True
    return low, high, rest, shape


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's; everything else as it is."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return value
    return int(value) if isinstance(value, Integral) else float(value)


def _one_line(error: ValidationError, annotations: Mapping[str, Any], name: str = "") -> Exception:
    """The first of pydantic's complaints, as the line that every other refusal has."""
    first = error.errors()[0]
    if first["type"] == "value_error":  # what a `__post_init__` said is such a line already
        return first["ctx"]["error"]
    field = name or str(first["loc"][0])
    if first["type"] in ("unexpected_keyword_argument", "unexpected_positional_argument"):
        return TypeError(f"{field}: got an unknown name, expected one of {', '.join(annotations)}")
    steps = first["loc"] if name else first["loc"][1:]
    field += "".join(f"[{step}]" for step in steps if isinstance(step, int))
    line = message(field, first["input"], expected(annotations[name or str(first["loc"][0])]))
    ranged = first["type"].startswith(("greater", "less", "too_", "literal", "finite", "multiple"))
    return ValueError(line) if ranged else TypeError(line)


@cache
def _adapter(annotation: Any) -> TypeAdapter:
    return TypeAdapter(annotation, config=None if is_dataclass(annotation) else STRICT)
