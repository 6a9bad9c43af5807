"""The folder of a training run: `metrics.jsonl` and the last checkpoint, which holds everything that changes.

A checkpoint is filled under a hidden name and renamed when it is whole, and the one before goes only then: killed at
any moment, a run finds one of them. Everything it goes on from is under a SHA-256: weights, the optimisers' states,
the step, the configuration and, by their last checksum, the logged rows.
"""

import hashlib
import inspect
import json
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from infotok.checkpoints import check_state, load_checkpoint, load_state, save_checkpoint
from infotok.errors import require
from infotok.files import (
    naming,
    new_folder,
    only_writer,
    plain,
    remove_folder,
    remove_temporaries,
    to_json,
    write_atomically,
)
from infotok.unified.metrics import METRICS, Row, read_lines, write_line
from infotok.unified.optimisers import check_optimisers, load_optimisers, optimiser_tensors, stated
from infotok.worlds import BatchSource

__all__ = ["Run"]

REMEDY = "; put the file back from a copy, or remove the folder {} to begin anew"


class Run:
    """A run in `folder`, None to keep nothing. One process writes there; the others of its run read."""

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
        self.history: list[Row] = []
        self.checksum = ""  # of the history
        if self.folder:
            made = {"model": type(model).__name__, "spec": _spec(model), "world": settings(source)}
            made |= {"config": asdict(config), "world_kind": type(source).__name__}
            self.identity = json.loads(to_json(made, "run"))
            self.machine = {"processes": accelerator.num_processes, "device": accelerator.device.type}
            self.machine["torch"] = str(torch.__version__)

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Hold the folder and load its last checkpoint, if it has one; yields the number of steps done."""
        with ExitStack() as stack:
            if self.folder:
                self._hold(stack)
            yield self._resume() if self.folder else 0

    def save(self, step: int) -> None:
        if not (self.folder and self.accelerator.is_main_process):
            return
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        states = optimiser_tensors(self.optimisers)
        tensors |= {f"optimiser.{name}": tensor for name, tensor in states.items()}
        meta = {"step": step, "history": self.checksum, "stated": stated(states), "machine": self.machine}
        with naming(self.folder / METRICS), (self.folder / METRICS).open("ab") as stream:
            os.fsync(stream.fileno())  # the rows that the checkpoint stands for
        with new_folder(self.folder / f"checkpoint-{step:08d}") as folder:
            save_checkpoint(folder, tensors, {**meta, **self.identity})
        for other, folder in self._checkpoints().items():
            if other != step:
                remove_folder(folder)

    def log(self, row: Row) -> None:
        self.history.append(row)
        if self.folder and self.accelerator.is_main_process:
            line, self.checksum = write_line(row, self.checksum)
            with naming(self.folder / METRICS), (self.folder / METRICS).open("a") as stream:
                stream.write(line)

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
        self.history = self._rows(step, last)
        text = ""
        for row in self.history:
            line, self.checksum = write_line(row, self.checksum)
            text += line
        if self.accelerator.is_main_process:
            write_atomically(self.folder / METRICS, text)
            for other, folder in self._checkpoints().items():
                if other < step:  # a kill came before it was removed
                    remove_folder(folder)
        return step

    def _checkpoints(self) -> dict[int, Path]:
        """By their steps, the newest first."""
        found = [path for path in self.folder.glob("checkpoint-*") if re.fullmatch(r"checkpoint-\d{8}", path.name)]
        return {int(path.name[-8:]): path for path in sorted(found, reverse=True)}

    def _load(self) -> tuple[int, str | None]:
        """Load the last whole checkpoint: its step, and the checksum of the history, None if it has none."""
        faults: list[str] = []
        for step, folder in self._checkpoints().items():
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
        for what, own in self.identity.items():
            if what in meta or "history" in meta:  # version 0.1 kept fewer
                difference = _difference(meta.get(what), own)
                require(not difference, f"{self.folder}, {what}", difference, "the run that was begun there")
        if changed := _difference(meta.get("machine", self.machine), self.machine):
            warnings.warn(f"{self.folder}: {changed}: numbers will round in another way", stacklevel=6)

    def _put_back(self, tensors: dict[str, Tensor], meta: dict[str, Any], what: str) -> None:
        """Model and optimisers as they were; nothing is loaded unless everything fits."""
        split: dict[str, dict[str, Tensor]] = {"model": {}, "optimiser": {}}
        for name, tensor in tensors.items():
            owner, _, key = name.partition(".")
            require(owner in split, what, name, "a tensor of the model or of an optimiser")
            split[owner][key] = tensor
        split["model"] = check_state(self.model, split["model"], what)
        check_optimisers(self.optimisers, split["optimiser"], f"{what}, optimiser", meta.get("stated"))
        load_state(self.model, split["model"], what)
        load_optimisers(self.optimisers, split["optimiser"])

    def _rows(self, step: int, last: str | None) -> list[Row]:
        """The rows up to `step`, which end with the checksum `last`; by their steps alone in a run of version 0.1."""
        if not step:
            self._say_if_lost()
            return []
        path, every, end = self.folder / METRICS, self.config.log_every, self.config.steps
        count = step // every + (step == end and step % every > 0)
        try:
            found = list(islice(read_lines(path), count))
            rows, checksum = [row for row, _ in found], found[-1][1] if found else ""
            expected = f"its {count} rows up to step {step}"
            require(len(rows) == count, str(path), f"{len(rows)} rows", expected)
            steps = [min(every * (i + 1), end) for i in range(count)]
            require([row["step"] for row in rows] == steps, str(path), "rows of other steps", expected)
            require(last is None or last == checksum, str(path), "the rows of another run", expected)
        except (ValueError, FileNotFoundError) as error:
            raise ValueError(str(error) + REMEDY.format(self.folder)) from None
        return rows

    def _say_if_lost(self) -> None:
        """A run begins anew; warn if the one before it had come as far as to a checkpoint."""
        with suppress(ValueError):
            steps = [row["step"] for row, _ in read_lines(self.folder / METRICS)]
            if steps and steps[-1] > self.config.save_every:
                got = f"{self.folder}: got rows up to step {steps[-1]} and no checkpoint; the run begins anew"
                warnings.warn(got, stacklevel=7)


def settings(made: Any) -> dict[str, Any]:
    """What an object was made with, in JSON values: its attributes that have the names of its class's arguments."""
    try:
        names = inspect.signature(type(made)).parameters
    except ValueError:  # a class of C
        names = ()
    return {name: _setting(getattr(made, name)) for name in names if hasattr(made, name)}


