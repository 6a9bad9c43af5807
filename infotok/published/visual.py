"""The path from pixels to what the language model reads, with InfoTok before the nearest code or behind it.

    pixels -> published encoder -> z -> InfoTok -> nearest code -> the language model's embedding of that code

What the language model reads keeps its value; its gradient is that of a surrogate (`infotok.published.surrogate`).
There are no hooks, so that gradient checkpointing computes the path once.

InfoTok sees z in units of the codebook's root mean square: one weight of compression then means the same for every
codebook. Where InfoTok leaves z as it is, the codes are those of the published model.
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from infotok.bottleneck.regulariser import TokenWatcher
from infotok.errors import require
from infotok.published.base import Family
from infotok.published.inputs import check_pixels
from infotok.published.options import AttachOptions
from infotok.published.surrogate import linear_map, soft_mixture, spacing, with_gradient_of
from infotok.tokenizers.quantizers.gradients import straight_through
from infotok.tokenizers.quantizers.nearest import shift_to_origin

__all__ = ["VisualPath", "VisualTokens"]

WIDE = (torch.float32, torch.float64)  # in narrower types the distances of codes tie


class VisualTokens(NamedTuple):
    """Visual tokens of N images, and the terms to train them by.

    codes: (N, h, w) int64.
    embedded: (N, h, w, H), as the language model reads them.
    grids: the grid (h, w) of each image; a smaller one than that of the batch is its upper left part.
    terms: "infotok" and "quantizer", weighted scalars.
    regulated: what InfoTok returned beside the tokens; None without InfoTok.
    """

    codes: Tensor
    embedded: Tensor
    grids: list[tuple[int, int]]
    terms: dict[str, Tensor]
    regulated: Any


class VisualPath(nn.Module):
    """The visual tokens of a published model, regulated by InfoTok.

    family: the parts of the published model.
    infotok: a regulariser of z; None for none.
    options: as `attach` describes them.
    """

    def __init__(self, family: Family, infotok: nn.Module | None, options: AttachOptions) -> None:
        super().__init__()
        self.family, self.options = family, options
        self.model, self.infotok = family.model, infotok
        codebook = family.codebook.detach()
        device = codebook.device
        self.register_buffer("rows", family.rows.to(device), persistent=False)
        self.register_buffer("scale", codebook.float().square().mean().sqrt())
        require(bool(self.scale > 0), "codebook", "code vectors that are all 0", "those of a trained model")
        temperature = options.temperature or (spacing(codebook, options.near) if options.through == "soft" else 1.0)
        self.register_buffer("temperature", torch.tensor(temperature, device=device))
        self.r2: float | None = None  # of the linear surrogate: the share of the embeddings that it explains
        if options.through == "linear":
            weight, self.r2 = linear_map(codebook, family.table.detach(), self.rows)
            self.register_buffer("linear", weight.to(device))

    def read(
        self, pixels: Tensor, sizes: Any = None, generator: torch.Generator | None = None, **given: Any
    ) -> VisualTokens:
        """The visual tokens of images.

        pixels: (N, 3, S, S') as the model's processor gives them.
        sizes: (N, 2) heights and widths in pixels; None for images that fill the batch.
        generator: of InfoTok's noise; None for torch's own.
        given: `text`, `text_mask`, `answer` and `target`, see `InfoTok`.
        """
        family = self.family
        family.vq.eval()  # batch norm and dropout stay as published, whatever train() says
        check_pixels(pixels, family, self.model.training)
        with torch.autocast(self.scale.device.type, enabled=False):  # where it computes, whatever device pixels are on
            z = self._encode(pixels)
            grids, mask = self._grids(z, pixels, sizes)
            given = given | {"image": pixels, "mask": mask, "generator": generator}
            z, regulated = self._regulate(z, z, ("before", "adapter"), given)
            with torch.no_grad():
                codes = family.codes(z)
            q = F.embedding(codes, family.codebook)
            if regulated is None:
                _, regulated = self._regulate(straight_through(z, q), z, ("after",), given)
            if isinstance(self.infotok, TokenWatcher):
                self.infotok.watch(q.detach().flatten(1, 2), None, mask)
            terms = {} if regulated is None else {"infotok": regulated.loss}
            terms["quantizer"] = self.options.quantizer * self._quantizer_loss(z, q, mask)
            looked_up = self._look_up(codes, z)
        return VisualTokens(codes, family.into_language(looked_up), grids, terms, regulated)

    def _encode(self, pixels: Tensor) -> Tensor:
        """z, in the tokenizer's own precision; computed again in the backward pass if the model's layers are."""
        own = next(self.family.vq.parameters())
        wide, expected = own.dtype in WIDE, "float32: move an attached model to a device, not to another dtype"
        require(wide, "the tokenizer's dtype", own.dtype, expected, TypeError)
        pixels = pixels.to(own.device, own.dtype)
        again = self.model.training and torch.is_grad_enabled() and _checkpoints(self.model)
        return checkpoint(self.family.encode, pixels, use_reentrant=False) if again else self.family.encode(pixels)

    def _grids(self, z: Tensor, pixels: Tensor, sizes: Any) -> tuple[list[tuple[int, int]], Tensor | None]:
        """The grid of each image and the mask (N, h w) of its codes; None if all images fill the batch."""
        height, width = z.shape[1:3]
        grids = [(height, width)] * len(z) if sizes is None else [self.family.grid_of(size) for size in sizes]
        fits = all(0 < h <= height and 0 < w <= width for h, w in grids)
        require(fits, "image_sizes", f"grids {grids}", f"grids from (1, 1) to ({height}, {width}), that of the batch")
        if all(grid == (height, width) for grid in grids):
            return grids, None
        mask = torch.zeros(z.shape[:3], dtype=torch.bool, device=z.device)
        for own, (h, w) in zip(mask, grids, strict=True):
            own[:h, :w] = True
        return grids, mask.flatten(1)

    def _regulate(
        self, z: Tensor, features: Tensor, places: tuple[str, ...], given: dict[str, Any]
    ) -> tuple[Tensor, Any]:
        """z through InfoTok, if it stands at one of `places`, and its terms."""
        if self.infotok is None or self.infotok.placement not in places:
            return z, None
        wanted = {*self.infotok.needs, "mask", "generator", "text_mask"}
        inputs = {name: each for name, each in given.items() if name in wanted}
        if "posterior" in self.infotok.needs:
            own, codes = shift_to_origin(features.flatten(1, 2), self.family.codebook)  # else products would cancel
            distances = torch.cdist(own, codes[None]).square()
            inputs["posterior"] = -distances / self.temperature
        scaled = z.flatten(1, 2) / self.scale
        tokens, terms = self.infotok(scaled, **inputs)
        return z + (self.scale * (tokens - scaled)).view_as(z), terms  # z to the bit where tokens are the features

    def _quantizer_loss(self, z: Tensor, q: Tensor, mask: Tensor | None) -> Tensor:
        """|sg(q) - z|^2 + beta |q - sg(z)|^2, means over the numbers of real tokens, as published."""
        if mask is not None:
            z, q = z.flatten(1, 2)[mask], q.flatten(1, 2)[mask]
        beta = getattr(self.family.vq.quantize, "beta", 0.25)
        return torch.mean((q.detach() - z) ** 2) + beta * torch.mean((q - z.detach()) ** 2)

    def _look_up(self, codes: Tensor, z: Tensor) -> Tensor:
        """Rows of the table (N, h, w, H') in value; in gradient also the surrogate of z."""
        table = self.family.table
        found = F.embedding(self.rows[codes], table)
        if self.options.through == "none" or not (torch.is_grad_enabled() and z.requires_grad):
            return found
        if self.options.through == "linear":
            return with_gradient_of(z @ self.linear.to(z.dtype), found)
        flat, codebook = z.flatten(0, -2), self.family.codebook
        mixture = soft_mixture(flat, codebook, table, self.rows, self.options.near, float(self.temperature))
        return with_gradient_of(mixture.view_as(found), found)


def _checkpoints(model: nn.Module) -> bool:
    """Whether the model's layers are computed again in the backward pass, by the present or the earlier name."""
    newer = getattr(model, "is_activation_checkpointing", None)
    return bool(getattr(model, "is_gradient_checkpointing", False) if newer is None else newer)
