"""The training loop of all three models and of tokenizers: hyperparameters, schedule, checkpoints, many devices.

    history = train(model, source, TrainConfig(steps=650), run_dir="runs/ar")      # run again: it goes on, or is done

- batch i is drawn by a generator seeded with (seed, i), and so is every other random number of step i: the step alone
  gives the position in the data and the state of all generators. A source may ask for the next batch to be drawn in a
  thread while a step computes (`drawing`)
- a run that is killed resumes from its last checkpoint and ends with the same weights, bit for bit on a CPU
- processes (`torchrun`, see docs/scaling.md) share one batch of `batch` images: the loss curve changes by rounding
  only, which on a GPU Muon's bfloat16 magnifies, unless parts of the model draw noise: each process draws its own.
  Accumulated parts share its gradient, but quantizers see part after part, and masks and noise are others
- `metrics.jsonl` in `run_dir` has every term, weighted as it was added, with throughput and model FLOPs utilisation
- one process trains in a folder; everything that a run goes on from is under a checksum (`run_folder`, `metrics`)
- a loss or gradient that is not finite stops the run, with its step and its name
- `on_step` is called after every step, for instance to evaluate the model
- a finished run is lengthened by the same configuration with more `steps`: weights and optimisers go on, and the
  learning rate warms up and falls once more over the added steps. The result is not that of one longer run
- a process that dies ends the others with one line, ConnectionError; the same command goes on
"""

import math
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from infotok.errors import require, require_folder, require_function, require_instance
from infotok.modes import accumulating, keeping_modes
from infotok.optional import needs
from infotok.unified.arguments import check_part
from infotok.unified.drawing import drawing_ahead, prefetches
from infotok.unified.optimisers import make_optimisers
from infotok.unified.run_folder import Run
from infotok.unified.sharding import checkpointing_layers, full, naming_lost_processes, shard, synchronising
from infotok.unified.throughput import Meter, operations, sharing_parameters
from infotok.unified.train_config import TrainConfig, make_scheduler, schedule_factor
from infotok.worlds import BatchSource

__all__ = ["TrainConfig", "draw_batch", "make_scheduler", "schedule_factor", "train"]

OnStep = Callable[[int, dict[str, float]], None]
DATA, MODEL, TORCH = range(3)  # streams of random numbers


