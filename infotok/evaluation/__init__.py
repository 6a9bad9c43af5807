"""Scoring with known truth and no learned judge.

- `parser`  scenes read back from images by least squares: `parse`, `Reading`, `score_cells`, `ceilings`
"""

from infotok.evaluation.parser import Reading, ceilings, parse, score_cells

__all__ = ["Reading", "ceilings", "parse", "score_cells"]
