"""The sequence that a unified model's language model sees: captions, visual tokens and questions as embeddings.

    [caption] [BOI] [visual tokens] [question 1] [question 2] ...

A visual token z at place i enters as

    visual_projection(z / rms(z)) + position_embedding[i]        the position embedding is learned

It is normalised because no loss fixes the scale of z. BOI, "begin of image", is one learned embedding. The attention
mask is causal; visual tokens attend to each other in both directions where `bidirectional` is true.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.errors import require, require_instance, require_tensor
from infotok.modes import Freezable, evaluating, refuse_nonfinite
from infotok.tokenizers import SharedTokenizer
from infotok.unified.arguments import (
    check_answers,
    check_backbone,
    check_ids,
    check_images,
    check_part,
    check_questions,
)
from infotok.unified.backbone import Backbone
from infotok.unified.packing import PADDING, PREFIX, Packed, block_mask

__all__ = ["SequenceModel", "in_eval_mode"]


def in_eval_mode(method: Callable) -> Callable:
    """A decorator: the method runs in eval mode without gradients; every submodule's mode is restored afterwards."""

    @wraps(method)
    def run(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        with evaluating(self), torch.no_grad():
            return method(self, *args, **kwargs)

    return run


class SequenceModel(Freezable):
    """A tokenizer and a language model, joined by the embeddings of visual tokens.

    tokenizer: makes the visual tokens, (B, L, dim).
    backbone: the language model, on embeddings (B, N, H).
    vocabulary: has `.words`, one for each row of the backbone's table, and `.answer_ids`: (A,) words that may answer a
        question, or (A, N) answers of several tokens, each ended by the same id and padded with 0.
    """

    bidirectional = False  # whether visual tokens attend to each other in both directions

    def __init__(self, tokenizer: SharedTokenizer, backbone: Backbone, vocabulary: Any) -> None:
        super().__init__()
        require_instance("tokenizer", tokenizer, SharedTokenizer)
        check_backbone(backbone)
        check_part("vocabulary", vocabulary, ("words", "answer_ids"), "a vocabulary")
        words, known = backbone.words.num_embeddings, len(vocabulary.words)
        require(words == known, "backbone, words", words, f"{known}, as the vocabulary")
        answers = torch.as_tensor(vocabulary.answer_ids, device="cpu")  # also where the model is made on "meta"
        self.max_answer, self.end = 1, None  # tokens of an answer, and the id that ends one of several tokens
        if answers.ndim == 2:
            check_questions("vocabulary.answer_ids", answers, ("A", "N"), known)
            self.max_answer, self.end = answers.shape[1], int(answers[0][answers[0] != 0][-1])
            check_answers("vocabulary.answer_ids", answers, ("A", "N"), known, self.end)
        else:
            require_tensor("vocabulary.answer_ids", answers, ("A",), "int64", f"[0, {known - 1}]")
        self.tokenizer, self.backbone, self.words = tokenizer, backbone, tuple(vocabulary.words)
        self.discrete = tokenizer.quantizer is not None and tokenizer.quantizer.codebooks > 0
        hidden = backbone.hidden
        self.boi_embedding = nn.Parameter(torch.randn(hidden))
        self.position_embedding = nn.Parameter(torch.randn(tokenizer.length, hidden))  # as large as the projection
        self.visual_projection = nn.Linear(tokenizer.dim, hidden)
        nn.init.normal_(self.visual_projection.weight, std=tokenizer.dim**-0.5)
        self.register_buffer("answer_ids", torch.as_tensor(vocabulary.answer_ids).clone())
        self.register_load_state_dict_pre_hook(refuse_nonfinite)

    @property
    def device(self) -> torch.device:
        """Where the model's weights are."""
        return self.position_embedding.device

    # --- embeddings --------------------------------------------------------------------------------------------------

    def _visual(self, tokens: Tensor, first: int = 0) -> Tensor:
        """Embeddings (B, n, H) of visual tokens (B, n, dim) at places first, first + 1, ..."""
        places = self.position_embedding[first : first + tokens.shape[1]]
        scaled = F.rms_norm(tokens, tokens.shape[-1:]).to(places.dtype)  # a codebook may be wider than weights
        return self.visual_projection(scaled) + places

    def _prefix(self, captions: Tensor) -> Tensor:
        """Embeddings (B, T + 1, H) of captions (B, T) and BOI."""
        return torch.cat([self.backbone.words(captions), self.boi_embedding.expand(len(captions), 1, -1)], 1)

    def _layout(self, captions: Tensor, visual: int, packed: Packed | None = None) -> tuple[Tensor, Tensor]:
        """Attention mask (B, 1, N, N) and positions (B, N) of a sequence with `visual` visual tokens."""
        image = captions.new_full((len(captions), 1 + visual), PREFIX)
        segment = torch.cat([torch.where(captions == 0, PADDING, PREFIX), image], 1)
        if packed is not None:
            segment = torch.cat([segment, packed.segment], 1)
        bidirectional = None
        if self.bidirectional:
            bidirectional = torch.zeros_like(segment, dtype=torch.bool)
            bidirectional[:, captions.shape[1] + 1 : captions.shape[1] + 1 + visual] = True
        return block_mask(segment, bidirectional)

    def _row(self, captions: Tensor, visual: Tensor, packed: Packed | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Embeddings, attention mask and positions of a whole sequence, as the backbone takes them."""
        parts = [self._prefix(captions), visual]
        if packed is not None:
            parts.append(self.backbone.words(packed.words))
        return torch.cat(parts, 1), *self._layout(captions, visual.shape[1], packed)

    def _image_states(self, captions: Tensor, visual: Tensor) -> Tensor:
        """The backbone's states at BOI and at each of n embedded visual tokens, (B, 1 + n, H)."""
        return self.backbone(*self._row(captions, visual))[:, captions.shape[1] :]

    # --- checks ------------------------------------------------------------------------------------------------------

    def _check_questions(self, images: Tensor, questions: Tensor) -> None:
        """Images (B, 3, S, S) and questions (B, Q, T) on each."""
        check_images("images", images)
        check_questions("questions", questions, (len(images), "Q", "T"), len(self.words))
        self._check_room("questions", questions, self.max_answer - 1)

    def _check_captions(self, captions: Tensor, images: Tensor | None = None) -> None:
        """Captions (B, T), and images for each where the method has some."""
        check_ids("captions", captions, ("B", "T"), len(self.words))
        self._check_room("captions", captions)
        if images is not None:
            check_images("images", images, len(captions))

    def _check_room(self, name: str, ids: Tensor, answer: int = 0) -> None:
        """Words, visual tokens, and an answer's tokens but its last, must fit into the backbone's context."""
        room = self.backbone.positions - 1 - self.tokenizer.length - answer
        beside = "the visual tokens and the answer" if answer else "the visual tokens"
        require(ids.shape[-1] <= room, f"{name}, words", ids.shape[-1], f"at most {room} beside {beside}")
