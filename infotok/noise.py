"""Random numbers drawn on the generator's device and moved to another: a seed gives the same numbers on every device.

torch does not draw on an accelerator with a CPU generator. Training seeds CPU generators, so that a run has the same
batches and noise on every device.

- `rand`, `randn`   uniform and normal random numbers
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
    """Uniform random numbers in [0, 1).

    - shape: sizes of the result
    - generator: where the numbers come from; None for torch's own on `device`
    - device, dtype: of the result
    """
    return torch.rand(tuple(shape), generator=generator, device=_home(generator, device), dtype=dtype).to(device)


def randn(
    shape: Sequence[int], generator: torch.Generator | None, device: Device, dtype: torch.dtype | None = None
) -> Tensor:
    """Standard normal random numbers.

    - shape, generator, device, dtype: as in `rand`
    """
    return torch.randn(tuple(shape), generator=generator, device=_home(generator, device), dtype=dtype).to(device)


def multinomial(weight: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    """Random indices without replacement, each with a probability that grows with its weight.

    - weight: (N,), from 0
    - count: how many, at most the number of weights above 0
    - generator: where the numbers come from; None for torch's own on the device of `weight`
    """
    home = _home(generator, weight.device)
    return torch.multinomial(weight.to(home), count, generator=generator).to(weight.device)


def _home(generator: torch.Generator | None, device: Device) -> Device:
    if generator is None:
        return device
    require_generator("generator", generator)
    return generator.device