def _setting(value: Any) -> Any:
    """A value in JSON: arrays by their SHA-256, other objects by their class and settings."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_setting(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _setting(item) for key, item in value.items()}
    if isinstance(value, Tensor):
        value = value.detach().cpu().reshape(-1).view(torch.uint8).numpy()
    if isinstance(value, np.ndarray):
        return _setting(value.tolist()) if value.dtype == object else hashlib.sha256(value.tobytes()).hexdigest()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    return {"kind": type(value).__name__, **settings(value)}


def _spec(model: nn.Module) -> Any:
    """What the model, or the tokenizer, was built from, where it can be written down."""
    config = getattr(getattr(model, "tokenizer", model), "config", None)
    if not hasattr(config, "asdict"):
        return None
    spec = plain(model.spec() if hasattr(model, "spec") else config.asdict())
    for name in ("transformers_version", "_name_or_path"):  # where the backbone came from, not what it is
        spec.get("backbone", {}).get("config", {}).pop(name, None)
    return spec


def _difference(found: Any, own: Any, name: str = "") -> str:
    """The first setting in which two runs differ, "" for none."""
    if isinstance(found, dict) and isinstance(own, dict):
        differences = (_difference(found.get(key), own.get(key), f"{name}.{key}") for key in {**found, **own})
        return next(filter(None, differences), "")
    same = found == own or (found != found and own != own)  # NaN
    return "" if same else f"{name[1:] + '=' if name else ''}{found} there and {own} now"
