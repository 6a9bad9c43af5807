"""Two gloo processes of torch.distributed, and what InfoTok's tests run on each of them."""

import json
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from apart import ended, started
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from infotok.bottleneck import InfoTok

BATCH = 8
CASES = [  # estimator, which captions there are: all, none, or seven of eight, of which the ranks have three and four
    ("variational", "all"),
    ("variational", "none"),
    ("variational", "some"),
    ("hsic", "all"),
    ("hsic", "some"),
    ("decoder", "some"),
    ("bilinear", "some"),
    ("bank", "some"),
]
OPTIONS = {  # no noise to draw: variational compression acts on codes here
    "variational": {"codes": 5, "prior": "text", "bound": "infonce"},
    "hsic": {"estimator": "hsic", "compression": 0.5},
    "decoder": {"compression": 0.0, "bound": "decoder"},
    "bilinear": {"compression": 0.0, "bound": "infonce", "critic": "bilinear"},
    "bank": {"compression": 0.0, "bound": "infonce", "negatives": 20},
}


def exit_codes(target: Callable[[int, int, Path], None], folder: Path) -> list[int]:
    """The exit codes of `target(rank, 2, folder)` in two processes."""
    return ended([started(target, rank, 2, folder) for rank in (0, 1)], seconds=120)


def on_two_ranks(target: Callable[[int, int, Path], None], folder: Path) -> list[dict]:
    """What `target(rank, 2, folder)` writes to RANK.json of the folder, in two processes."""
    assert exit_codes(target, folder) == [0, 0]
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


class Tokenizer(nn.Module):
    def __init__(self, estimator: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder = nn.Linear(6, 3 * 4)
        self.infotok = InfoTok(4, text_dim=7, consistency=1.0, **OPTIONS[estimator])
        self.head = nn.Linear(4, 5)

    def forward(self, images: torch.Tensor, text: torch.Tensor | None) -> torch.Tensor:
        features = self.encoder(images).view(-1, 3, 4)
        tokens, terms = self.infotok(features, image=images, text=text, posterior=self.head(features))
        return terms.loss + tokens.square().mean() + self.head(tokens).square().mean()


def data(captions: str = "all") -> tuple[torch.Tensor, torch.Tensor | None]:
    generator = torch.Generator().manual_seed(1)
    images, text = torch.randn(BATCH, 6, generator=generator), torch.randn(BATCH, 7, generator=generator)
    if captions == "some":
        text[2] = torch.nan
    return images, None if captions == "none" else text


def gradients(model: nn.Module) -> dict[str, list[float]]:
    named = ((name.removeprefix("module."), p.grad) for name, p in model.named_parameters())
    return {name: [] if grad is None else grad.flatten().tolist() for name, grad in named}


def twice(model: nn.Module, images: torch.Tensor, text: torch.Tensor | None) -> None:
    """Gradients of a second pass: a parameter left out of the first would stop it, and a bank has the first's texts."""
    for _ in range(2):
        model.zero_grad()
        model(images, text).backward()


def begin(rank: int, world: int, folder: Path) -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", UserWarning)  # of the captions that are left out on purpose
    rendezvous, limit = f"file://{folder / 'rendezvous'}", timedelta(seconds=60)
    dist.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=world, timeout=limit)


def main(rank: int, world: int, folder: Path) -> None:
    begin(rank, world, folder)
    found = {}
    for estimator, captions in CASES:
        images, text = data(captions)
        mine = slice(rank * BATCH // world, (rank + 1) * BATCH // world)
        model = DistributedDataParallel(Tokenizer(estimator))
        twice(model, images[mine], None if text is None else text[mine])
        found[f"{estimator}, {captions}"] = gradients(model)
    (folder / f"{rank}.json").write_text(json.dumps(found))
    dist.barrier()
    dist.destroy_process_group()


def misfits(rank: int) -> dict[str, tuple[int, dict]]:
    """Batches that do not fit together, by name: tokens per image on this rank, and the inputs."""
    images, text = data()
    rows = 3 + 2 * rank
    return {
        "rows": (3, {"image": images[:rows], "text": text[:rows]}),
        "text": (3, {"image": images, "text": None if rank else text}),
        "width": (3, {"image": images[:, : 6 - rank], "text": text}),
        "tokens": (3 + rank, {"image": images, "text": text}),
        "refused": (3, {"image": images, "text": text[:, : 7 - rank]}),
    }


def misfit_main(rank: int, world: int, folder: Path) -> None:
    """The error of this rank for each misfit; after each the ranks still work together."""
    begin(rank, world, folder)
    found = {}
    infotok = InfoTok(4, estimator="hsic", text_dim=7, consistency=1.0)
    for name, (length, inputs) in misfits(rank).items():
        try:
            infotok(torch.randn(len(inputs["image"]), length, 4), **inputs)
            found[name] = "no error"
        except ValueError as error:
            found[name] = str(error)
        dist.barrier()
    (folder / f"{rank}.json").write_text(json.dumps(found))
    dist.destroy_process_group()
