"""A published unified model with InfoTok on its visual tokens: losses of both tasks, answers, drawings, checkpoints."""

from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from infotok.errors import require, require_int
from infotok.published.base import Family
from infotok.published.checkpoint import frozen, restore, save
from infotok.published.drawing import draw
from infotok.published.inputs import check_batch, check_question
from infotok.published.options import AttachOptions
from infotok.published.training import TrainedPath
from infotok.unified.arguments import check_ids
from infotok.unified.sequence import in_eval_mode

__all__ = ["Attached"]

LARGEST_GRID = 2**10  # codes a side


class Attached(TrainedPath):
    """A published model whose visual tokens InfoTok regulates; `attach` makes one.

    - `terms`      the last training step's weighted terms, by name, without gradient
    - `regulated`  what InfoTok returned in it, in nats: `attached.regulated.asdict()`
    - `r2`         of the linear surrogate, the share of the embeddings' variance that it explains

    family: the parts of the published model.
    infotok: a regulariser of z; None for none.
    options: as `attach` describes them.
    decoder: codes (N, h, w) -> pixels; None for the model's own.
    infotok_options: what `infotok` was made from, for `save`; None if it was given as a module.

    Example:
        >>> from infotok.published import Attached, attach, hub_folder  # doctest: +SKIP
        >>> attached: Attached = attach(hub_folder("deepseek-community/Janus-Pro-1B"), lora=16)  # doctest: +SKIP
        >>> codes = attached.tokens(pixels)  # (N, h, w) of images as the processor gives them  # doctest: +SKIP
        >>> attached.decode(codes)  # (N, 3, S, S)  # doctest: +SKIP
    """

    def __init__(
        self,
        family: Family,
        infotok: nn.Module | None,
        options: AttachOptions,
        decoder: Callable[[Tensor], Tensor] | None = None,
        infotok_options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(family, infotok, options)
        self.decoder, self.infotok_options = decoder, infotok_options
        self.frozen_sample = frozen(family.model)  # of the whole weights: they may be cut over processes later

    @property
    def layers(self) -> nn.ModuleList:
        """The layers of the language model, which FSDP gathers one by one."""
        return self.family.language.layers

    @in_eval_mode
    def tokens(self, pixels: Tensor, sizes: Tensor | None = None) -> Tensor:
        """The codes (N, h, w) of images, as the language model reads them.

        pixels: (N, 3, S, S') as the model's processor gives them.
        sizes: (N, 2) heights and widths in pixels; None for images that fill the batch.
        """
        return self.read(pixels, sizes).codes

    @in_eval_mode
    def decode(self, codes: Tensor) -> Tensor:
        """Pixels (N, 3, S, S') of `codes` (N, h, w), in the range of the model's processor, by `decoder` or its own."""
        check_ids("codes", codes, ("N", "h", "w"), len(self.rows))
        return self.family.decode(codes) if self.decoder is None else self.decoder(codes)

    @in_eval_mode
    def answer(self, batch: Mapping[str, Any], **options: Any) -> Tensor:
        """Ids (B, T') of the answers to the questions in `input_ids`, by the published `generate`.

        batch: as in `loss`, without labels, and with padding on the left.
        options: of `generate`, such as `max_new_tokens`; greedy unless they say otherwise.
        """
        batch = check_batch(batch, self.family, training=False)
        check_question(batch)
        inputs = self._inputs(batch, self._see(batch))
        start = inputs["input_ids"].shape[1] if "input_ids" in inputs else 0
        return self.model.generate(**inputs, **{"do_sample": False, **options})[:, start:]

    @in_eval_mode
    def draw(self, prompts: Tensor, mask: Tensor | None = None, *, grid: tuple[int, int], **options: Any) -> Tensor:
        """Codes (N, h, w) of prompts (N, P), drawn one by one.

        prompts: ids that end where an image begins.
        mask: (N, P), true for real tokens; None: all are.
        grid: height and width in codes.
        options: `guidance` with `unconditional`, `temperature`, `generator`, `cached`: see `drawing.draw`.
        """
        return draw(self.family, self.rows, prompts, mask, _sides(grid), **options)

    def generate(self, prompts: Tensor, mask: Tensor | None = None, *, grid: tuple[int, int], **options: Any) -> Tensor:
        """Pixels of prompts: `decode` of what `draw` gives for the same arguments.

        prompts, mask, grid, options: as in `draw`.
        """
        if self.decoder is None:
            self.family.check_decoder(_sides(grid))  # before anything is drawn
        return self.decode(self.draw(prompts, mask, grid=grid, **options))

    # --- training by other code, and checkpoints ---------------------------------------------------------------------

    def install(self) -> nn.Module:
        """Put this forward pass in the place of the model's own, and InfoTok among its modules; returns the model.

        A trainer that calls `model(**batch)` then trains by the sum of all terms, which stay at `.terms`.
        """

        @wraps(self.forward)
        def forward(*args: Any, **inputs: Any) -> Any:  # a function, not a method, that others cannot bind to the model
            return self(*args, **inputs)

        self.model.forward, self.model.accepts_loss_kwargs = forward, False
        if self.infotok is not None:
            self.model.infotok = self.infotok
        return self.model

    def uninstall(self) -> nn.Module:
        """Undo `install`; returns the model with its published forward pass."""
        for name in ("forward", "accepts_loss_kwargs"):
            self.model.__dict__.pop(name, None)
        self.model._modules.pop("infotok", None)
        return self.model

    def save(self, folder: str | Path, optimiser: torch.optim.Optimizer | None = None, step: int = 0) -> None:
        """Write InfoTok and every weight that is trained to `folder`, as safetensors and JSON; the rest is published.

        On several processes all must call it, and the first one writes; a sharded model's file is the same as any.

        folder: made if it is missing.
        optimiser: whose state is written too; None for none.
        step: steps done, for `restore`.
        """
        save(self, folder, optimiser, step)

    def restore(self, folder: str | Path, optimiser: torch.optim.Optimizer | None = None) -> int:
        """Load what `save` wrote into this model, and into the optimiser; returns the steps done.

        folder: written by `save` of a model attached with the same options.
        optimiser: as it was made for the saved run; None to leave its state.
        """
        return restore(self, folder, optimiser)


def _sides(grid: Any) -> tuple[int, int]:
    """The grid as two integers; TypeError or ValueError for another."""
    pair = isinstance(grid, tuple | list) and len(grid) == 2
    require(pair, "grid", grid, "a height and a width in codes", TypeError)
    height, width = (require_int("grid", side, 1, LARGEST_GRID) for side in grid)
    return height, width
