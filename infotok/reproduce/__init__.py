"""The course, run headlessly by papermill.

- `Record`: what a notebook claims, measures and draws
- `sweep`: a grid of experiments, each cell cached
- the command `infotok`: run, list, report, figures, clean (`infotok --help`)
"""

from infotok.reproduce.record import Claim, Record
from infotok.reproduce.sweep import sweep

__all__ = ["Claim", "Record", "sweep"]
