"""Seeds of the samplers of NumPy arrays: an integer or a generator."""

import numpy as np

from infotok.errors import require_int, require_seed

__all__ = ["Seed", "checked_generator"]

Seed = int | np.random.Generator


def checked_generator(n: int, seed: Seed) -> np.random.Generator:
    """The generator of `n` samples; TypeError or ValueError for an impossible n or seed."""
    require_int("n", n)
    require_seed("seed", seed)
    return np.random.default_rng(seed)
