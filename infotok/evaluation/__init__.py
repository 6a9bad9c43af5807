"""Evaluation with known truth and no learned judge.

- `understanding`   answers: VQA by kind, `pope`, `mme`, and the baselines `question_only` and `shuffle_images`
- `reconstruction`  PSNR of objects and of the background: `score_reconstructions`
- `probing`         probed information of tokens, in nats: `probe_tokens`, `probe_tokenizer`
- `rates`           nats that tokens really spend, by the host and by renders: `score_rates`
- `arithmetic`      codes as bits of an arithmetic coder, with the host's probabilities: `code_bits`
- `fidelity`        Frechet distance (FD-shapes) and KID between sets of images: `score_fidelity`, `shapes_features`
- `evaluate`        a model on an evaluation set, with baselines and ceilings: `evaluate`
- `statistics`      paired differences with intervals, corrected for multiple comparisons: `paired_difference`, `holm`
"""

from infotok.evaluation.arithmetic import code_bits
from infotok.evaluation.evaluate import evaluate, evaluate_generation, evaluate_understanding
from infotok.evaluation.fidelity import ShapesFeatures, score_fidelity, shapes_features, train_features
from infotok.evaluation.probing import probe_tokenizer, probe_tokens
from infotok.evaluation.rates import score_rates
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
from infotok.worlds.shapes.following import follows, score_generations
from infotok.worlds.shapes.parser import Reading, ceilings, parse, score_cells

__all__ = [
    "MME_CATEGORIES",
    "NEGATIVES",
    "Difference",
    "Reading",
    "ShapesFeatures",
    "benjamini_hochberg",
    "ceilings",
    "code_bits",
    "evaluate",
    "evaluate_generation",
    "evaluate_understanding",
    "follows",
    "holm",
    "mme",
    "paired_difference",
    "parse",
    "pope",
    "probe_tokenizer",
    "probe_tokens",
    "question_only",
    "score_answers",
    "score_cells",
    "score_fidelity",
    "score_generations",
    "score_mme",
    "score_pope",
    "score_rates",
    "score_reconstructions",
    "shapes_features",
    "shuffle_images",
    "train_features",
]
