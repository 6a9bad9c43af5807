"""What lesson 15 trains: a tiny Emu3 on scenes of emoji, or a published checkpoint, on images and text of one's own.

    setting = open_setting()                                                    # the tiny model
    setting = open_setting("deepseek-community/Janus-Pro-1B", data="pictures")  # a name on the hub, and a folder
    batch = setting.batch(4, seed=0)                                            # as `Attached.loss` takes it
    attached = setting.attach("soft", {"consistency": 1.0})
    row = train_checkpoint("deepseek-community/Janus-Pro-1B", "soft", {"consistency": 1.0}, 0, data="pictures")
    row["before"]["right"], row["after"]["right"]                               # shares of answers

Checkpoints and data are folders, or names on the hub, as `infotok.published.hub_folder` finds them.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from infotok.errors import require, require_int
from infotok.experiments.attached import Seed, as_published, evaluation_seed, make_attached, tiny_emu3, world_of
from infotok.experiments.memory import peak_memory, reset_peak
from infotok.published import Attached, attach, hub_folder, open_model, open_processor, prepare
from infotok.settings import Count, Positive, check
from infotok.tokenizers.quantizers import Usage

__all__ = ["Setting", "open_setting", "score_checkpoint", "train_checkpoint"]

WORDS = 12  # of an answer, at most


@dataclass(frozen=True)
class Setting:
    """A published model and the images that it reads.

    world: of the images.
    model: the published model, whose weights `attach` changes in place.
    seed: of the tiny model's weights.
    processor: of the checkpoint; None for the tiny model, whose words are the world's.
    own: whether the images are one's own, with records that are held out.
    """

    world: Any
    model: nn.Module
    seed: int
    processor: Any = None
    own: bool = False

    @property
    def device(self) -> torch.device:
        """The device of the model."""
        return next(self.model.parameters()).device

    def drawn(self, n: int, seed: int, test: bool = False, questions: int = 1) -> Any:
        """n images of the world, of the held-out ones if there are such and `test` is true."""
        world = self.world.with_split("test") if test and self.own else self.world
        return world.batch(n, torch.Generator().manual_seed(seed), questions=questions)

    def batch(self, n: int, seed: int, answered: bool = True, test: bool = False) -> dict[str, Tensor]:
        """A batch as `Attached.loss` takes it, or without answers as `Attached.answer` does.

        n: images, one question each. seed: of the images. answered: whether with answers. test: of held-out images.
        """
        return self.read(self.drawn(n, seed, test), answered)

    def read(self, drawn: Any, answered: bool = True) -> dict[str, Tensor]:
        """The batch of what `drawn` gave: words as ids of the tiny model, or by the checkpoint's processor."""
        if self.processor is None:
            return as_published(drawn, self.model, answered)
        questions, answers, captions = self.sentences(drawn)
        labelled = (answers, captions, drawn.text) if answered else ()
        made = prepare(self.processor, drawn.images, questions, *labelled)
        return {name: each.to(self.device) for name, each in made.items()}

    def sentences(self, drawn: Any) -> tuple[list[str], list[str], list[str]]:
        """The first question of each image, its answer, and the caption."""
        parts = drawn.questions[:, 0], drawn.answers[:, :1], drawn.captions
        return tuple(self.world.vocabulary.decode(ids) for ids in parts)

    def attach(self, through: str, infotok: Mapping[str, Any], lora: int = 0) -> Attached:
        """The model with InfoTok: a new tiny one, or this checkpoint.

        through: the surrogate. infotok: options of `InfoTok`; {} for none. lora: rank, of a checkpoint.
        """
        if self.processor is None:
            return make_attached(self.world, through, dict(infotok), self.seed)
        width = self.drawn(1, 0).text.shape[1]
        options = {"text_dim": width, **infotok} if infotok else None
        return attach(self.model, options, through=through, lora=lora).to(self.device)


def open_setting(
    model: str = "",
    data: str = "",
    fields: Mapping[str, str] | None = None,
    *,
    seed: Seed = 0,
    objects: int = 32,
) -> Setting:
    """A tiny Emu3 with random weights or a checkpoint, and scenes of emoji or images of one's own.

    model: "" for the tiny one; or the folder of a checkpoint, or its name on the hub.
    data: "" for scenes of emoji; or what `open_records` opens, or the name of a data set on the hub.
    fields: names of the data's own columns, as for `open_records`.
    seed: of the tiny model's weights.
    objects: emoji of the scenes.

    Raises ValueError, in one line, for what cannot be opened.
    """
    require_int("objects", objects, 10, 316)
    processor, side = None, 32
    if model:
        folder = hub_folder(model)
        processor = open_processor(folder)
        side = side_of(processor)
    world = world_of(data, fields, objects, side)
    if processor is None:
        made = tiny_emu3(world, seed)
    else:
        gpu = torch.cuda.is_available()
        made = open_model(folder, torch.bfloat16 if gpu else None).to("cuda" if gpu else "cpu")
    return Setting(world, made, seed, processor, bool(data))


