"""What each variant costs in training: parameters, floating-point operations and processor time over the baseline's."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from infotok.experiments.hosts import make_host
from infotok.experiments.results import Runs
from infotok.experiments.throughput import take_turns
from infotok.experiments.variants import BASELINE, HEADLINE, options
from infotok.unified import UnifiedModel
from infotok.unified.throughput import operations
from infotok.worlds import ShapesWorld

__all__ = ["costs", "step_seconds", "training_operations"]

BATCH, QUESTIONS = 32, (1, 8)  # images of a step; questions in training the tokenizer alone, and all together


def training_operations(
    host: str, variant: dict[str, Any], world: ShapesWorld, tokenizer_steps: int, steps: int, layers: int = 2
) -> int:
    """Floating-point operations of all training, counted by PyTorch in one step of each part.

    The parts are the tokenizer's warm-up, in which nothing is quantized, the rest of its steps, and all together.

    Args:
        host, variant, layers: as in `train_and_score`.
        world: draws the images.
        tokenizer_steps, steps: of the tokenizer alone, and of all together.
    """
    model = make_host(host, variant, 0, world, layers=layers, tokenizer_steps=tokenizer_steps, steps=steps)
    tokenizer, (alone, together), total = model.tokenizer, QUESTIONS, 0
    warm = min(tokenizer.warmup, tokenizer_steps)
    rest = tokenizer_steps - warm
    for part, count, questions, left in ((tokenizer, warm, alone, warm), (tokenizer, rest, alone, 0),
                                         (model, steps, together, 0)):  # fmt: skip
        draw = torch.Generator().manual_seed(0)
        batch = world.batch(BATCH, draw, questions)

        def step(part: Any = part, batch: Any = batch, draw: torch.Generator = draw, left: int = left) -> None:
            tokenizer.warmup_left = left
            sum(part.loss(batch, draw).values()).backward()

        step()  # the first batch also starts a codebook, which no other does
        total += count * operations(step)
    return total


def step_seconds(
    variants: Sequence[str], repetitions: int, seed: int, *, host: str = "autoregressive"
) -> dict[str, list[float]]:
    """Processor seconds of a joint training step with each variant, forward and backward: {name: (repetitions,)}.

    Args:
        variants: names that `variants_of` knows; the steps take turns, all on one batch.
        repetitions, seed: as in `take_turns`; of weights and of the batch of 32 images with 8 questions each.
        host: the unified model.
    """
    world = ShapesWorld()
    batch = world.batch(BATCH, torch.Generator().manual_seed(seed), QUESTIONS[1])
    models = {name: make_host(host, options(host, name), seed, world, tokenizer_steps=0) for name in variants}

    def step(model: UnifiedModel, number: int) -> None:
        sum(model.loss(batch, torch.Generator().manual_seed(number)).values()).backward()
        model.zero_grad()

    return take_turns({name: partial(step, model) for name, model in models.items()}, repetitions)


def costs(runs: Runs, hosts: Sequence[str], world: ShapesWorld, sizes: dict[str, Any]) -> list[dict[str, Any]]:
    """A line for each host and variant of the headline: what its training costs, relative to the baseline's.

    Args:
        runs: finished runs of these sizes, among them every variant of every host on the same seeds.
        hosts: which to list.
        world: draws the images whose operations are counted.
        sizes: "tokenizer_steps", "steps" and "layers" of the runs, and what else `runs` is to find them by.

    Returns:
        {"host", "variant", "parameters in use", "in training", "operations", "time"}; the last three are ratios, time
        the mean over seeds of processor seconds, which a busy machine changes.
    """
    trained = {name: sizes[name] for name in ("tokenizer_steps", "steps", "layers")}
    lines = []
    for host in hosts:
        bare = runs.find(host, {}, **sizes)
        reference = training_operations(host, options(host, BASELINE), world, **trained)
        for name in HEADLINE:
            rows = runs.find(host, options(host, name), **sizes)
            first = next(iter(rows.values()))
            seconds = [
                sum(found[seed]["seconds"][part] for part in ("tokenizer", "host"))
                for seed in rows
                for found in (rows, bare)
            ]
            lines.append(
                {
                    "host": host,
                    "variant": name,
                    "parameters in use": first["parameters"] - first["added"],
                    "in training": first["parameters"] / next(iter(bare.values()))["parameters"],
                    "operations": training_operations(host, options(host, name), world, **trained) / reference,
                    "time": float(np.mean(np.divide(seconds[::2], seconds[1::2]))),
                }
            )
    return lines
