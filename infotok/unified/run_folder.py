"""The folder of a training run: its lock, its logged rows (`metrics.jsonl`), and its last checkpoint.

A checkpoint is written under a hidden name and renamed when it is whole; the one before is removed only then. A run
that is killed at any moment finds one of them. Everything that it resumes from is under a SHA-256: weights, the
optimisers' states, the step, the configuration and, by their last checksum, the logged rows.

A run resumes with its own configuration. A finished one may be lengthened: with more `steps` and otherwise the same
configuration it goes on, and its checkpoints list in `ends` where it had ended before. `load_weights` takes the weights
of a run's last checkpoint and nothing else, for a new run in another folder (a warm start).
"""

import json
import re
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from infotok.checkpoints import check_state, load_checkpoint, save_checkpoint
from infotok.errors import require, require_folder, require_instance
from infotok.files import new_folder, only_writer, remove_folder, remove_temporaries, to_json
from infotok.unified.identity import difference, made_with, model_spec
from infotok.unified.metrics import METRICS, REMEDY, History
from infotok.unified.optimisers import check_optimisers, load_optimisers, optimiser_tensors, stated
from infotok.unified.sharding import class_name, is_sharded, put_state, whole_state
from infotok.unified.train_config import EXECUTION
from infotok.worlds import BatchSource

__all__ = ["Run", "load_weights"]


