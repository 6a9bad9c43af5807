"""An attached model on several processes: whole on each (DDP), or cut over them (FSDP).

    # torchrun --nproc-per-node 8 train.py
    with over_processes(attached, sharding="fsdp", run_dir=RUN) as model:
        begin = attached.restore(RUN, optimiser) if RUN.exists() else 0
        ...
        model(**batch).loss.backward()          # of this process's images; gradients are means over processes
        attached.save(RUN, optimiser, step + 1) # called by all processes; the first one writes

In a single process it is the model itself, so that one script serves all. Each process reads images of its own, as many
as the others. With "fsdp" each process keeps its share of every weight, gradient and average of AdamW. Each layer of
the language model is gathered where it is used; tokenizer, embeddings, heads and InfoTok for the whole step. It stays
so afterwards, as the models of `infotok.unified.sharding` do. Make the optimiser inside, of the sharded weights.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import nn
from torch.nn.parallel import DistributedDataParallel

from infotok.distributed import rank_and_world
from infotok.errors import require, require_choice, require_folder, require_instance
from infotok.published.attached import Attached
from infotok.unified.sharding import naming_lost_processes, shard

__all__ = ["over_processes"]

SHARDING = ("none", "fsdp")


@contextmanager
def over_processes(
    attached: Attached, sharding: str = "none", run_dir: str | Path | None = None
) -> Iterator[nn.Module]:
    """Inside, the module whose forward pass trains `attached` on all processes of `torch.distributed`.

    attached: on this process's device, with the weights of the same seed or checkpoint on each.
    sharding: "none" for whole weights on each process, or "fsdp".
    run_dir: of the checkpoints, which the line of a lost process names; None for none.

    Raises ConnectionError, in one line, where another process has died; ValueError for "fsdp" in a single process, and
    where trained weights have several types: adapters and tokenizer are in float32, so without adapters the language
    model must be too.

    Example:
        >>> from infotok.published import over_processes  # doctest: +SKIP
        >>> with over_processes(attached, sharding="fsdp") as model:  # doctest: +SKIP
        ...     model(**batch).loss.backward()  # doctest: +SKIP
        ...
    """
    require_instance("attached", attached, Attached, "what `attach` gives")
    require_choice("sharding", sharding, SHARDING)
    if run_dir is not None:
        require_folder("run_dir", run_dir)
    processes = rank_and_world()[1]
    with naming_lost_processes(processes, run_dir):
        if sharding == "fsdp":
            kinds = sorted({str(p.dtype).removeprefix("torch.") for p in attached.parameters() if p.requires_grad})
            expected = "trained weights of one type: adapters (lora=16), or a language model in float32"
            require(len(kinds) == 1, "sharding", f"'fsdp' with trained weights in {' and '.join(kinds)}", expected)
            shard(attached, next(attached.parameters()).device, processes)
        whole = sharding == "fsdp" or processes == 1
        yield attached if whole else DistributedDataParallel(attached, find_unused_parameters=True)
