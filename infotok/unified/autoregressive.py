"""Draw an image as one writes a sentence: code after code, each given those before it.

    log p(image | caption) = sum_i log p(c_i | caption, c_1, ..., c_{i-1})

The quantised vectors are read as embeddings and their codes predicted by next-token cross-entropy; several codebooks
go through a depth head. The line of Chameleon (arXiv 2405.09818), Emu3 (2409.18869), VILA-U (2409.04429), Liquid
(2412.04332) and UniTok (2502.20321).
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from infotok.errors import checks, require, require_flag, require_float
from infotok.tokenizers import SharedTokenizer
from infotok.unified.backbone import Backbone
from infotok.unified.base import UnifiedModel, without_training
from infotok.unified.code_head import DepthHead

__all__ = ["AutoregressiveModel"]


class AutoregressiveModel(UnifiedModel):
    """Reads and writes codes left to right, row by row of the image; see `UnifiedModel` for the arguments."""

    def __init__(self, tokenizer: SharedTokenizer, backbone: Backbone, vocabulary: Any, **options: Any) -> None:
        super().__init__(tokenizer, backbone, vocabulary, **options)
        quantizer = tokenizer.quantizer
        require(self.discrete, "tokenizer, quantizer", type(quantizer).__name__, "one with codes, to predict")
        self.head = DepthHead(backbone.hidden, quantizer.codebook_size, quantizer.codebooks)

    def _code_logits(self, captions: Tensor, tokens: Tensor, codes: Tensor) -> Tensor:
        """Scores of every code given those before it, (B, L, codebooks, K)."""
        states = self._image_states(captions, self._visual(tokens.detach()[:, :-1]))  # (B, L, H)
        return self.head(states, codes.view(*codes.shape[:2], -1))

    def _generation_loss(self, captions: Tensor, out: Any, u: Tensor) -> Tensor:
        logits = self._code_logits(captions, out.tokens, out.codes)
        return F.cross_entropy(logits.flatten(0, 2), out.codes.flatten())

    @without_training
    def expect(self, captions: Tensor, images: Tensor, u: Tensor) -> Tensor:
        """log p(c_i | caption, codes before), unnormalised: (B, L, K), or (B, L, codebooks, K)."""
        self._check_captions(captions, images)
        codes = self.tokenizer.codes(images)
        logits = self._code_logits(captions, self.tokenizer.quantizer.decode(codes), codes)
        return logits.squeeze(2) if codes.ndim == 2 else logits

    @without_training
    def draw(
        self,
        captions: Tensor,
        generator: torch.Generator | None = None,
        *,
        guidance: float = 1.0,
        temperature: float = 1.0,
        cached: bool = True,
    ) -> Tensor:
        """Tokens (B, L, dim) of captions (B, T), code by code.

        guidance w: logits are those without the caption plus w times what the caption adds; 1 is the model itself.
        temperature: 0 takes the likeliest code. cached: keep keys and values, for the same tokens in less time.
        """
        require_float("temperature", temperature, "[0, inf)"), require_flag("cached", cached)
        stream = self._begin(captions, guidance, cached)
        quantizer, length = self.tokenizer.quantizer, self.tokenizer.length
        u = self._uniform(captions, (length, quantizer.codebooks), generator)
        streams = len(stream.states) // len(captions)  # 2 with guidance
        drawn: list[Tensor] = []
        with checks(False):  # numbers of the model's own, and a look at each would stall an accelerator
            for i in range(length):
                state = stream.states[:, -1].unflatten(0, (streams, -1)).squeeze(0)  # (B, H), or (2, B, H)
                codes, _ = self.head.sample(state, u[:, i], temperature, guidance)  # (B, codebooks)
                drawn.append(quantizer.decode(codes[:, None] if quantizer.codebooks > 1 else codes))  # (B, 1, dim)
                if i + 1 < length:
                    stream.states = stream.feed(self._visual(drawn[-1], i).repeat(streams, 1, 1))
        return torch.cat(drawn, 1)