def train(
    model: nn.Module,
    source: BatchSource,
    config: TrainConfig | None = None,
    run_dir: str | Path | None = None,
    on_step: OnStep | None = None,
) -> list[dict[str, float]]:
    """Train `model` in place on batches of `source`; returns the logged rows, as `metrics.jsonl` has them.

    model: has `.loss(batch, generator) -> dict of weighted terms`.
    source: has `.batch(n, generator, questions)`; a `BatchSource`. Where its `prefetch` is True, the next step's batch
        is drawn in a thread while a step computes: the same weights, and less waiting for data.
    config: steps, batch size, learning rate and the other hyperparameters; None for the defaults.
    run_dir: where checkpoints and metrics are kept; None keeps nothing. A run found there goes on from its last
        checkpoint; a finished one, where `config` has more `steps` and is otherwise the same, is lengthened.
    on_step: called as `on_step(step, row)` after every optimiser step, in every process, with the number of finished
        steps and that step's terms as floats. It may evaluate the model: modes, gradients and torch's random state are
        restored afterwards, so that training does not change. A resumed run calls it for the remaining steps only.

    A progress bar is written to stderr, by the main process only; TQDM_DISABLE=1 in the environment turns it off.

    Each in one line that names what is wrong: ValueError for a run of another configuration and for a damaged file,
    BlockingIOError for a folder in which another process trains, OSError for a disk that is full or read-only,
    FloatingPointError for a loss that is not finite, ConnectionError where another process of the run has died.

    Example:
        >>> from infotok.tokenizers import SharedTokenizer, TokenizerConfig
        >>> from infotok.unified import TrainConfig, train
        >>> from infotok.worlds import ShapesWorld
        >>> tokenizer = SharedTokenizer.from_config(TokenizerConfig(quantizer=None))  # or a unified model
        >>> rows = train(tokenizer, ShapesWorld(), TrainConfig(steps=40, batch=16, warmup=10))  # 650 steps by default
        >>> [row["step"] for row in rows], rows[-1]["loss"] < rows[0]["loss"]
        ([10, 20, 30, 40], True)
    """
    with needs("hub", "train"):
        from accelerate import Accelerator, DistributedDataParallelKwargs
        from tqdm.auto import tqdm

    require_instance("model", model, nn.Module)
    check_part("model", model, ("loss",), "a model"), check_part("source", source, ("batch",), "a batch source")
    ahead = prefetches(source)
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
    model.to(accelerator.device)
    if sharded := config.sharding == "fsdp":
        meter = make_meter(model, source, config, accelerator)
        shard(model, accelerator.device, processes)
    optimisers = make_optimisers(model, config)
    run = Run(run_dir, model, optimisers, config, source, accelerator)
    silent = "INFOTOK_RUN" in os.environ or not accelerator.is_main_process  # the runner has a progress line of its own
    quiet = {"disable": True} if silent else {}  # a value given here, even False, would override TQDM_DISABLE

    with (
        run.opened() as start,
        torch.random.fork_rng(),  # leaves torch's own generator to the caller
        checkpointing_layers(model, config.gradient_checkpointing),
        naming_lost_processes(processes, run_dir),
        drawing_ahead(partial(draw_batch, source, config), config.steps, ahead) as batch_of,
    ):
        schedulers = [make_scheduler(optimiser, config, start, run.begin) for optimiser in optimisers]
        ready = Loss(model, config).train()
        if sharded:
            optimisers = [accelerator.prepare(optimiser) for optimiser in optimisers]
        else:
            meter = make_meter(model, source, config, accelerator)
            ready, *optimisers = accelerator.prepare(ready, *optimisers)
        bar = tqdm(range(start, config.steps), initial=start, total=config.steps, desc="training", **quiet)
        for step in bar:
            torch.manual_seed(_seed(config.seed, step, TORCH, accelerator.process_index))
            generator = torch.Generator().manual_seed(_seed(config.seed, step, MODEL))
            with meter.timing("data"):
                shares = _shares(batch_of(step), parts)[accelerator.process_index :: processes]
                own = [share.to(accelerator.device) for share in shares]
            with meter.timing("step"):
                sums: dict[str, Tensor] = {}
                for i, part in enumerate(own):
                    last = i + 1 == len(own)
                    with accumulating(last), synchronising(last, model if sharded else ready, accelerator):
                        terms = {name: term / len(own) for name, term in ready(part, generator).items()}
                        accelerator.backward(sum(terms.values()))
                    sums |= {name: sums.get(name, 0.0) + term.detach() for name, term in terms.items()}
                norm = accelerator.clip_grad_norm_(model.parameters(), config.clip)
                row = _finite(step + 1, accelerator.reduce(sums, "mean"), full(norm))
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
    """A meter that knows the operations of one process's step, counted on a copy that shares the parameters.

    With FSDP the forward pass is counted, three times: gradients of the whole model may have no room.
    """
    batch = _shares(draw_batch(source, config, 0), accelerator.num_processes)[0].to(accelerator.device)
    twin = Loss(sharing_parameters(model), config).train()
    forward_only = config.sharding == "fsdp"

    def step() -> None:
        loss = sum(twin(batch, torch.Generator().manual_seed(0)).values())
        if not forward_only:
            loss.backward()

    with torch.random.fork_rng(), torch.set_grad_enabled(not forward_only):
        count = operations(step) * (3 if forward_only else 1)
    model.zero_grad()
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
    require(len(batch) == rows * parts, "batch, images", len(batch), f"a multiple of {parts}, accumulate x processes")
    return [batch[i * rows : (i + 1) * rows] for i in range(parts)]


def _seed(*numbers: int) -> int:
    """One well-mixed seed of several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
