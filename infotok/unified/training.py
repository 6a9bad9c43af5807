"""One training loop for all three models, on one device or many.

    history = train(model, world, TrainConfig(steps=650), run_dir="runs/ar")      # run again: it goes on, or is done

- batch i is drawn by a generator seeded with (seed, i), and so is every other random number of step i: the step is the
  data's position and the state of all generators at once
- a run that is killed resumes from its last checkpoint and ends with the same weights, bit for bit on a CPU
- processes (`accelerate launch`) share one batch of `batch` images: the loss curve does not change, but for rounding,
  which on a GPU Muon's bfloat16 magnifies. Accumulated parts share its gradient, but quantizers see part after part
- `metrics.jsonl` in `run_dir` has every term, weighted as it was added, with throughput and utilisation
- a loss or gradient that is not finite stops the run, with its step and its name
"""

import copy
import inspect
import json
import math
import os
import shutil
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from infotok.checkpoints import load_checkpoint, load_state, save_checkpoint
from infotok.errors import require
from infotok.files import write_atomically
from infotok.unified.muon import Muon
from infotok.unified.speed import Meter, operations

__all__ = ["TrainConfig", "read_metrics", "train"]

DATA, MODEL, TORCH = range(3)  # streams of random numbers


@dataclass(frozen=True)
class TrainConfig:
    """Muon and AdamW (`make_optimisers`; muon=False: AdamW alone), a linear warm-up over `warmup` steps and a cosine to
    zero. The rate suits small models of random weights; a checkpoint wants less. `batch` is that of all processes
    together, cut into `accumulate` parts each; precision "no" or "bf16". `save_every` and `log_every` count steps."""

    steps: int = 650
    batch: int = 32
    questions: int = 8
    learning_rate: float = 6e-3
    warmup: int = 50
    weight_decay: float = 0.01
    clip: float = 5.0
    accumulate: int = 1
    precision: str = "no"
    muon: bool = True
    seed: int = 0
    save_every: int = 200
    log_every: int = 10

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "questions", "accumulate", "save_every", "log_every"):
            require(_whole(getattr(self, name), 1), name, getattr(self, name), "a whole number, 1 or above")
        for name in ("warmup", "seed"):
            require(_whole(getattr(self, name), 0), name, getattr(self, name), "a whole number, 0 or above")
        for name in ("learning_rate", "clip", "weight_decay"):
            value = getattr(self, name)
            number = isinstance(value, int | float) and math.isfinite(value)
            positive = number and (value > 0 or (value == 0 and name == "weight_decay"))
            require(positive, name, value, "a finite number above 0")
        require(isinstance(self.muon, bool), "muon", self.muon, "True or False")
        require(self.precision in ("no", "bf16"), "precision", self.precision, "no or bf16")

    def rate_at(self, step: int) -> float:
        """The learning rate of step 0, 1, ..., steps - 1."""
        warm = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        return self.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / self.steps))


