"""Evaluation with known truth and no learned judge, on any world of the protocols in `infotok.worlds.source`.

- `understanding`   answers: VQA by kind, POPE, MME, and the baselines `question_only` and `shuffle_images`
- `recovery`        scenes that the world's reader finds in images and reconstructions: `ceilings`
- `reconstruction`  PSNR of objects and of the background: `score_reconstructions`
- `probing`         probed information of tokens, in nats: `probe_tokens`, `probe_tokenizer`
- `rates`           nats that tokens really spend, by the host and by renders: `score_rates`
- `arithmetic`      codes as bits of an arithmetic coder, with the host's probabilities: `code_bits`
- `fidelity`        Frechet distance and KID between sets of images: `score_fidelity`
- `evaluate`        a model on an evaluation set, with baselines and ceilings: `evaluate`
- `statistics`      paired differences with intervals, corrected for multiple comparisons: `paired_difference`, `holm`
"""

from infotok.evaluation.arithmetic import code_bits
from infotok.evaluation.evaluate import evaluate, evaluate_generation, evaluate_understanding
from infotok.evaluation.fidelity import score_fidelity
from infotok.evaluation.probing import probe_tokenizer, probe_tokens
from infotok.evaluation.rates import score_rates
from infotok.evaluation.reconstruction import score_reconstructions
from infotok.evaluation.recovery import ceilings
from infotok.evaluation.statistics import Difference, benjamini_hochberg, holm, paired_difference
from infotok.evaluation.understanding import (
    MME_CATEGORIES,
    NEGATIVES,
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
    "benjamini_hochberg",
    "ceilings",
    "code_bits",
    "evaluate",
    "evaluate_generation",
    "evaluate_understanding",
    "holm",
    "paired_difference",
    "probe_tokenizer",
    "probe_tokens",
    "question_only",
    "score_answers",
    "score_fidelity",
    "score_mme",
    "score_pope",
    "score_rates",
    "score_reconstructions",
    "shuffle_images",
]
