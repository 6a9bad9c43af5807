"""Code lengths: a host's own distribution of an image's codes, one code after the other, each given those before it.

    -log p(codes | caption) = -sum_i log p(c_i | caption, c_1, ..., c_{i-1})          nats, by the chain rule

- `code_steps`    the distributions of the sum's terms, for a coder that writes or reads one code at a time
- `code_nats`     the sum itself, the cross-entropy of each image's codes

The order of an autoregressive host is its own, row by row. A masked host has none: here each image's most confident
place comes next, as in drawing, where confidence is the largest probability of the place's (first) code. The order
depends on codes that are already known, so that a reader finds it too, and the product is one normalised distribution.
Whatever the host has learned, its mean code length on images is an upper bound of the entropy of their codes.
"""

from collections.abc import Callable, Generator
from typing import NamedTuple

import torch
from torch import Tensor

from infotok.unified.autoregressive import AutoregressiveModel
from infotok.unified.base import UnifiedModel
from infotok.unified.masked import MaskedModel

__all__ = ["Step", "code_nats", "code_steps", "follow"]


class Step(NamedTuple):
    """The distribution of the next code of each image."""

    places: Tensor  # (B,) long: which token
    codebook: int  # which of its codes
    log_p: Tensor  # (B, K) float64, in nats


Steps = Generator[Step, Tensor, Tensor]


def code_steps(model: UnifiedModel, captions: Tensor) -> Steps:
    """A generator that yields a `Step`, is sent the codes (B,) there, and returns all codes (B, L) or (B, L, C).

    It runs in the mode that the model is in, which must be the same for a writer and a reader: use eval mode.

    model: an `AutoregressiveModel` or a `MaskedModel`.
    captions: (B, T) ids; all 0 for none.
    """
    codes = yield from (_masked if isinstance(model, MaskedModel) else _autoregressive)(model, captions)
    return codes if model.tokenizer.quantizer.codebooks > 1 else codes[..., 0]


def follow(steps: Steps, choose: Callable[[Step], Tensor]) -> Tensor:
    """The codes that `steps` returns, when `choose` answers each of them with codes (B,)."""
    codes = None
    while True:
        try:
            step = steps.send(codes)
        except StopIteration as end:
            return end.value
        codes = choose(step)


def code_nats(model: UnifiedModel, captions: Tensor, codes: Tensor) -> Tensor:
    """The code length -log p(codes | caption) of each image under the host, (B,) float64, in nats.

    model: an `AutoregressiveModel` or a `MaskedModel`, in eval mode.
    captions: (B, T) ids; all 0 for none.
    codes: (B, L), or (B, L, C) with C codebooks.
    """
    wide = codes.view(*codes.shape[:2], -1)
    if isinstance(model, AutoregressiveModel):  # all codes are known: one evaluation gives every term
        logits = model._code_logits(captions, model.tokenizer.quantizer.decode(codes), codes)
        return -logits.double().log_softmax(-1).gather(-1, wide[..., None]).sum((1, 2, 3))
    nats = torch.zeros(len(codes), dtype=torch.float64, device=codes.device)

    def choose(step: Step) -> Tensor:
        true = pick(codes, step)
        nats.sub_(step.log_p.gather(1, true[:, None]).squeeze(1))
        return true

    follow(code_steps(model, captions), choose)
    return nats


def pick(codes: Tensor, step: Step) -> Tensor:
    """The codes (B,) out of (B, L) or (B, L, C) that a step asks for."""
    wide = codes.view(*codes.shape[:2], -1)
    return wide[torch.arange(len(wide), device=wide.device), step.places, step.codebook]


def _autoregressive(model: AutoregressiveModel, captions: Tensor) -> Steps:
    decoder, quantizer = model._start_decoding(captions, guidance=1.0, cached=True), model.tokenizer.quantizer
    length, rows = model.tokenizer.length, len(captions)
    codes = torch.zeros(rows, length, quantizer.codebooks, dtype=torch.long, device=captions.device)
    for i in range(length):
        state, places = decoder.states[:, -1], torch.full((rows,), i, device=captions.device)
        for j in range(quantizer.codebooks):  # the logits of codebook j see only the codes before it
            logits = model.head(state, codes[:, i])[:, j]
            codes[:, i, j] = yield Step(places, j, logits.double().log_softmax(-1))
        if i + 1 < length:
            token = quantizer.decode(codes[:, i : i + 1] if quantizer.codebooks > 1 else codes[:, i])
            decoder.states = decoder.feed(model._visual(token, i))
    return codes


def _masked(model: MaskedModel, captions: Tensor) -> Steps:
    decoder, quantizer = model._start_decoding(captions, guidance=1.0, cached=True), model.tokenizer.quantizer
    length, rows = model.tokenizer.length, len(captions)
    codes = torch.zeros(rows, length, quantizer.codebooks, dtype=torch.long, device=captions.device)
    masked, every = torch.ones_like(codes[..., 0], dtype=torch.bool), torch.arange(rows, device=captions.device)
    for _ in range(length):
        tokens = quantizer.decode(codes if quantizer.codebooks > 1 else codes[..., 0])
        states = decoder.feed(model._mask(model._visual(tokens), masked), keep=False)  # (B, L, H)
        confidence = model.head(states, codes)[:, :, 0].log_softmax(-1).amax(-1)  # codes after the first play no part
        places = confidence.masked_fill(~masked, -torch.inf).argmax(1)
        for j in range(quantizer.codebooks):
            logits = model.head(states[every, places], codes[every, places])[:, j]
            codes[every, places, j] = yield Step(places, j, logits.double().log_softmax(-1))
        masked[every, places] = False
    return codes
