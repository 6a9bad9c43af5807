"""Scoring with known truth and no learned judge.

- `parser`          scenes read back from images by least squares: `parse`, `Reading`, `score_cells`, `ceilings`
- `understanding`   answers: VQA by kind, `pope`, `mme`, and the baselines `question_only` and `shuffle_images`
- `generation`      images against prompts, as GenEval does: `score_generations`, `follows`
- `reconstruction`  PSNR of objects and background apart: `score_reconstructions`
- `probing`         nats of structure, jitter and nuisance in tokens: `carried`, `account`
- `fidelity`        FD-shapes and KID between sets of images: `score_fidelity`, `shapes_features`
- `evaluate`        a model run over an evaluation set, with baselines and ceilings: `evaluate`
- `statistics`      paired differences with intervals, corrected for many: `paired_difference`, `holm`
"""

from infotok.evaluation.evaluate import evaluate, evaluate_generation, evaluate_understanding
from infotok.evaluation.fidelity import ShapesFeatures, score_fidelity, shapes_features, train_features
from infotok.evaluation.generation import follows, score_generations
from infotok.evaluation.parser import Reading, ceilings, parse, score_cells
from infotok.evaluation.probing import account, carried
from infotok.evaluation.reconstruction import score_reconstructions
from infotok.evaluation.statistics import Difference, benjamini_hochberg, holm, paired_difference
from infotok.evaluation.understanding import (
    MME_CATEGORIES,
    NEGATIVES,
    mme,
    pope,
    question_only,
    score_answers,
    score_mme,
    score_pope,
    shuffle_images,
)

__all__ = [
    "MME_CATEGORIES",
    "NEGATIVES",
    "Difference",
    "Reading",
    "ShapesFeatures",
    "account",
    "benjamini_hochberg",
    "carried",
    "ceilings",
    "evaluate",
    "evaluate_generation",
    "evaluate_understanding",
    "follows",
    "holm",
    "mme",
    "paired_difference",
    "parse",
    "pope",
    "question_only",
    "score_answers",
    "score_cells",
    "score_fidelity",
    "score_generations",
    "score_mme",
    "score_pope",
    "score_reconstructions",
    "shapes_features",
    "shuffle_images",
    "train_features",
]
