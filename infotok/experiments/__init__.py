"""What the lessons run and compare.

- `hosts`        one run: a unified model trained with a variant of InfoTok or without, and scored: `train_and_score`
- `plan`         the variants, the chosen weights, and the studies with their grids of runs
- `results`      finished runs: read, found by their settings, kept, averaged: `Runs`
- `comparisons`  paired intervals, the verdict in words, the test of agreement: `Comparisons`, `agreement`
- `questions`    the comparisons that answer each question of lessons 11 to 13: `answered`
- `cost`         parameters, operations and time of training, over the baseline's: `costs`
- `estimators`   the benchmark of mutual-information estimators: `benchmark_estimator`
- `throughput`   the speed benchmark
"""

from infotok.experiments.hosts import HOSTS, train_and_score

__all__ = ["HOSTS", "train_and_score"]
