"""Computation in float32 at least, for features and parameters of any precision.

- `wide_dtype`   the dtype to compute in
- `call_in`      a module called with its parameters in that dtype
- `is_in`        whether all parameters of a module have it
"""

from typing import Any

import torch
from torch import nn
from torch.func import functional_call

__all__ = ["call_in", "is_in", "wide_dtype"]


def wide_dtype(*dtypes: torch.dtype) -> torch.dtype:
    """The widest of `dtypes`, float32 at least."""
    widest = torch.float32
    for dtype in dtypes:
        widest = torch.promote_types(widest, dtype)
    return widest


def call_in(dtype: torch.dtype, module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """`module(*args, **kwargs)` with its floating-point parameters as `dtype`; their gradients have their own dtype."""
    cast = {name: p.to(dtype) for name, p in module.named_parameters() if p.is_floating_point() and p.dtype != dtype}
    return functional_call(module, cast, args, kwargs) if cast else module(*args, **kwargs)


def is_in(dtype: torch.dtype, module: nn.Module) -> bool:
    """Whether every floating-point parameter of the module has this dtype."""
    return all(p.dtype == dtype for p in module.parameters() if p.is_floating_point())
