"""One small good call of every public function, class and method, each argument of which the tests then replace."""

import importlib
import inspect
from collections.abc import Callable
from typing import Any

from public_api import (
    bottleneck,
    companions,
    evaluation,
    experiments,
    information,
    lab,
    published,
    standard,
    tokenizers,
    unified,
    worlds,
)

Calls = dict[str, tuple[Callable[..., Any], Callable[[], dict[str, Any]]]]  # name -> (function, its arguments, new)
AREAS: dict[str, Calls] = {
    area.__name__.removeprefix("public_api."): area.CALLS
    for area in (
        information,
        worlds,
        bottleneck,
        tokenizers,
        unified,
        evaluation,
        companions,
        published,
        standard,
        experiments,
        lab,
    )
}
RECORDS = {
    *("Check", "Estimate", "Task", "Split", "ImageWorld", "Code", "CodeDraw", "DiscreteIB", "GaussianIB", "HSICTerms"),
    *("InfoTokTerms", "ContinuousUsage", "Quantized", "Tokenized", "Usage", "Difference", "Reading"),
    *(
        "Scenes",
        "Attached",
        "Footprint",
        "FashionBatch",
        "ImageTextBatch",
        "OpenMojiBatch",
        "ShapesBatch",
        "Claim",
        "PermutationTest",
        "ReverseWaterfilling",
        "ShortcutShare",
    ),
    *("Captures", "MCAETerms", "Reconstruction", "Annotation", "Detections", "Verdict"),
}  # what functions return: nobody else makes one, and what takes one checks it


def public_names(area: str) -> set[str]:
    """Every name that has arguments: functions, constructors and the methods of the classes that `area` exports."""
    module = importlib.import_module(f"infotok.{area}")
    names = set()
    for name in module.__all__:
        value = getattr(module, name)
        if getattr(value, "_is_protocol", False):  # nobody calls one
            continue
        if inspect.isclass(value):
            fields = getattr(value, "__dataclass_fields__", {})
            methods = {k: v for k, v in vars(value).items() if not k.startswith("_") and k not in fields}
            called = {
                k for k, v in methods.items() if isinstance(v, classmethod | staticmethod) or inspect.isfunction(v)
            }
            names |= {f"{name}.{k}" for k in called if _parameters(getattr(value, k)) - {"self"}}
            names |= {name} if name not in RECORDS and not inspect.isabstract(value) else set()
        elif inspect.isfunction(value) and _parameters(value):
            names.add(name)
    return names


def _parameters(function: Callable[..., Any]) -> set[str]:
    return set(inspect.signature(function).parameters)