def train(
    model: nn.Module, world: Any, config: TrainConfig | None = None, run_dir: str | Path | None = None
) -> list[dict[str, float]]:
    """Train `model` on batches of `world`, in place; returns the logged rows, as `metrics.jsonl` has them.

    model: has `.loss(batch, generator) -> dict of weighted terms`; world: has `.batch(n, generator, questions)`.
    run_dir: where checkpoints and metrics are kept; None keeps nothing. A run found there must be of the same
    configuration (ValueError), and goes on from its last checkpoint. FloatingPointError for a loss that is not finite.
    """
    from accelerate import Accelerator, DistributedDataParallelKwargs
    from tqdm.auto import tqdm

    config = config or TrainConfig()
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)  # in a tokenizer's warm-up some parts rest
    accelerator = Accelerator(mixed_precision=config.precision, kwargs_handlers=[unused])
    processes = accelerator.num_processes
    parts = config.accumulate * processes
    require(config.batch % parts == 0, "batch", config.batch, f"a multiple of {parts}, accumulate x processes")
    optimisers = make_optimisers(model.to(accelerator.device), config)
    run = Run(run_dir, model, optimisers, config, world, accelerator.is_main_process)
    start = run.resume()
    ready, *optimisers = accelerator.prepare(Loss(model).train(), *optimisers)
    meter = make_meter(model, world, config, accelerator)
    silent = "INFOTOK_RUN" in os.environ or not accelerator.is_main_process  # the runner has a progress line of its own
    bar = tqdm(range(start, config.steps), initial=start, total=config.steps, desc="training", disable=silent)

    with torch.random.fork_rng():  # leaves torch's own generator to the caller
        for step in bar:
            torch.manual_seed(_seed(config.seed, step, TORCH, accelerator.process_index))
            generator = torch.Generator().manual_seed(_seed(config.seed, step, MODEL))
            with meter.timing("data"):
                batch = draw_batch(world, config, step)
                shares = _shares(batch, parts)[accelerator.process_index :: processes]
                own = [share.to(accelerator.device) for share in shares]
            with meter.timing("step"):
                for optimiser in optimisers:
                    for group in optimiser.param_groups:
                        group["lr"] = config.rate_at(step)
                sums: dict[str, Tensor] = {}
                for i, part in enumerate(own):
                    with accelerator.no_sync(ready) if i + 1 < len(own) else nullcontext():  # talk once a step
                        terms = {name: term / len(own) for name, term in ready(part, generator).items()}
                        accelerator.backward(sum(terms.values()))
                    sums = {name: sums.get(name, 0.0) + term.detach() for name, term in terms.items()}
                norm = accelerator.clip_grad_norm_(model.parameters(), config.clip)
                row = _finite(step + 1, accelerator.reduce(sums, "mean"), norm)
                for optimiser in optimisers:
                    optimiser.step()
                    optimiser.zero_grad()
            if (step + 1) % config.log_every == 0 or step + 1 == config.steps:
                run.log({"step": step + 1, **row, "learning_rate": config.rate_at(step), **meter.read(config.batch)})
                bar.set_postfix(loss=f"{row['loss']:.3f}")
            if (step + 1) % config.save_every == 0 or step + 1 == config.steps:
                run.save(step + 1)
                accelerator.wait_for_everyone()
    accelerator.unwrap_model(ready, keep_fp32_wrapper=False)
    return run.history


