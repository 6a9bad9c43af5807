"""Arithmetic coding: the codes of images written as bits with the host's own probabilities, and read back.

    code_bits(model, batch)     # {"bits": 6112.0, "ideal_bits": 6080.3, "images": 128.0}

A range coder spends -log2 p bits on a code of probability p, and less than two words of 32 bits on the end (Pasco 1976;
Martin 1979). Probabilities are those of `unified.code_lengths`. The coder is that of the library constriction (Bamler
2022, arXiv 2201.01741), with probabilities rounded to 24 bits, none to 0.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infotok.errors import require, require_instance, require_int, require_tensor
from infotok.modes import evaluating
from infotok.optional import needs
from infotok.unified import UnifiedModel
from infotok.unified.arguments import check_ids, check_part
from infotok.unified.code_lengths import Step, code_steps, follow, pick

__all__ = ["code_bits", "read_codes", "write_codes"]


def code_bits(model: UnifiedModel, batch: Any, at_once: int = 64) -> dict[str, float]:
    """Bits of the codes of a batch's images given their captions, by an arithmetic coder, in one stream.

    The stream is read back, and a RuntimeError is raised unless every code comes out as it went in.

    - "bits"         in the stream, whole words of 32 bits
    - "ideal_bits"   the cross-entropy -sum log2 p(code) over all codes of all images, in bits
    - "images"       in the batch

    model: a host with codes; its mode is restored.
    batch: has images (B, 3, S, S) in [0, 1] and captions (B, T); a `Batch` of a world.
    at_once: images at a time.

    Raises TypeError or ValueError for another host, for a batch that does not fit it, and in the tokenizer's warm-up.
    ModuleNotFoundError without constriction, with the command that installs it.

    Example:
        >>> import torch
        >>> from infotok.evaluation import code_bits
        >>> from infotok.tokenizers import SharedTokenizer, TokenizerConfig
        >>> from infotok.unified import AutoregressiveModel, Backbone
        >>> from infotok.worlds import ShapesWorld
        >>> world = ShapesWorld()
        >>> tokenizer = SharedTokenizer.from_config(TokenizerConfig(quantizer_options={"codebook_size": 64}))
        >>> model = AutoregressiveModel(tokenizer, Backbone.tiny(len(world.vocabulary)), world.vocabulary)
        >>> found = code_bits(model, world.batch(8, torch.Generator().manual_seed(0)))
        >>> found["bits"] >= found["ideal_bits"], found["bits"] % 32, found["images"]
        (True, 0.0, 8.0)
    """
    at_once = _check(model, at_once)
    check_part("batch", batch, ("images", "captions"), "a batch")
    check_ids("batch.captions", batch.captions, ("B", "T"), len(model.words))
    require_tensor("batch.images", batch.images, (len(batch.captions), 3, "S", "S"), values="[0, 1]")
    images = batch.images.split(at_once)
    codes = torch.cat([model.tokenizer.codes(part.to(model.device)) for part in images]).cpu()
    words, bits = write_codes(model, batch.captions, codes, at_once)
    if not torch.equal(read_codes(model, batch.captions, words, at_once), codes):
        raise RuntimeError("the codes that were read are not those that were written: the model is not deterministic")
    return {"bits": float(32 * len(words)), "ideal_bits": bits, "images": float(len(codes))}


def write_codes(model: UnifiedModel, captions: Tensor, codes: Tensor, at_once: int = 64) -> tuple[np.ndarray, float]:
    """The stream of codes, (words,) uint32, and their cross-entropy -sum log2 p in bits.

    model: a host with codes; its mode is restored.
    captions: (B, T) ids; all 0 for none.
    codes: (B, L), or (B, L, C) with C codebooks.
    at_once: images at a time; a reader needs the same number.
    """
    at_once = _check(model, at_once)
    several = (model.tokenizer.quantizer.codebooks,) if model.tokenizer.quantizer.codebooks > 1 else ()
    require_tensor("codes", codes, (len(captions), model.tokenizer.length, *several), "int64")
    stream, family = _coder()
    encoder, nats = stream.RangeEncoder(), 0.0
    with evaluating(model), torch.no_grad():
        for part, known in zip(captions.split(at_once), codes.to(model.device).split(at_once), strict=True):
            log_p = []

            def write(step: Step, known: Tensor = known, log_p: list[Tensor] = log_p) -> Tensor:
                true = pick(known, step)
                encoder.encode(true.int().cpu().numpy(), family, _probabilities(step))
                log_p.append(step.log_p.gather(1, true[:, None]).sum())
                return true

            follow(code_steps(model, part.to(model.device)), write)
            nats -= float(sum(log_p))
    return encoder.get_compressed(), nats / math.log(2)


def read_codes(model: UnifiedModel, captions: Tensor, words: np.ndarray, at_once: int = 64) -> Tensor:
    """The codes (B, L), or (B, L, C), that `write_codes` wrote, on the CPU.

    It needs the same model, captions and `at_once`, on the same kind of device: both sides must compute equal bits.

    model: a host with codes; its mode is restored.
    captions: (B, T) ids.
    words: (words,) uint32.
    at_once: images at a time.
    """
    at_once = _check(model, at_once)
    stream, family = _coder()
    decoder, found = stream.RangeDecoder(words), []

    def read(step: Step) -> Tensor:
        codes = decoder.decode(family, _probabilities(step))
        return torch.from_numpy(codes).long().to(model.device)

    with evaluating(model), torch.no_grad():
        for part in captions.split(at_once):
            found.append(follow(code_steps(model, part.to(model.device)), read).cpu())
    return torch.cat(found)


def _coder() -> tuple[Any, Any]:
    """The range coder of constriction, and its family of categorical distributions."""
    with needs("coding", "arithmetic coding"):
        import constriction
    return constriction.stream.queue, constriction.stream.model.Categorical(perfect=False)


def _probabilities(step: Step) -> np.ndarray:
    """(B, K) float64."""
    return step.log_p.exp().cpu().numpy()


def _check(model: UnifiedModel, at_once: int) -> int:
    require_instance("model", model, UnifiedModel)
    require(model.discrete, "model", type(model).__name__, "a host with codes: AutoregressiveModel or MaskedModel")
    return require_int("at_once", at_once)
