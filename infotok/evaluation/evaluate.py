"""Evaluation of a unified model: understanding and generation, beside baselines and ceilings.

    scores = evaluate(model, world.with_split("test"), n=512, seed=1)
    scores["understanding"]["mean"], scores["question_only"]["mean"], scores["shuffled"]["mean"]
    scores["generations"]["present"], scores["reconstructions"]["present"]

Answers of several tokens are the greedy ones, by exact match. Understanding has two baselines: the best answers without
an image ("question_only"), and the model's own answers about other images ("shuffled"). Generation has two ceilings:
what the world's reader recovers from real images and from the tokenizer's reconstructions. The evaluation set, its
prompts and every random number follow from `seed`.

Processes of `torch.distributed` share the images and prompts, and each gets the scores of all, which are those of a
single process. All of them must then call these functions together, as `on_step` of `train` does.
"""

from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor

from infotok.distributed import gather_uneven, rank_and_world
from infotok.errors import require_flag, require_int
from infotok.evaluation.recovery import ceilings
from infotok.evaluation.understanding import (
    NEGATIVES,
    question_only,
    score_answers,
    score_mme,
    score_pope,
    shuffle_images,
)
from infotok.modes import evaluating
from infotok.unified import UnifiedModel
from infotok.unified.arguments import check_part
from infotok.unified.sampling import rows_of
from infotok.unified.sharding import unsharded
from infotok.worlds.source import Asks, Batch, Benchmarks, World

__all__ = [
    "answer_batch",
    "evaluate",
    "evaluate_generation",
    "evaluate_understanding",
    "generate_images",
    "reconstruct",
]

QUESTION_ONLY_IMAGES = 4096  # of the training split, for the question-only baseline


def evaluate(
    model: UnifiedModel, world: World, n: int = 512, seed: int = 0, at_once: int = 64, **drawing: Any
) -> dict[str, dict[str, float | None]]:
    """Scores of understanding and of generation, by name.

    model: the model; its mode is restored.
    world: the evaluation set is drawn from it.
    n: images, and prompts.
    seed: of the evaluation set and of what the model draws.
    at_once: images at a time; it sets the memory needed and changes no score.
    drawing: options of the model's `generate`, such as `guidance`.

    Example:
        >>> from infotok.evaluation import evaluate
        >>> from infotok.tokenizers import SharedTokenizer, TokenizerConfig
        >>> from infotok.unified import AutoregressiveModel, Backbone
        >>> from infotok.worlds import ShapesWorld
        >>> world = ShapesWorld()
        >>> tokenizer = SharedTokenizer.from_config(TokenizerConfig(quantizer_options={"codebook_size": 64}))
        >>> model = AutoregressiveModel(tokenizer, Backbone.tiny(len(world.vocabulary)), world.vocabulary)
        >>> scores = evaluate(model, world.with_split("test"), n=4)  # an untrained model; 512 images by default
        >>> sorted(scores)
        ['generation', 'generations', 'mme', 'pope_adversarial', 'pope_frequent', 'pope_random',
        'question_only', 'reconstructions', 'renders', 'shuffled', 'understanding']
    """
    understanding = evaluate_understanding(model, world, n, seed, at_once)
    return understanding | evaluate_generation(model, world, n, seed, at_once, **drawing)


def evaluate_understanding(
    model: UnifiedModel, world: World, n: int = 512, seed: int = 0, at_once: int = 64
) -> dict[str, dict[str, float | None]]:
    """Scores of answers: "understanding", "question_only", "shuffled"; with `Benchmarks` "pope_<negatives>" and "mme".

    model, world, n, seed, at_once: as in `evaluate`. "question_only" knows the questions of the world's
        `training_split`, where it has one, else of its split "train".

    Example:
        >>> from infotok.evaluation import evaluate_understanding
        >>> from infotok.tokenizers import SharedTokenizer, TokenizerConfig
        >>> from infotok.unified import AutoregressiveModel, Backbone
        >>> from infotok.worlds import ShapesWorld
        >>> world = ShapesWorld()
        >>> tokenizer = SharedTokenizer.from_config(TokenizerConfig(quantizer_options={"codebook_size": 64}))
        >>> model = AutoregressiveModel(tokenizer, Backbone.tiny(len(world.vocabulary)), world.vocabulary)
        >>> scores = evaluate_understanding(model, world.with_split("test"), n=4)
        >>> sorted(scores)
        ['mme', 'pope_adversarial', 'pope_frequent', 'pope_random', 'question_only', 'shuffled',
        'understanding']
    """
    _check(model, world, n, at_once, ("kinds",))  # and no prompts, so that it may be a batch source with splits
    generator = torch.Generator().manual_seed(require_int("seed", seed, 0, 2**63 - 1))
    batch = world.batch(n, generator)
    train = world.with_split(getattr(world, "training_split", "train"))
    seen = (train.asked if isinstance(train, Asks) else train.batch)(QUESTION_ONLY_IMAGES, generator)
    shuffled = shuffle_images(batch, generator)
    scores = {
        "understanding": score_answers(answer_batch(model, batch, at_once), batch, world),
        "question_only": score_answers(question_only(seen, batch), batch, world),
        "shuffled": score_answers(answer_batch(model, shuffled, at_once), shuffled, world),
    }
    if not isinstance(world, Benchmarks):
        return scores
    for negatives in NEGATIVES:
        asked = world.pope(batch, negatives, generator)
        scores[f"pope_{negatives}"] = score_pope(answer_batch(model, asked, at_once), asked, world)
    asked = world.mme(batch, generator)
    if len(asked):
        scores["mme"] = score_mme(answer_batch(model, asked, at_once), asked)
    return scores


