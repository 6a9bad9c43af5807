"""Settings whose types and ranges are declared beside them: pydantic checks them, one line refuses a wrong one.

    @settings
    class TrainConfig:
        steps: Count = 650
        learning_rate: Positive = 6e-3
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0

    TrainConfig(steps=0)            # ValueError: steps: got 0, expected a positive integer
    check("steps", Count, 2.5)      # TypeError: steps: got 2.5, expected a positive integer

- `settings`           a class decorator for hyperparameters and other configurations
- `check`, `from_text` one value by an annotation: a Python value, or the text of a command line
- `check_parameters`   the annotated variables of a notebook
- `expected`           what an annotation accepts, in words
- `Count`, `Positive`, `NonNegative`   the usual ranges

Types are exact: text is not a number, and a number is not a flag. A float may be given as an integer, and NumPy's
numbers are numbers. For tensors, and for what one argument says of another, there is `infotok.errors.require`.
"""

import math
import types
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import is_dataclass
from functools import cache, wraps
from numbers import Integral, Real
from typing import (
    Annotated,
    Any,
    Literal,
    NoReturn,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic import dataclasses as pydantic_dataclasses
from pydantic.fields import FieldInfo

from infotok.errors import LARGEST, integers, refuse

__all__ = ["Count", "NonNegative", "Positive", "check", "check_parameters", "expected", "from_text", "settings"]

Count = Annotated[int, Field(ge=1, le=LARGEST)]  # a size, or a number of steps
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]

STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
JSON_WORDS = {"true": "true", "false": "false", "none": "null"}  # as Python and people write them
OUT_OF_RANGE = ("greater", "less", "too_", "literal", "finite", "multiple", "json")  # types of pydantic's errors
Kind = TypeVar("Kind", bound=type)


@dataclass_transform(frozen_default=True, field_specifiers=(Field,))
def settings(kind: Kind) -> Kind:
    """A class decorator: a frozen dataclass whose fields pydantic checks when it is made.

    What one field says of another may be checked in `__post_init__`, by `require`.

    - kind: the class, whose annotations say what fits

    Raises TypeError for a field of another type, an unknown name or a missing field; ValueError for a value out of its
    range.
    """
    made = pydantic_dataclasses.dataclass(frozen=True, config=STRICT)(kind)
    create = made.__init__

    @wraps(create)
    def init(self: Any, *values: Any, **named: Any) -> None:
        try:
            create(self, *map(_plain, values), **{name: _plain(value) for name, value in named.items()})
        except ValidationError as error:
            first = error.errors()[0]
        else:
            return
        hints = get_type_hints(made, include_extras=True)
        field, *steps = first["loc"] or [""]
        field = list(hints)[field] if isinstance(field, int) and field < len(hints) else field
        if first["type"].startswith("unexpected"):
            refuse(kind.__name__, f"an argument {field}", f"some of {', '.join(hints)}", TypeError)
        missing = {"input": "nothing"} if first["type"] == "missing" else {}
        _refuse(str(field), hints.get(field), {**first, "loc": steps, **missing})

    made.__init__ = init
    return made


def check(name: str, annotation: Any, value: Any) -> Any:
    """`value`, if it fits `annotation`.

    - name: what the line of an error calls the value
    - annotation: a type, or `Annotated[type, Field(...)]` with a range

    Raises TypeError for another type, ValueError for a value out of range.
    """
    try:
        return _adapter(annotation).validate_python(_plain(value))
    except ValidationError as error:
        first = error.errors()[0]
    _refuse(name, annotation, first)


def from_text(name: str, annotation: Any, text: str) -> Any:
    """The value that `text`, of a command line, stands for: text as it is, anything else as JSON.

    - name, annotation: as in `check`

    >>> from_text("steps", Count, "300"), from_text("fresh", bool, "True"), from_text("kind", Literal["a", "b"], "a")
    (300, True, 'a')

    Raises TypeError or ValueError as `check` does.
    """
    adapter = _adapter(annotation)
    if _bare(annotation) is str:
        return check(name, annotation, text)
    try:
        return adapter.validate_json(JSON_WORDS.get(text.lower(), text))
    except ValidationError as error:
        first = error.errors()[0]
    with suppress(ValueError):  # a choice of texts, or a number that only Python writes so: .5
        return adapter.validate_python(float(text) if _bare(annotation) is float else text)
    _refuse(name, annotation, {**first, "input": text} if first["type"] == "json_invalid" else first)


