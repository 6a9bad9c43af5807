"""One run of lesson 16: a generative network, trained, then pruned in many ways, each scored against the dense one.

    row = prune_and_score("digits", "flow", seed=20, variants=["dense", "Fisher", "gradient flow soft"])
    row["scores"]["Fisher"]["loss"]

Every variant has the same number of gradient steps: those of the dense network, then `steps` more with the same batches
in the same order. The plan of the reported runs is in `pruning_plan`.
"""

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from infotok.companions import prune, shrink
from infotok.errors import checks, require, require_choice, require_int
from infotok.experiments import diffusion
from infotok.experiments.diffusion import Components, load_components, make_loss, make_model, train
from infotok.settings import check

__all__ = ["VARIANTS", "Variant", "prune_and_score"]

LARGE = 16  # times the batch, of a variant that scores on large batches
SCORED = 16  # batches of a score
LEARNING_RATES = 2e-3, 1e-3  # of the dense network, and after it
RELATIVE_LOSS = 0.8  # Diff-Pruning scores at times whose loss is at least so much of the largest
ROUNDED = (3, 4)  # bits of a rounded weight
REPEATS = 10  # of a timing


@dataclass(frozen=True)
class Variant:
    """How a network is made smaller: the criterion and the schedule of `prune`.

    scoring: the batches of scores: "as trained", "large batches", or "times" by Diff-Pruning's rule.
    """

    criterion: str = ""
    schedule: str = "one_shot"
    flip: bool = False
    scoring: str = "as trained"


DENSE, SCRATCH = "dense", "small from scratch"
VARIANTS = {
    DENSE: Variant(),
    SCRATCH: Variant(),
    "random": Variant("random"),
    "magnitude": Variant("magnitude"),
    "Taylor": Variant("taylor"),
    "Diff-Pruning": Variant("taylor", scoring="times"),
    "Fisher": Variant("fisher"),
    "GraSP": Variant("grasp"),
    "GraSP flipped": Variant("grasp", flip=True),
    "GraSP, large batches": Variant("grasp", scoring="large batches"),
    "Fisher iterative": Variant("fisher", "iterative"),
    "gradient flow hard": Variant("gradient_flow", "iterative"),
    "gradient flow hard, flipped": Variant("gradient_flow", "iterative", flip=True),
    "random soft": Variant("random", "soft"),
    "Fisher soft": Variant("fisher", "soft"),
    "gradient flow soft": Variant("gradient_flow", "soft"),
    "gradient flow soft, flipped": Variant("gradient_flow", "soft", flip=True),
}


def prune_and_score(
    data: str,
    objective: str,
    seed: int,
    variants: Sequence[str] = tuple(VARIANTS),
    dense_steps: int = 1000,
    steps: int = 250,
    sparsity: float = 0.75,
    structured: bool = True,
    per_layer: bool = False,
) -> dict:
    """Train a network, prune it in each way, train on, and score.

    data: "digits" or "fashion".
    objective: "flow" or "diffusion".
    seed: of weights, batches and random scores.
    variants: names in `VARIANTS`.
    dense_steps: of training before pruning.
    steps: after it, or around it.
    sparsity: the share of hidden units, or of weights, to remove.
    structured: hidden units; False for single weights.
    per_layer: the share of each layer, not of all together.

    Returns {"scores": {variant: scores}, "floor": the Frechet distance of held-out images}. Scores: "loss", "nats" and
    "fd" as `evaluate_model` says; "distance", the mean squared difference in pixels of samples from the same noise to
    those of the dense network; "same_class", the share of them that a classifier puts in the same class; "parameters";
    "speed", times as fast as the dense network; "mask_bits"; "kept" gates by layer; "rounded", {bits: held-out
    loss with rounded weights}.
    """
    for name in check("variants", list[str], list(variants)):
        require_choice("variants", name, VARIANTS)
    require_int("dense_steps", dense_steps, 1), require_int("steps", steps, 2)
    images = load_components(data)
    with checks(False):
        dense = make_model(seed)
        train(dense, make_loss(images, objective, seed), dense_steps, LEARNING_RATES[0])
        reference = diffusion.sample(dense, objective, diffusion.paired_noise())
        scores = {}
        for name in variants:
            model, mask = _made(
                name, dense, images, objective, seed, dense_steps, steps, sparsity, structured, per_layer
            )
            scores[name] = _scores(model, dense, reference, images, objective) | mask
    return {"scores": scores, "floor": diffusion.floor(images)}


