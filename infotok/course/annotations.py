"""The type of a notebook's parameter, built from its annotation in the source without running the notebook.

What an annotation may name: int, float, bool, str and list, and what the parameters cell imports from `typing`,
`pydantic` and `infotok.settings`, as `Literal["a", "b"]` or `Annotated[float, Field(ge=0, lt=1)]`.
"""

import ast
import typing
from typing import Any

import pydantic

from infotok import settings

__all__ = ["imported", "type_of"]

BUILT_IN = {kind.__name__: kind for kind in (int, float, bool, str, list, dict)}
# Module -> the names that a parameters cell may import from it.
IMPORTS = {
    "typing": ("Annotated", "Literal"),
    "pydantic": ("Field", "PositiveInt", "NonNegativeInt", "PositiveFloat", "NonNegativeFloat"),
    "infotok.settings": ("Count", "Positive", "NonNegative"),
}
MODULES = {"typing": typing, "pydantic": pydantic, "infotok.settings": settings}
LIMITS = ("ge", "gt", "le", "lt", "min_length", "max_length")


def imported(statement: ast.ImportFrom) -> dict[str, Any]:
    """The names that an import of the parameters cell brings; ValueError says what may be imported instead."""
    known = IMPORTS.get(statement.module or "", ())
    for name in statement.names:
        if statement.level or name.name not in known or name.asname:
            allowed = "; ".join(f"{', '.join(names)} from {module}" for module, names in IMPORTS.items())
            raise ValueError(f"one of the imports of a parameters cell: {allowed}")
    return {name.name: getattr(MODULES[statement.module], name.name) for name in statement.names}


def type_of(annotation: ast.expr, names: dict[str, Any]) -> Any:
    """The type that an annotation means, where `names` has what the cell imports; ValueError says what is expected."""
    kind = _type(annotation, names)
    try:
        pydantic.TypeAdapter(kind)
    except Exception as error:
        raise ValueError(f"limits that fit the type ({str(error).splitlines()[0]})") from None
    return kind


def _type(annotation: ast.expr, names: dict[str, Any]) -> Any:
    match annotation:
        case ast.Name(id=name) if name in BUILT_IN.keys() | names.keys() - {"Annotated", "Literal", "Field"}:
            return BUILT_IN.get(name) or names[name]
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            return list[_type(item, names)]
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[key, item])):
            return dict[_type(key, names), _type(item, names)]
        case ast.Subscript(value=ast.Name(id="Literal"), slice=values) if "Literal" in names:
            chosen = ast.literal_eval(values)
            return typing.Literal[chosen]
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[kind, *limits])) if (
            "Annotated" in names and limits
        ):
            return typing.Annotated[(_type(kind, names), *(_field(limit, names) for limit in limits))]
    kinds = ", ".join([*BUILT_IN, "list[...], dict[..., ...], Literal[...], Annotated[..., Field(...)]"])
    raise ValueError(f"one of {kinds}, or a type that the cell imports")


def _field(call: ast.expr, names: dict[str, Any]) -> Any:
    match call:
        case ast.Call(func=ast.Name(id="Field"), args=[], keywords=limits) if "Field" in names:
            if all(limit.arg in LIMITS for limit in limits):
                return pydantic.Field(**{limit.arg: ast.literal_eval(limit.value) for limit in limits})
    raise ValueError(f"Field(...) with numbers for {', '.join(LIMITS)}")
