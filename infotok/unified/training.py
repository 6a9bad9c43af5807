"""The training loop of all three models and of tokenizers: hyperparameters, schedule, checkpoints, many devices.

    history = train(model, source, TrainConfig(steps=650), run_dir="runs/ar")      # run again: it goes on, or is done

- batch i is drawn by a generator seeded with (seed, i), and so is every other random number of step i: the step alone
  gives the position in the data and the state of all generators
- a run that is killed resumes from its last checkpoint and ends with the same weights, bit for bit on a CPU
- processes (`accelerate launch`) share one batch of `batch` images: the loss curve changes by rounding only, which on a
  GPU Muon's bfloat16 magnifies. Accumulated parts share its gradient, but quantizers see part after part
- `metrics.jsonl` in `run_dir` has every term, weighted as it was added, with throughput and model FLOPs utilisation
- one process trains in a folder; everything that a run goes on from is under a checksum (`run_folder`, `metrics`)
- a loss or gradient that is not finite stops the run, with its step and its name
- `on_step` is called after every step, for instance to evaluate the model
"""

import copy
import math
import os
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from infotok.errors import LARGEST, require, require_folder, require_function, require_instance
from infotok.modes import keeping_modes
from infotok.optional import needs
from infotok.settings import Count, NonNegative, Positive, settings
from infotok.unified.arguments import check_part
from infotok.unified.optimisers import make_optimisers
from infotok.unified.run_folder import Run
from infotok.unified.throughput import Meter, operations
from infotok.worlds import BatchSource

__all__ = ["TrainConfig", "train"]

OnStep = Callable[[int, dict[str, float]], None]
DATA, MODEL, TORCH = range(3)  # streams of random numbers


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
    accumulate: parts into which each process cuts its share of the batch, to save memory.
    precision: "no" for float32, "bf16" for autocast.
    muon: whether the language model's matrices are optimised by Muon; False for AdamW alone.
    seed: of batches, masks and noise.
    save_every: steps between checkpoints.
    log_every: steps between logged rows.
    """

    steps: Count = 650
    batch: Count = 32
    questions: Count = 8
    learning_rate: Positive = 6e-3
    warmup: Annotated[int, Field(ge=0, le=LARGEST)] = 50
    weight_decay: NonNegative = 0.01
    clip: Positive = 5.0
    accumulate: Count = 1
    precision: Literal["no", "bf16"] = "no"
    muon: bool = True
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    save_every: Count = 200
    log_every: Count = 10


def schedule_factor(step: int, config: TrainConfig) -> float:
    """The learning rate of step 0, 1, ... as a share of the highest: linear warm-up times a cosine to zero."""
    warm = min(1.0, (step + 1) / config.warmup) if config.warmup else 1.0
    return warm * 0.5 * (1 + math.cos(math.pi * step / config.steps))


def make_scheduler(optimiser: torch.optim.Optimizer, config: TrainConfig, start: int = 0) -> LambdaLR:
    """The learning-rate scheduler of a run that has finished `start` steps; its state is the step alone."""
    for group in optimiser.param_groups:
        group["initial_lr"] = config.learning_rate
    return LambdaLR(optimiser, partial(schedule_factor, config=config), last_epoch=start - 1)


def train(
    model: nn.Module,
    source: BatchSource,
    config: TrainConfig | None = None,
    run_dir: str | Path | None = None,
    on_step: OnStep | None = None,
) -> list[dict[str, float]]:
    """Train `model` in place on batches of `source`; returns the logged rows, as `metrics.jsonl` has them.

    model: has `.loss(batch, generator) -> dict of weighted terms`.
    source: has `.batch(n, generator, questions)`; a `BatchSource`.
    config: steps, batch size, learning rate and the other hyperparameters; None for the defaults.
    run_dir: where checkpoints and metrics are kept; None keeps nothing. A run found there goes on from its last
        checkpoint.
    on_step: called as `on_step(step, row)` after every optimiser step, in every process, with the number of finished
        steps and that step's terms as floats. It may evaluate the model: modes, gradients and torch's random state are
        restored afterwards, so that training does not change. A resumed run calls it for the remaining steps only.

    Each in one line that names what is wrong: ValueError for a run of another configuration and for a damaged file,
    BlockingIOError for a folder in which another process trains, OSError for a disk that is full or read-only,
    FloatingPointError for a loss that is not finite.
    """
    with needs("hub", "train"):
        from accelerate import Accelerator, DistributedDataParallelKwargs
        from tqdm.auto import tqdm

    require_instance("model", model, nn.Module)
    check_part("model", model, ("loss",), "a model"), check_part("source", source, ("batch",), "a batch source")
    config = TrainConfig() if config is None else config
    require_instance("config", config, TrainConfig)
    if run_dir is not None:
        require_folder("run_dir", run_dir)
    if on_step is not None:
        require_function("on_step", on_step, "a function of the step and its row")
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)  # in a tokenizer's warm-up some are
    accelerator = Accelerator(kwargs_handlers=[unused])  # one for the process: the precision is the run's own
    processes = accelerator.num_processes
    parts = config.accumulate * processes
    require(config.batch % parts == 0, "batch", config.batch, f"a multiple of {parts}, accumulate x processes")
    optimisers = make_optimisers(model.to(accelerator.device), config)
    run = Run(run_dir, model, optimisers, config, source, accelerator)
    silent = "INFOTOK_RUN" in os.environ or not accelerator.is_main_process  # the runner has a progress line of its own

    with run.opened() as start, torch.random.fork_rng():  # leaves torch's own generator to the caller
        schedulers = [make_scheduler(optimiser, config, start) for optimiser in optimisers]
        ready, *optimisers = accelerator.prepare(Loss(model, config).train(), *optimisers)
        meter = make_meter(model, source, config, accelerator)
        bar = tqdm(range(start, config.steps), initial=start, total=config.steps, desc="training", disable=silent)
        for step in bar:
            torch.manual_seed(_seed(config.seed, step, TORCH, accelerator.process_index))
            generator = torch.Generator().manual_seed(_seed(config.seed, step, MODEL))
            with meter.timing("data"):
                batch = draw_batch(source, config, step)
                shares = _shares(batch, parts)[accelerator.process_index :: processes]
                own = [share.to(accelerator.device) for share in shares]
            with meter.timing("step"):
                sums: dict[str, Tensor] = {}
                for i, part in enumerate(own):
                    with accelerator.no_sync(ready) if i + 1 < len(own) else nullcontext():  # talk once a step
                        terms = {name: term / len(own) for name, term in ready(part, generator).items()}
                        accelerator.backward(sum(terms.values()))
                    sums = {name: sums.get(name, 0.0) + term.detach() for name, term in terms.items()}
                norm = accelerator.clip_grad_norm_(model.parameters(), config.clip)
                row = _finite(step + 1, accelerator.reduce(sums, "mean"), norm)
                rate = schedulers[0].get_last_lr()[0]
                for optimiser, scheduler in zip(optimisers, schedulers, strict=True):
                    optimiser.step()
                    optimiser.zero_grad()
                    scheduler.step()
            if (step + 1) % config.log_every == 0 or step + 1 == config.steps:
                run.history.log({"step": step + 1, **row, "learning_rate": rate, **meter.read(config.batch)})
                bar.set_postfix(loss=f"{row['loss']:.3f}")
            if on_step is not None:
                with keeping_modes(model), torch.random.fork_rng():
                    on_step(step + 1, dict(row))
                model.zero_grad()
            if (step + 1) % config.save_every == 0 or step + 1 == config.steps:
                run.save(step + 1)
                accelerator.wait_for_everyone()
    accelerator.unwrap_model(ready, keep_fp32_wrapper=False)
    return run.history.rows


class Loss(nn.Module):
    """`model.loss` as a forward pass, which is what DistributedDataParallel calls."""

    def __init__(self, model: nn.Module, config: TrainConfig) -> None:
        super().__init__()
        self.model, self.config = model, config

    def forward(self, batch: Any, generator: torch.Generator) -> dict[str, Tensor]:
        """The weighted terms in float32, computed in the run's precision."""
        device = next(self.model.parameters()).device.type
        with torch.autocast(device, torch.bfloat16, enabled=self.config.precision == "bf16"):
            return {name: term.float() for name, term in self.model.loss(batch, generator).items()}


