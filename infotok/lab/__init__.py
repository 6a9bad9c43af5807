"""What a notebook imports: records, sweeps, plots, widgets, exercises.

- `record`     `Record`: the metrics, claims, figures and tables of one run
- `sweep`      `sweep`: a grid of runs, each finished one cached (`caching`: what identifies a run)
- `plots`      every figure, as pure functions of plain data (`infotok.lab.plots`, one file per lesson)
- `widgets`    `explore`: sliders on such a function
- `exercises`  `Exercise`: a question that checks its answer (`infotok.lab.exercises`, one file per lesson)
"""

from importlib import import_module
from typing import Any

__all__ = ["Claim", "Exercise", "Record", "explore", "sweep"]

HOMES = {"Claim": "record", "Exercise": "exercises", "Record": "record", "explore": "widgets", "sweep": "sweep"}


def __getattr__(name: str) -> Any:
    """Import a public name where it is first used: the command `infotok` needs no widgets."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
    globals()[name] = value
    return value
