"""Draw an image as one restores one: all places at once, the surest first, and look again.

    training     hide a share cos(pi u / 2) of the tokens, u ~ U(0, 1), and predict their codes from the rest
    drawing      all hidden; in each of `steps` rounds predict every hidden code, keep the surest, and let
                 floor(L cos(pi (s + 1) / (2 steps))) stay hidden for the next

Image tokens see each other both ways. MaskGIT (Chang et al. 2022, arXiv 2202.04200) inside a language model, the line
of Show-o (arXiv 2408.12528). The loss is a mean over an image's hidden tokens, then over images, so that each share
hidden weighs the same.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.errors import checks, require, require_flag, require_float, require_int
from infotok.tokenizers import SharedTokenizer
from infotok.unified.arguments import UNIFORM, check_states
from infotok.unified.backbone import Backbone
from infotok.unified.base import UnifiedModel, without_training
from infotok.unified.code_head import DepthHead
from infotok.unified.sampling import gumbel

__all__ = ["MaskedModel", "hidden_after"]


class MaskedModel(UnifiedModel):
    """Reads image tokens both ways and restores hidden ones; see `UnifiedModel` for the arguments."""

    both_ways = True

    def __init__(self, tokenizer: SharedTokenizer, backbone: Backbone, vocabulary: Any, **options: Any) -> None:
        super().__init__(tokenizer, backbone, vocabulary, **options)
        quantizer = tokenizer.quantizer
        require(self.discrete, "tokenizer, quantizer", type(quantizer).__name__, "one with codes, to predict")
        self.head = DepthHead(backbone.hidden, quantizer.codebook_size, quantizer.codebooks)
        self.hidden_token = nn.Parameter(torch.randn(backbone.hidden))
        self._loss_draws = 1 + tokenizer.length

    def _hide(self, visual: Tensor, hidden: Tensor) -> Tensor:
        """Image tokens (B, L, H) as the language model sees them, with those at `hidden` (B, L) replaced."""
        return torch.where(hidden[..., None], self.hidden_token + self.place, visual)

    def _code_logits(self, captions: Tensor, tokens: Tensor, codes: Tensor, hidden: Tensor) -> Tensor:
        """Scores of every code at the M places of the batch that are `hidden` and were not seen, (M, codebooks, K)."""
        states = self._image_states(captions, self._hide(self._visual(tokens.detach()), hidden))[:, 1:][hidden]
        return self.head(states, codes.view(*codes.shape[:2], -1)[hidden])

    def _generation_loss(self, captions: Tensor, out: Any, u: Tensor) -> Tensor:
        length = self.tokenizer.length
        count = (length * torch.cos(u[:, 0] * math.pi / 2)).ceil().clamp(min=1)  # hidden in each image
        hidden = u[:, 1:].argsort(1).argsort(1) < count[:, None]  # (B, L)
        logits = self._code_logits(captions, out.tokens, out.codes, hidden)
        losses = F.cross_entropy(logits.flatten(0, 1), out.codes[hidden].flatten(), reduction="none")
        share = (1 / count)[:, None].expand_as(hidden)[hidden]  # of its image's loss, (M,)
        return (losses.view(len(share), -1).mean(-1) * share).sum() / len(count)

    @without_training
    def expect(self, captions: Tensor, images: Tensor, u: Tensor) -> Tensor:
        """Scores of each code from a random half of the image that it is not in: (B, L, K) or (B, L, codebooks, K)."""
        self._check_captions(captions, images)
        check_states("u", u, (len(captions), self._loss_draws), self.training, values=UNIFORM)
        codes = self.tokenizer.codes(images)
        tokens = self.tokenizer.quantizer.decode(codes)
        half = u[:, 1:].argsort(1).argsort(1) < self.tokenizer.length // 2  # (B, L)
        first, second = (self._code_logits(captions, tokens, codes, hidden) for hidden in (half, ~half))
        logits = first.new_empty(*half.shape, *first.shape[1:])
        logits[half], logits[~half] = first, second
        return logits.squeeze(2) if codes.ndim == 2 else logits

    def draw(self, captions: Tensor, generator: torch.Generator | None = None, **options: Any) -> Tensor:
        """Tokens (B, L, dim) of captions (B, T); for `options` see `unmask`."""
        return self.tokenizer.quantizer.decode(self.unmask(captions, generator, **options)[0])

    @without_training
    def unmask(
        self,
        captions: Tensor,
        generator: torch.Generator | None = None,
        *,
        steps: int | None = None,
        guidance: float = 1.0,
        temperature: float = 1.0,
        daring: float = 1.0,
        cached: bool = True,
    ) -> tuple[Tensor, Tensor]:
        """Codes (B, L), or (B, L, codebooks), and the round in which each was settled, (B, L).

        steps: rounds, by default half the number of tokens. daring: how much Gumbel noise, fading to none in the last
        round, is added to the log-probabilities by which the surest are chosen. guidance, temperature, cached: as in
        `AutoregressiveModel.draw`.
        """
        length, quantizer = self.tokenizer.length, self.tokenizer.quantizer
        steps = max(1, length // 2) if steps is None else steps
        require_int("steps", steps, 1, length), require_flag("cached", cached)
        require_float("temperature", temperature, "[0, inf)"), require_float("daring", daring, "[0, 1000]")
        stream = self._begin(captions, guidance, cached)
        streams = len(stream.states) // len(captions)
        u = self._uniform(captions, (steps, length, quantizer.codebooks + 1), generator)
        codes = torch.zeros(len(captions), length, quantizer.codebooks, dtype=torch.long, device=u.device)
        settled = torch.full((len(captions), length), -1, device=u.device)
        with checks(False):  # numbers of the model's own, and a look at each would stall an accelerator
            for s, still in enumerate(hidden_after(steps, length)):
                hidden = settled < 0
                tokens = quantizer.decode(codes if quantizer.codebooks > 1 else codes[..., 0])
                visual = self._hide(self._visual(tokens), hidden).repeat(streams, 1, 1)
                states = stream.feed(visual, keep=False).unflatten(0, (streams, -1)).squeeze(0)
                guess, log_p = self.head.sample(states, u[:, s, :, 1:], temperature, guidance)
                surety = log_p + daring * (1 - (s + 1) / steps) * gumbel(u[:, s, :, 0])
                order = surety.masked_fill(~hidden, math.inf).argsort(1, descending=True).argsort(1)
                now = hidden & (order < length - still)
                codes, settled = torch.where(now[..., None], guess, codes), settled.masked_fill(now, s)
        return (codes if quantizer.codebooks > 1 else codes[..., 0]), settled


def hidden_after(steps: int, length: int) -> list[int]:
    """How many tokens are hidden after each round: the cosine schedule, at least one settled a round, none at the end.

    >>> hidden_after(4, 16)
    [14, 11, 6, 0]
    """
    hidden = [math.floor(length * math.cos(math.pi * (s + 1) / (2 * steps)) + 1e-9) for s in range(steps)]
    return [min(count, length - s - 1) for s, count in enumerate(hidden)]
