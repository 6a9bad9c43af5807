"""Training inside an estimate, apart from the caller's torch settings and random state.

- `undisturbed`   gradients on, autocast off, tensors on the CPU by default
- `seeded`        a seed for initial weights, which leaves the generators of all devices as they were
- `whole_seed`    the integer seed of an estimate, also where a NumPy generator is given
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch

__all__ = ["seeded", "undisturbed", "whole_seed"]


@contextmanager
def undisturbed() -> Iterator[None]:
    """A context or decorator in which the caller's gradient mode, autocast and default device have no effect."""
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for kind in ("cpu", "cuda", "mps"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        yield


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """A context: draws on the CPU begin from `seed`; afterwards the global random state is as before.

    `torch.manual_seed` would also seed the generators of GPUs, which `fork_rng` restores only by copies of each.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def whole_seed(seed: int | np.random.Generator) -> int:
    """`seed` itself, or an integer drawn from a generator."""
    return int(seed.integers(2**63 - 1)) if isinstance(seed, np.random.Generator) else int(seed)
