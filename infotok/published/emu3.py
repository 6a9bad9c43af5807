"""Emu3 (arXiv 2409.18869): one vocabulary as Chameleon's, with a token behind each row of the grid.

Three traps. An image is repeated to a clip of the temporal factor before it is encoded. The temporal blocks have batch
norm, so the tokenizer stays in eval mode. The quantizer returns indices alone, so the quantizer's loss is ours.
"""

from torch import Tensor, nn

from infotok.published.base import Family

__all__ = ["Emu3"]


class Emu3(Family):
    """`Emu3ForConditionalGeneration`.

    model: with `vocabulary_map` in its configuration.
    """

    kind = "Emu3ForConditionalGeneration"

    def __init__(self, model: nn.Module) -> None:
        mapping = model.model.vocabulary_mapping
        self.row_end = mapping.eol_token_id
        super().__init__(model, mapping.img2bpe_mapping_tensor, mapping.image_token_id)

    @property
    def language(self) -> nn.Module:
        return self.model.model.text_model

    def encode(self, pixels: Tensor) -> Tensor:
        clip = pixels.unsqueeze(1).repeat(1, self.vq.config.temporal_downsample_factor, 1, 1, 1)
        hidden = self.vq.encoder(clip).permute(0, 2, 1, 3, 4)  # (N, C, 1, h, w)
        return self.vq.quant_conv(hidden)[:, :, 0].permute(0, 2, 3, 1)

    def codes(self, z: Tensor) -> Tensor:
        return self.vq.quantize(z.permute(0, 3, 1, 2)[:, None])[:, 0]
