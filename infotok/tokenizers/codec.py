"""The codec of a tokenizer: images to tokens and codes, and back, without noise or training terms.

Encoding has no gradient; decoding has one, in the mode that the module is in.
"""

import math

import torch
from torch import Tensor, nn

from infotok.errors import require, require_tensor
from infotok.modes import Freezable, evaluating, recomputing
from infotok.tokenizers.autoencoder import check_pixels
from infotok.tokenizers.quantizers.usage import ContinuousUsage, Usage

__all__ = ["TokenCodec"]

Quantization = tuple[Tensor, Tensor | None, dict[str, Tensor], Usage | ContinuousUsage | None]


class TokenCodec(Freezable):
    """The base class of `SharedTokenizer`: an encoder, a quantizer that may still warm up, and a decoder.

    encoder: images (B, 3, S, S) in [0, 1] -> features (B, L, dim).
    quantizer: features -> tokens and codes; None for continuous tokens.
    decoder: tokens (B, L, dim) -> images.
    length: L, the tokens per image; dim: numbers per token.
    warmup: training steps before quantization; warmup_left: those still to come.
    """

    encoder: nn.Module
    quantizer: nn.Module | None
    decoder: nn.Module
    length: int
    dim: int
    warmup: int
    warmup_left: int
    warmup_left_before: int  # the current training step, which gradient checkpointing may repeat

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Tokens (B, L, dim), without noise and without gradient, whatever mode the module is in.

        images: (B, 3, S, S) pixels in [0, 1].
        """
        return self._evaluate(images)[0]

    @torch.no_grad()
    def codes(self, images: Tensor) -> Tensor:
        """Codes (B, L), or (B, L, codebooks). ValueError for continuous tokens and during the warm-up.

        images: (B, 3, S, S) pixels in [0, 1].
        """
        codes = self._evaluate(images)[1]
        done = self.warmup - self.warmup_left
        expected = f"quantized tokens; {done} of {self.warmup} training steps of warm-up are done"
        require(codes is not None, "codes", "none", expected)
        return codes

    def decode(self, tokens: Tensor) -> Tensor:
        """Images (B, 3, S, S) in [0, 1] of `tokens` (B, L, dim)."""
        return self.decoder(tokens)

    def decode_codes(self, codes: Tensor) -> Tensor:
        """Images (B, 3, S, S) in [0, 1] of codes. ValueError for codes out of range or of another shape.

        codes: (B, L), or (B, L, codebooks).
        """
        require(self.quantizer is not None, "codes", codes, "tokens: this tokenizer has no quantizer")
        return self.decoder(self.quantizer.decode(codes))

    @property
    def bits_per_image(self) -> float:
        """The capacity of the codes in bits, L log2 K; infinite without a quantizer."""
        return math.inf if self.quantizer is None else self.quantizer.rate(self.length)

    def _evaluate(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Tokens and codes in eval mode, without a regulariser: there it changes no token."""
        with evaluating(self):
            return self._quantize(self._encode(images), None)[:2]

    def _encode(self, images: Tensor) -> Tensor:
        """Features (B, L, dim) of the encoder, which may be a user's own: its input and output are checked here."""
        check_pixels(images, self.training)
        features = self.encoder(images)
        require_tensor("features, of the encoder", features, (len(images), self.length, self.dim))
        return features

    def _quantize(self, z: Tensor, generator: torch.Generator | None, mask: Tensor | None = None) -> Quantization:
        """Tokens, codes, loss and usage; z itself during the warm-up."""
        if not self._quantizing():
            return z, None, {}, None
        out = self.quantizer(z, mask, generator)
        return out.tokens, out.codes, {"quantizer": out.loss}, out.usage

    def _quantizing(self) -> bool:
        left = self.warmup_left_before if self.training and recomputing() else self.warmup_left
        return self.quantizer is not None and left == 0
