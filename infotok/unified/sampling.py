"""Classifier-free guidance (`guide`), and sampling from uniforms that belong to an image, not to its batch.

Every image gets a row of uniforms, drawn in order and before anything else. What is sampled, a code, a mask or a
Gaussian, is a function of that row. Images are then the same however a list of prompts is cut into batches, and two
processes that share a batch draw what one process would have drawn.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

from infotok.distributed import rank_and_world
from infotok.noise import rand

__all__ = ["categorical", "guide", "gumbel", "normal", "own_generator", "rows_of", "uniform"]

SMALLEST = 2.0**-25  # half the step of torch.rand: keeps logarithms and quantiles finite
PLACE: ContextVar[tuple[int, int] | None] = ContextVar("PLACE", default=None)  # first row of how many


@contextmanager
def rows_of(start: int, whole: int) -> Iterator[None]:
    """Inside, `uniform` draws for `whole` rows and keeps those from `start` on: the rest belong to other ranks."""
    token = PLACE.set((start, whole))
    try:
        yield
    finally:
        PLACE.reset(token)


def uniform(rows: int, shape: tuple[int, ...], generator: torch.Generator | None, device: torch.device) -> Tensor:
    """U(0, 1), (rows, *shape): drawn where the generator lives, so that a seed means the same on every device."""
    start, whole = PLACE.get() or (0, rows)
    return rand((whole, *shape), generator, device)[start : start + rows]


def joint_uniform(rows: int, shape: tuple[int, ...], generator: torch.Generator | None, device: torch.device) -> Tensor:
    """`uniform` for the batch of all ranks, of which this rank keeps its rows; generators must agree between ranks."""
    rank, world = rank_and_world()
    return uniform(world * rows, shape, generator, device)[rank * rows : (rank + 1) * rows]


def own_generator(generator: torch.Generator | None) -> torch.Generator | None:
    """A generator for this rank alone, for noise that other code draws for its own rows."""
    if generator is None:
        return None
    seed = torch.randint(2**62, (1,), generator=generator, device=generator.device)  # one, for any number of ranks
    return torch.Generator(generator.device).manual_seed(int(seed) + rank_and_world()[0])


def normal(u: Tensor) -> Tensor:
    """N(0, 1) from uniforms: the Gaussian's quantile function."""
    return torch.special.ndtri(u.clamp(SMALLEST, 1 - 2 * SMALLEST))


def gumbel(u: Tensor) -> Tensor:
    """Gumbel noise from uniforms."""
    return -torch.log(-torch.log(u.clamp(SMALLEST, 1 - 2 * SMALLEST)))


def guide(pair: Tensor, scale: float) -> Tensor:
    """The step of classifier-free guidance: without + scale (with - without the caption).

    Source: Ho & Salimans 2022, arXiv 2207.12598.

    pair: (2, ...) predictions with the caption and without it: logits, or velocities of a flow.
    """
    return pair[1] + scale * (pair[0] - pair[1])


def categorical(logits: Tensor, u: Tensor, temperature: float = 1.0) -> Tensor:
    """One index a row, from softmax(logits / temperature), (..., K) and `u` (...) -> (...): the inverse of its CDF.

    Temperature 0 takes the most probable index. An index of probability 0 is never taken, at u = 0 and u = 1 neither.
    """
    if temperature == 0:
        return logits.argmax(-1)
    below = logits.double() - logits.amax(-1, keepdim=True)  # relative to the largest: no temperature overflows
    cumulative = (below / temperature).softmax(-1).cumsum(-1)
    u = u[..., None].double().clamp(max=1 - 2.0**-30).contiguous()  # the sum may be below 1 by rounding
    return torch.searchsorted(cumulative, u, right=True).squeeze(-1).clamp(max=logits.shape[-1] - 1)
