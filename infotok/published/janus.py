"""Janus and Janus-Pro (arXiv 2410.13848, 2501.17811): SigLIP features for understanding, codes for drawing.

With path="vq" the model understands images through the codes that it draws with, as its own drawing reads them; with
path="siglip" it understands as published, and the language model's loss on answers does not reach the codes.

Two traps. The published `encode` compares z with the codebook as they are, and `decode` normalises the code vectors;
the codes of the model's own training are those of normalised vectors, which `tokens` returns. The table of codes is
apart from that of words, and an MLP stands between it and the language model.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.errors import require
from infotok.published.base import Family
from infotok.tokenizers.quantizers.nearest import search

__all__ = ["Janus"]


class Janus(Family):
    """`JanusForConditionalGeneration`.

    model: as it was loaded.
    """

    kind = "JanusForConditionalGeneration"
    paths = ("vq", "siglip")

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model, torch.arange(len(self.stored_codebook(model))), model.config.image_token_id)

    @property
    def language(self) -> nn.Module:
        return self.model.model.language_model

    @property
    def codebook(self) -> Tensor:
        return F.normalize(super().codebook, dim=-1)

    @property
    def table(self) -> Tensor:
        return self.model.model.generation_embeddings.weight

    def encode(self, pixels: Tensor) -> Tensor:
        return F.normalize(super().encode(pixels), dim=-1)

    def codes(self, z: Tensor) -> Tensor:
        return search(z.flatten(0, -2), self.codebook).view(z.shape[:-1])

    def into_language(self, looked_up: Tensor) -> Tensor:
        return self.model.model.generation_aligner(looked_up)

    def code_logits(self, states: Tensor) -> Tensor:
        return self.model.model.generation_head(states)

    def check_decoder(self, grid: tuple[int, int]) -> None:
        own = tuple(self.vq.quantize.quant_state_dims)
        require(grid == own, "codes, grid", grid, f"{own}, the only one that {self.kind} decodes")

    def decode(self, codes: Tensor) -> Tensor:
        self.check_decoder(tuple(codes.shape[1:]))
        return self.vq.decode(codes.flatten(1))
