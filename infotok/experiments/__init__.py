"""What the lessons run and compare.

- `hosts`        one run: a unified model trained with a variant of InfoTok or without, and scored: `train_and_score`
- `variants`     what is added to a host, by name, with the weights that were chosen: `options`
- `plan`         the studies with their grids of runs, and the trials: `runs`
- `results`      finished runs: read, found by their settings, kept, averaged: `Runs`
- `comparisons`  paired intervals, the verdict in words, the test of agreement: `Comparisons`, `agreement`
- `questions`    the comparisons that answer each question of lessons 11 to 13: `answered`
- `sensitivity`  both sides along one setting, such as the budget: `along`
- `frontier`     what tokens take and what a host does with them, along a rate term's weight: `points`, `savings`
- `pictures`     the plan of lesson 14: scenes of emoji and of photographs; attributes or sentence embeddings as text
- `many_objects`  what limits drawings of many emoji: offsets, training, bits
- `feature_distances`  what a Frechet distance of ImageNet features sees of drawings
- `styles`       models asked about scenes in a style of drawings that they never saw: `compared_styles`
- `transfer`     what tokens of a tokenizer trained in one world carry of another's images: `carried`
- `tightness`    the bounds on a known I(Z;T)
- `crt`          a rival: causally regularised tokens
- `cost`         parameters, operations and time of training, over the baseline's: `costs`
- `estimators`   the benchmark of mutual-information estimators: `benchmark_estimator`
- `diffusion`    small generative models of real images: a flow or a diffusion on principal components
- `pruning`      one run of lesson 16: a network pruned in many ways: `prune_and_score`; its plan is `pruning_plan`
- `pruning_scores`  what a score of a unit knows of its removal: `score_quality`
- `unlearnable`  the runs of lesson 17: images protected by noise, treated, and learners trained on them: `protect`
- `throughput`   the speed benchmark
- `machine_check` the checklist for a machine with or without a GPU: `check_machine`, `add_check`
- `memory`       the largest memory used so far
- `anti_spoofing`, `anti_spoofing_plan`   lesson 18: detectors in a domain that training never saw
"""

from infotok.experiments.hosts import HOSTS, train_and_score

__all__ = ["HOSTS", "train_and_score"]
