"""A continuous unified model: visual tokens without a codebook, each drawn by a flow conditioned on those before it.

    p(image | caption) = prod_i p(z_i | h_i),   h_i the language model's state after the caption and z_1, ..., z_{i-1}

p(z | h) is a flow-matching head (`FlowHead`). There is no quantizer, and so no quantization error. MAR (Li et al. 2024,
arXiv 2406.11838), Harmon (2503.21979), Show-o2 (2506.15564) and NextStep-1 (2508.10711) also generate continuous tokens
with such a head. Here tokens are generated from left to right.
"""

from typing import Any

import torch
from torch import Tensor

from infotok.distributed import mean_over_ranks
from infotok.errors import checks, require, require_flag, require_int
from infotok.modes import recomputing
from infotok.tokenizers import SharedTokenizer
from infotok.tokenizers.quantizers.precision import WideBuffers, wide
from infotok.unified.arguments import MOST_STEPS
from infotok.unified.backbone import Backbone
from infotok.unified.base import UnifiedModel
from infotok.unified.flow_head import FlowHead
from infotok.unified.sampling import normal
from infotok.unified.sequence import in_eval_mode

__all__ = ["ContinuousModel"]

LOSS_TIMES = 4  # flow times per token and step: the head costs little beside the state that it shares


class ContinuousModel(WideBuffers, UnifiedModel):
    """A unified model that predicts continuous tokens left to right.

    The flow works at unit scale: tokens are divided by their root mean square, a moving average over training steps.

    tokenizer: the visual tokens, without a quantizer or of `GaussianTokens`.
    backbone, vocabulary, options: as in `UnifiedModel`.
    width: hidden units of the flow's MLP.
    depth: residual blocks of the flow's MLP.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import SharedTokenizer, TokenizerConfig
        >>> from infotok.unified import Backbone, ContinuousModel
        >>> from infotok.worlds import ShapesWorld
        >>> world = ShapesWorld()
        >>> tokenizer = SharedTokenizer.from_config(TokenizerConfig(quantizer="continuous"))
        >>> model = ContinuousModel(tokenizer, Backbone.tiny(len(world.vocabulary)), world.vocabulary)
        >>> batch = world.batch(32, torch.Generator().manual_seed(0))
        >>> loss = sum(model.loss(batch).values())  # of both tasks, and of the tokenizer
        >>> model.answer(batch.images, batch.questions).shape, model.generate(batch.captions[:2]).shape
        (torch.Size([32, 4]), torch.Size([2, 3, 32, 32]))
    """

    def __init__(
        self,
        tokenizer: SharedTokenizer,
        backbone: Backbone,
        vocabulary: Any,
        *,
        width: int = 128,
        depth: int = 3,
        **options: Any,
    ) -> None:
        super().__init__(tokenizer, backbone, vocabulary, **options)
        name = type(tokenizer.quantizer).__name__
        require(not self.discrete, "tokenizer, quantizer", name, "None or GaussianTokens: continuous tokens")
        self.options |= {"width": width, "depth": depth}
        self.flow = FlowHead(tokenizer.dim, backbone.hidden, width, depth)
        self.register_buffer("mean_square", torch.zeros(()))
        self.register_buffer("passes", torch.zeros((), dtype=torch.long))
        self._loss_draws = tokenizer.length * LOSS_TIMES * (1 + tokenizer.dim)

    @property
    def scale(self) -> Tensor:
        """The root mean square of tokens; 1 before training."""
        return torch.where(self.mean_square > 0, self.mean_square, 1.0).sqrt()

    @torch.no_grad()
    def _measure(self, tokens: Tensor) -> None:
        """Update the moving average of the tokens' mean square."""
        now = mean_over_ranks(tokens.to(self.mean_square.dtype).square().mean())
        now = torch.where(now.isfinite(), now, self.mean_square)  # a step that the loss scaler will skip
        self.passes += 1
        self.mean_square.lerp_(now, 1 / self.passes.clamp(max=100))

    def _as_weights(self, drawn: Tensor) -> Tensor:
        """Random numbers, which are float32, in the type of a model that was converted."""
        return drawn.to(self.flow.out_proj.weight.dtype)

    def _generation_loss(self, captions: Tensor, out: Any, u: Tensor) -> Tensor:
        """The flow-matching loss of the tokens, a mean squared error at unit scale."""
        tokens = out.tokens.detach()
        if self.training and self.learning_allowed and not recomputing():
            self._measure(tokens)
        states = self._image_states(captions, self._visual(tokens[:, :-1]))  # (B, L, H)
        u = u.view(len(tokens), LOSS_TIMES, *tokens.shape[1:2], -1).transpose(0, 1)  # (times, B, L, 1 + D)
        noise, t = normal(u[..., 1:]), normal(u[..., 0]).sigmoid()
        return self.flow.loss(tokens / self.scale, states, noise=self._as_weights(noise), t=self._as_weights(t))

    @in_eval_mode
    def predict_tokens(self, captions: Tensor, images: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """A Gaussian over each token: its mean E[z_i | h_i] (B, L, D), and the log of its mean square error (D,).

        captions: (B, T) ids.
        images: (B, 3, S, S) in [0, 1], whose tokens are predicted.
        u: not used; `MaskedModel` draws masks by it.
        """
        self._check_captions(captions, images)
        tokens = self.tokenizer.encode(images)
        states = self._image_states(captions, self._visual(tokens[:, :-1]))
        mean = self.scale * self.flow.mean(states, tokens.shape[-1])
        return mean, (wide(tokens) - mean).square().mean((0, 1)).log()

    def draw(self, captions: Tensor, generator: torch.Generator | None = None, **options: Any) -> Tensor:
        """Visual tokens (B, L, dim) of captions.

        captions: (B, T) ids.
        generator: of every random number; None for torch's own.
        options: of `paths`.
        """
        return self.paths(captions, generator, **options)[-1]

    @in_eval_mode
    def paths(
        self,
        captions: Tensor,
        generator: torch.Generator | None = None,
        *,
        guidance: float = 1.0,
        steps: int = 8,
        cached: bool = True,
    ) -> Tensor:
        """The flow's path of every token, from noise to the token drawn, (steps + 1, B, L, dim).

        captions: (B, T) ids.
        generator: of every random number; None for torch's own.
        guidance: w of classifier-free guidance, velocities without + w (with - without the caption); 1 is none.
        steps: of the flow's integration, two evaluations each (midpoint rule).
        cached: whether to keep keys and values (a KV cache): the same tokens in less time.
        """
        require_int("steps", steps, 1, MOST_STEPS), require_flag("cached", cached)
        decoder = self._start_decoding(captions, guidance, cached)
        length, dim = self.tokenizer.length, self.tokenizer.dim
        noise = self._as_weights(normal(self._uniform(captions, (length, dim), generator)))
        copies = len(decoder.states) // len(captions)  # 2 with guidance
        drawn: list[Tensor] = []
        with checks(False):  # the numbers are the model's own, and a check of each would stall an accelerator
            for i in range(length):
                state = decoder.states[:, -1].unflatten(0, (copies, -1)).squeeze(0)  # (B, H), or (2, B, H)
                drawn.append(self.scale * self.flow.sample(state, noise[:, i], steps, guidance))  # (steps + 1, B, D)
                if i + 1 < length:
                    decoder.states = decoder.feed(self._visual(drawn[-1][-1][:, None], i).repeat(copies, 1, 1))
        return torch.stack(drawn, 2)
