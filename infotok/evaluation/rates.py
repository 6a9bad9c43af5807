"""Rates of visual tokens: the nats that an image's tokens really spend, measured on a trained host.

    rates = score_rates(model, world.with_split("test"), n=512, seed=1)
    rates["cross_entropy"], rates["unexplained_renders"], rates["budget"]      # nats per image

For codes Z of a deterministic encoder and captions T,

    H(Z) = I(Z;T) + H(Z|T),      H(Z) <= sum_i H(Z_i) <= L log K

and a host q bounds two of them from above: H(Z|T) <= -E log q(z|t) and H(Z) <= -E log q(z) (Cover & Thomas 2006, ch. 2
and 5). Continuous tokens N(mean, diag s2) have no entropy of codes but a rate, E KL(q(z|x) || r(z)) >= I(X;Z), and with
a prior r(z|t) it bounds I(X;Z|T) (Alemi et al. 2017, arXiv 1612.00410).
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infotok.bottleneck import InfoTok
from infotok.errors import require, require_instance, require_int
from infotok.evaluation.evaluate import in_parts
from infotok.information.discrete import plugin_entropy
from infotok.information.upper import gaussian_kl
from infotok.tokenizers import SharedTokenizer
from infotok.tokenizers.quantizers import GaussianTokens
from infotok.unified import UnifiedModel
from infotok.unified.arguments import check_part
from infotok.unified.code_lengths import code_nats
from infotok.worlds.source import Redraws

__all__ = ["position_entropy", "score_rates"]

FIT_IMAGES = 2048  # for the regression of tokens on captions
MIXTURE = 32  # captions, where a host has not learned to do without one
MOST = 2**24  # images


def score_rates(
    model: UnifiedModel,
    world: Any,
    n: int = 512,
    seed: int = 0,
    at_once: int = 64,
    captions: int = 16,
    renders: int = 96,
) -> dict[str, float]:
    """Rates of a host's visual tokens by name, in nats per image unless said; means over the evaluation set.

    Of a host with codes:

    - "cross_entropy"         -E log q(z|t), the host's own: an upper bound of H(Z|T). For the order of codes see
      `unified.code_lengths`
    - "cross_entropy_free"    -E log q(z) without a caption: an upper bound of H(Z). A host trained with drop=0 has no
      such mode, and q(z) is the mean of q(z|t) over 32 captions drawn anew
    - "explained"             their difference: an estimate of I(Z;T), neither an upper nor a lower bound
    - "budget"                L log K, with C codebooks L C log K
    - "usage_entropy"         sum_i H(Z_i) over positions (and codebooks): estimates an upper bound of H(Z)
    - "unexplained_renders"   sum_i H(Z_i|T): estimates an upper bound of H(Z|T) without the host, from new renders of
      the same captions
    - "unexplained_backgrounds"   the same where only background and pixel noise change, and unnamed offsets do not

    The last two are there where the world has `redraw`. Entropies of positions are jackknife estimates, each in
    [0, log K]; at 96 renders and 64 codes they are too low by less than 0.1 nats a position.

    Of a continuous host, with tokens as in eval mode and captions as vectors, `batch.text`:

    - "rate_standard"         E KL(q(z|x) || N(0, I)), an upper bound of I(X;Z)
    - "rate_text"             E KL(q(z|x) || N(A t + b, diag v)), an upper bound of I(X;Z|T). A and b are fitted by
      least squares, v is what they leave, on 2048 other images of the world
    - "explained_variance"    share of the tokens' variance, noise included, that A t + b explains; not in nats
    - "unexplained_variance"  the rest of it
    - "noise_variance"        the part of the rest that is the tokens' own noise

    Rates are there where tokens have a variance: those of `GaussianTokens`, else of a noisy `InfoTok`. A second noise,
    of an InfoTok before Gaussian tokens, is left out.

    model: the host; its mode is restored.
    world: a `BatchSource`; the evaluation set is drawn from it.
    n: images.
    seed: of the evaluation set, which is that of `evaluate`, and of all that is drawn after it.
    at_once: images at a time; it sets the memory needed and changes no score.
    captions: captions that are rendered again, at most n.
    renders: images of each.

    Raises TypeError or ValueError for an argument of another type or out of range, and in the tokenizer's warm-up.

    Example:
        >>> from infotok.evaluation import score_rates
        >>> from infotok.tokenizers import SharedTokenizer, TokenizerConfig
        >>> from infotok.unified import AutoregressiveModel, Backbone
        >>> from infotok.worlds import ShapesWorld
        >>> world = ShapesWorld()
        >>> tokenizer = SharedTokenizer.from_config(TokenizerConfig(quantizer_options={"codebook_size": 64}))
        >>> model = AutoregressiveModel(tokenizer, Backbone.tiny(len(world.vocabulary)), world.vocabulary)
        >>> rates = score_rates(model, world, n=4, captions=1, renders=4)
        >>> round(rates["budget"], 1), sorted(rates)  # 16 log 64 nats
        (66.5, ['budget', 'cross_entropy', 'cross_entropy_free', 'explained', 'unexplained_backgrounds',
        'unexplained_renders', 'usage_entropy'])
    """
    require_instance("model", model, UnifiedModel)
    check_part("world", world, ("batch",), "a world")
    require_int("n", n, 2, MOST), require_int("at_once", at_once)
    require_int("captions", captions, 1, MOST), require_int("renders", renders, 2, MOST)
    generator = torch.Generator().manual_seed(require_int("seed", seed, 0, 2**63 - 1))
    batch = world.batch(n, generator)
    if not model.discrete:
        return _gaussian_rates(model, world, batch, generator, at_once)
    codes = in_parts(model.tokenizer.codes, at_once, model, batch.images)
    rates = _code_rates(model, world, batch.captions, codes, generator, at_once)
    if isinstance(world, Redraws):
        chosen = [batch[torch.full((renders,), i)] for i in range(min(captions, n))]
        for name, keep_offsets in (("unexplained_renders", False), ("unexplained_backgrounds", True)):
            drawn = [world.redraw(same, generator, keep_offsets=keep_offsets) for same in chosen]
            entropies = [
                position_entropy(in_parts(model.tokenizer.codes, at_once, model, images), _size(model))
                for images in drawn
            ]
            rates[name] = float(np.mean(entropies))
    return rates


def position_entropy(codes: Tensor, size: int) -> float:
    """The sum over positions of the marginal entropies of codes, sum_i H(Z_i) >= H(Z_1, ..., Z_L), in nats.

    Each is a jackknife estimate, limited to [0, log size].

    codes: (B, L), or (B, L, C), of two images or more.
    size: codes in a codebook.
    """
    columns = codes.flatten(1).T.cpu().numpy()
    entropies = [plugin_entropy(np.bincount(column), correction="jackknife") for column in columns]
    return float(np.clip(entropies, 0.0, math.log(size)).sum())


def _size(model: UnifiedModel) -> int:
    return model.tokenizer.quantizer.codebook_size


def _code_rates(
    model: UnifiedModel, world: Any, captions: Tensor, codes: Tensor, generator: torch.Generator, at_once: int
) -> dict[str, float]:
    """The rates of codes (B, L) or (B, L, C) that need no second rendering."""

    def nats(captions: Tensor) -> Tensor:
        return in_parts(lambda *part: code_nats(model, *part), at_once, model, captions, codes)

    if model.options["drop"] > 0:
        free = nats(torch.zeros_like(captions))
    else:  # captions of other images, so that q(z) does not depend on z
        others = world.batch(MIXTURE, generator).captions
        each = torch.stack([nats(caption.expand(len(codes), -1)) for caption in others])
        free = math.log(MIXTURE) - (-each).logsumexp(0)
    given, free = float(nats(captions).mean()), float(free.mean())
    return {
        "cross_entropy": given,
        "cross_entropy_free": free,
        "explained": free - given,
        "budget": model.tokenizer.bits_per_image * math.log(2),
        "usage_entropy": position_entropy(codes, _size(model)),
    }


# --- continuous tokens -----------------------------------------------------------------------------------------------


def _gaussian_rates(
    model: UnifiedModel, world: Any, batch: Any, generator: torch.Generator, at_once: int
) -> dict[str, float]:
    """The rates and the shares of variance of continuous tokens."""
    other = world.batch(FIT_IMAGES, generator)  # apart from the evaluation set: r(z|t) must not depend on it
    (mean, log_variance), (other_mean, other_log_variance) = (
        in_parts(lambda part: _moments(model.tokenizer, part), at_once, model, images).flatten(2).unbind(1)
        for images in (batch.images, other.images)
    )
    noise, other_noise = log_variance.exp(), other_log_variance.exp()
    weights = torch.linalg.lstsq(_design(other.text), other_mean, driver="gelsd").solution  # (1 + W, L D)
    predicted, other_predicted = _design(batch.text) @ weights, _design(other.text) @ weights
    total = float(((mean - other_mean.mean(0)).square() + noise).sum())
    require(total > 0, "model, tokens", "the same for every image", "tokens with a variance")
    unexplained = float(((mean - predicted).square() + noise).sum()) / total
    shares = {
        "explained_variance": 1 - unexplained,
        "unexplained_variance": unexplained,
        "noise_variance": float(noise.sum()) / total,
    }
    if not shares["noise_variance"]:
        return shares
    variance = ((other_mean - other_predicted).square() + other_noise).mean(0)
    return {
        "rate_standard": float(gaussian_kl(mean, log_variance).mean()),
        "rate_text": float(gaussian_kl(mean, log_variance, predicted, variance.log()).mean()),
        **shares,
    }


def _moments(tokenizer: SharedTokenizer, images: Tensor) -> Tensor:
    """Mean and log-variance of q(z|x), (B, 2, L, D) float64; the log-variance of tokens without noise is -inf."""
    features, infotok = tokenizer.encoder(images), tokenizer.infotok
    if isinstance(tokenizer.quantizer, GaussianTokens):
        done = tokenizer.warmup - tokenizer.warmup_left  # until the end of it tokens are features, without a variance
        expected = f"Gaussian tokens; {done} of {tokenizer.warmup} training steps of warm-up are done"
        require(tokenizer.warmup_left == 0, "model, tokens", "features", expected)
        mean, log_variance = tokenizer.quantizer.posterior(features)
    elif isinstance(infotok, InfoTok) and infotok.options.noisy:
        tokens = infotok.transmit(features, None)
        mean, log_variance = tokens.mean, tokens.log_variance
    else:
        mean = tokenizer.encode(images)
        log_variance = torch.full_like(mean, -math.inf)
    return torch.stack([mean.double(), log_variance.double()], 1)


def _design(text: Tensor) -> Tensor:
    """Rows (1, t), (B, 1 + W) float64, of captions (B, W)."""
    text = text.double().cpu()
    require(text.ndim == 2 and text.isfinite().all(), "batch.text", text, "(B, W) finite numbers, the caption's vector")
    return torch.cat([torch.ones(len(text), 1, dtype=torch.float64), text], 1)