def load_weights(model: nn.Module, folder: str | Path) -> int:
    """Load the weights of a training run's last checkpoint, or of a saved model, into `model`; returns its step.

    A warm start: optimisers, schedule and batches begin anew when `train` is called with another `run_dir`.

    model: a model of the same configuration.
    folder: a `run_dir` of `train`, or a folder of `save_pretrained`, whose step is 0.

    Raises FileNotFoundError for a folder that has neither, and ValueError for damaged files and for another model's.

    Example:
        >>> from tempfile import mkdtemp
        >>> import torch
        >>> from infotok.tokenizers import SharedTokenizer, TokenizerConfig
        >>> from infotok.unified import load_weights
        >>> saved, model = (SharedTokenizer.from_config(TokenizerConfig(quantizer=None)) for _ in range(2))
        >>> folder = mkdtemp()
        >>> saved.save_pretrained(folder)
        >>> load_weights(model, folder)  # the step of a training run's folder; 0 of a saved model
        0
        >>> torch.equal(next(model.parameters()), next(saved.parameters()))
        True
    """
    require_instance("model", model, nn.Module), require_folder("folder", folder)
    newest = next(iter(checkpoints(Path(folder)).values()), Path(folder))
    tensors, meta = load_checkpoint(newest)
    if newest != Path(folder):
        tensors = {name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")}
    put_state(model, tensors, str(newest))
    return meta.get("step", 0)


def checkpoints(folder: Path) -> dict[int, Path]:
    """The checkpoints of a run by their steps, the newest first."""
    found = [path for path in folder.glob("checkpoint-*") if re.fullmatch(r"checkpoint-\d{8}", path.name)]
    return {int(path.name[-8:]): path for path in sorted(found, reverse=True)}


class Run:
    """A training run in `folder`, None to keep nothing. The main process writes there; the others read."""

    def __init__(
        self,
        folder: str | Path | None,
        model: nn.Module,
        optimisers: list[torch.optim.Optimizer],
        config: Any,
        source: BatchSource,
        accelerator: Any,
    ) -> None:
        self.folder = Path(folder) if folder is not None else None
        self.model, self.optimisers, self.accelerator, self.config = model, optimisers, accelerator, config
        path = self.folder / METRICS if self.folder else None
        self.history = History(path, config.log_every, (config.steps,), accelerator.is_main_process)
        self.ends: list[int] = []  # where the run had ended before it was lengthened
        if self.folder:
            made = {"model": class_name(model), "spec": model_spec(model), "world": made_with(source)}
            settings = asdict(config)
            execution = {name: settings.pop(name) for name in EXECUTION}
            made |= {"config": settings, "world_kind": type(source).__name__}
            self.identity = json.loads(to_json(made, "run"))
            self.machine = {"processes": accelerator.num_processes, "device": accelerator.device.type}
            self.machine |= {"torch": str(torch.__version__), **execution}

    @property
    def begin(self) -> int:
        """The step at which the learning-rate schedule begins: 0, or where the run was last lengthened."""
        return self.ends[-1] if self.ends else 0

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Hold the folder and load its last checkpoint, if it has one; yields the number of steps done."""
        with ExitStack() as stack:
            if self.folder:
                self._hold(stack)
            yield self._resume() if self.folder else 0

    def save(self, step: int) -> None:
        """Write the checkpoint of `step`, then remove the one before."""
        main = self.accelerator.is_main_process
        if not (self.folder and (main or is_sharded(self.model))):
            return
        tensors = {f"model.{name}": tensor for name, tensor in whole_state(self.model).items()}
        states = optimiser_tensors(self.optimisers, keep=main)  # of a sharded model, by all processes
        if not main:
            return
        tensors |= {f"optimiser.{name}": tensor for name, tensor in states.items()}
        meta = {"step": step, "history": self.history.checksum, "stated": stated(states), "machine": self.machine}
        meta |= {"ends": self.ends} if self.ends else {}
        self.history.flush()  # the rows that the checkpoint stands for
        with new_folder(self.folder / f"checkpoint-{step:08d}") as folder:
            save_checkpoint(folder, tensors, {**meta, **self.identity})
        for other, folder in checkpoints(self.folder).items():
            if other != step:
                remove_folder(folder)

    def _hold(self, stack: ExitStack) -> None:
        """Lock the folder and clean up what a kill left half written; on every process an error if that failed."""
        failure = None
        if self.accelerator.is_main_process:
            try:
                stack.enter_context(only_writer(self.folder, "training"))
                remove_temporaries(self.folder)
            except OSError as error:
                failure = error
        failed = self.accelerator.reduce(torch.tensor(float(failure is not None), device=self.accelerator.device))
        if failure:
            raise failure
        require(not failed, str(self.folder), "no lock by the first process", "one: see its error", BlockingIOError)

    def _resume(self) -> int:
        """Load the last checkpoint; the number of steps done. Rows logged after it are dropped."""
        step, last = self._load()
        if not step:
            self.history.warn_if_lost(self.config.save_every)
        self.history.restore(step, last)
        if self.accelerator.is_main_process:
            for other, folder in checkpoints(self.folder).items():
                if other < step:  # a kill came before it was removed
                    remove_folder(folder)
        return step

    def _load(self) -> tuple[int, str | None]:
        """Load the last whole checkpoint: its step, and the checksum of the history, None if it has none."""
        faults: list[str] = []
        for step, folder in checkpoints(self.folder).items():
            try:
                tensors, meta = load_checkpoint(folder)
                own = meta.get("step")
                require(own == step, str(folder), f"the checkpoint of step {own}", "that of its name")
            except (ValueError, FileNotFoundError) as error:
                faults.append(str(error))
                continue
            if faults:
                warnings.warn(f"{faults[0]}; going on from {folder.name}, the one before it", stacklevel=5)
            self._check_identity(meta)
            self._put_back(tensors, meta, str(folder))
            return step, meta.get("history")
        if faults:
            raise ValueError(faults[0] + REMEDY.format(self.folder))
        return 0, ""

    def _check_identity(self, meta: dict[str, Any]) -> None:
        self._lengthen(meta)
        for what, own in self.identity.items():
            if what in meta or "history" in meta:  # version 0.1 kept fewer
                differs = difference(meta.get(what), own)
                require(not differs, f"{self.folder}, {what}", differs, "the run that was begun there")
        before = {name: getattr(type(self.config)(), name) for name in EXECUTION} | meta.get("machine", self.machine)
        if changed := difference(before, self.machine):
            warnings.warn(f"{self.folder}: {changed}: numbers will round in another way", stacklevel=6)

    def _lengthen(self, meta: dict[str, Any]) -> None:
        """Take over where the run had ended before; one more end if it is finished and now has more steps."""
        self.ends = list(meta.get("ends", []))
        former = meta.get("config", {})
        if "steps" in former and former["steps"] < self.config.steps:
            same = not difference({**former, "steps": 0}, {**self.identity["config"], "steps": 0})
            got = f"{self.config.steps} for a run of {former['steps']} that has finished {meta['step']}"
            expected = f"{former['steps']} first: a finished run can be lengthened"
            require(not same or meta["step"] == former["steps"], f"{self.folder}, steps", got, expected)
            if same:
                meta["config"] = {**former, "steps": self.config.steps}
                self.ends.append(former["steps"])
        self.history.ends = (*self.ends, self.config.steps)

    def _put_back(self, tensors: dict[str, Tensor], meta: dict[str, Any], what: str) -> None:
        """Model and optimisers as they were; nothing is loaded unless everything fits."""
        split: dict[str, dict[str, Tensor]] = {"model": {}, "optimiser": {}}
        for name, tensor in tensors.items():
            owner, _, key = name.partition(".")
            require(owner in split, what, name, "a tensor of the model or of an optimiser")
            split[owner][key] = tensor
        split["model"] = check_state(self.model, split["model"], what)
        check_optimisers(self.optimisers, split["optimiser"], f"{what}, optimiser", meta.get("stated"))
        put_state(self.model, split["model"], what)
        load_optimisers(self.optimisers, split["optimiser"])