def check_parameters(namespace: Mapping[str, Any]) -> None:
    """Check every annotated variable of a notebook, as `check_parameters(globals())`.

    namespace: the notebook's variables, by name.

    Raises TypeError or ValueError as `check` does, for the first that does not fit.
    """
    annotations = namespace.get("__annotations__")
    if annotations is None and "__annotate__" in namespace:  # Python 3.14 makes annotations when they are asked for
        annotations = namespace["__annotate__"](1)
    for name, annotation in (annotations or {}).items():
        if name in namespace:
            check(name, annotation, namespace[name])


def expected(annotation: Any) -> str:
    """What an `annotation` accepts, in words.

    >>> expected(Count), expected(Annotated[float, Field(ge=0, lt=1)])
    ('a positive integer', 'a number in [0, 1)')
    >>> expected(Literal["smoke", "laptop"]), expected(list[int] | None)
    ('one of smoke, laptop', 'a list, each item an integer, or None')
    """
    bare, limits = _bare(annotation), _limits(annotation)
    origin, arguments = get_origin(bare) or bare, get_args(bare)
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if origin in (Union, types.UnionType):
        return ", or ".join(expected(each) for each in arguments)
    if origin in (list, tuple):
        least, most = limits.get("min_length", 0), limits.get("max_length")
        size = f" of {least}{f' to {most}' if most is not None else ' or more'}" if limits else ""
        return f"a {origin.__name__}{size}" + (f", each item {expected(arguments[0])}" if arguments else "")
    if origin is dict and arguments:
        return f"a dict, each value {expected(arguments[1])}"
    if bare is int:
        low, high = limits.get("gt", -math.inf) + 1, limits.get("lt", math.inf) - 1
        return integers(limits.get("ge", low), limits.get("le", high))
    if bare is float:
        left = f"[{limits['ge']:g}" if "ge" in limits else f"({limits.get('gt', -math.inf):g}"
        right = f"{limits['le']:g}]" if "le" in limits else f"{limits.get('lt', math.inf):g})"
        return f"a number in {left}, {right}" if limits else "a finite number"
    return {bool: "True or False", str: "text", type(None): "None", dict: "a dict"}.get(
        origin, getattr(origin, "__name__", str(origin))
    )


def _limits(annotation: Any) -> dict[str, Any]:
    """The limits an annotation declares, as `Field` names them: ge, gt, le, lt, min_length, max_length."""
    declared = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    limits = [limit for each in declared for limit in (each.metadata if isinstance(each, FieldInfo) else [each])]
    names = ("ge", "gt", "le", "lt", "min_length", "max_length")
    return {name: getattr(limit, name) for limit in limits for name in names if hasattr(limit, name)}


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _item(annotation: Any) -> Any:
    """The annotation of a list's items; of a union, of the first list's."""
    bare = _bare(annotation)
    if get_origin(bare) in (Union, types.UnionType):
        return _item(next(each for each in get_args(bare) if get_origin(_bare(each)) in (list, tuple)))
    return get_args(bare)[0]


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's, also in a list or tuple; everything else as it is."""
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    if isinstance(value, bool) or not isinstance(value, Real):
        return value
    return int(value) if isinstance(value, Integral) else float(value)


def _refuse(name: str, annotation: Any, first: Mapping[str, Any]) -> NoReturn:
    """Raise what pydantic says first as the line of `require`."""
    if first["type"] == "value_error":  # of a `__post_init__`, which raised such a line itself
        raise first["ctx"]["error"]
    for step in first["loc"]:
        if isinstance(step, int):
            name, annotation = f"{name}[{step}]", _item(annotation)
    most = first.get("ctx", {}).get("le", 0)
    words = expected(annotation) if most < LARGEST else f"an integer, at most {most}"
    refuse(name, first["input"], words, ValueError if first["type"].startswith(OUT_OF_RANGE) else TypeError)


@cache
def _adapter(annotation: Any) -> TypeAdapter:
    return TypeAdapter(annotation, config=None if is_dataclass(annotation) else STRICT)
