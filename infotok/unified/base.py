"""What the three unified models share: one tokenizer, one language model, and a row that both tasks read.

    [caption] [start] [image tokens] [question 1] [question 2] ...

Understanding leaves the caption out and asks; generation leaves the questions out and predicts image tokens. Either
way an image token enters as W (z / rms(z)) + place: normalised, since nothing else holds the scale of z, and told its
place in the image. An answer is one word, read at the end of its question. Captions dropped at random in training
teach the unconditional model that guidance needs.

Gradients: understanding reaches the tokenizer through z. Generation does not: it reads and predicts tokens that are
held fixed, for else they would be made easy to predict rather than right.
"""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.checkpoints import load_checkpoint, load_module, save_checkpoint
from infotok.errors import checks, require, require_float, require_folder, require_instance, require_tensor
from infotok.modes import Freezable, evaluating, refuse_nonfinite
from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.unified.arguments import (
    GUIDANCE,
    check_backbone,
    check_batch,
    check_ids,
    check_images,
    check_keys,
    check_part,
    check_questions,
    check_states,
)
from infotok.unified.backbone import Backbone
from infotok.unified.kv_cache import Stream
from infotok.unified.packing import PADDING, PREFIX, Packed, block_mask, pack
from infotok.unified.sampling import joint_uniform, own_generator, uniform

__all__ = ["UnifiedModel", "Words"]


class Words(NamedTuple):
    """As much of a vocabulary as a model needs; id 0 is padding."""

    words: tuple[str, ...]
    answer_ids: Tensor  # (A,): the words that may answer a question


