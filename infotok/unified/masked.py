"""A masked unified model: the codes of an image restored from mask tokens, all places at once, in a few rounds.

    training     a share cos(pi u / 2) of the tokens, u ~ U(0, 1), is replaced by a learned mask token; their codes
                 are predicted from the other tokens
    drawing      all are masked; each of `steps` rounds predicts every masked code, keeps those of highest confidence,
                 and leaves floor(L cos(pi (s + 1) / (2 steps))) masked for the next

Visual tokens attend to each other in both directions. This is MaskGIT (Chang et al. 2022, arXiv 2202.04200) inside a
language model, as in Show-o (arXiv 2408.12528). The loss is a mean over an image's masked tokens, then over images, so
that every mask ratio weighs the same.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.errors import checks, require, require_flag, require_float, require_int
from infotok.tokenizers import SharedTokenizer
from infotok.tokenizers.quantizers.precision import wide
from infotok.unified.arguments import UNIFORM, check_states
from infotok.unified.backbone import Backbone
from infotok.unified.base import UnifiedModel
from infotok.unified.code_head import CodeHead
from infotok.unified.sampling import gumbel
from infotok.unified.sequence import in_eval_mode

__all__ = ["MaskedModel", "mask_schedule"]


class MaskedModel(UnifiedModel):
    """A unified model that restores masked codes, with bidirectional attention.

    tokenizer: the visual tokens, of a quantizer with codes.
    backbone, vocabulary, options: as in `UnifiedModel`.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import SharedTokenizer, TokenizerConfig
        >>> from infotok.unified import Backbone, MaskedModel
        >>> from infotok.worlds import ShapesWorld
        >>> world = ShapesWorld()
        >>> tokenizer = SharedTokenizer.from_config(TokenizerConfig(quantizer_options={"codebook_size": 64}))
        >>> model = MaskedModel(tokenizer, Backbone.tiny(len(world.vocabulary)), world.vocabulary)
        >>> batch = world.batch(32, torch.Generator().manual_seed(0))
        >>> loss = sum(model.loss(batch).values())  # of both tasks, and of the tokenizer
        >>> model.answer(batch.images, batch.questions).shape, model.generate(batch.captions[:2]).shape
        (torch.Size([32, 4]), torch.Size([2, 3, 32, 32]))
    """

    bidirectional = True

    def __init__(self, tokenizer: SharedTokenizer, backbone: Backbone, vocabulary: Any, **options: Any) -> None:
        super().__init__(tokenizer, backbone, vocabulary, **options)
        quantizer = tokenizer.quantizer
        require(self.discrete, "tokenizer, quantizer", type(quantizer).__name__, "one with codes, to predict")
        self.head = CodeHead(backbone.hidden, quantizer.codebook_size, quantizer.codebooks)
        self.mask_token = nn.Parameter(torch.randn(backbone.hidden))
        self._loss_draws = 1 + tokenizer.length

    def _mask(self, visual: Tensor, masked: Tensor) -> Tensor:
        """Embedded visual tokens (B, L, H), with the mask token at the places `masked` (B, L)."""
        return torch.where(masked[..., None], self.mask_token + self.position_embedding, visual)

    def _code_logits(self, captions: Tensor, tokens: Tensor, codes: Tensor, masked: Tensor) -> Tensor:
        """Logits of every code at the M masked places of the batch, (M, codebooks, K)."""
        states = self._image_states(captions, self._mask(self._visual(tokens.detach()), masked))[:, 1:][masked]
        return self.head(states, codes.view(*codes.shape[:2], -1)[masked])

    def _generation_loss(self, captions: Tensor, out: Any, u: Tensor) -> Tensor:
        """Cross-entropy of the masked codes, the mean over an image's, then over images, in nats."""
        length = self.tokenizer.length
        count = (length * torch.cos(u[:, 0] * math.pi / 2)).ceil().clamp(min=1)  # masked in each image
        masked = u[:, 1:].argsort(1).argsort(1) < count[:, None]  # (B, L)
        logits = self._code_logits(captions, out.tokens, out.codes, masked)
        losses = F.cross_entropy(wide(logits).flatten(0, 1), out.codes[masked].flatten(), reduction="none")
        share = (1 / count)[:, None].expand_as(masked)[masked]  # of its image's loss, (M,)
        return (losses.view(len(share), -1).mean(-1) * share).sum() / len(count)

    @in_eval_mode
    def predict_tokens(self, captions: Tensor, images: Tensor, u: Tensor) -> Tensor:
        """Logits of each code given a random half of the image that it is not in: (B, L, K) or (B, L, codebooks, K).

        captions: (B, T) ids.
        images: (B, 3, S, S) in [0, 1], whose codes are predicted.
        u: (B, 1 + L) uniforms in [0, 1], which choose the half.
        """
        self._check_captions(captions, images)
        check_states("u", u, (len(captions), self._loss_draws), self.training, values=UNIFORM)
        codes = self.tokenizer.codes(images)
        tokens = self.tokenizer.quantizer.decode(codes)
        half = u[:, 1:].argsort(1).argsort(1) < self.tokenizer.length // 2  # (B, L)
        first, second = (self._code_logits(captions, tokens, codes, masked) for masked in (half, ~half))
        logits = first.new_empty(*half.shape, *first.shape[1:])
        logits[half], logits[~half] = first, second
        return logits.squeeze(2) if codes.ndim == 2 else logits

    @in_eval_mode
    def draw(self, captions: Tensor, generator: torch.Generator | None = None, **options: Any) -> Tensor:
        """Visual tokens (B, L, dim) of captions.

        captions: (B, T) ids.
        generator: of every random number; None for torch's own.
        options: of `unmask`.
        """
        return self.tokenizer.quantizer.decode(self.unmask(captions, generator, **options)[0])

    @in_eval_mode
    def unmask(
        self,
        captions: Tensor,
        generator: torch.Generator | None = None,
        *,
        steps: int | None = None,
        guidance: float = 1.0,
        temperature: float = 1.0,
        choice_temperature: float = 1.0,
        cached: bool = True,
    ) -> tuple[Tensor, Tensor]:
        """Codes (B, L), or (B, L, codebooks), and the round in which each was fixed, (B, L) from 0.

        captions: (B, T) ids.
        generator: of every random number; None for torch's own.
        steps: rounds; None for half the number of visual tokens.
        guidance: w of classifier-free guidance, logits without + w (with - without the caption); 1 is none.
        temperature: the logits are divided by it; 0 takes the most probable code.
        choice_temperature: scale of the Gumbel noise on the confidence, log p of the code drawn, by which codes are
            kept; it falls to 0 in the last round.
        cached: whether to keep keys and values (a KV cache) of the caption: the same codes in less time.
        """
        length, quantizer = self.tokenizer.length, self.tokenizer.quantizer
        steps = max(1, length // 2) if steps is None else steps
        require_int("steps", steps, 1, length), require_flag("cached", cached)
        require_float("temperature", temperature, "[0, inf)")
        require_float("choice_temperature", choice_temperature, "[0, 1000]")
        decoder = self._start_decoding(captions, guidance, cached)
        copies = len(decoder.states) // len(captions)  # 2 with guidance
        u = self._uniform(captions, (steps, length, quantizer.codebooks + 1), generator)
        codes = torch.zeros(len(captions), length, quantizer.codebooks, dtype=torch.long, device=u.device)
        settled = torch.full((len(captions), length), -1, device=u.device)
        with checks(False):  # the numbers are the model's own, and a check of each would stall an accelerator
            for s, left in enumerate(mask_schedule(steps, length)):
                masked = settled < 0
                tokens = quantizer.decode(codes if quantizer.codebooks > 1 else codes[..., 0])
                visual = self._mask(self._visual(tokens), masked).repeat(copies, 1, 1)
                states = decoder.feed(visual, keep=False).unflatten(0, (copies, -1)).squeeze(0)
                guess, log_p = self.head.sample(states, u[:, s, :, 1:], temperature, guidance)
                confidence = log_p + choice_temperature * (1 - (s + 1) / steps) * gumbel(u[:, s, :, 0])
                rank = confidence.masked_fill(~masked, math.inf).argsort(1, descending=True).argsort(1)
                now = masked & (rank < length - left)
                codes, settled = torch.where(now[..., None], guess, codes), settled.masked_fill(now, s)
        return (codes if quantizer.codebooks > 1 else codes[..., 0]), settled


def mask_schedule(steps: int, length: int) -> list[int]:
    """How many of `length` tokens are masked after each of `steps` rounds, by the cosine schedule.

    At least one is fixed in each round, and none is masked at the end.

    >>> mask_schedule(4, 16)
    [14, 11, 6, 0]
    """
    masked = [math.floor(length * math.cos(math.pi * (s + 1) / (2 * steps)) + 1e-9) for s in range(steps)]
    return [min(count, length - s - 1) for s, count in enumerate(masked)]
