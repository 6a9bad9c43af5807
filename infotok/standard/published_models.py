"""An attached published model behind plain sentences and images of any size: it answers and it draws.

    model = PublishedModel(attach("folder"), open_processor("folder"))
    model.answer(images, ["What colour is the wall?"])

Its processor writes the question as `infotok.published.prepare` does, behind the image. A chat model expects its own
form around that: give it as `template`, such as "USER: {question} ASSISTANT:".
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from infotok.errors import require, require_folder, require_instance, require_int, require_text
from infotok.images import require_images
from infotok.published import Attached, attach, load, open_processor, prepare
from infotok.published.hub import check_processor
from infotok.standard.arguments import require_list, require_names

__all__ = ["PublishedModel", "open_published"]

MOST_TOKENS = 2**14  # of an answer


def open_published(folder: str | Path, checkpoint: str | Path = "", **options: Any) -> tuple[Attached, Any]:
    """(attached model in eval mode, its processor) of a published model's folder.

    folder: in the hub's layout, with the processor's files.
    checkpoint: what `Attached.save` wrote; "" for the published model as it is.
    options: of `attach`, without a checkpoint.

    Example:
        >>> from infotok.standard import open_published  # doctest: +SKIP
        >>> attached, processor = open_published("janus", checkpoint="run")  # two folders  # doctest: +SKIP
    """
    require_folder("folder", folder)
    processor = open_processor(folder)
    require(not (checkpoint and options), "options", ", ".join(options), "none: the checkpoint has its own")
    return (load(checkpoint, folder) if checkpoint else attach(folder, **options)).eval(), processor


class PublishedModel:
    """An attached published model that is asked in sentences.

    attached: the model, as `attach` gives it.
    processor: of the published model.
    template: the question as the model expects it, with {question} in it.
    tokens: of an answer, at most.
    size: pixels a side of what it draws, before the processor resizes it.
    seed: of what it draws.
    drawing: options of `Attached.draw`, such as `temperature`.

    Example:
        >>> import torch  # doctest: +SKIP
        >>> from infotok.standard import PublishedModel, open_published  # doctest: +SKIP
        >>> asked = PublishedModel(*open_published("janus"), tokens=16)  # its folder  # doctest: +SKIP
        >>> asked.answer(torch.rand(1, 3, 384, 384), ["what is it?"])  # doctest: +SKIP
    """

    def __init__(
        self,
        attached: Attached,
        processor: Any,
        template: str = "{question}",
        tokens: int = 16,
        size: int = 256,
        seed: int = 0,
        **drawing: Any,
    ) -> None:
        require_instance("attached", attached, Attached, "a model made by attach")
        check_processor("processor", processor, attached.family)
        require_text("template", template)
        require("{question}" in template, "template", template, "a text with {question} in it")
        self.attached, self.processor, self.template, self.drawing = attached.eval(), processor, template, drawing
        self.tokens, self.size = require_int("tokens", tokens, 1, MOST_TOKENS), require_int("size", size, 1, 2**14)
        self.seed = require_int("seed", seed, 0, 2**63 - 1)

    @property
    def device(self) -> torch.device:
        """The device of the published model."""
        return next(self.attached.model.parameters()).device

    def answer(self, images: Sequence[Tensor], questions: Sequence[str], **options: Any) -> list[str]:
        """The answer to each question, greedy unless the options say otherwise.

        images: N of (3, H, W) in [0, 1], of any sizes.
        questions: one for each image.
        options: of the published `generate`.
        """
        images = require_list("images", images, "images")
        questions = require_names("questions", questions, "sentences", len(images))
        said = []
        for image, question in zip(images, questions, strict=True):  # one by one: sizes differ
            batch = self._batch(image, question)
            ids = self.attached.answer(batch, **{"max_new_tokens": self.tokens, **options})
            said += self.processor.batch_decode(ids, skip_special_tokens=True)
        return [each.strip() for each in said]

    @torch.no_grad()
    def log_probabilities(
        self, images: Sequence[Tensor], questions: Sequence[str], answers: Sequence[str]
    ) -> list[tuple[float, bool]]:
        """(log probability in nats, whether each token is the most probable) of an answer to each question.

        images: N of (3, H, W) in [0, 1], of any sizes.
        questions: one for each image.
        answers: one for each question; the end of the text is not counted.
        """
        images = require_list("images", images, "images")
        questions = require_names("questions", questions, "sentences", len(images))
        answers = require_names("answers", answers, "answers", len(images))
        found = []
        for image, question, answer in zip(images, questions, answers, strict=True):
            batch = self._batch(image, question)
            ids = self.processor.tokenizer([answer], add_special_tokens=False, return_tensors="pt")["input_ids"]
            count = ids.shape[1]
            require(count > 0, "answers", answer, "a text of one token or more")
            batch["input_ids"] = torch.cat([batch["input_ids"], ids.to(self.device)], 1)
            batch["attention_mask"] = F.pad(batch["attention_mask"], (0, count), value=1)
            logits = self.attached(**batch).logits[0, -count - 1 : -1].float()
            chosen = logits.log_softmax(-1).cpu().gather(1, ids.T).sum()
            found.append((chosen.item(), bool((logits.argmax(-1).cpu() == ids[0]).all())))
        return found

    def draw(self, prompts: Sequence[str]) -> Tensor:
        """Images (N, 3, S, S') in [0, 1] of prompts; the same for the same seed.

        prompts: N sentences.
        """
        prompts = require_names("prompts", prompts, "sentences")
        require(prompts, "prompts", "none", "one sentence or more")
        blank = torch.full((1, 3, self.size, self.size), 0.5)
        generator = torch.Generator(self.device).manual_seed(self.seed)
        drawn = []
        for prompt in prompts:
            batch = prepare(self.processor, blank, captions=[prompt])
            size = batch["image_sizes"][0] if "image_sizes" in batch else batch["pixel_values"].shape[-2:]
            ids, mask = (batch[name].to(self.device) for name in ("prompts", "prompts_mask"))
            grid = self.attached.family.grid_of(size)
            drawn.append(
                self._pixels(self.attached.generate(ids, mask, grid=grid, generator=generator, **self.drawing))
            )
        return torch.cat(drawn)

    def _batch(self, image: Tensor, question: str) -> dict[str, Tensor]:
        require_images("images", image, (3, "H", "W"))
        asked = self.template.replace("{question}", question)
        return {
            name: each.to(self.device) for name, each in prepare(self.processor, image[None].cpu(), [asked]).items()
        }

    def _pixels(self, decoded: Tensor) -> Tensor:
        """Images in [0, 1] of what the model decodes: what its processor does to pixels, undone."""
        images = self.processor.image_processor
        decoded = decoded.detach().float().cpu()
        if images.do_normalize:
            mean, deviation = (torch.tensor(each).view(3, 1, 1) for each in (images.image_mean, images.image_std))
            decoded = decoded * deviation + mean
        return (decoded / (255 * images.rescale_factor) if images.do_rescale else decoded / 255).clamp(0, 1)
