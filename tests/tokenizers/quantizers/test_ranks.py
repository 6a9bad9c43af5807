"""Statistics over the ranks of torch.distributed: two gloo processes are one quantizer."""

import json
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from ranks import on_two_ranks

from infotok.tokenizers import GaussianTokens, LookupFreeQuantizer, ResidualQuantizer, VectorQuantizer

pytestmark = pytest.mark.slow

PASSES, BATCH, DIM = 6, 8, 4
SHARES = {"even": 4, "uneven": 5}  # images of the first rank
CASES = {
    "given codebook": lambda: VectorQuantizer(DIM, 16).start_from(torch.randn(16, DIM)),
    "first batch, few vectors and revival": lambda: VectorQuantizer(DIM, 200, patience=1),
    "residual, gradient": lambda: ResidualQuantizer(DIM, 16, 2, learning="gradient"),
    "signs": lambda: LookupFreeQuantizer(DIM, 16),
    "Gaussian": lambda: GaussianTokens(DIM, noise=0.3),
}


def run(make, part: slice, seed: int) -> dict[str, list[float]]:
    """The state after some passes over `part` of each batch; each rank draws from a generator of its own."""
    torch.manual_seed(0)
    quantizer = make()
    for i in range(PASSES):
        z = torch.randn(BATCH, 10, DIM, generator=torch.Generator().manual_seed(i))
        quantizer(z[part], generator=torch.Generator().manual_seed(100 * seed + i))
    return {name: value.flatten().tolist() for name, value in quantizer.state_dict().items()}


def rank_main(rank: int, world: int, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'rendezvous'}", rank=rank, world_size=world)
    found = {}
    for share, cut in SHARES.items():
        part = slice(0, cut) if rank == 0 else slice(cut, BATCH)
        found |= {f"{name}, {share}": run(make, part, seed=rank + 1) for name, make in CASES.items()}
    (folder / f"{rank}.json").write_text(json.dumps(found))
    dist.barrier()
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory) -> list[dict]:
    return on_two_ranks(rank_main, tmp_path_factory.mktemp("ranks"))


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("case", CASES)
def test_ranks_stay_equal(ranks, case, share):
    assert ranks[0][f"{case}, {share}"] == ranks[1][f"{case}, {share}"]


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("case", CASES)
def test_two_ranks_are_one_process_on_the_whole_batch(ranks, case, share):
    alone = run(CASES[case], slice(None), seed=1)  # what the first rank draws holds for all
    together = ranks[0][f"{case}, {share}"]
    assert alone.keys() == together.keys()
    for name, value in alone.items():
        assert together[name] == pytest.approx(value, rel=1e-4, abs=1e-5), name
