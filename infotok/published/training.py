"""The training losses of a published model with regulated tokens, alone or in the place of its own forward pass."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from infotok.errors import require, require_tensor
from infotok.published.base import Family
from infotok.published.drawing import generation_loss
from infotok.published.inputs import INPUTS, check_batch, check_placeholders
from infotok.published.options import AttachOptions
from infotok.published.visual import VisualPath, VisualTokens

__all__ = ["TrainedPath"]


class TrainedPath(VisualPath):
    """A published model whose forward pass is that on regulated tokens, with the losses of both tasks.

    family: the parts of the published model.
    infotok: a regulariser of z; None for none.
    options: as `attach` describes them.
    """

    accepts_loss_kwargs = False  # of the Trainer: losses are means of this batch, which it divides itself

    def __init__(self, family: Family, infotok: nn.Module | None, options: AttachOptions) -> None:
        super().__init__(family, infotok, options)
        self.terms: dict[str, Tensor] = {}
        self.regulated: Any = None

    def loss(self, batch: Mapping[str, Any], generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Every term of the training loss, weighted, by name; the loss is their sum.

        - "infotok"        InfoTok's terms
        - "quantizer"      |sg(q) - z|^2 + beta |q - sg(z)|^2
        - "understanding"  the published loss of `labels`; left out without labels
        - "generation"     cross-entropy in nats of the image's codes behind its prompt; left out without prompts

        batch: what the model's processor gives: `pixel_values` (N, 3, S, S'), `input_ids` (B, T) with a placeholder for
            each visual token, `attention_mask`, `labels` (-100 where there is none), and `image_sizes` for Emu3. Also
            `prompts` (N, P), ids that end where the image begins, with `prompts_mask`, and for InfoTok `text`,
            `text_mask`, `answer` and `target`.
        generator: of InfoTok's noise; None for torch's own.
        """
        return self._run(check_batch(batch, self.family, self.model.training), generator, {})[0]

    def forward(
        self,
        input_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        image_sizes: Tensor | None = None,
        prompts: Tensor | None = None,
        prompts_mask: Tensor | None = None,
        text: Tensor | None = None,
        text_mask: Tensor | None = None,
        answer: Tensor | None = None,
        target: Tensor | None = None,
        **rest: Any,
    ) -> Any:
        """The published model's output for a batch as `loss` takes it, with the sum of all terms as its `.loss`.

        Without labels and prompts it is the published forward pass on regulated tokens; `rest` is passed on to that.
        Without images it is the published forward pass, with the published loss.

        input_ids, pixel_values, attention_mask, labels, image_sizes: entries of the batch that `loss` takes.
        prompts, prompts_mask, text, text_mask, answer, target: likewise.
        """
        given = {name: value for name, value in locals().items() if name not in ("self", "rest", "__class__")}
        batch = {name: value for name, value in given.items() if value is not None}
        if pixel_values is None:  # text alone
            require(prompts is None, "pixel_values", None, "images, since there are prompts")
            return self._published(input_ids=input_ids, attention_mask=attention_mask, labels=labels, **rest)
        batch = check_batch(batch, self.family, self.model.training)
        if labels is None and prompts is None:
            return self._published(**self._inputs(batch, self._see(batch)), **rest)
        terms, output = self._run(batch, None, rest)
        output.loss = sum(terms.values())
        return output

    def _run(
        self, batch: dict[str, Any], generator: torch.Generator | None, rest: dict[str, Any]
    ) -> tuple[dict[str, Tensor], Any]:
        """The weighted terms of a checked batch, and the published output of its understanding side."""
        from transformers.modeling_outputs import CausalLMOutputWithPast

        seen = self._see(batch, generator)
        terms, output, options = dict(seen.terms), CausalLMOutputWithPast(), self.options
        if batch.get("labels") is not None:
            output = self._published(**self._inputs(batch, seen), labels=batch["labels"], **rest)
            terms["understanding"] = options.understanding * output.loss
        if batch.get("prompts") is not None:
            prompts, mask = batch["prompts"], batch.get("prompts_mask")
            loss = generation_loss(self.family, seen, prompts, mask, options.generation_gradient)
            terms["generation"] = options.generation * loss
        self.terms, self.regulated = {name: term.detach() for name, term in terms.items()}, seen.regulated
        return terms, output

    def _see(self, batch: dict[str, Any], generator: torch.Generator | None = None) -> VisualTokens:
        given = {name: batch[name] for name in INPUTS if batch.get(name) is not None}
        return self.read(batch["pixel_values"], batch.get("image_sizes"), generator, **given)

    def _inputs(self, batch: dict[str, Any], seen: VisualTokens) -> dict[str, Any]:
        """What the published forward pass takes: embeddings with regulated tokens, or pixels as published."""
        ids = require_tensor("input_ids", batch.get("input_ids"), ("B", "T"), "int64")
        inputs = {"attention_mask": batch.get("attention_mask")}
        pieces = [self.family.lay_out(each[:h, :w]) for each, (h, w) in zip(seen.embedded, seen.grids, strict=True)]
        places = ids == self.family.image_token
        check_placeholders(places, [len(piece) for piece in pieces])
        if self.options.path == "siglip":
            return inputs | {"input_ids": ids, "pixel_values": batch["pixel_values"]}
        words = self.model.get_input_embeddings()(ids)
        return inputs | {"inputs_embeds": words.masked_scatter(places[..., None], torch.cat(pieces).to(words.dtype))}

    def _published(self, **inputs: Any) -> Any:
        return type(self.model).forward(self.model, **inputs)
