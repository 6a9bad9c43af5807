"""What the lessons run and compare.

- `hosts`       one run: a unified model trained with a variant of InfoTok or without, and scored: `train_and_score`
- `results`     finished runs, found by what was varied: `Cells`, `differences`, `score`
- `estimators`  the benchmark of mutual-information estimators: `examine`
"""

from infotok.experiments.hosts import HOSTS, CaptionHead, train_and_score

__all__ = ["HOSTS", "CaptionHead", "train_and_score"]
