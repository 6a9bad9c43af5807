"""The reader of FashionWorld: a small classifier of cells, into the ten kinds and the empty cell.

It was trained on training photographs in scenes of all strengths of nuisance and jitter, sharp, blurred and noised, so
test photographs are new to it. Its weights ship with the package and were made by

    safetensors.torch.save_file(train_reader()[0].state_dict(), "infotok/worlds/fashion/reader.safetensors")

It errs, mostly between shirt (0.48 of them right), t-shirt, pullover and coat. Of renders of the split "test" at
nuisance 0.5 and jitter 1 it reads 0.88 of the cells right: all empty cells and 0.83 of the others. Of these it reads,
after a blur of 0.7 and 1.4 pixels, 0.81 and 0.75; with noise of deviation 0.05 and 0.1, 0.82 and 0.78; and at jitter 3,
where a photograph has 10 pixels a side, 0.72. These numbers are the ceilings of every score by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy, pad

from infotok.errors import require_int
from infotok.worlds.fashion.scenes import NAMES
from infotok.worlds.openmoji.reader import blur
from infotok.worlds.shapes.render import GREY

__all__ = ["FashionReader", "Reading", "fashion_reader", "read", "train_reader"]

WEIGHTS = "reader.safetensors"
SIDE, CELL = 32, 16  # pixels of an image, and of a cell of it, as they are read
CONFIDENT = 0.8  # probability of what is read, from which a cell counts as read with confidence
SETTINGS = ((0.0, 1), (0.5, 0), (0.5, 1), (0.5, 1), (0.5, 2), (0.5, 3), (0.8, 1), (1.0, 1))  # (nuisance, jitter)
BLURS, DEVIATIONS = (0.0, 0.0, 0.7, 1.4), (0.0, 0.0, 0.05, 0.1)  # pixels at size 32; of added noise
EMPTY_KEPT, SMOOTHING = 0.15, 0.02  # share of the empty cells trained on, which are easy; of labels
MIXED = 6  # conditions in a batch
CELLS_AT_ONCE = 4096


@dataclass(frozen=True)
class Reading:
    """The reader's output, cells coded as in the scenes.

    cells: (B, 4) long
    scores: (B, 4) in [0, 1], the classifier's probability of what is read
    confident: (B, 4) bool, whether it is at least 0.8
    """

    cells: Tensor
    scores: Tensor
    confident: Tensor


class FashionReader(nn.Module):
    """Cells (N, 3, 16, 16) in [0, 1] -> logits (N, 11): empty, then the ten kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(24, 48, 3, padding=1, bias=False), nn.BatchNorm2d(48), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(48, 48, 3, padding=1, bias=False), nn.BatchNorm2d(48), nn.ReLU(),
            nn.Flatten(), nn.Linear(48 * 16, 44), nn.ReLU(), nn.Linear(44, 1 + len(NAMES)),
        )  # fmt: skip

    def forward(self, cells: Tensor) -> Tensor:
        return self.layers(2 * (cells - GREY))


@lru_cache(maxsize=1)
def fashion_reader() -> FashionReader:
    """The classifier whose weights ship with the package, in eval mode."""
    network = FashionReader()
    network.load_state_dict(load(resources.files(__package__).joinpath(WEIGHTS).read_bytes()))
    return network.eval().requires_grad_(False)


@torch.no_grad()
def read(images: Tensor) -> Reading:
    """Read `images` (B, 3, S, S), S a multiple of 32; larger ones are averaged to 32 pixels first."""
    network, cells = fashion_reader(), cells_of(images.float())
    logits = torch.cat([network(part.cpu()) for part in cells.split(CELLS_AT_ONCE)]).to(images.device)
    scores, found = logits.softmax(1).unflatten(0, (-1, 4)).max(-1)
    return Reading(found, scores, scores >= CONFIDENT)


def cells_of(images: Tensor) -> Tensor:
    """The cells (B * 4, 3, 16, 16) of images (B, 3, S, S)."""
    small = avg_pool2d(images, images.shape[-1] // SIDE)
    return rearrange(small, "b c (row h) (column w) -> (b row column) c h w", row=2, column=2)


def blurred(images: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur of images (B, 3, S, S), reflected at the border."""
    edge = images.shape[-1] // 4
    return blur(pad(images, (edge,) * 4, mode="reflect"), sigma)[..., edge:-edge, edge:-edge].clamp(0, 1)


def train_reader(
    steps: int = 2000, batch: int = 96, seed: int = 0, folder: str | Path | None = None
) -> tuple[FashionReader, dict[str, float | None]]:
    """A trained classifier, and the shares that it reads right of renders of the test split, by `score_cells`' names.

    Each step draws `batch` new scenes of training photographs, in six parts: each with one of eight pairs of nuisance
    and jitter, blurred and noised by chance. Two minutes on an idle core.

    steps: of AdamW; batch: scenes a step; seed: of weights and scenes; folder: of the photographs, see FashionWorld.
    """
    from infotok.worlds.fashion.world import FashionWorld  # which has this reader

    require_int("steps", steps), require_int("batch", batch)
    seed = require_int("seed", seed, 0, 2**63 - 1)
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = FashionReader().to(memory_format=torch.channels_last)  # a third faster
    worlds = [FashionWorld(32, nuisance, jitter, "all", folder) for nuisance, jitter in SETTINGS]
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=steps)

    def one_of(values: Sequence[Any]) -> Any:
        return values[int(torch.randint(len(values), (), generator=generator))]

    def part(n: int) -> tuple[Tensor, Tensor]:
        """Cells of n scenes of one world, equally blurred and noised, and what they show; of empty cells a few."""
        world = one_of(worlds)
        scenes = world.sample(n, generator)
        images = blurred(world.render(scenes, generator), one_of(BLURS))
        images = images + one_of(DEVIATIONS) * torch.randn(images.shape, generator=generator)
        cells = scenes.cells.flatten()
        kept = (cells > 0) | (torch.rand(len(cells), generator=generator) < EMPTY_KEPT)
        return cells_of(images.clamp(0, 1))[kept], cells[kept]

    for _ in range(steps):
        parts = [part(batch // MIXED) for _ in range(MIXED)]  # so that normalisation sees a mixture, as it must later
        images, cells = (torch.cat(values) for values in zip(*parts, strict=True))
        loss = cross_entropy(network(images), cells, label_smoothing=SMOOTHING)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    network.to(memory_format=torch.contiguous_format).eval().requires_grad_(False)
    world = FashionWorld(split="test", folder=folder)
    scenes = world.sample(8 * batch, generator)
    right = network(cells_of(world.render(scenes, generator))).argmax(1) == scenes.cells.flatten()
    there = scenes.cells.flatten() > 0
    parts = {"cells": right, "present": right[there], "empty": right[~there]}
    return network, {name: part.float().mean().item() for name, part in parts.items()}
