"""The hyperparameters of training, and the learning-rate schedule that they give."""

import math
from functools import partial
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch.optim.lr_scheduler import LambdaLR

from infotok.errors import LARGEST
from infotok.settings import Count, NonNegative, Positive, settings

__all__ = ["EXECUTION", "TrainConfig", "make_scheduler", "schedule_factor"]

EXECUTION = ("gradient_checkpointing", "sharding")  # settings that change how a step is computed, not what it computes


@settings
class TrainConfig:
    """The hyperparameters of `train`.

    Optimisers are Muon and AdamW (`make_optimisers`). The learning rate suits small models with random weights; a
    checkpoint of the hub wants a lower one. It warms up linearly and falls as a cosine to zero (`schedule_factor`).

    steps: optimiser steps.
    batch: images per step, of all processes together.
    questions: per image.
    learning_rate: the highest.
    warmup: steps of the linear warm-up.
    weight_decay: of matrices; vectors have none.
    clip: the largest norm of the gradient.
    accumulate: parts into which each process cuts its share of the batch, to save memory. The gradient is that of the
        whole batch wherever the loss is a mean over images, but for other draws of masks and noise. InfoNCE, HSIC and
        an entropy of codes see one part at a time. Moving averages of a codebook are updated part by part. Schedules
        of the learning rate, tokenizer, quantizer and InfoTok count optimiser steps, not parts.
    gradient_checkpointing: whether the language model's layers recompute their activations in the backward pass (Chen
        et al. 2016, arXiv 1604.06174). It saves memory for about a third more time.
    sharding: "none", where each process holds the whole model (DDP); or "fsdp", where weights, gradients and the
        optimisers' states are cut over the processes (`infotok.unified.sharding`).
    precision: "no" for float32, "bf16" for autocast.
    muon: whether the language model's matrices are optimised by Muon; False for AdamW alone.
    seed: of batches, masks and noise.
    save_every: steps between checkpoints.
    log_every: steps between logged rows.

    Example:
        >>> from infotok.unified import TrainConfig
        >>> config = TrainConfig(steps=1000, batch=64)
        >>> config.learning_rate, config.warmup, config.precision
        (0.006, 50, 'no')
    """

    steps: Count = 650
    batch: Count = 32
    questions: Count = 8
    learning_rate: Positive = 6e-3
    warmup: Annotated[int, Field(ge=0, le=LARGEST)] = 50
    weight_decay: NonNegative = 0.01
    clip: Positive = 5.0
    accumulate: Count = 1
    gradient_checkpointing: bool = False
    sharding: Literal["none", "fsdp"] = "none"
    precision: Literal["no", "bf16"] = "no"
    muon: bool = True
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    save_every: Count = 200
    log_every: Count = 10


def schedule_factor(step: int, config: TrainConfig, begin: int = 0) -> float:
    """The learning rate of step `begin`, `begin` + 1, ... as a share of the highest.

    A linear warm-up times a cosine that falls to zero at `config.steps`. `begin` is 0, or where a run was lengthened:
    there the schedule starts anew (a warm restart, Loshchilov and Hutter 2017, arXiv 1608.03983).
    """
    done, steps = step - begin, config.steps - begin
    warm = min(1.0, (done + 1) / config.warmup) if config.warmup else 1.0
    return warm * 0.5 * (1 + math.cos(math.pi * done / steps))


def make_scheduler(optimiser: torch.optim.Optimizer, config: TrainConfig, start: int = 0, begin: int = 0) -> LambdaLR:
    """The learning-rate scheduler of a run that has finished `start` steps; its state is the step alone."""
    for group in optimiser.param_groups:
        group["initial_lr"] = config.learning_rate
    return LambdaLR(optimiser, partial(schedule_factor, config=config, begin=begin), last_epoch=start - 1)