def side_of(processor: Any) -> int:
    """Pixels a side of the square images that a processor makes."""
    images = processor.image_processor
    fewest = getattr(images, "min_pixels", None)
    if fewest is not None:
        return math.isqrt(int(fewest))
    size = dict(getattr(images, "crop_size", None) or images.size)
    return int(size.get("height") or size["shortest_edge"])


def train_checkpoint(
    model: str,
    through: Literal["none", "linear", "soft"],
    infotok: dict[str, Any],
    seed: Seed,
    *,
    data: str = "",
    fields: dict[str, str] | None = None,
    steps: Count = 100,
    images: Count = 4,
    held_out: Count = 64,
    lora: Annotated[int, Field(ge=0, le=2**14)] = 16,
    learning_rate: Positive = 1e-4,
) -> dict[str, Any]:
    """Attach InfoTok to a checkpoint, train it with both losses, and score it before and after.

    Args:
        model: the folder of a checkpoint, or its name on the hub.
        through: the surrogate whose gradient the tokenizer receives.
        infotok: options of `InfoTok`; {} for none.
        seed: of adapters, InfoTok, training data and evaluation data.
        data, fields: as for `open_setting`.
        steps: optimiser steps.
        images: of a step, with one question each.
        held_out: images of the evaluation, one question each.
        lora: rank of the adapters; 0 trains the whole language model.
        learning_rate: of AdamW, which falls to 0 by a cosine.

    Returns:
        {"before", "after": see `score_checkpoint`, "curve": sum of the terms, "r2": of the linear surrogate,
        "seconds": of a step, "bytes": the largest memory, "device"}.
    """
    for name, annotation in train_checkpoint.__annotations__.items():
        if name not in ("return", "fields"):
            check(name, annotation, locals()[name])
    require(bool(model), "model", model, "the folder of a checkpoint, or its name on the hub")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        setting = open_setting(model, data, fields, seed=seed)
        attached = setting.attach(through, infotok, lora)
    device = setting.device.type
    attached.model.activation_checkpointing_enable({"use_reentrant": False})
    begin = evaluation_seed(seed, steps, held_out)
    before = score_checkpoint(setting, attached, held_out, begin)
    optimiser = torch.optim.AdamW([p for p in attached.parameters() if p.requires_grad], lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    curve, clock = [], time.perf_counter()
    reset_peak(device)
    for step in range(steps):
        number = steps * seed + step
        batch, generator = setting.batch(images, number), torch.Generator(setting.device).manual_seed(number)
        loss = sum(attached.train().loss(batch, generator).values())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(attached.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        curve.append(loss.item())
    seconds, used = (time.perf_counter() - clock) / steps, peak_memory(device)[0]
    after = score_checkpoint(setting, attached, held_out, begin)
    every = max(1, steps // 20)
    parts = [curve[i : i + every] for i in range(0, steps, every)]
    return {
        **{"before": before, "after": after, "curve": [sum(part) / len(part) for part in parts]},
        **{"r2": attached.r2, "seconds": seconds, "bytes": used, "device": device},
    }


@torch.no_grad()
def score_checkpoint(setting: Setting, attached: Attached, n: int, seed: int, at_once: int = 4) -> dict[str, float]:
    """How an attached checkpoint answers and draws on n images that it was not trained on.

    - "right"          share of answers that begin with the words of the right one, whatever follows
    - "understanding"  nats of the right answer's tokens
    - "generation"     nats of an image's code behind its caption
    - "bits"           entropy of the codes in bits per code

    setting: of the checkpoint. attached: made by it. n: images. seed: of the images. at_once: images of a pass.
    """
    attached.eval()
    right, codes, sums = 0, [], {"understanding": 0.0, "generation": 0.0}
    for first in range(0, n, at_once):
        drawn = setting.drawn(min(at_once, n - first), seed + first, test=True)
        terms = attached.loss(setting.read(drawn))
        for name in sums:
            weight = getattr(attached.options, name)
            sums[name] += len(drawn) * terms[name].item() / weight
        asked = setting.read(drawn, answered=False)
        said = attached.answer(asked, max_new_tokens=WORDS)
        texts = setting.processor.batch_decode(said, skip_special_tokens=True)
        answers = setting.sentences(drawn)[1]
        right += sum(_begins(text, answer) for text, answer in zip(texts, answers, strict=True))
        codes.append(attached.tokens(asked["pixel_values"], asked.get("image_sizes")).cpu())
    spent = Usage.of(torch.cat(codes), len(attached.rows)).entropy
    return {"right": right / n, **{name: value / n for name, value in sums.items()}, "bits": spent}


def _begins(said: str, answer: str) -> bool:
    """Whether the words of `said` begin with those of `answer`."""
    words = answer.lower().split()
    return said.lower().replace(".", " ").replace(",", " ").split()[: len(words)] == words
