"""The shared tokenizer: one set of visual tokens, for whoever reads images and whoever draws them.

    tokenizer = SharedTokenizer.from_config(TokenizerConfig(quantizer_options={"codebook_size": 64}))
    loss = sum(tokenizer.loss(batch).values())          # a tokenizer on its own
    out = tokenizer(images, text=text)                  # in a host: read out.tokens, add sum(out.terms.values())
    tokenizer.decode_codes(tokenizer.codes(images))

    images -> encoder -> features -> InfoTok -> quantizer -> tokens, codes -> decoder -> images

Gradients of whatever reads `tokens` reach the encoder, through the quantizer's straight-through path; published hosts
often cut them there. InfoTok may also stand after the quantizer (its `placement`). For the first `warmup` training
passes the quantizer is left out: features are tokens, there are no codes, and the first codebook is then made of
features that already mean something.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from infotok.bottleneck.regulariser import Regulariser, RegulariserTerms, TokenWatcher, require_regulariser
from infotok.checkpoints import load_checkpoint, load_module, save_checkpoint
from infotok.errors import require, require_float, require_instance, require_int
from infotok.modes import Freezable, evaluating, recomputing, refuse_nonfinite, replay
from infotok.tokenizers.autoencoder import check_images
from infotok.tokenizers.config import TokenizerConfig
from infotok.tokenizers.quantizers.base import Quantizer
from infotok.tokenizers.quantizers.usage import ContinuousUsage, Usage

__all__ = ["SharedTokenizer", "Tokenized"]

KIND = "SharedTokenizer"  # what its checkpoints say they are


@dataclass(frozen=True)
class Tokenized:
    """What one pass through the tokenizer gives."""

    tokens: Tensor  # (B, L, dim): what hosts and decoder read
    codes: Tensor | None  # (B, L) or (B, L, codebooks) long; None for continuous tokens and during the warm-up
    features: Tensor  # (B, L, dim): what the encoder said
    terms: dict[str, Tensor]  # "quantizer" and "infotok", already weighted: add them to the loss
    infotok: RegulariserTerms | None
    usage: Usage | ContinuousUsage | None


class SharedTokenizer(Freezable):
    """An encoder, a decoder, and between them, each if wanted, InfoTok and a quantizer.

    encoder: images (B, 3, S, S) in [0, 1] -> (B, L, dim), with `.length` and `.dim`; decoder: back. l1, l2: weights of
    the mean absolute and squared error of pixels. warmup: training passes before quantization. InfoTok as an "adapter"
    is refused: that is for tokenizers that are frozen.
    """

    def __init__(
        self,
        encoder: nn.Module,
        infotok: Regulariser | None,
        quantizer: Quantizer | None,
        decoder: nn.Module,
        *,
        l1: float = 0.0,
        l2: float = 20.0,
        warmup: int = 0,
    ) -> None:
        super().__init__()
        for name, part in (("encoder", encoder), ("decoder", decoder)):
            whole = isinstance(part, nn.Module) and all(hasattr(part, each) for each in ("length", "dim"))
            require(whole, name, type(part).__name__, "a module with length and dim", TypeError)
        if quantizer is not None:
            require_instance("quantizer", quantizer, Quantizer)
        if infotok is not None:
            require_regulariser("infotok", infotok)
        self.length, self.dim = encoder.length, encoder.dim
        for name, part in (("decoder", decoder), ("infotok", infotok), ("quantizer", quantizer)):
            dim = getattr(part, "dim", self.dim)
            require(dim == self.dim, f"{name}, dim", dim, f"the encoder's, {self.dim}")
        require(decoder.length == self.length, "decoder, length", decoder.length, f"the encoder's, {self.length}")
        weights = {"l1": l1, "l2": l2}
        for name, value in weights.items():
            require_float(name, value, "[0, inf)")
        warmup = require_int("warmup", warmup, 0)
        self.encoder, self.infotok, self.quantizer, self.decoder = encoder, infotok, quantizer, decoder
        self.weights, self.warmup = weights, warmup
        self.config: TokenizerConfig | None = None
        self.register_buffer("passes", torch.zeros((), dtype=torch.long))
        self.warmup_left = self.warmup_left_before = warmup  # `passes` as a number, which no device has to be asked for
        self.register_load_state_dict_pre_hook(refuse_nonfinite)
        self.register_load_state_dict_post_hook(_count_warmup)

    # --- training ----------------------------------------------------------------------------------------------------

    def forward(
        self,
        images: Tensor,
        text: Tensor | None = None,
        answer: Tensor | None = None,
        target: Tensor | None = None,
        host: Any = None,
        generator: torch.Generator | None = None,
        mask: Tensor | None = None,
        unavailable: frozenset[str] = frozenset(),
    ) -> Tokenized:
        """Tokens of `images` and the terms to train them by.

        images: (B, 3, S, S) pixels in [0, 1].
        text, answer, target, host: inputs of the regulariser, see `InfoTok`; only those in `needs` are looked at.
        generator: of random draws; None: torch's global one.
        mask: (B, L) booleans, true for real tokens. Padded ones take no part in the quantizer's loss, usage and state,
            nor in the regulariser's terms; their tokens and codes are 0.
        unavailable: inputs that do not exist yet, see `Regulariser`.
        """
        generator = replay(self, generator)
        moving = self.training and not recomputing()
        if moving:
            self.warmup_left_before = self.warmup_left
        given = {"image": images, "text": text, "answer": answer, "target": target, "host": host}
        rest = {"mask": mask, "generator": generator, "unavailable": unavailable}
        features = self.encoder(images)
        z, regulated = self._regulate(features, features, "before", given, rest)
        tokens, codes, terms, usage = self._quantize(z, generator, mask)
        if regulated is None:
            tokens, regulated = self._regulate(tokens, features, "after", given, rest)
        if usage is not None and isinstance(self.infotok, TokenWatcher):
            self.infotok.watch(tokens, usage, mask)
        if regulated is not None:
            terms["infotok"] = regulated.loss
        if moving:
            self.passes += 1
            self.warmup_left = max(0, self.warmup_left - 1)
        return Tokenized(tokens, codes, features, terms, regulated, usage)

    def reconstruction(self, tokens: Tensor, images: Tensor) -> dict[str, Tensor]:
        """The weighted reconstruction losses of the images that these tokens decode to."""
        drawn = self.decoder(tokens)
        check_images(images, drawn.shape[-1], self.training)
        require(len(images) == len(drawn), "images", images, f"as many as tokens, {len(drawn)}")
        terms = {"l1": (drawn - images).abs().mean(), "l2": (drawn - images).square().mean()}
        return {name: self.weights[name] * value for name, value in terms.items() if self.weights[name]}

    def loss(self, batch: Any, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Every weighted term of training the tokenizer alone: there is no host yet, so terms that need one are off.

        batch: has `.images` and, where the regulariser needs it, `.text`.
        """
        require(hasattr(batch, "images"), "batch", type(batch).__name__, "a batch with images", TypeError)
        text = batch.text if "text" in self.needs else None
        out = self(batch.images, text=text, generator=generator, unavailable=frozenset({"host"}))
        return self.reconstruction(out.tokens, batch.images) | out.terms

    # --- reading and drawing -----------------------------------------------------------------------------------------

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Tokens (B, L, dim), without noise and without gradient, whatever mode the module is in."""
        return self._read(images)[0]

    @torch.no_grad()
    def codes(self, images: Tensor) -> Tensor:
        """Codes (B, L) or (B, L, codebooks). Continuous tokens have none: ValueError."""
        codes = self._read(images)[1]
        passes = (
            f"quantized tokens; {self.warmup - self.warmup_left} of {self.warmup} passes of warm-up have been trained"
        )
        require(codes is not None, "codes", "none", passes)
        return codes

    def _read(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Tokens and codes without InfoTok: in eval mode it changes no token, and its terms need more than images."""
        with evaluating(self):
            return self._quantize(self.encoder(images), None)[:2]

    def decode(self, tokens: Tensor) -> Tensor:
        """Images (B, 3, S, S) in [0, 1] drawn from tokens (B, L, dim)."""
        return self.decoder(tokens)

    def decode_codes(self, codes: Tensor) -> Tensor:
        """Images drawn from codes; codes out of range or of another shape raise ValueError."""
        require(self.quantizer is not None, "codes", codes, "tokens: this tokenizer has no quantizer")
        return self.decoder(self.quantizer.decode(codes))

    @property
    def needs(self) -> frozenset[str]:
        """The inputs that the regulariser's switched-on terms read, names out of `regulariser.INPUTS`."""
        return frozenset() if self.infotok is None else self.infotok.needs

    @property
    def bits_per_image(self) -> float:
        """The channel's capacity, L log2 K for codes; infinite without a quantizer."""
        return math.inf if self.quantizer is None else self.quantizer.rate(self.length)

    # --- keeping -----------------------------------------------------------------------------------------------------

    @classmethod
    def from_config(cls, config: TokenizerConfig) -> "SharedTokenizer":
        """A new tokenizer. Initial weights come from torch's global generator, the same with InfoTok and without."""
        require_instance("config", config, TokenizerConfig)
        encoder, decoder = config.make_encoder(), config.make_decoder()
        quantizer, infotok = config.make_quantizer(), config.make_infotok()
        tokenizer = cls(encoder, infotok, quantizer, decoder, l1=config.l1, l2=config.l2, warmup=config.warmup)
        tokenizer.config = config
        return tokenizer

    def save_pretrained(self, folder: str | Path) -> None:
        """Write weights and configuration to `folder`; only for a tokenizer made by `from_config`."""
        require_instance("folder", folder, (str, Path), "the name of a folder")
        require(self.config is not None, "config", None, "a tokenizer from_config: its parts cannot be written down")
        save_checkpoint(folder, self.state_dict(), {"kind": KIND, "config": self.config.asdict()})

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "SharedTokenizer":
        """The tokenizer saved in `folder`, in eval mode. ValueError for a checkpoint of anything else."""
        require_instance("folder", folder, (str, Path), "the name of a folder")
        tensors, meta = load_checkpoint(folder)
        require(meta.get("kind") == KIND, f"{folder}, kind", meta.get("kind"), KIND)
        return load_module(lambda: cls.from_config(TokenizerConfig.from_dict(meta["config"])), tensors, str(folder))

    # --- the parts in their places -----------------------------------------------------------------------------------

    def _regulate(
        self, z: Tensor, features: Tensor, place: str, given: dict[str, Any], rest: dict[str, Any]
    ) -> tuple[Tensor, RegulariserTerms | None]:
        """z through the regulariser, if this is its place; it gets the inputs that it needs and that exist."""
        if self.infotok is None or self.infotok.placement != place:
            return z, None
        if not self._quantizing():
            rest = rest | {"unavailable": rest["unavailable"] | {"posterior"}}
        needs = self.needs - rest["unavailable"]
        inputs = {name: value for name, value in given.items() if name in needs}
        if "posterior" in needs:
            inputs["posterior"] = self.quantizer.logits(features)  # (B, L, K)
        return self.infotok(z, **inputs, **rest)

    def _quantize(
        self, z: Tensor, generator: torch.Generator | None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None, dict[str, Tensor], Usage | ContinuousUsage | None]:
        if not self._quantizing():
            return z, None, {}, None
        out = self.quantizer(z, mask, generator)
        return out.tokens, out.codes, {"quantizer": out.loss}, out.usage

    def _quantizing(self) -> bool:
        left = self.warmup_left_before if self.training and recomputing() else self.warmup_left
        return self.quantizer is not None and left == 0


def _count_warmup(tokenizer: SharedTokenizer, _: Any) -> None:
    """After loading: how many passes of warm-up are left."""
    tokenizer.warmup_left = max(0, tokenizer.warmup - int(tokenizer.passes))
