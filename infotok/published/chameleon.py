"""Chameleon (arXiv 2405.09818): one vocabulary of words and image codes, read and predicted by one table and one head.

Two traps. The published forward sets the image rows of its logits to the minimum in place, so the generation loss takes
these rows of the head. The published checkpoint has no decoder of pixels: `attach` takes one as `decoder`.
"""

from torch import nn

from infotok.errors import refuse
from infotok.published.base import Family

__all__ = ["Chameleon"]


class Chameleon(Family):
    """`ChameleonForConditionalGeneration`.

    model: with `vocabulary_map` in its configuration.
    """

    kind = "ChameleonForConditionalGeneration"

    def __init__(self, model: nn.Module) -> None:
        mapping = model.model.vocabulary_mapping
        super().__init__(model, mapping.img2bpe_mapping_tensor, mapping.image_token_id)

    def check_decoder(self, grid: tuple[int, int]) -> None:
        refuse("decoder", None, f"a function of codes (N, h, w): {self.kind} has no decoder of pixels")
