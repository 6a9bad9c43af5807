"""What every sampler of NumPy arrays accepts: how many draws, and a seed or a generator."""

import numpy as np

from infotok.errors import require_int, require_seed

__all__ = ["Seed", "checked_generator"]

Seed = int | np.random.Generator


def checked_generator(n: int, seed: Seed) -> np.random.Generator:
    """The generator of `n` draws. TypeError or ValueError for an n that is no size and a seed that is none."""
    require_int("n", n)
    require_seed("seed", seed)
    return np.random.default_rng(seed)
