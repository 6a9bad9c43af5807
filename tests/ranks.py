"""One rank of a DistributedDataParallel run, for test_infotok to fork."""

import json
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from infotok.bottleneck import InfoTok

BATCH = 8
CASES = [("variational", True), ("variational", False), ("hsic", True)]  # estimator, is there text in the batch


class Tokenizer(nn.Module):
    def __init__(self, estimator: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder = nn.Linear(6, 3 * 4)
        # no noise to draw: variational compression acts on codes here
        options = {"codes": 5, "prior": "text"} if estimator == "variational" else {"compression": 0.5}
        self.infotok = InfoTok(4, estimator=estimator, text_dim=7, consistency=1.0, **options)
        self.head = nn.Linear(4, 5)

    def forward(self, images: torch.Tensor, text: torch.Tensor | None) -> torch.Tensor:
        features = self.encoder(images).view(-1, 3, 4)
        tokens, terms = self.infotok(features, image=images, text=text, posterior=self.head(features))
        return terms.loss + tokens.square().mean() + self.head(tokens).square().mean()


def data() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(BATCH, 6, generator=generator), torch.randn(BATCH, 7, generator=generator)


def gradients(model: nn.Module) -> dict[str, list[float]]:
    named = ((name.removeprefix("module."), p.grad) for name, p in model.named_parameters())
    return {name: [] if grad is None else grad.flatten().tolist() for name, grad in named}


def main(rank: int, world: int, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'rendezvous'}", rank=rank, world_size=world)
    images, text = data()
    mine = slice(rank * BATCH // world, (rank + 1) * BATCH // world)
    found = {}
    for estimator, with_text in CASES:
        model = DistributedDataParallel(Tokenizer(estimator))
        for _ in range(2):  # a parameter left out of the first pass would stop the second
            model.zero_grad()
            model(images[mine], text[mine] if with_text else None).backward()
        found[f"{estimator}, text {with_text}"] = gradients(model)
    (folder / f"{rank}.json").write_text(json.dumps(found))
    dist.barrier()
    dist.destroy_process_group()
