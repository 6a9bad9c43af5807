"""Variants of a tokenizer on ShapesWorld at equal bits, and what their tokens hold of the world (lesson 07).

    row = train_tokenizer("InfoTok HSIC", VARIANTS["InfoTok HSIC"], seed=0, bits=3, nuisance=0.5, steps=250)
    row["path"][-1]["structure"]                    # nats of structure that a probe finds in the tokens
    select(rows, "InfoTok HSIC", bits=3, nuisance=0.5), nats(rows, "baseline", "structure", bits=3, nuisance=0.5)

Every run is one cell of a `sweep`: its arguments and its result are JSON. Variants of one seed have the same images in
the same order and the same initial weights.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from infotok.errors import require
from infotok.evaluation.probing import probe_tokenizer
from infotok.evaluation.reconstruction import score_reconstructions
from infotok.evaluation.statistics import paired_difference
from infotok.images import packed
from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.worlds import Scenes, ShapesWorld

__all__ = ["VARIANTS", "compare", "example_scenes", "nats", "plan", "select", "train_tokenizer"]

BASELINE = "baseline"
VARIANTS: dict[str, dict[str, Any]] = {  # what is added to the loss: options of `InfoTok`
    "baseline": {},
    "caption head": {
        "bound": "decoder",
        "critic": "bilinear",
        "compression": 0.0,
        "consistency": 0.1,
        "placement": "after",
        "length": 16,
    },
    "consistency only": {"bound": "infonce", "compression": 0.0, "consistency": 1.0},
    "InfoTok variational": {"bound": "infonce", "compression": 1e-3, "prior": "text", "consistency": 1.0},
    "InfoTok HSIC": {"estimator": "hsic", "compression": 0.1, "consistency": 1.0},
}
SCENES = 500  # of which reconstructions are scored; five of them are kept to look at


def train_tokenizer(
    variant: str, options: dict[str, Any], seed: int, *, bits: int = 3, nuisance: float = 0.5, steps: int = 250,
    images: int = 6000, probe: int = 400, evaluations: int = 1,
) -> dict[str, Any]:  # fmt: skip
    """Train one tokenizer on ShapesWorld; measure by probing what its tokens hold, and how images are reconstructed.

    Args:
        variant: its name, for the reader.
        options: one of `VARIANTS`: options of `InfoTok`; {} for the baseline.
        seed: of weights, images and noise.
        bits: per token, of 16 tokens.
        nuisance: strength of the background, above 0 and at most 1.
        steps: of AdamW, 32 images each, with a cosine schedule from 0.003.
        images: on which the probe is trained and tested.
        probe: training steps of the probe.
        evaluations: how often the tokens are probed along training, the last at its end.

    Returns:
        "path": for each evaluation its "step" and the nats of "structure", "jitter" and "nuisance" that the probe
        finds; half of each last interval ("structure_half", ...); "entropy_bits" of the codes per token; scores of
        reconstructions; and "drawn", the first five as packed images.
    """
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    world = ShapesWorld(nuisance=nuisance, split="all")
    tokenizer = _make_variant(options, world, bits, steps)
    optimiser = torch.optim.AdamW(tokenizer.parameters(), 3e-3, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    data, noise = (torch.Generator().manual_seed(seed + offset) for offset in (0, 1000))
    ends = [round(steps * (i / evaluations) ** 1.5) for i in range(1, evaluations + 1)]  # closer together at the start
    path = []
    for step in range(1, steps + 1):
        scenes = world.sample(32, data)
        batch, text = world.render(scenes, data), world.caption_vector(scenes)
        out = tokenizer(batch, text=text, generator=noise)
        terms = tokenizer.reconstruction(out.tokens, batch) | out.terms
        optimiser.zero_grad()
        sum(terms.values()).backward()
        optimiser.step()
        schedule.step()
        if step in ends:
            found = probe_tokenizer(tokenizer, world, images=images, steps=probe, seed=10_000 + seed)
            path.append({"step": step} | {name: round(value.nats, 4) for name, value in found.items()})
    half = {f"{name}_half": round(value.nats - value.interval[0], 4) for name, value in found.items()}
    scenes, batch = example_scenes(nuisance)
    with torch.no_grad():
        drawn = tokenizer.decode(tokenizer.encode(batch))
    scores = {name: round(value, 3) for name, value in score_reconstructions(drawn, batch, scenes, world).items()}
    used = {"entropy_bits": round(tokenizer.quantizer.usage.entropy, 3)}
    return {"path": path, **half, **used, **scores, "drawn": packed(drawn[:5])}


def _make_variant(options: dict[str, Any], world: ShapesWorld, bits: int, steps: int) -> SharedTokenizer:
    """A tokenizer with InfoTok, or without for the baseline."""
    width = world.caption_vector(world.sample(1, torch.Generator().manual_seed(0))).shape[1]
    quantizer = {"codebook_size": 2**bits, "revive_until": round(0.6 * steps)}
    infotok = {"text_dim": width, **options} if options else None
    config = TokenizerConfig(quantizer_options=quantizer, infotok=infotok, warmup=steps // 8)
    return SharedTokenizer.from_config(config)


def example_scenes(nuisance: float) -> tuple[Scenes, Tensor]:
    """The scenes, with their images (500, 3, 32, 32), whose reconstructions every run is scored on."""
    world = ShapesWorld(nuisance=nuisance, split="all")
    scenes = world.sample(SCENES, torch.Generator().manual_seed(11))
    return scenes, world.render(scenes, torch.Generator().manual_seed(11))


# --- finished runs ---------------------------------------------------------------------------------------------------


def plan(
    seed: int, seeds: int, at: dict[str, Any], evaluations: int, bits: list[int], nuisance: list[float],
    names: list[str] | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """The cells of lesson 07's sweep: every variant with `seeds` seeds, then the dials with one seed.

    Args:
        seed, seeds: the first seed, and how many.
        at: settings of the main comparison: "bits" and "nuisance" among them.
        evaluations: of each run of the main comparison; a run at the dials has one.
        bits, nuisance: further values of the two dials; every combination that is not the main one is run.
        names: variants at the dials; by default all but the caption head.
    """
    names = [name for name in VARIANTS if name != "caption head"] if names is None else names
    main = [
        {"variant": name, "options": options, "seed": seed + i, **at, "evaluations": evaluations}
        for i in range(seeds)
        for name, options in VARIANTS.items()
    ]
    corners = [{"bits": b, "nuisance": s} for b in [*bits, at["bits"]] for s in [*nuisance, at["nuisance"]]]
    dials = [
        {"variant": name, "options": VARIANTS[name], "seed": seed, **at, **corner, "evaluations": 1}
        for corner in corners
        if corner != {"bits": at["bits"], "nuisance": at["nuisance"]}
        for name in names
    ]
    return main + dials


def select(rows: list[dict[str, Any]], variant: str, bits: int, nuisance: float) -> list[dict[str, Any]]:
    """The rows of one variant at one setting, ordered by seed."""
    found = [row for row in rows if (row["variant"], row["bits"], row["nuisance"]) == (variant, bits, nuisance)]
    return sorted(found, key=lambda row: row["seed"])


def nats(rows: list[dict[str, Any]], variant: str, group: str, bits: int, nuisance: float) -> np.ndarray:
    """Nats of "structure", "jitter" or "nuisance" that the probe finds at the end, one number per seed."""
    return np.array([row["path"][-1][group] for row in select(rows, variant, bits, nuisance)])


def compare(rows: list[dict[str, Any]], variant: str, group: str, bits: int, nuisance: float) -> list[float]:
    """(low, mean, high) of a variant minus the baseline, paired by seed: Student's 95 % interval, in nats.

    ValueError where the two were not run on the same seeds.
    """
    seeds = [[row["seed"] for row in select(rows, name, bits, nuisance)] for name in (variant, BASELINE)]
    require(seeds[0] == seeds[1], "rows", f"seeds {seeds[0]} of {variant}", f"those of {BASELINE}, {seeds[1]}")
    difference = paired_difference(*(nats(rows, name, group, bits, nuisance) for name in (variant, BASELINE)))
    return [difference.interval[0], difference.mean, difference.interval[1]]
