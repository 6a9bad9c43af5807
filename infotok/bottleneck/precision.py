"""Mathematics in float32 at least, around features and parameters of any precision.

- `wide_dtype`   the dtype to compute in
- `call_in`      a module with its parameters in that dtype
"""

from typing import Any

import torch
from torch import nn
from torch.func import functional_call

__all__ = ["call_in", "wide_dtype"]


def wide_dtype(*dtypes: torch.dtype) -> torch.dtype:
    """The widest of `dtypes`, float32 at least."""
    widest = torch.float32
    for dtype in dtypes:
        widest = torch.promote_types(widest, dtype)
    return widest


def call_in(dtype: torch.dtype, module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """`module(*args)` with its parameters as `dtype`; their gradients arrive in their own."""
    cast = {name: p.to(dtype) for name, p in module.named_parameters() if p.dtype != dtype}
    return functional_call(module, cast, args, kwargs) if cast else module(*args, **kwargs)
