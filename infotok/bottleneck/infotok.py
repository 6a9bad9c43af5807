"""InfoTok: an information bottleneck on visual tokens, for the training step of any tokenizer.

    infotok = InfoTok(dim=64, text_dim=32, consistency=0.1)
    tokens, terms = infotok(features, image=images, text=captions)     # features (B, L, 64), from any encoder
    loss = host_loss(tokens) + terms.loss

The tokens Z of an image X are shared by understanding (answers Y_u), generation (targets Y_g) and the paired text T.
InfoTok adds to the training loss

    compression * I(X;Z) - relevance * I(Z;Y_u) - generation * I(Z;Y_g) - consistency * I(Z;T)

with one of two estimators (`estimators`):

- "variational", in nats: I(X;Z) <= E KL(q(z|x) || r(z)); the other three are bounded below (`bound`)
- "hsic": each I is replaced by a normalised HSIC, between 0 and 1 (the estimate is unbiased, so it can be below 0)

The lower bound on I(Z;T), and on I(Z;Y_u) and I(Z;Y_g) alike (`bound`, variational only; `relevance` derives both):

- "decoder"   H(T) + E log q(t|z), at most H(T); a small decoder predicts the text. Give H(T) by `entropies`, if you
              know it: without it terms are E log q(t|z), which has the same gradient. The default (lesson 12 says why).
              Of real vectors H(T) is the differential entropy, and the bound has no maximum
- "infonce"   at most log N for N candidates: the batch's texts, the `negatives` latest ones, and those of a call

`terms.ceilings` has the maxima. A text is 0/1 attributes, class labels, real vectors or token ids (`likelihood`).

In nats the weights have one unit: a nat of rate costs `compression`, and a nat of relevance gives `consistency`. Their
ratio is the number of nats of text that InfoTok gives up for a nat of rate, the one number to choose. Beside the
decoder bound with consistency=1 begin with 0.001 against prior="text". Against prior="host" begin with 0.01 and a
`warmup` as long as the training: an untrained host expects few codes, and tokens would end there (lesson 13).

The prior r of the rate (`prior`, variational only):

- "standard"  N(0, I) for each token, or the uniform distribution over codes
- "learned"   one learned Gaussian, or one learned distribution over codes
- "text"      r(z|t), conditioned on the text: the rate then bounds I(X;Z|T)
- "host"      the prediction of the host's own generative model, passed to each call
- a module with `rate(mean, log_variance, generator)`, such as `MixturePrior`

Where InfoTok stands (`placement`):

- "before"    the quantizer, on the encoder's output. With a variational rate the tokens are a noisy channel:
              z = features + sigma(features) noise in training, z = features in eval mode. Else tokens are the features.
              Tokens that are Gaussian already, as a VAE's, need no second noise: with `noise=None` the rate is theirs
- "after"     the quantizer: tokens are returned untouched, and the gradient takes the quantizer's straight-through
              path. The rate is that of the codes, so variational compression needs `codes`
- "adapter"   on a frozen tokenizer's tokens: tokens = features + w (z - features), z from a learned residual MLP, w
              rising from 0 to 1 over the first `blend` training steps

What batches may contain:

- padded tokens: `mask` (B, L) is true for real tokens. Padded ones change no term, statistic or gradient; returned
  tokens are 0 there (with placement="after" they are returned untouched)
- missing captions: rows of NaN, the label -100, or `text_mask` (B,) false. They count in the compression term alone; a
  prior on text is unconditional there. A row of zeros is a caption unless `text_mask` is false
- a term whose input is not passed, or with fewer rows than the estimator compares (2 for InfoNCE without a bank or
  added texts, 4 for HSIC), is left out of that batch: `terms.dropped` says why, and in training a warning is given once
- features of any precision: everything is computed in float32 at least (float64 if features or parameters are), with
  autocast off; tokens have the type of `features`

All terms are computed where InfoTok stands. With placement="before" call `watch` on the tokens behind the quantizer
too, since a collapsed codebook does not show before it; `SharedTokenizer` does so.

Source: our reading of InfoTok (arXiv 2602.01554), of which only the abstract was available to us. Regulating shared
tokens by mutual information, and the two estimators, are the paper's; weights, priors, placements, critics and kernels
are our choices. The host's own cross-entropy already bounds I(Z;Y_u) and I(Z;Y_g) from below (Barber & Agakov 2003),
so `relevance` and `generation` are 0 by default.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from infotok.bottleneck.channel import TokenChannel
from infotok.bottleneck.estimators import make_estimator
from infotok.bottleneck.inputs import check_batch
from infotok.bottleneck.monitor import Monitor
from infotok.bottleneck.options import Options
from infotok.bottleneck.padding import Padding
from infotok.bottleneck.precision import call_in, is_in
from infotok.bottleneck.rates import make_prior
from infotok.bottleneck.relevance import make_bounds
from infotok.bottleneck.terms import TERMS, InfoTokTerms, weighted_loss
from infotok.distributed import rank_and_world
from infotok.errors import require, require_tensor
from infotok.modes import ends_step, recomputing, replay

__all__ = ["InfoTok", "InfoTokTerms"]


class InfoTok(TokenChannel):
    """A `Regulariser` of tokens (B, L, dim) by mutual information; the module's text has the objective.

    dim: numbers per token.
    estimator: "variational" (nats) or "hsic".
    prior: of the variational rate: "standard", "learned", "text", "host", or a module.
    bound: of the other variational terms: "decoder" or "infonce".
    critic: of either bound: "cosine", with bounded scores, or "bilinear", whose scores tokens can raise without end.
    negatives: texts, answers or targets of earlier batches that InfoNCE compares with too; 0 for the batch alone.
    likelihood: of the text, by the decoder: "auto" (attributes while all values are 0 or 1, classes for labels, else
        Gaussian), "gaussian", "cosine" for directions, or "sequence" for token ids (B, T) below `text_dim`.
    entropies: H in nats of "text", "answer" or "target", by name, where it is known; of real vectors differential.
    compression, relevance, generation, consistency: weights of the four terms, 0 or above; 0 switches a term off. In
        nats, 1e-4 to 1e-2 suits compression and 0.01 to 1 the others; in nHSIC, 0.1 to 10.
    placement: "before" or "after" the quantizer, or "adapter".
    text_dim, answer_dim, target_dim: width of the input's vectors, or its number of labels.
    length: L, if it is fixed; critics and the text prior then see each token at its place instead of the tokens' mean.
    codes: K, if tokens are codes: calls then pass `posterior`, and the rate is KL(q(k|x) || r(k)).
    noise: sigma of the noisy channel at the start; None for Gaussian tokens, whose `posterior` calls then pass.
    fixed_noise: whether a rate leaves sigma as it is: it then falls by the means alone, without more noise for a host.
    free_bits: bits per token without a penalty.
    warmup, blend: training steps over which the weight of compression rises from 0, and an adapter is blended in.
    bandwidth: sigma of the Gaussian kernel on tokens; None: the median of their distances. HSIC only.

    Raises TypeError or ValueError, in one line that names it, for an argument out of its range.

    Example:
        >>> import torch
        >>> from infotok.bottleneck import InfoTok
        >>> infotok = InfoTok(dim=4, prior="text", compression=0.01, consistency=1.0, text_dim=3)
        >>> tokens, terms = infotok(torch.randn(2, 16, 4), text=torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]))
        >>> tokens.shape, terms.computed
        (torch.Size([2, 16, 4]), ('compression', 'consistency'))
    """

    def __init__(
        self,
        dim: int,
        *,
        estimator: str = "variational",
        prior: str | nn.Module = "standard",
        bound: str = "decoder",
        critic: str = "cosine",
        negatives: int = 0,
        likelihood: str = "auto",
        entropies: Mapping[str, float] | None = None,
        compression: float = 1e-3,
        relevance: float = 0.0,
        generation: float = 0.0,
        consistency: float = 0.0,
        placement: str = "before",
        text_dim: int | None = None,
        answer_dim: int | None = None,
        target_dim: int | None = None,
        length: int | None = None,
        codes: int | None = None,
        noise: float | None = 0.1,
        fixed_noise: bool = False,
        free_bits: float = 0.0,
        warmup: int = 0,
        blend: int = 0,
        bandwidth: float | None = None,
    ) -> None:
        weights = dict(zip(TERMS, (compression, relevance, generation, consistency), strict=True))
        widths = {"text": text_dim, "answer": answer_dim, "target": target_dim}
        bounds = (bound, critic, negatives, likelihood, entropies)
        schedules = (noise, fixed_noise, free_bits, warmup, blend, bandwidth)
        options = Options(dim, estimator, prior, *bounds, placement, weights, widths, length, codes, *schedules)
        super().__init__(options)
        self.weights = options.weights
        self.prior, self.critics = make_prior(options), make_bounds(options)
        self.estimator = make_estimator(options, self.prior, self.critics)
        self.monitor = Monitor()

    @property
    def needs(self) -> frozenset[str]:
        """The inputs that the switched-on terms read: names of arguments of `forward`."""
        return frozenset().union(*self.options.switched_on().values())

    def forward(
        self,
        features: Tensor,
        *,
        image: Tensor | None = None,
        text: Tensor | None = None,
        answer: Tensor | None = None,
        target: Tensor | None = None,
        posterior: Tensor | tuple[Tensor, Tensor] | None = None,
        host: Tensor | tuple[Tensor, Tensor] | None = None,
        mask: Tensor | None = None,
        text_mask: Tensor | None = None,
        negatives: Tensor | None = None,
        generator: torch.Generator | None = None,
        unavailable: frozenset[str] = frozenset(),
    ) -> tuple[Tensor, InfoTokTerms]:
        """Tokens (B, L, dim) in the type of `features`, and the terms of this batch.

        features: (B, L, dim), from an encoder, a quantizer or a frozen tokenizer.
        image: (B, ...) pixels X, floats or uint8; only the HSIC estimator reads them.
        text, answer, target: T, Y_u, Y_g: (B, width) vectors or (B,) labels; by HSIC or "sequence" (B, T) token ids.
        posterior: (B, L, K) logits of q(k|x); or (mean, log_variance) of q(z|x), both (B, L, dim).
        host: the host's prediction of each token: (mean, log_variance) that broadcast against features, or (B, L, K)
            logits.
        mask: (B, L) booleans, true for real tokens; None: all are real.
        text_mask: (B,) booleans, true where there is a caption; None: wherever text is not missing.
        negatives: (M, width) vectors or (M,) labels: more texts for InfoNCE to compare with; they need no images.
        generator: of the noise; None: torch's global one.
        unavailable: names of inputs that do not exist yet; terms that read one are off in this step, without a warning.

        Over several ranks each must pass the same inputs and as many rows: InfoNCE and HSIC are those of the whole,
        gathered batch. Raises TypeError or ValueError, on every rank, where an input is wrong or ranks differ.
        """
        inputs = dict(image=image, text=text, answer=answer, target=target, posterior=posterior, host=host)
        rest = dict(mask=mask, text_mask=text_mask, negatives=negatives, generator=generator, unavailable=unavailable)
        dtype = _working_dtype(features, self)
        if not is_in(dtype, self):
            return call_in(dtype, self, features, **inputs, **rest)
        rest["generator"], moving = replay(self, generator), self.training and not recomputing()
        batch = check_batch(self.options, features, inputs, training=self.training, **rest)
        with torch.autocast(features.device.type, enabled=False):
            tokens = self.transmit(batch.padding.pack(features).to(dtype), batch.generator)
            values = self.estimator.terms(tokens, batch)
            if self.training:
                self.monitor.warn_dropped(batch.dropped)
            if moving:
                remedy = f"lower compression= (now {self.weights['compression']:g}), or raise {self.estimator.remedy}"
                self.monitor.check_tokens(features, batch.padding, self.estimator.silent(values), remedy)
                self.monitor.check_condition("text" in batch.on.get("compression", ()), batch.condition)
            loss = _loss(self, tokens.z, values, batch.padding)
        returned = self.returned(features, tokens.z.to(features.dtype), batch.padding)
        if moving and ends_step():
            self.passes += 1
        return returned, InfoTokTerms(
            loss, self.estimator.unit, **values, dropped=batch.dropped, ceilings=batch.ceilings
        )

    def watch(self, tokens: Tensor, usage: Any = None, mask: Tensor | None = None) -> None:
        """Warn, once, if quantized tokens no longer depend on the image; checked in every 100th training step.

        tokens: (B, L, dim) behind the quantizer.
        usage: of the codebook in this batch, if there is one: an `.entropy` below 0.1 bits per token is a collapse.
        mask: (B, L) booleans, true for real tokens.
        """
        require_tensor("tokens", tokens, ("B", "L", "D"))
        require(tokens.numel() > 0, "tokens", tokens, "one token or more")
        known = usage is None or hasattr(usage, "entropy")
        require(known, "usage", type(usage).__name__, "a Usage, or None", TypeError)
        padding = Padding(*tokens.shape[:2], mask)
        if self.training and not recomputing():
            self.monitor.check_quantized(tokens, usage, padding)


def _working_dtype(features: Tensor, infotok: InfoTok) -> torch.dtype:
    """The dtype to compute in: float32, or float64 where features or parameters have it."""
    require(isinstance(features, Tensor), "features", type(features).__name__, "a torch.Tensor", TypeError)
    require(features.is_floating_point(), "features", features.dtype, "a floating-point dtype", TypeError)
    double = any(p.dtype == torch.float64 for p in infotok.parameters())
    return torch.float64 if double or features.dtype == torch.float64 else torch.float32


def _loss(infotok: InfoTok, z: Tensor, values: dict[str, Tensor], padding: Padding) -> Tensor:
    """The weighted loss of the terms, with the warm-up of compression and its free bits."""
    weights = dict(infotok.weights)
    if infotok.options.warmup:
        weights["compression"] *= infotok.progress(infotok.options.warmup)
    if "compression" in values:
        values = values | {"compression": infotok.estimator.penalised(values["compression"], padding)}
    loss = weighted_loss(values, weights, z, infotok.training)
    if infotok.training and rank_and_world()[1] > 1:  # every parameter takes part, with or without text in the batch
        loss = loss + 0.0 * sum(p.sum() for p in infotok.parameters())
    return loss
