"""The state of one notebook's run while it lasts: status, place in the notebook, and the fraction that is done."""

import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infotok.files import read_json

__all__ = ["Run"]


@dataclass
class Run:
    """One notebook that `infotok run` was asked for.

    name: the notebook
    folder: where the run keeps its files
    status: queued, running, waiting or finishing; then passed, kept, failed or interrupted
    place: the cell that is running, as a person would name it
    number: how many code cells have finished
    cells: how many code cells there are
    weights: seconds that each code cell took in the last run, [] for a first run
    begun: when it started, by `time.monotonic`; 0 before that
    seconds: how long it took
    faults: everything that is wrong with it, one line each
    notes: damaged files, because of which it was run again
    worker: the process that runs it
    """

    name: str
    folder: Path
    status: str = "queued"
    place: str = ""
    number: int = 0
    cells: int = 1
    weights: list[float] = field(default_factory=list)
    begun: float = 0.0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    worker: subprocess.Popen | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ("passed", "kept", "failed", "interrupted")

    @property
    def elapsed(self) -> float:
        """Seconds since it started; once it has ended, how long it took."""
        return self.seconds if self.ended else (time.monotonic() - self.begun if self.begun else 0.0)

    def sweep(self) -> dict[str, Any] | None:
        """{"label", "done", "total"} of the sweep in the running cell; None if there is none."""
        try:
            state = read_json(self.folder / "cells" / "progress.json")
            return state if state["total"] > 0 and state["done"] >= 0 and state["label"] else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def fraction(self) -> float:
        """The fraction that is done, 0 to 1: a cell counts by the time it took last, or like any other at first."""
        if self.ended:
            return 1.0
        weights = self.weights if len(self.weights) == self.cells else [1.0] * self.cells
        sweep = self.sweep()
        inside = sweep["done"] / sweep["total"] if sweep else 0.0
        done = sum(weights[: self.number]) + inside * weights[min(self.number, self.cells - 1)]
        return done / max(sum(weights), 1e-9)
