"""k-means initialization of a codebook, with seeds drawn far apart as in k-means|| (Bahmani et al. 2012)."""

from collections.abc import Callable

import torch
from torch import Tensor

from infotok.noise import multinomial
from infotok.tokenizers.quantizers.nearest import search

__all__ = ["draw_far", "kmeans"]

SEEDING_ROUNDS = 8
ITERATIONS = 10


def kmeans(
    z: Tensor, size: int, project: Callable[[Tensor], Tensor], generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """The centres of `size` clusters, and how many vectors each has.

    - z: vectors (N, D), one at least
    - size: clusters, K; with N < K some are empty
    - project: applied to the centres after each iteration, such as the projection onto the unit sphere
    - generator: source of random numbers

    Returns (K, D) and (K,).
    """
    some = torch.ones(len(z), device=z.device)
    seeds = z[draw_far(some, min(-(-size // SEEDING_ROUNDS), len(z)), generator)]
    while len(seeds) < min(size, len(z)):
        error = (z - seeds[search(z, seeds)]).square().sum(1)
        more = min(-(-size // SEEDING_ROUNDS), size - len(seeds), len(z))
        seeds = torch.cat([seeds, z[draw_far(error, more, generator)]])
    centres = seeds[torch.arange(size, device=z.device) % len(seeds)]
    for _ in range(ITERATIONS):
        nearest = search(z, centres)
        counts = torch.bincount(nearest, minlength=size).to(z)
        pull = torch.zeros_like(centres).index_add_(0, nearest, z - centres[nearest])
        centres = project(centres + pull / counts.clamp(min=1)[:, None])
    return centres, counts


def draw_far(error: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    """The indices of `count` distinct rows, each with a probability that grows with its `error` (N,)."""
    error = error.clamp(max=1e30)
    weight = error / error.max().clamp(min=1e-30) + 1e-6  # without any error, all rows are equally likely
    return multinomial(weight, count, generator)
