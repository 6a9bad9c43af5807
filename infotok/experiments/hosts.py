"""One cell of the reproduction: a host, what is added to its tokenizer, a seed; trained, then scored on both sides.

    row = train_and_score("autoregressive", {}, seed=0)                               # the host alone
    row = train_and_score("autoregressive", {"consistency": 1.0, "compression": 0.0}, seed=0)    # with InfoTok
    row["U"], row["G"]

Two cells of one seed that differ in `arm` alone have the same initial weights, images in the same order, optimisers and
number of steps. Every value is JSON, so that `sweep` can keep it.
"""

import copy
import inspect
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.bottleneck import InfoTok, InfoTokTerms
from infotok.errors import require, require_choice, require_flag, require_float, require_int, require_tensor
from infotok.evaluation.evaluate import (
    evaluate,
    evaluate_generation,
    evaluate_understanding,
    generate_images,
    reconstruct,
)
from infotok.evaluation.generation import follows
from infotok.evaluation.parser import parse
from infotok.evaluation.probing import account
from infotok.evaluation.reconstruction import score_reconstructions
from infotok.images import packed
from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.unified import (
    AutoregressiveModel,
    Backbone,
    ContinuousModel,
    MaskedModel,
    TrainConfig,
    UnifiedModel,
    train,
)
from infotok.worlds import ShapesBatch, ShapesWorld

__all__ = ["HOSTS", "CaptionHead", "train_and_score"]

HOSTS = {"autoregressive": AutoregressiveModel, "masked": MaskedModel, "continuous": ContinuousModel}
CURVES = ("understanding", "generation", "l2")  # losses whose course is kept
FIRST = 6  # prompts whose drawings are kept: the first of the set, whatever became of them
EVALUATION = 10_000  # evaluation sets are drawn by the run's seed plus this