class Loss(nn.Module):
    """`model.loss` as a forward pass, which is what DistributedDataParallel calls."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Any, generator: torch.Generator) -> dict[str, Tensor]:
        return self.model.loss(batch, generator)


def draw_batch(world: Any, config: TrainConfig, step: int) -> Any:
    """The batch of step 0, 1, ...: the same for all processes, and for a run that resumes there."""
    generator = torch.Generator().manual_seed(_seed(config.seed, step, DATA))
    return world.batch(config.batch, generator, questions=config.questions)


def make_optimisers(model: nn.Module, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """AdamW, and for the matrices of the language model's layers Muon; matrices decay and vectors do not.

    Muon (Jordan et al. 2024) makes the singular values of a matrix's step about equal, so that a small model of random
    weights sooner finds where to look. Its steps are scaled to the size of AdamW's (Liu et al. 2025, arXiv 2502.16982):
    one learning rate serves both.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    inner = {id(p) for p in model.backbone.matrices} if config.muon and hasattr(model, "backbone") else set()
    rest = [p for p in trained if id(p) not in inner]
    groups = [
        {"params": [p for p in rest if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimisers = [torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.95), fused=True)]
    if matrices := [p for p in trained if id(p) in inner]:
        same = {"lr": config.learning_rate, "weight_decay": config.weight_decay}
        optimisers.append(Muon(matrices, **same, adjust_lr_fn="match_rms_adamw"))
    return optimisers


def make_meter(model: nn.Module, world: Any, config: TrainConfig, accelerator: Any) -> Meter:
    """A meter that knows the operations of one process's step, counted on a copy of the model."""
    batch = _shares(draw_batch(world, config, 0), accelerator.num_processes)[0].to(accelerator.device)
    twin = copy.deepcopy(model)

    def step() -> None:
        with accelerator.autocast():
            terms = twin.loss(batch, torch.Generator().manual_seed(0))
        sum(terms.values()).backward()

    with torch.random.fork_rng():
        count = operations(step)
    return Meter(accelerator.device, torch.bfloat16 if config.precision == "bf16" else torch.float32, count)


class Run:
    """A run's folder: `metrics.jsonl` and the last checkpoint, which holds everything that changes.

    A checkpoint has a folder of its own, and the one before goes only when it is whole: killed at any moment, a run
    finds one of them.
    """

    def __init__(self, folder, model, optimisers, config, world, main: bool) -> None:
        self.folder = Path(folder) if folder is not None else None
        self.model, self.optimisers, self.main = model, optimisers, main
        self.identity = {"config": asdict(config), "model": type(model).__name__, "world": _dials(world)}
        self.history: list[dict[str, float]] = []

    def resume(self) -> int:
        """Load the last checkpoint, if there is one; the number of steps done. Rows logged after it are dropped."""
        if not self.folder:
            return 0
        found = sorted(self.folder.glob("checkpoint-*"))
        whole = [folder for folder in found if (folder / "config.json").exists()]  # written last
        step = self._load(whole[-1]) if whole else 0
        self.history = [row for row in read_metrics(self.folder) if row["step"] <= step]
        if self.main:
            write_atomically(self.folder / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in self.history))
        return step

    def _load(self, folder: Path) -> int:
        tensors, meta = load_checkpoint(folder)
        for what, own in self.identity.items():
            same = meta.get(what) == own
            require(same, f"{self.folder}, {what}", _difference(meta.get(what), own), "the run that was begun there")
        split: dict[str, dict[str, Tensor]] = {"model": {}, "optimiser": {}}
        for name, tensor in tensors.items():
            owner, key = name.split(".", 1)
            split[owner][key] = tensor
        load_state(self.model, split["model"], str(folder))
        load_optimisers(self.optimisers, split["optimiser"])
        return meta["step"]

    def save(self, step: int) -> None:
        if not (self.folder and self.main):
            return
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        tensors |= {f"optimiser.{name}": tensor for name, tensor in optimiser_tensors(self.optimisers).items()}
        target = self.folder / f"checkpoint-{step:08d}"
        save_checkpoint(target, tensors, {"step": step, **self.identity})
        for folder in self.folder.glob("checkpoint-*"):
            if folder != target:
                shutil.rmtree(folder)

    def log(self, row: dict[str, float]) -> None:
        self.history.append(row)
        if self.folder and self.main:
            with (self.folder / "metrics.jsonl").open("a") as stream:
                stream.write(json.dumps(row) + "\n")


def read_metrics(run_dir: str | Path) -> list[dict[str, float]]:
    """The rows of a run's `metrics.jsonl`; a last line that a kill cut short is left out."""
    path = Path(run_dir) / "metrics.jsonl"
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def optimiser_tensors(optimisers: list[torch.optim.Optimizer]) -> dict[str, Tensor]:
    """The state of optimisers as flat names: "0.3.exp_avg" of the first one's parameter 3."""
    states = [optimiser.state_dict()["state"] for optimiser in optimisers]
    return {
        f"{which}.{index}.{name}": torch.as_tensor(value)
        for which, state in enumerate(states)
        for index, own in state.items()
        for name, value in own.items()
    }


def load_optimisers(optimisers: list[torch.optim.Optimizer], tensors: dict[str, Tensor]) -> None:
    """Put back what `optimiser_tensors` gave."""
    states: list[dict[int, dict[str, Tensor]]] = [{} for _ in optimisers]
    for name, value in tensors.items():
        which, index, key = name.split(".", 2)
        states[int(which)].setdefault(int(index), {})[key] = value
    for optimiser, state in zip(optimisers, states, strict=True):
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


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


def _dials(world: Any) -> dict[str, Any]:
    """The settings that the world was made with."""
    return {name: getattr(world, name) for name in inspect.signature(type(world)).parameters if hasattr(world, name)}


def _difference(found: Any, own: Any) -> str:
    """The first setting in which two runs differ."""
    if not (isinstance(found, dict) and isinstance(own, dict)):
        return f"{found} there and {own} now"
    differing = (name for name in {**found, **own} if found.get(name) != own.get(name))
    return next((f"{name}={found.get(name)} there and {own.get(name)} now" for name in differing), "")


def _whole(value: Any, lowest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= lowest
