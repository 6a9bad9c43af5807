"""What a notebook imports: records, sweeps, plots, widgets, exercises.

- `record`     `Record`: the metrics, claims, figures and tables of one run
- `sweep`      `sweep`: a grid of runs, each finished one cached (`caching`: what identifies a run)
- `plots`      every figure, as pure functions of plain data (`infotok.lab.plots`, one file per lesson)
- `widgets`    `explore`: sliders on such a function
- `exercises`  `Exercise`: a question that checks its answer (`infotok.lab.exercises`, one file per lesson)
"""

from importlib import import_module
from typing import Any

from infotok.lab.record import Claim, Record
from infotok.lab.sweep import sweep

__all__ = ["Claim", "Exercise", "Record", "explore", "sweep"]

HOMES = {"Exercise": "exercises", "explore": "widgets"}


def __getattr__(name: str) -> Any:
    """Import widgets and exercises where they are first used: the command `infotok` needs neither."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
