"""A batch that several processes share: its sums, means and rows over the ranks of `torch.distributed`.

Every function is the identity where there is one process.
"""

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ["first_rank", "gather_over_ranks", "mean_over_ranks", "of_each_rank", "rank_and_world", "sum_over_ranks"]


def rank_and_world() -> tuple[int, int]:
    """This process's number, and how many there are."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_available() and dist.is_initialized() else (0, 1)


def sum_over_ranks(values: Tensor) -> Tensor:
    """The sum over all ranks, in place."""
    if rank_and_world()[1] > 1:
        dist.all_reduce(values)
    return values


def mean_over_ranks(values: Tensor) -> Tensor:
    """The mean over all ranks, in place."""
    return sum_over_ranks(values).div_(rank_and_world()[1])


def gather_over_ranks(rows: Tensor) -> Tensor:
    """The rows of every rank, in order, (N, ...) of each; gradients return to the rank they came from."""
    return GatherRows.apply(rows) if rank_and_world()[1] > 1 else rows


def of_each_rank(values: list[int], device: torch.device) -> list[list[int]]:
    """These integers of every rank, in order: for all to see whether they agree before they gather."""
    if rank_and_world()[1] == 1:
        return [values]
    own = torch.tensor(values, dtype=torch.long, device=device)
    every = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(every, own)
    return [each.tolist() for each in every]


def first_rank(*values: Tensor) -> None:
    """What the first rank has, on all of them, in place."""
    if rank_and_world()[1] > 1:
        for value in values:
            dist.broadcast(value.data, src=0)


class GatherRows(torch.autograd.Function):
    """all_gather along the first dimension, whose backward sums each rank's share of the gradient over all ranks.

    With the average that DistributedDataParallel takes, parameters then get the gradient of the whole batch's loss.
    """

    @staticmethod
    def forward(ctx, rows: Tensor) -> Tensor:
        ctx.rows = len(rows)
        every = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(every, rows.contiguous())
        return torch.cat(every)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)
        start = dist.get_rank() * ctx.rows
        return gradient[start : start + ctx.rows]
