"""One run: a host with one variant and one seed, trained, then scored on both sides.

    row = train_and_score("autoregressive", {}, seed=0)                                          # the baseline
    row = train_and_score("autoregressive", {"consistency": 1.0, "compression": 0.0}, seed=0)    # with InfoTok
    row["U"], row["G"]

Two runs of one seed that differ in `variant` alone have the same initial weights, images in the same order, optimisers
and number of steps. Every value is JSON, so that `sweep` can keep it.
"""

import copy
import inspect
import time
from itertools import pairwise
from typing import Annotated, Any, Literal, get_type_hints

import torch
from pydantic import Field

from infotok.bottleneck import InfoTok
from infotok.errors import require, require_float
from infotok.evaluation.evaluate import (
    evaluate,
    evaluate_generation,
    evaluate_understanding,
    generate_images,
    reconstruct,
)
from infotok.evaluation.probing import probe_tokenizer
from infotok.evaluation.rates import score_rates
from infotok.evaluation.reconstruction import score_reconstructions
from infotok.experiments.crt import CausalRegulariser
from infotok.experiments.sources import FewImages, make_world
from infotok.images import packed
from infotok.settings import Count, Positive, check
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
from infotok.worlds import World

__all__ = ["HOSTS", "make_host", "show_first", "train_and_score"]

HOSTS = {"autoregressive": AutoregressiveModel, "masked": MaskedModel, "continuous": ContinuousModel}
CURVES = ("understanding", "generation", "l2")  # losses whose course is kept
FIRST = 6  # prompts whose drawings are kept: the first of the set, not selected by how they came out
EVALUATION = 10_000  # evaluation sets are drawn by the run's seed plus this
RENDERS = 96  # of each caption, from which entropies are estimated
OWN = ("l2", "crt", "ramp")  # options of a variant that are not InfoTok's
WEIGHTS = ("l2", "crt", "compression", "relevance", "generation", "consistency")  # options that are weights
LARGEST = 2**31 - 1  # a size above this is a slip
Share = Annotated[float, Field(ge=0, le=1)]


