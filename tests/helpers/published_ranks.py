"""An attached model on each of two gloo processes."""

import json
from pathlib import Path

import torch
import torch.distributed as dist
from published_models import FAMILIES, TEXT, batch_of, published
from ranks import begin
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from infotok.published import Attached, attach

IMAGES = 8
OPTIONS = {"estimator": "hsic", "compression": 0.5, "text_dim": TEXT, "consistency": 1.0}  # terms of the whole batch


def attached_model(name: str) -> Attached:
    torch.manual_seed(0)
    return attach(published(name), OPTIONS, near=6).train()


def gradients(model: nn.Module) -> dict[str, list[float]]:
    """Gradients that are not None, by name."""
    named = ((name.removeprefix("module."), p.grad) for name, p in model.named_parameters())
    return {name: grad.flatten().tolist() for name, grad in named if grad is not None}


def main(rank: int, world: int, folder: Path) -> None:
    """The gradients of DDP on this rank's images, for each family."""
    begin(rank, world, folder)
    found = {}
    for name in FAMILIES:
        mine = slice(rank * IMAGES // world, (rank + 1) * IMAGES // world)
        batch = {key: each[mine] for key, each in batch_of(name, IMAGES).items()}
        model = DistributedDataParallel(attached_model(name), find_unused_parameters=True)
        for _ in range(2):  # a parameter left out of the first pass would stop the second
            model.zero_grad()
            model(**batch).loss.backward()
        found[name] = gradients(model)
    (folder / f"{rank}.json").write_text(json.dumps(found))
    dist.barrier()
    dist.destroy_process_group()