def without_training(method: Callable) -> Callable:
    """Run a method in eval mode and without gradients; every submodule is left in the mode it was in."""

    @wraps(method)
    def run(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        with evaluating(self), torch.no_grad():
            return method(self, *args, **kwargs)

    return run


class UnifiedModel(Freezable):
    """Base of the three. One of them adds how image tokens are predicted and drawn:

    - `_generation_loss(captions, out, u)`   from what the tokenizer gave and uniforms u (B, `_loss_draws`)
    - `draw(captions, generator, ...)`       tokens (B, L, dim) of captions
    - `expect(captions, images, u)`          its own prediction of every token, for InfoTok's host prior

    tokenizer: the visual tokens; backbone: the language model; vocabulary: anything with `.words` and `.answer_ids`.
    understanding, generation: weights of the two losses. drop: how often a caption is left out in training.
    """

    both_ways = False  # whether image tokens see each other in both directions
    _loss_draws = 0  # uniforms a picture that `_generation_loss` needs

    def __init__(
        self,
        tokenizer: SharedTokenizer,
        backbone: Backbone,
        vocabulary: Any,
        *,
        understanding: float = 1.0,
        generation: float = 1.0,
        drop: float = 0.1,
    ) -> None:
        super().__init__()
        require_instance("tokenizer", tokenizer, SharedTokenizer)
        check_backbone(backbone)
        check_part("vocabulary", vocabulary, ("words", "answer_ids"), "a vocabulary")
        words, known = backbone.words.num_embeddings, len(vocabulary.words)
        require(words == known, "backbone, words", words, f"{known}, as the vocabulary")
        answers = torch.as_tensor(vocabulary.answer_ids, device="cpu")  # also where the model is made on "meta"
        require_tensor("vocabulary.answer_ids", answers, ("A",), "int64", f"[0, {known - 1}]")
        for name, weight in (("understanding", understanding), ("generation", generation)):
            require_float(name, weight, "[0, inf)")
        require_float("drop", drop, "[0, 1)")
        self.tokenizer, self.backbone, self.words = tokenizer, backbone, tuple(vocabulary.words)
        self.discrete = tokenizer.quantizer is not None and tokenizer.quantizer.codebooks > 0
        self.options = {"understanding": understanding, "generation": generation, "drop": drop}
        hidden = backbone.hidden
        self.start = nn.Parameter(torch.randn(hidden))
        self.place = nn.Parameter(torch.randn(tokenizer.length, hidden))  # as large as what is seen there
        self.see = nn.Linear(tokenizer.dim, hidden)
        nn.init.normal_(self.see.weight, std=tokenizer.dim**-0.5)
        self.register_buffer("answer_ids", torch.as_tensor(vocabulary.answer_ids).clone())
        self.register_load_state_dict_pre_hook(refuse_nonfinite)

    # --- training ----------------------------------------------------------------------------------------------------

    def loss(self, batch: Any, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Every weighted term on a `ShapesBatch`: sum them and step."""
        check_batch(batch, len(self.words), self.training)
        self._check_room("captions", batch.captions), self._check_room("questions", batch.questions)
        u = joint_uniform(len(batch.images), (1 + self._loss_draws,), generator, self.place.device)
        captions = batch.captions.masked_fill(u[:, :1] < self.options["drop"], 0)
        out = self.tokenizer(
            batch.images,
            text=batch.text,
            answer=self._answered(batch),
            host=self._prior(captions, batch.images, u[:, 1:]),
            generator=own_generator(generator),
        )
        terms = self.tokenizer.reconstruction(out.tokens, batch.images) | out.terms
        answers = self._answer_logits(out.tokens, batch.questions)  # (B, Q, words)
        terms["understanding"] = self.options["understanding"] * F.cross_entropy(
            answers.flatten(0, 1), batch.answers.flatten()
        )
        if out.codes is not None or not self.discrete:  # in the tokenizer's warm-up there are no codes to predict
            terms["generation"] = self.options["generation"] * self._generation_loss(captions, out, u[:, 1:])
        return terms

    def _answered(self, batch: Any) -> Tensor | None:
        """The answers as a regulariser takes them, (B, words): how often each word answers a question of this image."""
        if "answer" not in self.tokenizer.needs:
            return None
        return F.one_hot(batch.answers, len(self.words)).sum(1).float()

    def _prior(self, captions: Tensor, images: Tensor, u: Tensor) -> Any:
        """The host's own prediction, if the tokenizer's regulariser needs it; of a batch that has been checked."""
        if "host" not in self.tokenizer.needs:
            return None
        with checks(False):  # it is made in eval mode, where looks at numbers would stall an accelerator in each step
            return self.expect(captions, images, u)

    # --- understanding -----------------------------------------------------------------------------------------------

    def answer(self, images: Tensor, questions: Tensor) -> Tensor:
        """The likeliest answer to each question: images (B, 3, S, S), questions (B, Q, T) ids -> (B, Q) ids."""
        return self.answer_ids[self.answer_probabilities(images, questions).argmax(-1)]

    @without_training
    def answer_probabilities(self, images: Tensor, questions: Tensor) -> Tensor:
        """How likely each word of `answer_ids` is as the answer to each question, (B, Q, A), sums of 1."""
        self._check_asked(images, questions)
        return self._answer_logits(self.tokenizer.encode(images), questions)[..., self.answer_ids].softmax(-1)

    def _answer_logits(self, tokens: Tensor, questions: Tensor) -> Tensor:
        """Scores of every word as the answer to each question, (B, Q, words)."""
        packed = pack(questions)
        states = self.backbone(*self._row(questions[:, 0, :0], self._visual(tokens), packed))
        asked = states[:, -packed.words.shape[1] :]
        ends = asked.gather(1, packed.last[..., None].expand(-1, -1, asked.shape[2]))  # (B, Q, H)
        return ends @ self.backbone.words.weight.T

    @without_training
    def attention(self, images: Tensor, questions: Tensor) -> Tensor:
        """How much each question's end looks at each image token, (layers, B, heads, Q, L)."""
        self._check_asked(images, questions)
        packed = pack(questions)
        row = self._row(questions[:, 0, :0], self._visual(self.tokenizer.encode(images)), packed)
        weights = self.backbone.attention(*row)[..., 1 : 1 + self.tokenizer.length]  # (layers, B, heads, N, L)
        index = packed.last[None, :, None, :, None] + 1 + self.tokenizer.length
        return weights.gather(3, index.expand(*weights.shape[:3], -1, weights.shape[4]))

    # --- generation --------------------------------------------------------------------------------------------------

    @without_training
    def generate(self, captions: Tensor, generator: torch.Generator | None = None, **options: Any) -> Tensor:
        """Images (B, 3, S, S) of captions (B, T) ids; for `options` see `draw`.

        A picture depends on its caption and its place in the list, not on how the list is cut into batches.
        """
        return self.tokenizer.decode(self.draw(captions, generator, **options))

    def _begin(self, captions: Tensor, guidance: float, cached: bool) -> Stream:
        """A stream that has read the captions, (B, ...), or with guidance (2B, ...): then again without captions."""
        require_float("guidance", guidance, GUIDANCE)
        self._check_captions(captions)
        if guidance != 1:
            captions = torch.cat([captions, torch.zeros_like(captions)])
        mask, positions = self._layout(captions, self.tokenizer.length)
        stream = Stream(self.backbone, self._prefix(captions), mask, positions, cached)
        check_states("states of the captions", stream.states, ("B", "P", "H"), training=False)  # NaN draws no code
        return stream

    def _uniform(self, captions: Tensor, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        return uniform(len(captions), shape, generator, self.place.device)

    # --- the row -----------------------------------------------------------------------------------------------------

    def _visual(self, tokens: Tensor, first: int = 0) -> Tensor:
        """Tokens (B, n, dim) at places first, first + 1, ... as the language model sees them, (B, n, H)."""
        return self.see(F.rms_norm(tokens, tokens.shape[-1:])) + self.place[first : first + tokens.shape[1]]

    def _prefix(self, captions: Tensor) -> Tensor:
        return torch.cat([self.backbone.words(captions), self.start.expand(len(captions), 1, -1)], 1)

    def _layout(self, captions: Tensor, visual: int, packed: Packed | None = None) -> tuple[Tensor, Tensor]:
        """Mask and positions of a row with `visual` image tokens."""
        image = captions.new_full((len(captions), 1 + visual), PREFIX)
        segment = torch.cat([torch.where(captions == 0, PADDING, PREFIX), image], 1)
        if packed is not None:
            segment = torch.cat([segment, packed.segment], 1)
        both_ways = None
        if self.both_ways:
            both_ways = torch.zeros_like(segment, dtype=torch.bool)
            both_ways[:, captions.shape[1] + 1 : captions.shape[1] + 1 + visual] = True
        return block_mask(segment, both_ways)

    def _row(self, captions: Tensor, visual: Tensor, packed: Packed | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Embeddings, mask and positions of a whole row, as the backbone takes them."""
        parts = [self._prefix(captions), visual]
        if packed is not None:
            parts.append(self.backbone.words(packed.words))
        return torch.cat(parts, 1), *self._layout(captions, visual.shape[1], packed)

    def _image_states(self, captions: Tensor, visual: Tensor) -> Tensor:
        """States at the start and at each image token given, (B, 1 + n, H)."""
        return self.backbone(*self._row(captions, visual))[:, captions.shape[1] :]

    def _check_asked(self, images: Tensor, questions: Tensor) -> None:
        check_images("images", images)
        check_questions("questions", questions, (len(images), "Q", "T"), len(self.words))
        self._check_room("questions", questions)

    def _check_captions(self, captions: Tensor, images: Tensor | None = None) -> None:
        """Captions (B, T), and images for each where the method has some."""
        check_ids("captions", captions, ("B", "T"), len(self.words))
        self._check_room("captions", captions)
        if images is not None:
            check_images("images", images, len(captions))

    def _check_room(self, name: str, ids: Tensor) -> None:
        room = self.backbone.positions - 1 - self.tokenizer.length
        require(ids.shape[-1] <= room, f"{name}, words", ids.shape[-1], f"at most {room} beside the image tokens")

    # --- keeping -----------------------------------------------------------------------------------------------------

    def save_pretrained(self, folder: str | Path) -> None:
        """Write weights and configuration to `folder`; the tokenizer must have been made by `from_config`."""
        require_folder("folder", folder)
        save_checkpoint(folder, self.state_dict(), self.spec())

    def spec(self) -> dict[str, Any]:
        """All that is needed to build this model again, less its weights, in JSON values."""
        config = self.tokenizer.config
        require(config is not None, "tokenizer, config", None, "one made from_config: its parts cannot be written down")
        return {
            "kind": type(self).__name__,
            "tokenizer": config.asdict(),
            "backbone": self.backbone.spec(),
            "words": self.words,
            "answer_ids": self.answer_ids.tolist(),
            "options": self.options,
        }

    @classmethod
    def from_spec(cls, spec: dict[str, Any]) -> "UnifiedModel":
        """The model that `spec` describes, with new weights. ValueError for the spec of another model."""
        check_keys("spec", spec, {"kind", "tokenizer", "backbone", "words", "answer_ids", "options"})
        require(spec.get("kind") == cls.__name__, "kind", spec.get("kind"), cls.__name__)
        tokenizer = SharedTokenizer.from_config(TokenizerConfig.from_dict(spec["tokenizer"]))
        vocabulary = Words(tuple(spec["words"]), torch.as_tensor(spec["answer_ids"], device="cpu"))
        return cls(tokenizer, Backbone.from_spec(spec["backbone"]), vocabulary, **spec["options"])

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "UnifiedModel":
        """The model saved in `folder`, in eval mode. ValueError, in one line, for a wrong or damaged one."""
        require_folder("folder", folder)
        tensors, meta = load_checkpoint(folder)
        require(meta.get("kind") == cls.__name__, f"{folder}, kind", meta.get("kind"), cls.__name__)
        return load_module(lambda: cls.from_spec(meta), tensors, str(folder))