def train_and_score(
    host: Literal["autoregressive", "masked", "continuous"],
    variant: dict[str, Any],
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)],
    *,
    steps: Count = 500,
    tokenizer_steps: Count = 200,
    bits: Annotated[int, Field(ge=1, le=16)] = 6,
    nuisance: Share = 0.5,
    jitter: Annotated[int, Field(ge=0, le=2)] = 0,
    named: bool = False,
    images: Count | None = None,
    shift: Share | None = None,
    objects: Annotated[int, Field(ge=10, le=316)] | None = None,
    sentences: bool = False,
    photographs: bool = False,
    questions: Count = 8,
    layers: Count = 2,
    heads: Count = 4,
    hidden: Count = 64,
    learning_rate: Positive = 6e-3,
    held_out: Annotated[int, Field(ge=4, le=LARGEST)] = 256,
    evaluations: Annotated[int, Field(ge=0, le=LARGEST)] = 0,
    folder: str = "",
) -> dict[str, Any]:
    """Train one host with one variant, then score it.

    Args:
        host: the unified model.
        variant: {} for the baseline, else options of `InfoTok`, whose `codes` are always the quantizer's. Beside them
            {"l2": weight} of the squared reconstruction error, 20 unless given, and {"ramp": share} of all training
            steps over which the weight of a rate rises; or in place of them {"crt": weight} of a `CausalRegulariser`.
        seed: of weights, training data (2 seed, 2 seed + 1) and evaluation data (10,000 + seed).
        steps: training steps of tokenizer and language model together, 32 images each.
        tokenizer_steps: training steps of the tokenizer alone before them, with the variant's terms.
        bits: of a token's code; a continuous token has bits - 2 numbers.
        nuisance: strength of the background.
        jitter: how far objects stand off the centre of their cell, in pixels.
        named: whether captions name these offsets, or the sizes of emoji.
        images: how many there are to train on; None for new ones in every batch.
        shift: `nuisance` of the images asked about, if it differs.
        objects: how many emoji the scenes of `OpenMojiWorld` show; None for `ShapesWorld`.
        sentences: whether InfoTok's text is the caption's sentence embedding (`SentenceEncoder`), not 0/1 attributes.
        photographs: whether the scenes are those of `FashionWorld`.
        questions: asked about each image of joint training.
        layers, heads, hidden: of the language model: its layers, attention heads, and the width of its states.
        learning_rate: of joint training.
        held_out: images, and prompts, in the evaluation set.
        evaluations: how often both sides and the tokens' contents are measured during joint training.
        folder: where the trained model is saved, in half precision and without InfoTok; "" saves nothing.

    Returns:
        {"U": mean accuracy over kinds of questions, "G": mean share of prompts followed over GenEval's categories,
        "G0": G at temperature 0, where a host has one; "scores": all that `evaluate` gives, "rates": nats that tokens
        take (`score_rates`), "probed": nats that a probe finds in them, "novel": both sides on unseen combinations,
        "trajectory": U, G and nats at each evaluation, "curves": losses, "parameters", "added": those of the variant,
        "device": "cpu" or "cuda", "seconds": processor time}, and what `show_first` shows.

    Raises ValueError or TypeError, in one line, for an argument out of its range.

    Example:
        >>> from infotok.experiments import train_and_score  # doctest: +SKIP
        >>> baseline = train_and_score("masked", {}, seed=0)  # minutes on a CPU  # doctest: +SKIP
        >>> variant = {"compression": 0.001, "consistency": 1.0, "prior": "text"}  # doctest: +SKIP
        >>> infotok = train_and_score("masked", variant, seed=0)  # doctest: +SKIP
        >>> infotok["U"] - baseline["U"], infotok["G"] - baseline["G"]  # understanding and generation  # doctest: +SKIP
    """
    given = locals()
    for name, annotation in get_type_hints(train_and_score, include_extras=True).items():
        if name in given:
            check(name, annotation, given[name])
    _check_variant(variant)
    seed = int(seed)
    require(host != "continuous" or bits >= 3, "bits", bits, "an integer from 3 to 16 in the continuous host")
    torch.set_num_threads(1)
    scenes = (jitter, named, objects, sentences, photographs)
    world, tested = make_world(nuisance, *scenes), make_world(nuisance if shift is None else shift, *scenes)
    data = world if images is None else FewImages(world, images, seed, questions)
    model = make_host(host, variant, seed, world, bits, layers, heads, tokenizer_steps, steps, hidden)

    def measured(n: int) -> dict[str, Any]:
        at = EVALUATION + seed
        scores = evaluate_understanding(model, tested, n, at) | evaluate_generation(model, world, n, at)
        return {**both_sides(scores), "scores": scores, "probed": contents(model.tokenizer, tested, held_out, at)}

    clock = [time.process_time()]
    alone = TrainConfig(steps=tokenizer_steps, questions=1, learning_rate=3e-3, seed=2 * seed)
    train(model.tokenizer, data, alone)
    clock.append(time.process_time())
    trajectory, at = [], {round(steps * i / (evaluations + 1)) for i in range(1, evaluations + 1)}

    def on_step(step: int, _: dict[str, float]) -> None:
        if step in at:
            found = measured(held_out // 2)
            trajectory.append({"step": step, **{name: found[name] for name in ("U", "G", "probed")}})

    together = TrainConfig(
        steps=steps, questions=questions, learning_rate=learning_rate, seed=2 * seed + 1, log_every=max(1, steps // 20)
    )
    history = train(model, data, together, on_step=on_step)
    clock.append(time.process_time())
    end = measured(held_out)
    end |= {"G0": most_probable(model, world, held_out, EVALUATION + seed)}
    renders = min(RENDERS, held_out // 2)  # fewer only beside a small evaluation set, in a quick look
    end |= {"rates": score_rates(model, tested, held_out, EVALUATION + seed, renders=renders)}
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
        "trajectory": trajectory,
        "curves": {name: [row.get(name) for row in history] for name in ("step", *CURVES)},
        "parameters": trained,
        "added": added,
        "bits_per_image": model.tokenizer.bits_per_image,
        "device": model.device.type,
        "seconds": dict(zip(("tokenizer", "host", "scoring"), (b - a for a, b in pairwise(clock)), strict=True)),
    }


def make_host(
    host: str,
    variant: dict[str, Any],
    seed: int,
    world: World,
    bits: int = 6,
    layers: int = 2,
    heads: int = 4,
    tokenizer_steps: int = 200,
    steps: int = 500,
    hidden: int = 64,
) -> UnifiedModel:
    """The model of one run, with new weights; those that two variants share are the same. As `train_and_score`."""
    variant = dict(variant)
    l2, crt, ramp = variant.pop("l2", 20.0), variant.pop("crt", 0.0), variant.pop("ramp", 0.0)
    width = world.batch(1, torch.Generator().manual_seed(0), 0).text.shape[1]
    codebook = {"codebook_size": 2**bits}
    quantizer, options, dim, warmup = {
        "autoregressive": ("vector", codebook | {"revive_until": tokenizer_steps + steps // 2}, 16, 0.3),
        "masked": ("lookup_free", codebook | {"entropy_weight": 0.003, "commitment": 0.02}, 16, 0.3),
        "continuous": ("continuous", {}, bits - 2, 0.0),
    }[host]
    config = TokenizerConfig(
        dim=dim, l2=l2, quantizer=quantizer, quantizer_options=options, warmup=round(warmup * tokenizer_steps)
    )
    torch.manual_seed(seed)
    backbone = Backbone.tiny(len(world.vocabulary), hidden=hidden, layers=layers, heads=heads)
    tokenizer = SharedTokenizer.from_config(config)
    model = HOSTS[host](tokenizer, backbone, world.vocabulary)
    if variant:  # only now, so that no weight above depends on the variant
        widths = {"text_dim": width, "answer_dim": len(world.vocabulary), "length": config.length}
        # A rate is that of noise on the features; or of codes, where noise flips signs and where a host predicts codes.
        noisy = host == "continuous" or (host == "autoregressive" and variant.get("prior") != "host")
        coded = "codes" in variant or not (noisy or variant.get("estimator") == "hsic")
        added = {"codes": 2**bits} if coded else {}
        added |= {"warmup": round(ramp * (tokenizer_steps + steps))} if ramp else {}
        tokenizer.infotok = InfoTok(dim, **(widths | variant | added))
    if crt:
        tokenizer.infotok = CausalRegulariser(dim, config.length, crt, tokenizer_steps + steps // 2)
    return model


def both_sides(scores: dict[str, dict[str, float]]) -> dict[str, float]:
    """Understanding U and generation G among the scores of `evaluate`."""
    return {"U": scores["understanding"]["mean"], "G": scores["generation"]["overall"]}


def most_probable(model: UnifiedModel, world: World, n: int, seed: int) -> float | None:
    """G of the most probable codes, drawn at temperature 0 from the prompts of `evaluate`; None without codes."""
    if not model.discrete:
        return None
    generator = torch.Generator().manual_seed(seed)
    world.batch(n, generator)  # drawn before the prompts
    prompts = world.prompts(n, generator)
    drawn = generate_images(model, world.vocabulary.encode([p["prompt"] for p in prompts]), generator, temperature=0.0)
    return world.score_generations(drawn, prompts)["overall"]


def contents(tokenizer: SharedTokenizer, world: World, n: int, seed: int) -> dict[str, float]:
    """Nats of structure, jitter and nuisance that a quick probe finds in the tokens."""
    sizes = {"images": max(200, 12 * n), "steps": min(200, n)}
    found = probe_tokenizer(copy.deepcopy(tokenizer).cpu(), world, **sizes, seed=seed)
    return {name: value.nats for name, value in found.items()}


def show_first(model: UnifiedModel, world: World, n: int, seed: int) -> dict[str, Any]:
    """The evaluation set of `evaluate(model, world, n=n, seed=seed)` to look at.

    Returns:
        Its first prompts, as drawn and whether rightly; its first image, with every answer's probability; and the PSNR
        of reconstructions of all its images. Images are packed (`infotok.images`).
    """
    generator = torch.Generator().manual_seed(seed)
    batch = world.batch(n, generator)
    prompts = world.prompts(n, generator)[:FIRST]
    drawn = generate_images(model, world.vocabulary.encode([p["prompt"] for p in prompts]), generator)
    device = model.device
    likely = model.answer_probabilities(batch.images[:1].to(device), batch.questions[:1].to(device))[0].cpu()
    words = [world.vocabulary.words[i] for i in world.vocabulary.answer_ids]
    return {
        "psnr": score_reconstructions(reconstruct(model, batch.images), batch.images, batch.scenes, world),
        "prompts": [p["prompt"] for p in prompts],
        "drawn": packed(drawn),
        "followed": [world.score_generations(drawn[i : i + 1], [p])["overall"] == 1 for i, p in enumerate(prompts)],
        "answers": {
            "picture": packed(batch.images[:1])[0],
            "questions": world.vocabulary.decode(batch.questions[0]),
            "truth": [world.vocabulary.words[i] for i in batch.answers[0]],
            "likely": [dict(zip(words, row.tolist(), strict=True)) for row in likely],
        },
    }


def _check_variant(variant: dict[str, Any]) -> None:
    options = {*inspect.signature(InfoTok).parameters, *OWN} - {"dim"}
    unknown = [name for name in variant if name not in options]
    require(not unknown, "variant", unknown, f"some of {', '.join(sorted(options))}")
    for name in WEIGHTS:
        if name in variant:
            require_float(f"variant[{name!r}]", variant[name], "[0, inf)")
    require_float("variant['ramp']", variant.get("ramp", 0.0), "[0, 1]")
    rises = not variant.get("ramp") or (variant.get("compression") and "warmup" not in variant)
    require(rises, "variant", sorted(variant), "ramp with a weight of compression, and without warmup")
    alone = not variant.get("crt") or not set(variant) - {"l2", "crt"}
    require(alone, "variant", sorted(variant), "crt without options of InfoTok, whose place it takes")
