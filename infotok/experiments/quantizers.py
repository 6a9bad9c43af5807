"""Quantizers compared at equal bits on image patches, and a codebook that collapses (lesson 06).

    row = train_on_patches("photographs", "vector", bits=8, steps=240, seed=0)     # "psnr", "entropy", "dead"
    row = train_codebook("all in a corner", revival=False, frames=[0, 10, 100], seed=0)

Every run is one cell of a `sweep`: its arguments and its result are JSON. Runs of one seed have the same batches.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from infotok.errors import require_choice
from infotok.images import packed
from infotok.tokenizers import (
    BinarySphericalQuantizer,
    FiniteScalarQuantizer,
    GaussianTokens,
    GumbelQuantizer,
    LookupFreeQuantizer,
    MultiCodebookQuantizer,
    ResidualQuantizer,
    SimVQ,
    VectorQuantizer,
)
from infotok.worlds import load_images

__all__ = [
    "AVERAGES", "QUANTIZERS", "SOURCES", "STARTS", "as_picture", "clusters", "cut", "paste", "train_codebook",
    "train_on_patches",
]  # fmt: skip

PATCH, DIM = 4, 16  # pixels along a patch; numbers per token, between encoder and quantizer

QUANTIZERS: dict[str, Callable[[int], nn.Module]] = {  # by bits per token, an even number
    "vector": lambda bits: VectorQuantizer(DIM, 2**bits),
    "residual": lambda bits: ResidualQuantizer(DIM, 2 ** (bits // 2), 2),
    "multi-codebook": lambda bits: MultiCodebookQuantizer(DIM, 2 ** (bits // 2), 2),
    "finite scalar": lambda bits: FiniteScalarQuantizer(DIM, [4] * (bits // 2)),
    "lookup-free": lambda bits: LookupFreeQuantizer(DIM, 2**bits),
    "binary spherical": lambda bits: BinarySphericalQuantizer(DIM, 2**bits),
    "SimVQ": lambda bits: SimVQ(DIM, 2**bits),
    "Gumbel": lambda bits: GumbelQuantizer(DIM, 2**bits),
}
AVERAGES = ("vector", "residual", "multi-codebook")  # their codes are averages of features


# --- image patches ---------------------------------------------------------------------------------------------------


def cut(image: Tensor) -> Tensor:
    """Patches (H/4, W/4, 16 C) of an `image` (C, H, W)."""
    return image.unfold(1, PATCH, PATCH).unfold(2, PATCH, PATCH).permute(1, 2, 0, 3, 4).flatten(2)


def paste(patches: Tensor) -> Tensor:
    """The image (C, H, W) of its `patches` (H/4, W/4, 16 C): the inverse of `cut`."""
    height, width, values = patches.shape
    blocks = patches.view(height, width, values // PATCH**2, PATCH, PATCH).permute(2, 0, 3, 1, 4)
    return blocks.reshape(-1, height * PATCH, width * PATCH)


def photographs() -> tuple[Tensor, Tensor, list[Tensor]]:
    """Patches of scikit-learn's two photographs, in [0, 1]: to train on, to test on, and two held-out views."""
    from sklearn.datasets import load_sample_images

    blocks = [(20, 380, 64, 208), (84, 360, 168, 304)]  # rows and columns held out: half a pagoda, half a flower
    train, test, views = [], [], []
    for array, (top, bottom, left, right) in zip(load_sample_images().images, blocks, strict=True):
        image = torch.from_numpy(array.copy()).permute(2, 0, 1).float() / 255
        patches = cut(image[:, :424])
        held = torch.zeros(patches.shape[:2], dtype=torch.bool)
        held[top // PATCH : bottom // PATCH, left // PATCH : right // PATCH] = True
        train.append(patches[~held])
        test.append(patches[held])
        middle, across = (top + bottom) // 2 // PATCH, (left + right) // 2 // PATCH
        views.append(patches[middle - 8 : middle + 8, across - 8 : across + 8])
    return torch.cat(train), torch.cat(test), views


def digits() -> tuple[Tensor, Tensor, list[Tensor]]:
    """The same of handwritten digits, 8 x 8 pixels: four patches each, and four held-out digits."""
    world = load_images()
    train, test = (torch.stack([cut(image) for image in part.images]) for part in (world.train, world.test))
    return train.flatten(0, 2), test.flatten(0, 2), list(test[:4])


SOURCES = {"photographs": photographs, "digits": digits}


def train_on_patches(
    source: str, name: str, bits: int, steps: int, seed: int, *, batch: int = 256, weight: float = 0.0,
    shown: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Train an encoder, one quantizer and a decoder on patches; measure them on held-out patches.

    Args:
        source: "photographs" or "digits".
        name: a quantizer of `QUANTIZERS`, or "Gaussian" for continuous tokens.
        bits: per token, log2 of the number of codes; of no effect for "Gaussian".
        steps: of AdamW, with the learning rate of a one-cycle schedule up to 0.01. Codebooks that are averages of
            features get a quarter of the steps without a quantizer first.
        seed: of weights, batches and noise.
        batch: patches in each step.
        weight: of the rate, KL to N(0, I) in nats, of "Gaussian".
        shown: whether to return "pictures", the packed reconstructions of the source's views.

    Returns:
        "psnr" in decibels for values in [0, 1], "entropy" of the codes in bits per token (for "Gaussian" the KL), and
        "dead", the share of codes that no held-out patch uses.
    """
    require_choice("source", source, SOURCES), require_choice("name", name, [*QUANTIZERS, "Gaussian"])
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    train, test, views = SOURCES[source]()
    mean, scale, width = train.mean(0), train.std(), train.shape[1]
    quantizer = GaussianTokens(DIM, weight=weight) if name == "Gaussian" else QUANTIZERS[name](bits)
    encoder = nn.Sequential(nn.Linear(width, 64), nn.GELU(), nn.Linear(64, DIM), nn.LayerNorm(DIM, bias=False))
    decoder = nn.Sequential(nn.Linear(DIM, 64), nn.GELU(), nn.Linear(64, width))
    model = nn.ModuleList([encoder, quantizer, decoder])
    optimiser = torch.optim.AdamW(model.parameters(), 1e-2, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=steps + 1)
    warmup = steps // 4 if name in AVERAGES else 0
    for step in range(steps):
        x = (train[torch.randint(len(train), (batch,), generator=draw)] - mean) / scale
        tokens, loss = encoder(x)[None], 0.0
        if step >= warmup:
            out = quantizer(tokens, generator=draw)
            tokens, loss = out.tokens, out.loss
        loss = (decoder(tokens)[0] - x).square().mean() + loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()

    @torch.no_grad()
    def rebuilt(patches: Tensor) -> tuple[Tensor, Any]:
        out = quantizer(encoder((patches - mean) / scale).reshape(1, -1, DIM), generator=draw)
        return decoder(out.tokens).view(patches.shape) * scale + mean, out.usage

    model.train(name == "Gaussian")  # Gaussian tokens keep their noise, which is what bounds their information
    guess, usage = rebuilt(test)
    return {
        "psnr": -10 * math.log10((guess.clamp(0, 1) - test).square().mean()),
        "entropy": usage.entropy,
        "dead": usage.dead,
        "pictures": [as_picture(rebuilt(view)[0]) for view in views] if shown else [],
    }


def as_picture(patches: Tensor) -> str:
    """Patches (H/4, W/4, 16 C) as a packed image; ink of one channel is drawn dark on white."""
    image = paste(patches)
    return packed((1 - image.expand(3, -1, -1) if len(image) == 1 else image)[None])[0]


# --- a codebook in the plane -----------------------------------------------------------------------------------------

CLUSTERS = 8
_ANGLES = [k * 2 * math.pi / CLUSTERS for k in range(CLUSTERS)]
_FREQUENCY = [10.0, 3.0, 1.0, 3.0, 10.0, 3.0, 1.0, 3.0]
STARTS = ("all in a corner", "all at one point", "scattered", "the first batch")


def clusters(size: int, generator: torch.Generator) -> Tensor:
    """Vectors (1, size, 2) from eight clusters on a ring, the most frequent ten times as frequent as the rarest."""
    centres = 2.2 * torch.tensor([[math.cos(angle), math.sin(angle)] for angle in _ANGLES])
    cluster = torch.multinomial(torch.tensor(_FREQUENCY), size, replacement=True, generator=generator)
    return (centres[cluster] + 0.3 * torch.randn(size, 2, generator=generator))[None]


def train_codebook(start: str, revival: bool, frames: Sequence[int], seed: int, *, size: int = 32) -> dict[str, Any]:
    """A codebook in the plane at some steps of its training, with its usage and error on the same 2000 vectors.

    Args:
        start: where the codes begin, one of `STARTS`.
        revival: whether codes that are not chosen are put onto vectors of the batch.
        frames: numbers of steps after which the codebook is kept, in order; the last ends the training.
        seed: of the data and of the start.
        size: number of codes.

    Returns:
        "frames": for each its "step", "codebook" (size, 2), "counts" (size,), "used" (share of codes in use),
        "perplexity" and "error" (mean square).
    """
    require_choice("start", start, STARTS)
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    watched = clusters(2000, torch.Generator().manual_seed(seed + 1))
    quantizer = VectorQuantizer(2, size, revive_until=None if revival else 0)
    noise = torch.randn(size, 2, generator=draw)
    begin = {"all at one point": 0.001 * noise, "all in a corner": 0.1 * noise + 3, "scattered": noise}
    if start in begin:
        quantizer.start_from(begin[start])
    kept = []
    for step in range(frames[-1] + 1):
        if step in frames:
            out = quantizer.eval()(watched)
            kept.append({
                "step": step,
                "codebook": quantizer.codebook.numpy().round(3).tolist(),
                "counts": out.usage.counts[0].tolist(),
                "used": 1 - out.usage.dead,
                "perplexity": out.usage.perplexity,
                "error": (out.tokens - watched).square().mean().item(),
            })  # fmt: skip
        quantizer.train()(clusters(256, draw), generator=draw)
    return {"frames": kept}
