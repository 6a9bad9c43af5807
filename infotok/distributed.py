"""Sums, means and rows of a batch over the ranks of `torch.distributed` (DDP).

Every function is the identity in a single process.
"""

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = [
    "first_rank",
    "gather_over_ranks",
    "gather_uneven",
    "mean_over_ranks",
    "of_each_rank",
    "rank_and_world",
    "sum_over_ranks",
]


def rank_and_world() -> tuple[int, int]:
    """The rank of this process, and the world size (the number of processes)."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_available() and dist.is_initialized() else (0, 1)


def sum_over_ranks(values: Tensor) -> Tensor:
    """The sum over all ranks of `values`, a tensor of the same shape on each; in place."""
    if rank_and_world()[1] > 1:
        whole = values.contiguous()  # gloo reads a tensor with gaps, such as x[:, ::2], as if it had none
        dist.all_reduce(whole)
        if whole is not values:
            values.copy_(whole)
    return values


def mean_over_ranks(values: Tensor) -> Tensor:
    """The mean over all ranks of `values`, floats of the same shape on each; in place."""
    return sum_over_ranks(values).div_(rank_and_world()[1])


def gather_over_ranks(rows: Tensor) -> Tensor:
    """The `rows` (N, ...) of every rank, in order, where N is the same; gradients return to their rank."""
    return GatherRows.apply(rows) if rank_and_world()[1] > 1 else rows


def gather_uneven(rows: Tensor, sizes: list[int]) -> Tensor:
    """The `rows` of every rank, in order, of which rank r has `sizes[r]`, without gradients; others are left out."""
    rank, world = rank_and_world()
    if world == 1:
        return rows[: sizes[0]]
    padded = rows.new_zeros(max(sizes), *rows.shape[1:])
    padded[: sizes[rank]] = rows[: sizes[rank]]
    every = [torch.empty_like(padded) for _ in range(world)]
    dist.all_gather(every, padded)
    return torch.cat([each[:size] for each, size in zip(every, sizes, strict=True)])


def of_each_rank(values: list[int], device: torch.device) -> list[list[int]]:
    """These integers of every rank, in order, so that all can check that they agree before a gather.

    values: integers, as many on each rank. device: on which the ranks exchange them.
    """
    if rank_and_world()[1] == 1:
        return [values]
    own = torch.tensor(values, dtype=torch.long, device=device)
    every = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(every, own)
    return [each.tolist() for each in every]


def first_rank(*values: Tensor) -> None:
    """The values of the first rank on all ranks, in place (a broadcast)."""
    if rank_and_world()[1] > 1:
        for value in values:
            whole = value.data.contiguous()
            dist.broadcast(whole, src=0)
            if whole.data_ptr() != value.data_ptr():
                value.data.copy_(whole)


class GatherRows(torch.autograd.Function):
    """all_gather along the first dimension; its backward pass sums the gradient of each rank's rows over all ranks.

    DistributedDataParallel averages gradients, so parameters get the gradient of the loss of the whole batch.
    """

    @staticmethod
    def forward(ctx, rows: Tensor) -> Tensor:
        ctx.rows = len(rows)
        rows = rows.contiguous()
        every = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(every, rows)
        return torch.cat(every)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)
        start = dist.get_rank() * ctx.rows
        return gradient[start : start + ctx.rows]
