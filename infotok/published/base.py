"""What the attached models share: the parts of a published model that `Attached` reads, by one name each.

A family says where its model keeps the visual tokenizer, the language model, the embedding table and the head, and what
is peculiar to it. The published modules do all computation themselves.
"""

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.errors import require

__all__ = ["Family"]


class Family:
    """The parts of a published model: pixels -> z -> codes -> embeddings, and states -> logits of codes.

    - `vq`          the visual tokenizer; `trained` are its parts that InfoTok and the language model's loss can move
    - `language`    the language model without its head, on `inputs_embeds`
    - `rows`        (K,) the row of `table` that belongs to each code
    - `image_token` the id of the placeholder of a visual token in `input_ids`
    - `row_end`     the id of the token behind each row of the grid; None for none

    model: the published model; a family's `kind` is the name of its class.
    """

    kind: ClassVar[str]
    row_end: int | None = None
    paths: ClassVar[tuple[str, ...]] = ("vq",)  # by which the language model can read images

    def __init__(self, model: nn.Module, rows: Tensor, image_token: int | None) -> None:
        known = image_token is not None and len(rows) == len(self.stored_codebook(model))
        expected = "as many names of image codes as the codebook has vectors, and an <image>"
        require(known, "config.vocabulary_map", f"{len(rows)} image codes", expected)
        self.model, self.rows, self.image_token = model, rows.long(), image_token

    @staticmethod
    def stored_codebook(model: nn.Module) -> Tensor:
        """The weight of the codebook, (K, D)."""
        return model.model.vqmodel.quantize.embedding.weight

    @property
    def vq(self) -> nn.Module:
        """The visual tokenizer."""
        return self.model.model.vqmodel

    @property
    def trained(self) -> list[nn.Module]:
        """The tokenizer's encoder and quantizer: what lies between pixels and codes."""
        return [self.vq.encoder, self.vq.quant_conv, self.vq.quantize]

    @property
    def language(self) -> nn.Module:
        """The language model without its head."""
        return self.model.model

    @property
    def codebook(self) -> Tensor:
        """The code vectors (K, D) that z is compared with."""
        return self.stored_codebook(self.model)

    @property
    def table(self) -> Tensor:
        """The table (V, H) whose rows `rows` embed the codes."""
        return self.model.get_input_embeddings().weight

    def encode(self, pixels: Tensor) -> Tensor:
        """z (N, h, w, D), before the quantizer, of `pixels` (N, 3, S, S')."""
        return self.vq.quant_conv(self.vq.encoder(pixels)).permute(0, 2, 3, 1)

    def codes(self, z: Tensor) -> Tensor:
        """The published quantizer's codes (N, h, w) of `z` (N, h, w, D)."""
        return self.vq.quantize(z.permute(0, 3, 1, 2))[2].view(z.shape[:-1])

    def into_language(self, looked_up: Tensor) -> Tensor:
        """Embeddings (..., H) as the language model reads them, of rows of the table."""
        return looked_up

    def code_logits(self, states: Tensor) -> Tensor:
        """Logits (..., K) of the next code: the rows of the head that belong to image codes."""
        return F.linear(states, self.model.lm_head.weight[self.rows.to(states.device)])

    def check_decoder(self, grid: tuple[int, int]) -> None:
        """ValueError unless the published model decodes codes of this grid (h, w) to pixels."""

    def decode(self, codes: Tensor) -> Tensor:
        """Pixels (N, 3, S, S') of `codes` (N, h, w), in the range of the model's processor."""
        self.check_decoder(tuple(codes.shape[1:]))
        return self.vq.decode(codes)

    @property
    def factor(self) -> int:
        """Pixels a side of what one code stands for."""
        return 2 ** (len(self.vq.config.channel_multiplier) - 1)

    def grid_of(self, size: Any) -> tuple[int, int]:
        """The grid (h, w) of an image of `size` (height, width) in pixels."""
        return int(size[0]) // self.factor, int(size[1]) // self.factor

    def is_code(self, grid: tuple[int, int]) -> Tensor:
        """(S,) booleans over the elements of an image's sequence: false for the token behind each row."""
        codes = torch.ones(grid, dtype=torch.bool)
        return (codes if self.row_end is None else F.pad(codes, (0, 1))).flatten()

    def lay_out(self, embedded: Tensor) -> Tensor:
        """The sequence (S, H) of one image of embedded codes (h, w, H)."""
        if self.row_end is None:
            return embedded.flatten(0, 1)
        return self.with_end(embedded).flatten(0, 1)

    def with_end(self, embedded: Tensor) -> Tensor:
        """Embeddings (B, n, H) with that of the token behind each row as one more."""
        end = self.model.get_input_embeddings()(torch.tensor(self.row_end, device=embedded.device))
        return torch.cat([embedded, end.expand(len(embedded), 1, -1)], dim=1)
