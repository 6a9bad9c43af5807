"""An autoregressive unified model: the codes of an image predicted left to right, as words are.

    log p(image | caption) = sum_i log p(c_i | caption, c_1, ..., c_{i-1})

The language model reads the quantized vectors as embeddings and is trained by next-token cross-entropy on their codes.
Tokens of several codes go through a `CodeHead`. Chameleon (arXiv 2405.09818), Emu3 (2409.18869), VILA-U (2409.04429),
Liquid (2412.04332) and UniTok (2502.20321) are models of this kind.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from infotok.errors import checks, require, require_flag, require_float
from infotok.tokenizers import SharedTokenizer
from infotok.tokenizers.quantizers.precision import wide
from infotok.unified.backbone import Backbone
from infotok.unified.base import UnifiedModel
from infotok.unified.code_head import CodeHead
from infotok.unified.sequence import in_eval_mode

__all__ = ["AutoregressiveModel"]


class AutoregressiveModel(UnifiedModel):
    """A unified model that predicts codes left to right, row by row of the image.

    tokenizer: the visual tokens, of a quantizer with codes.
    backbone, vocabulary, options: as in `UnifiedModel`.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import SharedTokenizer, TokenizerConfig
        >>> from infotok.unified import AutoregressiveModel, Backbone
        >>> from infotok.worlds import ShapesWorld
        >>> world = ShapesWorld()
        >>> tokenizer = SharedTokenizer.from_config(TokenizerConfig(quantizer_options={"codebook_size": 64}))
        >>> model = AutoregressiveModel(tokenizer, Backbone.tiny(len(world.vocabulary)), world.vocabulary)
        >>> batch = world.batch(32, torch.Generator().manual_seed(0))
        >>> loss = sum(model.loss(batch).values())  # of both tasks, and of the tokenizer
        >>> model.answer(batch.images, batch.questions).shape, model.generate(batch.captions[:2]).shape
        (torch.Size([32, 4]), torch.Size([2, 3, 32, 32]))
    """

    def __init__(self, tokenizer: SharedTokenizer, backbone: Backbone, vocabulary: Any, **options: Any) -> None:
        super().__init__(tokenizer, backbone, vocabulary, **options)
        quantizer = tokenizer.quantizer
        require(self.discrete, "tokenizer, quantizer", type(quantizer).__name__, "one with codes, to predict")
        self.head = CodeHead(backbone.hidden, quantizer.codebook_size, quantizer.codebooks)

    def _code_logits(self, captions: Tensor, tokens: Tensor, codes: Tensor) -> Tensor:
        """Logits of every code given the codes before it, (B, L, codebooks, K)."""
        states = self._image_states(captions, self._visual(tokens.detach()[:, :-1]))  # (B, L, H)
        return self.head(states, codes.view(*codes.shape[:2], -1))

    def _generation_loss(self, captions: Tensor, out: Any, u: Tensor) -> Tensor:
        """Cross-entropy of the codes, the mean over them, in nats."""
        logits = self._code_logits(captions, out.tokens, out.codes)
        return F.cross_entropy(wide(logits).flatten(0, 2), out.codes.flatten())

    @in_eval_mode
    def predict_tokens(self, captions: Tensor, images: Tensor, u: Tensor) -> Tensor:
        """Logits of log p(c_i | caption, codes before): (B, L, K), or (B, L, codebooks, K).

        captions: (B, T) ids.
        images: (B, 3, S, S) in [0, 1], whose codes are predicted.
        u: not used; `MaskedModel` draws masks by it.
        """
        self._check_captions(captions, images)
        codes = self.tokenizer.codes(images)
        logits = self._code_logits(captions, self.tokenizer.quantizer.decode(codes), codes)
        return logits.squeeze(2) if codes.ndim == 2 else logits

    @in_eval_mode
    def draw(
        self,
        captions: Tensor,
        generator: torch.Generator | None = None,
        *,
        guidance: float = 1.0,
        temperature: float = 1.0,
        cached: bool = True,
    ) -> Tensor:
        """Visual tokens (B, L, dim) of captions, drawn code by code.

        captions: (B, T) ids.
        generator: of every random number; None for torch's own.
        guidance: w of classifier-free guidance, logits without + w (with - without the caption); 1 is none.
        temperature: the logits are divided by it; 0 takes the most probable code.
        cached: whether to keep keys and values (a KV cache): the same tokens in less time.
        """
        require_float("temperature", temperature, "[0, inf)"), require_flag("cached", cached)
        decoder = self._start_decoding(captions, guidance, cached)
        quantizer, length = self.tokenizer.quantizer, self.tokenizer.length
        u = self._uniform(captions, (length, quantizer.codebooks), generator)
        copies = len(decoder.states) // len(captions)  # 2 with guidance
        drawn: list[Tensor] = []
        with checks(False):  # the numbers are the model's own, and a check of each would stall an accelerator
            for i in range(length):
                state = decoder.states[:, -1].unflatten(0, (copies, -1)).squeeze(0)  # (B, H), or (2, B, H)
                codes, _ = self.head.sample(state, u[:, i], temperature, guidance)  # (B, codebooks)
                drawn.append(quantizer.decode(codes[:, None] if quantizer.codebooks > 1 else codes))  # (B, 1, dim)
                if i + 1 < length:
                    decoder.states = decoder.feed(self._visual(drawn[-1], i).repeat(copies, 1, 1))
        return torch.cat(drawn, 1)
