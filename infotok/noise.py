"""Random numbers drawn where the generator lives and moved to where they are used: a seed means the same everywhere.

torch refuses a CPU generator for draws on an accelerator. Training seeds CPU generators, so that a run draws the same
batches and noise on every device.

- `rand`, `randn`   U(0, 1) and N(0, 1)
- `multinomial`     distinct indices, by weights
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from infotok.errors import require_generator

__all__ = ["multinomial", "rand", "randn"]

Device = torch.device | str


def rand(
    shape: Sequence[int], generator: torch.Generator | None, device: Device, dtype: torch.dtype | None = None
) -> Tensor:
    """U(0, 1) of `shape` on `device`."""
    return torch.rand(tuple(shape), generator=generator, device=_home(generator, device), dtype=dtype).to(device)


def randn(
    shape: Sequence[int], generator: torch.Generator | None, device: Device, dtype: torch.dtype | None = None
) -> Tensor:
    """N(0, 1) of `shape` on `device`."""
    return torch.randn(tuple(shape), generator=generator, device=_home(generator, device), dtype=dtype).to(device)


def multinomial(weight: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    """`count` distinct indices of weight (N,), each with a probability that grows with its weight."""
    home = _home(generator, weight.device)
    return torch.multinomial(weight.to(home), count, generator=generator).to(weight.device)


def _home(generator: torch.Generator | None, device: Device) -> Device:
    if generator is None:
        return device
    require_generator("generator", generator)
    return generator.device
