"""What the three unified models share: one tokenizer and one language model, trained on two tasks at once.

    understanding    image, question -> answer              cross-entropy of the answer, behind the question
    generation       caption -> visual tokens -> image      a loss of the model's own kind, from the tokens before

Understanding leaves the caption out and generation the questions. In training captions are dropped at random: they
train the unconditional model that classifier-free guidance needs (Ho & Salimans 2022, arXiv 2207.12598).

Gradients: that of understanding reaches the tokenizer through z. That of generation does not: it predicts tokens that
are detached, because tokens trained to be predictable would lose what they should hold.
"""

from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from infotok.checkpoints import load_checkpoint, load_module, save_checkpoint
from infotok.errors import checks, require, require_float, require_folder
from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.unified.arguments import GUIDANCE, check_batch, check_keys, check_states
from infotok.unified.backbone import Backbone
from infotok.unified.kv_cache import IncrementalDecoder
from infotok.unified.sampling import joint_uniform, own_generator, uniform
from infotok.unified.sequence import in_eval_mode
from infotok.unified.sharding import class_name, whole_state
from infotok.unified.understanding import AnsweringModel

__all__ = ["UnifiedModel"]

RENAMED = {
    "start": "boi_embedding",
    "place": "position_embedding",
    "see": "visual_projection",
    "hidden_token": "mask_token",
    "head.depth": "head.codebook_embedding",
    "head.codes": "head.code_embeddings",
    "flow.enter": "flow.in_proj",
    "flow.leave": "flow.out_proj",
    "flow.state": "flow.state_proj",
    "flow.time.project": "flow.time_embedding.proj",
}  # attributes of models, as checkpoints of version 0.1 name them -> as they are named today


class SavedVocabulary(NamedTuple):
    """What a checkpoint keeps of a vocabulary; id 0 is padding."""

    words: tuple[str, ...]
    answer_ids: Tensor  # (A,): ids of the words that may answer a question; or (A, N): answers of several tokens