def _made(
    name: str,
    dense: nn.Module,
    images: Components,
    objective: str,
    seed: int,
    dense_steps: int,
    steps: int,
    sparsity: float,
    structured: bool,
    per_layer: bool,
) -> tuple[nn.Module, dict]:
    """The network of one variant, small, the bits that say which gates were kept, and how many each layer kept."""
    variant, later = VARIANTS[name], make_loss(images, objective, 10_000 + seed)
    if name == SCRATCH:
        require(structured, "variants", name, "others, without structure")
        model = make_model(seed, round((1 - sparsity) * diffusion.INNER))
        train(model, make_loss(images, objective, seed), dense_steps, LEARNING_RATES[0])
        train(model, later, steps, LEARNING_RATES[1])
        return model, {"mask_bits": 0.0}
    model, early = copy.deepcopy(dense), variant.schedule == "one_shot" and structured  # then the small one is trained
    if name == DENSE:
        train(model, later, steps, LEARNING_RATES[1])
        return model, {"mask_bits": 0.0}
    gates = prune(
        model,
        later,
        sparsity,
        variant.criterion,
        variant.schedule,
        structured,
        steps=0 if early else steps,
        scoring=_scoring(variant, dense, images, objective, seed),
        batches=1 if variant.scoring == "large batches" else SCORED,
        flip=variant.flip,
        per_layer=per_layer,
        learning_rate=LEARNING_RATES[1],
        seed=seed,
    )
    kept = [int(gate.sum()) for gate in gates.values]
    shrink(model)
    if early:
        train(model, later, steps, LEARNING_RATES[1])
    return model, {"mask_bits": mask_bits(gates.count, sum(kept)), "kept": kept}


def _scoring(variant: Variant, dense: nn.Module, images: Components, objective: str, seed: int) -> Callable:
    """The loss of the scores, on batches of its own."""
    times = _relevant_times(dense, images, objective) if variant.scoring == "times" else None
    batch = diffusion.BATCH * (LARGE if variant.scoring == "large batches" else 1)
    return make_loss(images, objective, 20_000 + seed, batch, times)


def _relevant_times(model: nn.Module, images: Components, objective: str) -> Callable[[Tensor], Tensor]:
    """Diff-Pruning's rule (arXiv 2305.10924): times with a small loss beside the largest are left out of the score."""
    generator = torch.Generator().manual_seed(96)
    bins, each = 16, 128
    x = images.train[torch.randint(len(images.train), (bins * each,), generator=generator)]
    t = (torch.arange(bins).repeat_interleave(each) + torch.rand(bins * each, generator=generator)) / bins
    with torch.no_grad():
        found = diffusion.loss_at(model, objective, x, torch.randn(x.shape, generator=generator), t)
    found = found.reshape(bins, each).mean(1)
    kept = (found >= RELATIVE_LOSS * found.max()).nonzero().flatten()

    def spread(t: Tensor) -> Tensor:
        """Uniform times as times that are uniform in the kept sixteenths."""
        place = t * len(kept)
        index = place.long().clamp_max(len(kept) - 1)
        return (kept[index] + place - index) / bins

    return spread


def mask_bits(count: int, kept: int) -> float:
    """log2 of the number of masks that keep so many: the bits that say which."""
    return (math.lgamma(count + 1) - math.lgamma(kept + 1) - math.lgamma(count - kept + 1)) / math.log(2)


def _scores(model: nn.Module, dense: nn.Module, reference: Tensor, images: Components, objective: str) -> dict:
    made = diffusion.sample(model, objective, diffusion.paired_noise())
    classes = [images.classifier(each).argmax(1) for each in (made, reference)]
    return diffusion.evaluate_model(model, images, objective) | {
        "train_loss": diffusion.held_out_loss(model, images, objective, "train"),
        "distance": float((images.pixels(made) - images.pixels(reference)).square().mean()),
        "same_class": float((classes[0] == classes[1]).float().mean()),
        "parameters": sum(int(each.count_nonzero()) for each in model.parameters()),
        "speed": _seconds(dense) / _seconds(model),
        "rounded": {str(bits): diffusion.held_out_loss(_rounded(model, bits), images, objective) for bits in ROUNDED},
    }


def _seconds(model: nn.Module) -> float:
    """The fastest of several passes of 256 vectors."""
    x, t, found = torch.zeros(256, diffusion.COMPONENTS), torch.zeros(256), []
    with torch.no_grad():
        for _ in range(REPEATS):
            start = time.perf_counter()
            model(x, t, x[:, :1])
            found.append(time.perf_counter() - start)
    return min(found)


def _rounded(model: nn.Module, bits: int) -> nn.Module:
    """A copy whose weights have 2^bits evenly spaced values a tensor, from -max to max."""
    model = copy.deepcopy(model)
    with torch.no_grad():
        for weight in model.parameters():
            step = 2 * weight.abs().max() / (2**bits - 1)
            if step > 0:
                weight.copy_(((weight / step - 0.5).round() + 0.5) * step if weight.ndim > 1 else weight)
    return model
