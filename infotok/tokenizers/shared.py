"""The shared tokenizer: one set of visual tokens of an image, for understanding and for generation.

    tokenizer = SharedTokenizer.from_config(TokenizerConfig(quantizer_options={"codebook_size": 64}))
    loss = sum(tokenizer.loss(batch).values())          # trained alone
    out = tokenizer(images, text=text)                  # in a host: use out.tokens, add sum(out.terms.values())
    tokenizer.decode_codes(tokenizer.codes(images))

    images -> encoder -> features -> regulariser (InfoTok) -> quantizer -> tokens, codes -> decoder -> images

The gradient of every loss on `tokens` reaches the encoder, through the quantizer's straight-through path; published
hosts often stop it there. The regulariser may also stand after the quantizer (its `placement`). For the first `warmup`
training steps the quantizer is left out: features are tokens, there are no codes, and the first codebook is then made
of features of a trained encoder.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from infotok.bottleneck.regulariser import Regulariser, RegulariserTerms, TokenWatcher, require_regulariser
from infotok.checkpoints import load_checkpoint, load_module, save_checkpoint
from infotok.errors import require, require_instance, require_int
from infotok.modes import ends_step, recomputing, refuse_nonfinite, replay
from infotok.tokenizers.autoencoder import check_images
from infotok.tokenizers.codec import TokenCodec
from infotok.tokenizers.config import TokenizerConfig
from infotok.tokenizers.losses import ReconstructionLosses
from infotok.tokenizers.quantizers.interface import Quantizer, require_quantizer
from infotok.tokenizers.quantizers.usage import ContinuousUsage, Usage

__all__ = ["SharedTokenizer", "Tokenized"]

KIND = "SharedTokenizer"  # what its checkpoints say they are


@dataclass(frozen=True)
class Tokenized:
    """The output of a `SharedTokenizer`.

    tokens: (B, L, dim), for hosts and the decoder.
    codes: (B, L) or (B, L, codebooks) integers; None for continuous tokens and during the warm-up.
    features: (B, L, dim) output of the encoder.
    terms: "quantizer" and "infotok", weighted: add them to the training loss.
    infotok: the terms that the regulariser returned; None without one.
    usage: of the codebook in this batch; None during the warm-up and without a quantizer.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import SharedTokenizer, TokenizerConfig
        >>> infotok = {"consistency": 1.0, "text_dim": 5}
        >>> config = TokenizerConfig(quantizer_options={"codebook_size": 64}, infotok=infotok)
        >>> out = SharedTokenizer.from_config(config)(torch.rand(32, 3, 32, 32), text=torch.rand(32, 5).round())
        >>> sorted(out.terms), out.infotok.unit, out.usage.counts.sum().item()  # 32 images of 16 tokens
        (['infotok', 'quantizer'], 'nats', 512)
    """

    tokens: Tensor
    codes: Tensor | None
    features: Tensor
    terms: dict[str, Tensor]
    infotok: RegulariserTerms | None
    usage: Usage | ContinuousUsage | None


class SharedTokenizer(TokenCodec):
    """An encoder and a decoder, and between them a regulariser and a quantizer, each if wanted.

    encoder: images (B, 3, S, S) in [0, 1] -> features (B, L, dim), with `.length` and `.dim`.
    infotok: the regulariser, `InfoTok` or any other `Regulariser` placed "before" or "after" the quantizer.
    quantizer: a layer of `infotok.tokenizers.quantizers`; None for continuous tokens.
    decoder: tokens (B, L, dim) -> images, with `.length` and `.dim`.
    l1, l2, perceptual, distillation, teacher_size: of the losses of a reconstruction, see `ReconstructionLosses`.
    warmup: training steps before quantization.

    Raises TypeError or ValueError for parts that do not fit together, in one line that names them.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import SharedTokenizer, TokenizerConfig
        >>> tokenizer = SharedTokenizer.from_config(TokenizerConfig(quantizer_options={"codebook_size": 64}))
        >>> images = torch.rand(32, 3, 32, 32)
        >>> out = tokenizer(images)
        >>> out.tokens.shape, out.codes.shape, tokenizer.eval().decode_codes(out.codes).shape
        (torch.Size([32, 16, 32]), torch.Size([32, 16]), torch.Size([32, 3, 32, 32]))
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
        perceptual: float = 0.0,
        distillation: float = 0.0,
        teacher_size: int = 224,
    ) -> None:
        super().__init__()
        _check_parts(encoder, infotok, quantizer, decoder)
        self.length, self.dim = encoder.length, encoder.dim
        self.encoder, self.infotok, self.quantizer, self.decoder = encoder, infotok, quantizer, decoder
        self.losses = ReconstructionLosses(encoder.dim, l1, l2, perceptual, distillation, teacher_size)
        self.warmup = require_int("warmup", warmup, 0)
        self.config: TokenizerConfig | None = None
        self.register_buffer("passes", torch.zeros((), dtype=torch.long))  # training steps, by its name in checkpoints
        self.warmup_left = self.warmup_left_before = warmup  # as numbers, so that no device has to be synchronised
        self.register_load_state_dict_pre_hook(refuse_nonfinite)
        self.register_load_state_dict_post_hook(_count_warmup)

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
        features = self._encode(images)
        z, regulated = _regulated(self, features, features, "before", given, rest)
        tokens, codes, terms, usage = self._quantize(z, generator, mask)
        if regulated is None:
            tokens, regulated = _regulated(self, tokens, features, "after", given, rest)
        if usage is not None and isinstance(self.infotok, TokenWatcher):
            self.infotok.watch(tokens, usage, mask)
        if regulated is not None:
            terms["infotok"] = regulated.loss
        if moving and ends_step():
            self.passes += 1
            self.warmup_left = max(0, self.warmup_left - 1)
        return Tokenized(tokens, codes, features, terms, regulated, usage)

    def reconstruction(self, tokens: Tensor, images: Tensor) -> dict[str, Tensor]:
        """The weighted reconstruction losses, scalars by name; those of weight 0 are left out.

        tokens: (B, L, dim) to decode.
        images: (B, 3, S, S) pixels in [0, 1] to compare with.
        """
        decoded = self.decoder(tokens)
        check_images(images, decoded.shape[-1], self.training)
        require(len(images) == len(decoded), "images", images, f"as many as tokens, {len(decoded)}")
        return self.losses(tokens, decoded, images)

    def loss(self, batch: Any, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Every weighted term of training the tokenizer alone, without a host: terms that need one are off.

        batch: has `.images` and, where the regulariser needs it, `.text`.
        generator: of random draws; None: torch's global one.
        """
        require(hasattr(batch, "images"), "batch", type(batch).__name__, "a batch with images", TypeError)
        text = batch.text if "text" in self.needs else None
        out = self(batch.images, text=text, generator=generator, unavailable=frozenset({"host"}))
        return self.reconstruction(out.tokens, batch.images) | out.terms

    @property
    def needs(self) -> frozenset[str]:
        """The inputs that the regulariser's switched-on terms read, names out of `regulariser.INPUTS`."""
        return frozenset() if self.infotok is None else self.infotok.needs

    @classmethod
    def from_config(cls, config: TokenizerConfig) -> "SharedTokenizer":
        """A new tokenizer. Encoder and decoder have the same initial weights, from torch's global generator, with
        InfoTok and without.

        config: sizes, quantizer and options of InfoTok.
        """
        require_instance("config", config, TokenizerConfig)
        encoder, decoder = config.make_encoder(), config.make_decoder()
        quantizer, infotok = config.make_quantizer(), config.make_infotok()
        tokenizer = cls(encoder, infotok, quantizer, decoder, warmup=config.warmup, **config.losses)
        tokenizer.config = config
        return tokenizer

    def save_pretrained(self, folder: str | Path) -> None:
        """Write weights and configuration to `folder`; ValueError for a tokenizer that `from_config` did not make."""
        require_instance("folder", folder, (str, Path), "the name of a folder")
        require(self.config is not None, "config", None, "a tokenizer from_config: its parts cannot be written down")
        save_checkpoint(folder, self.state_dict(), {"kind": KIND, "config": self.config.asdict()})

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "SharedTokenizer":
        """The tokenizer saved in `folder`, in eval mode. ValueError for a checkpoint of anything else.

        folder: written by `save_pretrained`.
        """
        require_instance("folder", folder, (str, Path), "the name of a folder")
        tensors, meta = load_checkpoint(folder)
        require(meta.get("kind") == KIND, f"{folder}, kind", meta.get("kind"), KIND)
        return load_module(lambda: cls.from_config(TokenizerConfig.from_dict(meta["config"])), tensors, str(folder))


def _regulated(
    tokenizer: SharedTokenizer, z: Tensor, features: Tensor, place: str, given: dict[str, Any], rest: dict[str, Any]
) -> tuple[Tensor, RegulariserTerms | None]:
    """z through the regulariser, if this is its place, with the inputs that it needs and that are available."""
    infotok, quantizer = tokenizer.infotok, tokenizer.quantizer
    if infotok is None or infotok.placement != place:
        return z, None
    if not tokenizer._quantizing():
        rest = rest | {"unavailable": rest["unavailable"] | {"posterior"}}
    needs = tokenizer.needs - rest["unavailable"]
    inputs = {name: value for name, value in given.items() if name in needs}
    if "posterior" in needs:
        own = quantizer.logits if quantizer.codebooks else quantizer.posterior
        inputs["posterior"] = own(features)  # (B, L, K), or a mean and a log-variance (B, L, dim)
    return infotok(z, **inputs, **rest)


def _count_warmup(tokenizer: SharedTokenizer, _: Any) -> None:
    """A hook after loading: set how many training steps of warm-up are left."""
    tokenizer.warmup_left = max(0, tokenizer.warmup - int(tokenizer.passes))


def _check_parts(
    encoder: nn.Module, infotok: Regulariser | None, quantizer: Quantizer | None, decoder: nn.Module
) -> None:
    """TypeError or ValueError unless the parts of a tokenizer fit together."""
    for name, part in (("encoder", encoder), ("decoder", decoder)):
        whole = isinstance(part, nn.Module) and all(hasattr(part, each) for each in ("length", "dim"))
        require(whole, name, type(part).__name__, "a module with length and dim", TypeError)
    if infotok is not None:
        require_regulariser("infotok", infotok)
    if quantizer is not None:
        require_quantizer("quantizer", quantizer)
    for name, part in (("decoder", decoder), ("infotok", infotok), ("quantizer", quantizer)):
        dim = getattr(part, "dim", encoder.dim)
        require(dim == encoder.dim, f"{name}, dim", dim, f"the encoder's, {encoder.dim}")
    require(decoder.length == encoder.length, "decoder, length", decoder.length, f"the encoder's, {encoder.length}")