class CaptionHead(nn.Module):
    """Dense supervision, in InfoTok's place before or after the quantizer: a linear reader of the caption.

    The loss is weight times the caption's cross-entropy, in nats an image; tokens are left as they are. H(T) minus
    that cross-entropy is itself a lower bound on I(Z;T) (Barber & Agakov 2003), but no price and no contrast is here.
    """

    needs = frozenset({"text"})

    def __init__(self, dim: int, length: int, text_dim: int, weight: float, placement: str = "before") -> None:
        super().__init__()
        for name, size in (("dim", dim), ("length", length), ("text_dim", text_dim)):
            require_int(name, size, 1, 2**16)
        require_float("weight", weight, "[0, inf)"), require_choice("placement", placement, ("before", "after"))
        self.placement = placement
        self.dim, self.weight = dim, weight
        self.reader = nn.Linear(dim * length, text_dim)

    def forward(self, features: Tensor, *, text: Tensor, **_: Any) -> tuple[Tensor, InfoTokTerms]:
        require_tensor("features", features, ("B", self.reader.in_features // self.dim, self.dim))
        require_tensor("text", text, (len(features), self.reader.out_features))
        said = self.reader(features.flatten(1).to(self.reader.weight))
        nats = F.binary_cross_entropy_with_logits(said, text.to(said), reduction="none").sum(1).mean()
        return features, InfoTokTerms(self.weight * nats, "nats")


class FewImages:
    """A world of which only `images` pictures were ever taken, each with all its questions: batches repeat them."""

    def __init__(self, world: ShapesWorld, images: int, seed: int, questions: int) -> None:
        self.all = world.batch(images, torch.Generator().manual_seed(seed), questions)

    def batch(self, n: int, generator: torch.Generator, questions: int = 4) -> ShapesBatch:
        return self.all[torch.randint(len(self.all), (n,), generator=generator)]


def train_and_score(
    host: str,
    arm: dict[str, Any],
    seed: int,
    *,
    steps: int = 500,
    tokenizer_steps: int = 200,
    bits: int = 6,
    nuisance: float = 0.5,
    jitter: int = 0,
    named: bool = False,
    images: int | None = None,
    shift: float | None = None,
    questions: int = 8,
    layers: int = 2,
    heads: int = 4,
    learning_rate: float = 6e-3,
    held_out: int = 256,
    looks: int = 0,
    folder: str = "",
) -> dict[str, Any]:
    """Train one host with one arm, then score it: {"U", "G", "scores", "carried", "along", "parameters", "seconds"}.

    U is the mean accuracy over kinds of questions, G the mean over GenEval's categories; "scores" is what `evaluate`
    gives, "carried" the nats in the tokens, "novel" both sides on new combinations; `show_first` adds what it shows.

    arm: {} for the host alone; options of `InfoTok`; or {"head": weight} for a `CaptionHead`, with its "placement" if
    that is not "before". {"l2": weight}, with any of them, is that of the reconstruction, 20 unless given.
    tokenizer_steps: of the tokenizer alone, with the arm's terms; then come `steps` of all together.
    bits: of a token's code; a continuous token has so many numbers less two. images: how many there are to train on,
    None for always new ones. shift: nuisance of the images asked about, if it differs. named: captions say offsets.
    looks: how often both sides and the tokens' contents are measured along joint training, besides the end.
    folder: where the trained model is kept, in half precision and as it is used: without InfoTok. Empty: nowhere.
    """
    require_choice("host", host, HOSTS), require_flag("named", named)
    seed = require_int("seed", seed, 0, 2**32 - 1)
    require(isinstance(arm, dict), "arm", type(arm).__name__, "a dict of options of InfoTok", TypeError)
    options = {*inspect.signature(InfoTok).parameters, "head", "l2"} - {"dim"}
    unknown = [name for name in arm if name not in options]
    require(not unknown, "arm", unknown, f"some of {', '.join(sorted(options))}")
    for name in ("head", "l2", "compression", "relevance", "generation", "consistency"):
        if name in arm:
            require_float(f"arm[{name!r}]", arm[name], "[0, inf)")
    require(isinstance(folder, str | Path), "folder", type(folder).__name__, "a folder's path, or ''", TypeError)
    least = 3 if host == "continuous" else 1
    require_int("bits", bits, least, 16), require_float("learning_rate", learning_rate, "(0, inf)")
    sizes = {"steps": steps, "tokenizer_steps": tokenizer_steps, "layers": layers, "heads": heads, "looks": looks}
    for name, size in {**sizes, "questions": questions, "held_out": held_out}.items():
        require_int(name, size, {"looks": 0, "held_out": 4}.get(name, 1))
    if images is not None:
        require_int("images", images)
    if shift is not None:
        require_float("shift", shift, "[0, 1]")
    torch.set_num_threads(1)
    world = ShapesWorld(nuisance=nuisance, jitter=jitter, name_offsets=named)
    tested = ShapesWorld(nuisance=nuisance if shift is None else shift, jitter=jitter, name_offsets=named)
    data = world if images is None else FewImages(world, images, seed, questions)
    model = make_host(host, arm, seed, world, bits, layers, heads, tokenizer_steps, steps)

    def look(n: int = held_out // 2, seed: int = EVALUATION + seed) -> dict[str, Any]:
        scores = evaluate_understanding(model, tested, n, seed) | evaluate_generation(model, world, n, seed)
        return {**both_sides(scores), "scores": scores, "carried": contents(model.tokenizer, tested, held_out, seed)}

    clock = [time.process_time()]
    alone = TrainConfig(steps=tokenizer_steps, questions=1, learning_rate=3e-3, seed=2 * seed)
    train(model.tokenizer, data, alone)
    clock.append(time.process_time())
    at = {round(steps * i / (looks + 1)) for i in range(1, looks + 1)}
    along: list[dict[str, Any]] = []

    def on_step(step: int, row: dict[str, float]) -> None:
        if step in at:
            along.append({"step": step, **look()})

    together = TrainConfig(
        steps=steps, questions=questions, learning_rate=learning_rate, seed=2 * seed + 1, log_every=max(1, steps // 20)
    )
    history = train(model, data, together, on_step=on_step)
    clock.append(time.process_time())
    end = look(held_out)
    novel = evaluate(model, tested.with_split("test"), n=held_out // 2, seed=EVALUATION + seed)
    clock.append(time.process_time())
    added = sum(p.numel() for p in model.tokenizer.infotok.parameters()) if model.tokenizer.infotok else 0
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    shown = show_first(model, tested, held_out, EVALUATION + seed)
    if folder:
        model.tokenizer.infotok = None
        model.half().save_pretrained(folder)
    return {
        **end,
        "novel": both_sides(novel) | {"present": novel["generations"]["present"]},
        **shown,
        "along": [{name: seen[name] for name in ("step", "U", "G", "carried")} for seen in along],
        "curves": {name: [row.get(name) for row in history] for name in ("step", *CURVES)},
        "parameters": trained,
        "added": added,
        "bits_per_image": model.tokenizer.bits_per_image,
        "seconds": dict(zip(("tokenizer", "host", "scoring"), (b - a for a, b in pairwise(clock)), strict=True)),
    }


def make_host(
    host: str,
    arm: dict[str, Any],
    seed: int,
    world: ShapesWorld,
    bits: int,
    layers: int,
    heads: int,
    alone: int,
    steps: int,
) -> UnifiedModel:
    """The model of one cell, with new weights; those that two arms share are the same."""
    arm = dict(arm)
    head, l2 = arm.pop("head", None), arm.pop("l2", 20.0)
    require(head is None or arm.keys() <= {"placement"}, "arm", arm, "either a caption head or options of InfoTok")
    width = world.caption_vector(world.sample(1, torch.Generator().manual_seed(0))).shape[1]
    quantizer, options, dim, warmup = {
        "autoregressive": ("vector", {"codebook_size": 2**bits, "revive_until": alone + steps // 2}, 16, 0.3),
        "masked": ("lookup_free", {"codebook_size": 2**bits, "entropy_weight": 0.003, "commitment": 0.02}, 16, 0.3),
        "continuous": ("continuous", {}, bits - 2, 0.0),
    }[host]
    config = TokenizerConfig(
        dim=dim, l2=l2, quantizer=quantizer, quantizer_options=options, warmup=round(warmup * alone)
    )
    torch.manual_seed(seed)
    backbone = Backbone.tiny(len(world.vocabulary), layers=layers, heads=heads)
    tokenizer = SharedTokenizer.from_config(config)
    model = HOSTS[host](tokenizer, backbone, world.vocabulary)
    if head:  # only now, so that no weight above depends on the arm
        tokenizer.infotok = CaptionHead(dim, config.length, width, head, **arm)
    elif arm:
        widths = {"text_dim": width, "answer_dim": len(world.vocabulary), "length": config.length}
        # A rate is that of noise on the features; or of codes, where noise flips signs and where a host predicts codes.
        noisy = host == "continuous" or (host == "autoregressive" and arm.get("prior") != "host")
        by_code = {} if noisy or arm.get("estimator") == "hsic" else {"codes": 2**bits}
        tokenizer.infotok = InfoTok(dim, **(widths | by_code | arm))
    return model


def both_sides(scores: dict[str, dict[str, float]]) -> dict[str, float]:
    return {"U": scores["understanding"]["mean"], "G": scores["generation"]["overall"]}


def contents(tokenizer: SharedTokenizer, world: ShapesWorld, n: int, seed: int) -> dict[str, float]:
    """Nats of structure, jitter and nuisance that a quick probe finds in the tokens."""
    sizes = {"images": max(200, 12 * n), "steps": min(200, n)}
    found = account(copy.deepcopy(tokenizer).cpu(), world, **sizes, seed=seed)
    return {name: value.nats for name, value in found.items()}


def show_first(model: UnifiedModel, world: ShapesWorld, n: int, seed: int) -> dict[str, Any]:
    """The evaluation set of `evaluate(n=n, seed=seed)` to look at: its first prompts, as drawn and whether rightly, and
    its first image with every answer's probability; beside them the reconstructions' PSNR."""
    generator = torch.Generator().manual_seed(seed)
    batch = world.batch(n, generator)
    prompts = world.prompts(n, generator)[:FIRST]
    drawn = generate_images(model, world.vocabulary.encode([p["prompt"] for p in prompts]), generator)
    device = model.place.device
    likely = model.answer_probabilities(batch.images[:1].to(device), batch.questions[:1].to(device))[0].cpu()
    words = [world.vocabulary.words[i] for i in world.vocabulary.answer_ids]
    return {
        "psnr": score_reconstructions(reconstruct(model, batch.images), batch.images, batch.scenes, world),
        "prompts": [p["prompt"] for p in prompts],
        "drawn": packed(drawn),
        "followed": [follows(cells, p) for cells, p in zip(parse(drawn, world).cells, prompts, strict=True)],
        "answers": {
            "picture": packed(batch.images[:1])[0],
            "questions": world.vocabulary.decode(batch.questions[0]),
            "truth": [world.vocabulary.words[i] for i in batch.answers[0]],
            "likely": [dict(zip(words, row.tolist(), strict=True)) for row in likely],
        },
    }
