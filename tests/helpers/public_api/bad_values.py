"""Bad values for a good one: of another type, shape, dtype, device, size, or not finite."""

import copy
import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

HUGE = 10**12  # as a size: petabytes
SAME = "same numbers: "  # a good value in another form: refused, or the same answer
HALF = "same numbers, rounded: "  # likewise, the same answer to half precision


def bad_values(good: Any) -> dict[str, Any]:
    """Name -> bad value, for one argument whose good value is `good`."""
    bad = {"None": None, "text": "nonsense", "object": object()}
    for kind, make in _MAKERS:
        if isinstance(good, kind):
            return bad | make(good)
    if dataclasses.is_dataclass(good):
        return bad | _records(good)
    return bad | {"number": 3, "class": type(good)}


def _booleans(_: bool) -> dict[str, Any]:
    return {"one": 1, "half": 0.5, "list": [True]}


def _integers(good: int) -> dict[str, Any]:
    sizes = {"zero": 0, "minus one": -1, "huge": HUGE, "hugely negative": -HUGE, "beyond 64 bits": 10**30}
    kinds = {"half": good + 0.5, "NaN": math.nan, "inf": math.inf, "True": True, "text of it": str(good)}
    forms = {SAME + "float": float(good), SAME + "NumPy": np.int64(good), SAME + "tensor": torch.tensor(good)}
    return sizes | kinds | forms | {"list": [good], "complex": 1j, "NaN tensor": torch.tensor(math.nan)}


def _floats(good: float) -> dict[str, Any]:
    sizes = {"zero": 0.0, "minus one": -1.0, "two": 2.0, "huge": 1e300, "tiny": 1e-300, "beyond floats": 10**400}
    kinds = {"NaN": math.nan, "inf": math.inf, "minus inf": -math.inf, "True": True, "text of it": str(good)}
    forms = {SAME + "NumPy": np.float64(good), SAME + "tensor": torch.tensor(good)}
    return sizes | kinds | forms | {"list": [good], "complex": 1j}


def _strings(_: str) -> dict[str, Any]:
    return {"empty": "", "number": 3, "bytes": b"bytes", "list": ["nonsense"]}


def _arrays(good: np.ndarray) -> dict[str, Any]:
    bad = _shapes(good) | {
        SAME + "list": good.tolist(),
        "list of text": np.full(good.shape, "a").tolist(),
        "text array": np.full(good.shape, "a"),
        "complex": good.astype(complex) + 1j,
        "boolean": good.astype(bool),
        "object array": np.full(good.shape, None),
        "masked": np.ma.masked_array(good, np.arange(good.size).reshape(good.shape) == 0),
        "ragged": [[1.0], [1.0, 2.0]],
        "scalar": 0.5,
        SAME + "tensor": torch.from_numpy(np.ascontiguousarray(good)),
        SAME + "gradient": torch.from_numpy(np.array(good, dtype=float)).requires_grad_(),
        "meta": torch.empty(good.shape, device="meta"),
        SAME + "sparse": torch.from_numpy(np.ascontiguousarray(good)).to_sparse(),
    }
    if good.dtype.kind != "f":
        return bad | {"float": good + 0.5, "negative": -1 - good, "huge": good + HUGE}
    bad |= {HALF + "float16": good.astype(np.float16), HALF + "bfloat16": torch.tensor(good).bfloat16()}
    bad |= {"integer": good.astype(int), "huge numbers": good * 1e300, "tiny numbers": good * 1e-300}
    return bad | {"constant": np.zeros_like(good), **_not_finite(good)}


def _tensors(good: Tensor) -> dict[str, Any]:
    bad = _shapes(good) | {
        "complex": good.to(torch.complex64),
        "boolean": good.bool(),
        "meta": good.to("meta"),
        SAME + "list": good.tolist(),
        SAME + "array": good.detach().numpy(),
        "scalar": 0.5,
        SAME + "sparse": good.detach().to_sparse(),
    }
    if good.dtype == torch.bool:
        return bad | {"float": good.float(), "integer": good.long()}
    if not good.is_floating_point():
        return bad | {"float": good.float(), "negative": -1 - good, "huge": good + HUGE, SAME + "int32": good.int()}
    bad |= {HALF + "float16": good.half(), HALF + "bfloat16": good.bfloat16(), SAME + "double": good.double()}
    bad |= {"integer": good.long(), SAME + "gradient": good.detach().clone().requires_grad_()}
    return bad | {"0 to 255": good * 255, "huge numbers": good * 1e30, **_not_finite(good)}


def _shapes(good: Any) -> dict[str, Any]:
    bad = {"more axes": good[None], "no rows": good[:0]} if good.ndim else {"more axes": good[None]}
    if good.ndim:
        bad |= {"fewer rows": good[:-1], "fewer axes": good[0]}
    if good.ndim > 1:
        bad |= {"fewer columns": good[..., :-1], "no columns": good[..., :0]}
    return bad


def _not_finite(good: Any) -> dict[str, Any]:
    bad = {}
    for name, value in (("NaN", math.nan), ("inf", math.inf), ("minus inf", -math.inf)):
        changed = copy.deepcopy(good.detach() if isinstance(good, Tensor) else good)
        changed[(0,) * good.ndim] = value
        bad[name] = changed
    return bad


def _sequences(good: Any) -> dict[str, Any]:
    entries = {
        "None": None,
        "text": "nonsense",
        "NaN": math.nan,
        "minus one": -1,
        "huge": HUGE,
        "list": [1],
        "half": 0.5,
    }
    kind = type(good)
    changed = {f"first {name}": kind([entry, *good[1:]]) for name, entry in entries.items()} if good else {}
    return changed | {"empty": kind(()), "shorter": good[:-1], "longer": kind([*good, *good[:1]]), "number": 3}


def _mappings(good: Mapping) -> dict[str, Any]:
    first = next(iter(good), None)
    bad = {"empty": {}, "list": list(good), "unknown key": {**good, "nonsense": 1}, "key 3": {**good, 3: 1}}
    if first is not None:
        bad |= {f"first {v}": {**good, first: v} for v in (None, "nonsense", math.nan, -1)}
        bad["first missing"] = {k: v for k, v in good.items() if k != first}
    return bad


def _generators(_: torch.Generator) -> dict[str, Any]:
    return {"seed": 3, "NumPy": np.random.default_rng(0)}


def _functions(_: Callable) -> dict[str, Any]:
    return {"gives None": lambda *_, **__: None, "gives text": lambda *_, **__: "a"}


def _records(good: Any) -> dict[str, Any]:
    """Every tensor of a record replaced in turn; and fewer rows of all."""
    bad = {"number": 3, "class": type(good)}
    for field in dataclasses.fields(good):
        value = getattr(good, field.name)
        if isinstance(value, Tensor):
            changes = {k: v for k, v in _tensors(value).items() if not k.startswith((SAME, HALF))} | {"None": None}
            for name, change in changes.items():
                record = copy.copy(good)
                object.__setattr__(record, field.name, change)
                bad[f"{field.name} {name}"] = record
    return bad


_MAKERS: list[tuple[Any, Callable[[Any], dict[str, Any]]]] = [
    (bool, _booleans),
    (int, _integers),
    (float, _floats),
    (str, _strings),
    (np.ndarray, _arrays),
    (nn.Module, lambda good: {"other module": nn.Identity(), "class": type(good), "number": 3}),
    (Tensor, _tensors),
    ((list, tuple), _sequences),
    (Mapping, _mappings),
    (torch.Generator, _generators),
    (type(lambda: 0), _functions),
]