class UnifiedModel(AnsweringModel):
    """Base class of the three unified models: a shared tokenizer, a language model, and the losses of both tasks.

    A subclass adds how visual tokens are predicted and drawn:

    - `_generation_loss(captions, out, u)`   from the tokenizer's output and uniforms u (B, `_loss_draws`)
    - `draw(captions, generator, ...)`       visual tokens (B, L, dim) of captions
    - `predict_tokens(captions, images, u)`  its own prediction of every visual token, for InfoTok's host prior

    tokenizer: the visual tokens.
    backbone: the language model.
    vocabulary: has `.words` and `.answer_ids`.
    understanding, generation: weights of the two losses.
    drop: probability that a caption is dropped in `loss`, in either mode.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import SharedTokenizer, TokenizerConfig
        >>> from infotok.unified import AutoregressiveModel, Backbone, UnifiedModel
        >>> from infotok.worlds import ShapesWorld
        >>> world = ShapesWorld()
        >>> tokenizer = SharedTokenizer.from_config(TokenizerConfig(quantizer_options={"codebook_size": 64}))
        >>> model = AutoregressiveModel(tokenizer, Backbone.tiny(len(world.vocabulary)), world.vocabulary)
        >>> isinstance(model, UnifiedModel), sorted(model.loss(world.batch(32, torch.Generator().manual_seed(0))))
        (True, ['generation', 'l2', 'quantizer', 'understanding'])
    """

    renamed_keys: ClassVar[dict[str, str]] = RENAMED  # of checkpoints of version 0.1
    _loss_draws = 0  # uniforms per image that `_generation_loss` needs

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
        super().__init__(tokenizer, backbone, vocabulary)
        for name, weight in (("understanding", understanding), ("generation", generation)):
            require_float(name, weight, "[0, inf)")
        require_float("drop", drop, "[0, 1)")
        self.options = {"understanding": understanding, "generation": generation, "drop": drop}

    # --- training ----------------------------------------------------------------------------------------------------

    def loss(self, batch: Any, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Every term of the training loss, weighted, by name; the loss is their sum.

        batch: images, captions, questions, answers and text, as a `ShapesBatch` has them.
        generator: of dropped captions, masks and noise; None for torch's own.
        """
        check_batch(batch, len(self.words), self.training, self.max_answer, self.end)
        self._check_room("captions", batch.captions)
        self._check_room("questions", batch.questions, self.max_answer - 1)
        u = joint_uniform(len(batch.images), (1 + self._loss_draws,), generator, self.device)
        captions = batch.captions.masked_fill(u[:, :1] < self.options["drop"], 0)
        own, inputs = own_generator(generator), self._tokenizer_inputs(batch, captions, u[:, 1:])
        out = self.tokenizer(batch.images, text=batch.text, generator=own, **inputs)
        terms = self.tokenizer.reconstruction(out.tokens, batch.images) | out.terms
        understanding = self._understanding_loss(out.tokens, batch.questions, batch.answers)
        terms["understanding"] = self.options["understanding"] * understanding
        if out.codes is not None or not self.discrete:  # in the tokenizer's warm-up there are no codes to predict
            terms["generation"] = self.options["generation"] * self._generation_loss(captions, out, u[:, 1:])
        return terms

    def _tokenizer_inputs(self, batch: Any, captions: Tensor, u: Tensor) -> dict[str, Any]:
        """What the tokenizer's regulariser needs of the host: the answers, and the host's prediction of the tokens."""
        needs, inputs = self.tokenizer.needs, {}
        if "answer" in needs:
            inputs["answer"] = self._answer_counts(batch.answers)
        if "host" in needs and self.discrete and not self.tokenizer._quantizing():
            inputs["unavailable"] = frozenset({"host"})  # in the tokenizer's warm-up there are no codes to predict
        elif "host" in needs:
            with checks(False):  # it runs in eval mode, where checks of numbers would stall an accelerator each step
                inputs["host"] = self.predict_tokens(captions, batch.images, u)
        return inputs

    # --- generation --------------------------------------------------------------------------------------------------

    @in_eval_mode
    def generate(self, captions: Tensor, generator: torch.Generator | None = None, **options: Any) -> Tensor:
        """Images (B, 3, S, S) in [0, 1] of captions.

        An image depends on its caption and its place in the list, not on how the list is cut into batches.

        captions: (B, T) ids, padded with 0.
        generator: of every random number; None for torch's own.
        options: of the model's `draw`, as `guidance`, the scale of classifier-free guidance.
        """
        return self.tokenizer.decode(self.draw(captions, generator, **options))

    def _start_decoding(self, captions: Tensor, guidance: float, cached: bool) -> IncrementalDecoder:
        """A decoder that has read the captions, (B, ...); with guidance (2B, ...), then again without captions."""
        require_float("guidance", guidance, GUIDANCE)
        self._check_captions(captions)
        if guidance != 1:
            captions = torch.cat([captions, torch.zeros_like(captions)])
        mask, positions = self._layout(captions, self.tokenizer.length)
        decoder = IncrementalDecoder(self.backbone, self._prefix(captions), mask, positions, cached)
        check_states("states of the captions", decoder.states, ("B", "P", "H"), training=False)  # NaN draws no code
        return decoder

    def _uniform(self, captions: Tensor, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        return uniform(len(captions), shape, generator, self.device)

    # --- checkpoints -------------------------------------------------------------------------------------------------

    def save_pretrained(self, folder: str | Path) -> None:
        """Write weights and configuration to `folder`; the tokenizer must have been made by `from_config`.

        All processes call it together if the model is sharded; the first one writes.
        """
        require_folder("folder", folder)
        if tensors := whole_state(self):
            save_checkpoint(folder, tensors, self.spec())

    def spec(self) -> dict[str, Any]:
        """All that is needed to build this model again, except its weights, in JSON values."""
        config = self.tokenizer.config
        require(config is not None, "tokenizer, config", None, "one made from_config: its parts cannot be written down")
        return {
            "kind": class_name(self),
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
        vocabulary = SavedVocabulary(tuple(spec["words"]), torch.as_tensor(spec["answer_ids"], device="cpu"))
        return cls(tokenizer, Backbone.from_spec(spec["backbone"]), vocabulary, **spec["options"])

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "UnifiedModel":
        """The model saved in `folder`, in eval mode. ValueError, in one line, for a wrong or damaged one."""
        require_folder("folder", folder)
        tensors, meta = load_checkpoint(folder)
        require(meta.get("kind") == cls.__name__, f"{folder}, kind", meta.get("kind"), cls.__name__)
        return load_module(lambda: cls.from_spec(meta), tensors, str(folder))