def evaluate_generation(
    model: UnifiedModel, world: World, n: int = 512, seed: int = 0, at_once: int = 64, **drawing: Any
) -> dict[str, dict[str, float | None]]:
    """GenEval-style "generation", and cells recovered from "renders", "reconstructions" and "generations".

    model, world, n, seed, at_once, drawing: as in `evaluate`.

    Example:
        >>> from infotok.evaluation import evaluate_generation
        >>> from infotok.tokenizers import SharedTokenizer, TokenizerConfig
        >>> from infotok.unified import AutoregressiveModel, Backbone
        >>> from infotok.worlds import ShapesWorld
        >>> world = ShapesWorld()
        >>> tokenizer = SharedTokenizer.from_config(TokenizerConfig(quantizer_options={"codebook_size": 64}))
        >>> model = AutoregressiveModel(tokenizer, Backbone.tiny(len(world.vocabulary)), world.vocabulary)
        >>> scores = evaluate_generation(model, world.with_split("test"), n=4)
        >>> sorted(scores), scores["renders"]["present"]
        (['generation', 'generations', 'reconstructions', 'renders'], 1.0)
    """
    _check(model, world, n, at_once, ("prompts", "score_generations", "score_cells"))
    generator = torch.Generator().manual_seed(require_int("seed", seed, 0, 2**63 - 1))
    batch = world.batch(n, generator)
    prompts = world.prompts(n, generator)
    drawn = generate_images(
        model, world.vocabulary.encode([p["prompt"] for p in prompts]), generator, at_once, **drawing
    )
    read = ceilings(
        batch,
        world,
        lambda images: reconstruct(model, images, at_once),
        lambda captions: generate_images(model, captions, generator, at_once, **drawing),
    )
    return {"generation": world.score_generations(drawn, prompts), **read}


def _check(model: UnifiedModel, world: World, n: int, at_once: int, used: tuple[str, ...]) -> None:
    check_part("model", model, ("answer", "generate", "tokenizer", "parameters"), "a unified model")
    check_part("world", world, ("batch", "vocabulary", "with_split", *used), "a world")
    require_int("n", n, 2), require_int("at_once", at_once)


def answer_batch(model: UnifiedModel, batch: Batch, at_once: int = 64, listed: bool = False) -> Tensor:
    """The model's answers, (B, Q) words or (B, Q, N) tokens, to the batch's questions, on the CPU.

    model, batch, at_once: as in `evaluate`.
    listed: of several tokens, whether to take the most probable of the model's `answer_ids`, not the greedy answer.
    """
    require_flag("listed", listed)
    answer = partial(model.answer, listed=True) if listed else model.answer
    return in_parts(answer, at_once, model, batch.images, batch.questions, shared=True)


def reconstruct(model: UnifiedModel, images: Tensor, at_once: int = 64) -> Tensor:
    """Images decoded from the tokens of `images` (B, 3, S, S), on the CPU.

    model, at_once: as in `evaluate`.
    """
    return in_parts(
        lambda part: model.tokenizer.decode(model.tokenizer.encode(part)), at_once, model, images, shared=True
    )


def generate_images(
    model: UnifiedModel, captions: Tensor, generator: torch.Generator, at_once: int = 64, **drawing: Any
) -> Tensor:
    """Images (B, 3, S, S) of captions, on the CPU.

    model, at_once, drawing: as in `evaluate`.
    captions: (B, T) ids.
    generator: of what the model draws.
    """
    return in_parts(lambda part: model.generate(part, generator, **drawing), at_once, model, captions, shared=True)


@torch.no_grad()
def in_parts(function: Any, at_once: int, model: UnifiedModel, *values: Tensor, shared: bool = False) -> Tensor:
    """`function` of `at_once` rows of `values` at a time, in eval mode on the model's device; the result on the CPU.

    shared: whether all ranks compute it together, each `at_once` rows of a part; else each rank computes every row.
    """
    at_once = require_int("at_once", at_once)
    device = next(model.parameters()).device
    rank, world = rank_and_world() if shared else (0, 1)
    found = []
    with evaluating(model), unsharded(model):
        for part in zip(*(value.split(at_once * world) for value in values), strict=True):
            rows = len(part[0])
            sizes = [len(own) for own in torch.arange(rows).tensor_split(world)]
            count = max(sizes[rank], min(rows, 1))  # a rank without a row repeats one: sharded models need all
            start = min(sum(sizes[:rank]), rows - count)
            with rows_of(start, rows) if shared else nullcontext():
                own = function(*(value[start : start + count].to(device) for value in part))
            found.append((gather_uneven(own, sizes) if shared else own).cpu())
    return torch.cat(found)
