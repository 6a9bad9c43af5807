"""InfoTok on a published architecture: a tiny Emu3 with random weights, attached and trained on scenes of emoji.

    row = train_attached("soft", {"bound": "decoder", "consistency": 1.0, "compression": 0.0}, seed=0)
    row["U"], row["bits"]     # questions answered right; bits of the codes in use

Architecture and forward pass are those of `transformers`; only the sizes are small. The language model reads a scene's
codes and a question, and is trained to answer. The tokenizer starts from random weights and is trained by what reaches
it: the quantizer's loss, the surrogate's gradient of the answers (`through`), and InfoTok.
"""

import time
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from infotok.errors import require_instance
from infotok.evaluation import question_only, score_answers
from infotok.experiments.sources import make_world
from infotok.optional import needs
from infotok.published import Attached, attach, hub_folder
from infotok.settings import Count, Positive, check
from infotok.tokenizers.quantizers import Usage
from infotok.worlds import Batch, ImageTextWorld, World, open_records

__all__ = ["as_published", "make_attached", "score_attached", "tiny_emu3", "train_attached", "world_of"]

EVALUATION = 10_000  # evaluation sets are drawn by the run's seed plus this
BATCH, QUESTIONS = 32, 8  # images of a step, and questions on each
AT_ONCE = 128  # images, in evaluation
CODES = 64
ATTRIBUTES = 64  # words of one's own captions that InfoTok compares tokens with
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]


def world_of(data: str = "", fields: Mapping[str, str] | None = None, objects: int = 32, size: int = 32) -> World:
    """Scenes of emoji, or one's own images and text.

    data: "" for scenes; or what `open_records` opens, or the name of a data set on the hub.
    fields: names of the data's own columns, as for `open_records`.
    objects: emoji of the scenes.
    size: pixels a side of one's own images.
    """
    if not data:
        return make_world(nuisance=0.5, jitter=1, objects=objects)
    return ImageTextWorld(open_records(hub_folder(data, "dataset"), fields or None), size, most_attributes=ATTRIBUTES)


def tiny_emu3(world: World, seed: int, codes: int = CODES, hidden: int = 64, layers: int = 2) -> nn.Module:
    """An `Emu3ForConditionalGeneration` of `transformers` with random weights, whose words are the world's.

    Images of 32 pixels become 4 x 4 codes. Ids are the world's words, a placeholder, the end of a row, and the codes.

    world: whose vocabulary it has.
    seed: of the weights.
    codes: size of the codebook.
    hidden: width of the language model.
    layers: of the language model.
    """
    with needs("hub", "tiny_emu3"):
        from transformers import Emu3Config, Emu3ForConditionalGeneration

    words = len(world.vocabulary.words)
    ids = {"<image>": words, "<|extra_200|>": words + 1}
    ids |= {f"<|visual token {code:06d}|>": words + 2 + code for code in range(codes)}
    vq = {"embed_dim": 8, "codebook_size": codes, "latent_channels": 8, "base_channels": 32, "hidden_size": 32}
    vq |= {"channel_multiplier": [1, 1, 1, 1], "num_res_blocks": 1, "attn_resolutions": []}
    vq |= {"temporal_downsample_factor": 1}
    text = {"hidden_size": hidden, "intermediate_size": 2 * hidden, "num_hidden_layers": layers}
    text |= {"num_attention_heads": 4, "num_key_value_heads": 4, "max_position_embeddings": 256}
    text |= {"vocab_size": words + 2 + codes, "attention_dropout": 0.0, "initializer_range": hidden**-0.5}
    text |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    torch.manual_seed(seed)
    return Emu3ForConditionalGeneration(Emu3Config(vq_config=vq, text_config=text, vocabulary_map=ids))


def as_published(batch: Batch, model: nn.Module, answered: bool = True) -> dict[str, Tensor]:
    """A world's batch as `Attached.loss` takes it: pixels in [-1, 1], placeholders, then each question and its answer.

    Questions of an image follow each other in one row, so that the image is read once; the labels are their answers.

    batch: images (B, 3, 32, 32) with Q questions each, one where answers are asked for.
    model: a `tiny_emu3`, whose images have 4 rows of 4 codes and the end of the row.
    answered: whether answers follow the questions, with labels; without them the batch is that of `answer`.
    """
    n, questions = len(batch.images), batch.questions
    order = (questions != 0).long().argsort(dim=2, stable=True)  # padding first: a question ends before its answer
    questions = questions.gather(2, order)
    image = torch.full((n, 4 * 5), model.config.vocabulary_map["<image>"])
    found = {"pixel_values": 2 * batch.images - 1, "image_sizes": torch.tensor([batch.images.shape[-2:]] * n)}
    if answered:
        questions = torch.cat([questions, batch.answers[..., None]], 2)
        asked = torch.full_like(questions, -100)
        asked[..., -1] = batch.answers
        found |= {"labels": torch.cat([torch.full_like(image, -100), asked.flatten(1)], 1), "text": batch.text}
    ids = torch.cat([image, questions.flatten(1)], 1)
    return found | {"input_ids": ids, "attention_mask": (ids != 0).long()}


