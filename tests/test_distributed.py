"""Sums, means, rows and broadcasts over two gloo processes, of tensors whose numbers do not lie side by side."""

import json

import pytest
import ranks
import torch
import torch.distributed as dist

from infotok.distributed import first_rank, gather_over_ranks, gather_uneven, mean_over_ranks, sum_over_ranks

KINDS = {
    "gaps": lambda x: x[:, ::2],
    "a part": lambda x: x[:, 1:],
    "transposed": lambda x: x.T,
    "expanded": lambda x: x[:, :1].expand(3, 5),
    "whole": lambda x: x,
}


def numbers(rank, kind):
    return KINDS[kind](torch.arange(12.0).view(3, 4) + 10 * rank)


def main(rank, world, folder):
    ranks.begin(rank, world, folder)
    found = {}
    for kind in KINDS:
        own, told = (numbers(rank, kind) for _ in range(2))
        uneven = gather_uneven(own, [len(own), 2])
        found[kind] = {"gather": gather_over_ranks(own).tolist(), "uneven": uneven.tolist()}
        if kind == "expanded":  # nothing can be written in place there
            continue
        first_rank(told)
        found[kind] |= {"first": told.tolist(), "sum": sum_over_ranks(own).tolist(), "in place": own.tolist()}
        found[kind]["mean"] = mean_over_ranks(numbers(rank, kind)).tolist()
    (folder / f"{rank}.json").write_text(json.dumps(found))
    dist.barrier()
    dist.destroy_process_group()


@pytest.mark.slow
def test_the_layout_of_a_tensor_changes_no_number(tmp_path):
    for found in ranks.on_two_ranks(main, tmp_path):
        for kind, got in found.items():
            first, second = numbers(0, kind), numbers(1, kind)
            expected = {
                "gather": torch.cat([first, second]),
                "uneven": torch.cat([first, second[:2]]),
                "first": first,
                "sum": first + second,
                "in place": first + second,
                "mean": (first + second) / 2,
            }
            assert got == {name: expected[name].tolist() for name in got}, kind