def draw_batch(source: BatchSource, config: TrainConfig, step: int) -> Any:
    """The batch of step 0, 1, ...: the same for all processes, and for a run that resumes there."""
    generator = torch.Generator().manual_seed(_seed(config.seed, step, DATA))
    return source.batch(config.batch, generator, questions=config.questions)


def make_meter(model: nn.Module, source: BatchSource, config: TrainConfig, accelerator: Any) -> Meter:
    """A meter that knows the operations of one process's step, counted on a copy of the model."""
    batch = _shares(draw_batch(source, config, 0), accelerator.num_processes)[0].to(accelerator.device)
    twin = Loss(copy.deepcopy(model), config)

    def step() -> None:
        sum(twin(batch, torch.Generator().manual_seed(0)).values()).backward()

    with torch.random.fork_rng():
        count = operations(step)
    return Meter(accelerator.device, torch.bfloat16 if config.precision == "bf16" else torch.float32, count)


def _finite(step: int, terms: dict[str, Tensor], norm: Tensor) -> dict[str, float]:
    """Every term, their sum and the gradient's norm as numbers, or the end of the run."""
    values = dict(zip(terms, torch.stack(list(terms.values())).tolist(), strict=True))
    row = {"loss": sum(values.values()), **values, "gradient": float(norm)}
    for name, value in {**values, "gradient": row["gradient"]}.items():
        expected = "a finite number: lower the learning rate, or look at the batch of this step"
        require(math.isfinite(value), f"step {step}, {name}", value, expected, FloatingPointError)
    return row


def _shares(batch: Any, parts: int) -> list[Any]:
    rows = len(batch) // parts
    return [batch[i * rows : (i + 1) * rows] for i in range(parts)]


def _seed(*numbers: int) -> int:
    """One well-mixed seed of several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
