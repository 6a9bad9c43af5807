"""Gathers and means over the ranks of `torch.distributed` whose numbers of rows differ, as with padded tokens."""

import torch
import torch.nn.functional as F
from torch import Tensor

from infotok.distributed import gather_over_ranks, mean_over_ranks, rank_and_world

__all__ = ["gather_rows", "row_weight"]


def gather_rows(rows: Tensor) -> Tensor:
    """The `rows` (N, ...) of every rank, in order, where N may differ between ranks."""
    if rank_and_world()[1] == 1:
        return rows
    counts = gather_over_ranks(torch.tensor([len(rows)], device=rows.device)).tolist()
    filled = F.pad(rows, (0, 0) * (rows.ndim - 1) + (0, max(counts) - len(rows)))
    parts = zip(gather_over_ranks(filled).split(max(counts)), counts, strict=True)
    return torch.cat([part[:count] for part, count in parts])


def row_weight(rows: int, like: Tensor) -> Tensor:
    """The weight of this rank's mean in the mean over ranks: its rows over the mean number of rows; 1 for one rank."""
    count = torch.full((), rows, dtype=like.dtype, device=like.device)
    return count / mean_over_ranks(count.clone())