def train_attached(
    through: Literal["none", "linear", "soft"],
    infotok: dict[str, Any],
    seed: Seed,
    *,
    steps: Count = 400,
    objects: Annotated[int, Field(ge=10, le=316)] = 32,
    held_out: Count = 512,
    learning_rate: Positive = 3e-3,
    data: str = "",
    fields: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Attach InfoTok to a tiny Emu3, train both on scenes of emoji, and score its answers.

    Args:
        through: the surrogate whose gradient the tokenizer receives from the answers.
        infotok: options of `InfoTok`; {} for none.
        seed: of weights, training data and evaluation data.
        steps: optimiser steps, 32 images with eight questions each.
        objects: how many emoji there are.
        held_out: images of the evaluation set, one question each.
        learning_rate: of AdamW, which falls to 0 by a cosine.
        data, fields: one's own images and text in the place of scenes, as for `world_of`; scored on held-out records.

    Returns:
        {"U": mean accuracy over kinds of questions, "scores": by kind, "question_only": U of the best guesses without
        an image, "bits": entropy of the codes in bits per code, "curve": the loss of the answers, "r2": of the linear
        surrogate, "seconds": processor time}.
    """
    for name, annotation in train_attached.__annotations__.items():
        if name not in ("return", "fields"):
            check(name, annotation, locals()[name])
    torch.set_num_threads(1)
    clock = time.process_time()
    world = world_of(data, fields, objects)
    attached = make_attached(world, through, infotok, seed)
    optimiser = torch.optim.AdamW([p for p in attached.parameters() if p.requires_grad], lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    curve = []
    for step in range(steps):
        generator = torch.Generator().manual_seed(steps * seed + step)
        batch = as_published(world.batch(BATCH, generator, QUESTIONS), attached.model)
        terms = attached.train().loss(batch, generator)
        optimiser.zero_grad()
        sum(terms.values()).backward()
        nn.utils.clip_grad_norm_(attached.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        curve.append(terms["understanding"].item())
    every = max(1, steps // 20)
    return {
        **score_attached(attached, world, held_out, evaluation_seed(seed, steps, 2), "test" if data else None),
        "curve": [sum(part) / len(part) for part in (curve[i : i + every] for i in range(0, steps, every))],
        "r2": attached.r2,
        "seconds": time.process_time() - clock,
    }


def evaluation_seed(seed: int, steps: int, count: int) -> int:
    """The first of `count` seeds of evaluation sets, none of which a run trains on.

    Step s of a run draws its batch by the seed steps x seed + s. Evaluation begins at 10,000 + seed, or where these
    would meet behind the last step's seed.

    seed, steps: of the run. count: seeds that evaluation takes, one after the other.
    """
    first, last = EVALUATION + seed, steps * (seed + 1) - 1
    meet = first <= last and steps * seed < first + count
    return last + 1 if meet else first


def make_attached(world: World, through: str, infotok: dict[str, Any], seed: int) -> Attached:
    """A tiny Emu3 with InfoTok; the published model's weights do not depend on the variant.

    world: of the images. through, infotok, seed: as for `train_attached`.
    """
    require_instance("infotok", infotok, dict)
    model, first = tiny_emu3(world, seed), world.batch(AT_ONCE, torch.Generator().manual_seed(seed), 1)
    options = {"text_dim": first.text.shape[1], "length": 16} | infotok if infotok else None
    family = attach(model).family
    with torch.no_grad():  # a codebook of the encoder's outputs: with random vectors most codes would never be used
        z = family.encode(2 * first.images - 1).flatten(0, -2)
        family.codebook.copy_(z[torch.randperm(len(z), generator=torch.Generator().manual_seed(seed))[:CODES]])
    return attach(model, options, through=through)


def score_attached(attached: Attached, world: World, n: int, seed: int, split: str | None = None) -> dict[str, Any]:
    """Answers and codes of an attached model on n new images; see `train_attached`.

    attached: a `tiny_emu3` with InfoTok. world: of the images. n: how many. seed: of the images.
    split: of the images; None for that of the world.
    """
    batch = (world.with_split(split) if split else world).batch(n, torch.Generator().manual_seed(seed), questions=1)
    answers, codes = [], []
    for first in range(0, n, AT_ONCE):
        part = batch[first : first + AT_ONCE]
        asked = as_published(part, attached.model, answered=False)
        answers.append(attached.answer(asked, max_new_tokens=1)[:, :1])
        codes.append(attached.tokens(asked["pixel_values"]))
    scores = score_answers(torch.cat(answers), batch, world)
    seen = world.asked(4 * n, torch.Generator().manual_seed(seed + 1), questions=1)
    return {
        "U": scores["mean"],
        "scores": scores,
        "question_only": score_answers(question_only(seen, batch), batch, world)["mean"],
        "bits": Usage.of(torch.cat(codes), CODES).entropy,
    }
