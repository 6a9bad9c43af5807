"""An attached model on each of two gloo processes, by DDP and by FSDP."""

import json
import os
import signal
from pathlib import Path

import torch
import torch.distributed as dist
from published_models import FAMILIES, TEXT, batch_of, published
from ranks import begin
from torch import nn

from infotok.published import Attached, attach, over_processes
from infotok.unified.sharding import full

IMAGES, STEPS, SAVED = 8, 4, 2
OPTIONS = {"estimator": "hsic", "compression": 0.5, "text_dim": TEXT, "consistency": 1.0}  # terms of the whole batch
CONTRASTIVE = {"bound": "infonce", "compression": 0.0, "text_dim": TEXT, "consistency": 1.0}  # each rank's texts too
CASES = [(name, sharding, 0, "hsic") for name in FAMILIES for sharding in ("none", "fsdp")]
CASES += [(name, sharding, 0, "infonce") for name in FAMILIES for sharding in ("none", "fsdp")]
CASES += [("janus", "none", 2, "hsic"), ("janus", "fsdp", 2, "hsic")]  # adapters beside a language model in bfloat16


def attached_model(name: str, lora: int = 0, terms: str = "hsic") -> Attached:
    model = published(name)
    torch.manual_seed(0)
    options = {"hsic": OPTIONS, "infonce": CONTRASTIVE}[terms]
    attached = attach(model.bfloat16() if lora else model, options, near=6, lora=lora).train()
    for key, p in attached.named_parameters():
        if ".lora_B." in key:  # which begins at 0, and leaves lora_A without a gradient
            nn.init.normal_(p, std=0.1)
    return attached


def gradients(model: nn.Module) -> dict[str, list[float]]:
    """Whole gradients that are not None, by name."""
    named = ((name.removeprefix("module."), p.grad) for name, p in model.named_parameters())
    return {name: full(grad).flatten().tolist() for name, grad in named if grad is not None}


def share(name: str, rank: int, world: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """This rank's rows of a batch."""
    mine = slice(rank * IMAGES // world, (rank + 1) * IMAGES // world)
    return {key: each[mine] for key, each in batch_of(name, IMAGES, seed).items()}


def main(rank: int, world: int, folder: Path) -> None:
    """The gradients of each case on this rank's images."""
    begin(rank, world, folder)
    found = {}
    for name, sharding, lora, terms in CASES:
        with over_processes(attached_model(name, lora, terms), sharding) as model:
            for _ in range(2):  # a parameter left out of the first pass would stop the second
                model.zero_grad()
                model(**share(name, rank, world)).loss.backward()
        found[f"{name} {sharding} {lora} {terms}"] = gradients(model)
    (folder / f"{rank}.json").write_text(json.dumps(found))
    dist.barrier()
    dist.destroy_process_group()


def train(rank: int, world: int, run: Path, killed: bool = False) -> dict[str, list[float]]:
    """Four steps of Janus by FSDP with a checkpoint after two; the whole weights that were trained."""
    attached = attached_model("janus", lora=2)
    with over_processes(attached, "fsdp" if world > 1 else "none", run) as model:
        optimiser = torch.optim.AdamW([p for p in attached.parameters() if p.requires_grad], lr=1e-2)
        first = attached.restore(run, optimiser) if run.exists() else 0
        for step in range(first, STEPS):
            if killed and rank == 1 and step == SAVED + 1:
                os.kill(os.getpid(), signal.SIGKILL)
            optimiser.zero_grad()
            model(**share("janus", rank, world, step)).loss.backward()
            optimiser.step()
            if step + 1 == SAVED:
                attached.save(run, optimiser, step + 1)
    return {key: full(p.detach()).flatten().tolist() for key, p in attached.named_parameters() if p.requires_grad}


def whole_run(rank: int, world: int, folder: Path) -> None:
    """A training that nothing disturbs, or that goes on after a kill."""
    begin(rank, world, folder)
    (folder / f"{rank}.json").write_text(json.dumps(train(rank, world, folder / "run")))
    dist.barrier()
    dist.destroy_process_group()


def killed_run(rank: int, world: int, folder: Path) -> None:
    """The second rank dies; the first writes the line that it ends with."""
    begin(rank, world, folder)
    try:
        train(rank, world, folder / "run", killed=True)
    except ConnectionError as error:
        (folder / "line.txt").write_text(str(error))
        os._exit(3)  # not through the end of a process group that has lost a member
