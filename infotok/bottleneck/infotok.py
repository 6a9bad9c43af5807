"""InfoTok: an information bottleneck on anyone's visual tokens, in three lines of a training step.

    infotok = InfoTok(dim=64, text_dim=32, consistency=0.1)
    tokens, terms = infotok(features, image=images, text=captions)     # features (B, L, 64), from any encoder
    loss = host_loss(tokens) + terms.loss

The tokens Z of an image X are shared by what reads them (answers Y_u), what draws from them (targets Y_g) and the
paired text T. Added to the host's own loss is

    compression * I(X;Z) - relevance * I(Z;Y_u) - generation * I(Z;Y_g) - consistency * I(Z;T)

- estimator="variational", in nats: I(X;Z) <= E KL(q(z|x) || r(z)); the other three >= InfoNCE, at most log B
- estimator="hsic": each I is a normalised HSIC instead, between 0 and 1 (unbiased, so just below 0 at times)

This is our reading of InfoTok (arXiv 2602.01554), of which only the abstract was available to us: regulating shared
tokens by mutual information, and the two estimators, are the paper's; weights, priors, placements, critics and kernels
are our choices. The host's own cross-entropy already bounds I(Z;Y_u) and I(Z;Y_g) from below (Barber & Agakov 2003),
so `relevance` and `generation` are 0 unless asked for.
"""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.bottleneck.conditional import ConditionalPrior, vectors
from infotok.bottleneck.discrete_latent import code_rate
from infotok.bottleneck.hsic import dependences, natural_kernel
from infotok.bottleneck.priors import DiagonalPrior, reparametrise
from infotok.errors import require
from infotok.information.bounds import infonce
from infotok.information.upper import gaussian_kl
from infotok.ranks import gather_over_ranks, rank_and_world

__all__ = ["InfoTok", "InfoTokTerms"]

ESTIMATORS = ("variational", "hsic")
PRIORS = ("standard", "learned", "text", "host")
PLACEMENTS = ("before", "after", "adapter")
GUARD_EVERY = 100  # training passes between two looks at scale and collapse
TERMS = ("compression", "relevance", "generation", "consistency")


@dataclass(frozen=True)
class InfoTokTerms:
    """The weighted sum to add to the host's loss, and its terms; None where switched off or without its input."""

    loss: Tensor
    unit: str  # "nats" or "nhsic"
    compression: Tensor | None = None  # I(X;Z) per image: an upper bound in nats, or nHSIC(Z, X)
    relevance: Tensor | None = None  # I(Z;Y_u): a lower bound in nats, or nHSIC(Z, answer)
    generation: Tensor | None = None  # I(Z;Y_g)
    consistency: Tensor | None = None  # I(Z;T)

    def asdict(self) -> dict[str, float]:
        """Plain numbers to log: {"loss": ..., "compression_nats": ..., ...}, only the terms that were computed."""
        known = {name: getattr(self, name) for name in TERMS if getattr(self, name) is not None}
        return {"loss": self.loss.item()} | {f"{name}_{self.unit}": value.item() for name, value in known.items()}


class InfoTok(nn.Module):
    """Regulates tokens (B, L, dim); see the module for the objective.

    Weights of the four terms, each 0 or above, 0 to switch it off: `compression`, `relevance`, `generation`,
    `consistency`. In nats, 1e-4 to 1e-2 suits compression and 0.01 to 1 the others; in nHSIC, 0.1 to 10.

    What the compression term charges against (`prior`, variational only):
    - "standard"  N(0, I) per token, or the uniform distribution over codes
    - "learned"   one learned Gaussian, or one learned distribution over codes
    - "text"      r(z|t): only what the text does not explain is charged, a bound on I(X;Z|T)
    - "host"      the host's own generative model, passed to each call: what a learner of its size cannot predict
    - or a module with `rate(mean, log_variance, generator)`, such as `MixturePrior`

    Where it stands (`placement`):
    - "before"    the quantizer: on the encoder's output. Variational compression makes it a noisy channel, tokens
                  z = features + sigma(features) noise in training and z = features in eval mode; otherwise the
                  tokens are the features
    - "after"     the quantizer: tokens come back untouched and the gradient takes the quantizer's straight-through
                  path. Their rate is the codes', so variational compression needs `codes`
    - "adapter"   on a frozen tokenizer's tokens: a learned residual MLP, tokens = features + w (z - features), w
                  rising from 0 to 1 over `blend` training passes

    codes: K, where tokens are discrete: calls then pass `posterior`, and compression is KL(q(k|x) || r(k)) over codes.
    text_dim, answer_dim, target_dim: the width of float inputs, or the number of labels. length: L, where it is
    fixed; critics and the text prior then see every token at its place and not their mean.
    noise: sigma at the start. free_bits: bits per token that cost nothing. warmup: passes over which compression
    rises from 0. bandwidth: a fixed sigma of the Gaussian kernel on tokens, instead of the median of distances.
    """

    def __init__(
        self,
        dim: int,
        *,
        estimator: str = "variational",
        prior: str | nn.Module = "standard",
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
        noise: float = 0.1,
        free_bits: float = 0.0,
        warmup: int = 0,
        blend: int = 0,
        bandwidth: float | None = None,
    ) -> None:
        super().__init__()
        weights = dict(zip(TERMS, (compression, relevance, generation, consistency), strict=True))
        for name, value in weights.items() | {"free_bits": free_bits}.items():
            require(math.isfinite(value) and value >= 0, name, value, "a finite number, 0 or above")
        require(math.isfinite(noise) and noise > 0, "noise", noise, "a finite number above 0")
        for name, passes in (("warmup", warmup), ("blend", blend)):
            require(isinstance(passes, int) and passes >= 0, name, passes, "a whole number of training passes")
        optional = {"text_dim": text_dim, "answer_dim": answer_dim, "target_dim": target_dim, "length": length}
        for name, size in {"dim": dim, **optional, "codes": codes}.items():
            whole = isinstance(size, int) and size >= 1
            require(whole or (name != "dim" and size is None), name, size, "a whole number, 1 or above")
        require(estimator in ESTIMATORS, "estimator", estimator, f"one of {', '.join(ESTIMATORS)}")
        require(placement in PLACEMENTS, "placement", placement, f"one of {', '.join(PLACEMENTS)}")
        own = isinstance(prior, nn.Module)
        require(own or prior in PRIORS, "prior", prior, f"one of {', '.join(PRIORS)}, or a module")
        variational = estimator == "variational"
        require(variational or prior == "standard", "prior", prior, "standard: the HSIC estimator has no prior")
        require(variational or codes is None, "codes", codes, "None: the HSIC estimator reads the tokens themselves")
        require(not (own and codes), "prior", "a module", f"one of {', '.join(PRIORS)} where tokens are codes")
        require(prior != "text" or text_dim, "text_dim", text_dim, 'the width of the text, for prior="text"')
        loose = variational and compression and placement == "after" and not codes
        require(
            not loose, "codes", codes, 'the number of codes K: with placement="after" the rate is that of the codes'
        )

        self.dim, self.estimator, self.placement = dim, estimator, placement
        self.weights, self.prior_name, self.codes, self.length = weights, "module" if own else prior, codes, length
        self.free_nats, self.warmup, self.blend, self.bandwidth = free_bits * math.log(2), warmup, blend, bandwidth
        self.noisy = bool(variational and compression and not codes)

        if placement == "adapter":
            self.adapter = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
            nn.init.zeros_(self.adapter[-1].weight)
            nn.init.zeros_(self.adapter[-1].bias)
        if self.noisy:
            self.to_log_variance = nn.Linear(dim, dim)
            nn.init.zeros_(self.to_log_variance.weight)
            nn.init.constant_(self.to_log_variance.bias, 2 * math.log(noise))
        if variational and compression:
            self.prior = self._make_prior(prior, text_dim)
        self.critics = nn.ModuleDict()
        for term, width in (("relevance", "answer_dim"), ("generation", "target_dim"), ("consistency", "text_dim")):
            if variational and weights[term]:
                require(
                    optional[width], width, None, f"the width of the vectors, or number of labels, that {term} reads"
                )
                self.critics[term] = TokenCritic(dim * (length or 1), optional[width])
        self.register_buffer("passes", torch.zeros((), dtype=torch.long))
        self.seen, self.warned = 0, set()

    def _make_prior(self, prior: str | nn.Module, text_dim: int | None) -> nn.Module | None:
        if isinstance(prior, nn.Module):
            return prior
        if self.codes:
            makers = {
                "learned": lambda: CodeTable(self.codes),
                "text": lambda: CodeText(text_dim, self.codes, self.length),
            }
        else:
            makers = {
                "learned": lambda: DiagonalPrior(self.dim),
                "text": lambda: ConditionalPrior(text_dim, self.dim, self.length),
            }
        return (
            makers[prior]() if prior in makers else None
        )  # the standard and the host's priors have no parameters here

    def forward(
        self,
        features: Tensor,
        *,
        image: Tensor | None = None,
        text: Tensor | None = None,
        answer: Tensor | None = None,
        target: Tensor | None = None,
        posterior: Tensor | None = None,
        host: Tensor | tuple[Tensor, Tensor] | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, InfoTokTerms]:
        """tokens (B, L, dim) in the type of `features`, and the terms of this batch.

        image (B, ...): X, which only the HSIC estimator reads. text T, answer Y_u, target Y_g: vectors (B, width) or
        integer labels (B,); one that is None leaves its term out of this batch. posterior (B, L, K): logits of q(k|x).
        host: the host's prediction of each token, (mean, log_variance) that broadcast against features, or logits
        (B, L, K). Under DistributedDataParallel every rank must pass the same inputs and as many rows: the
        contrastive and kernel terms are those of the whole batch, gathered.
        """
        self._check(features, image=image, text=text, answer=answer, target=target, posterior=posterior)
        with torch.autocast(features.device.type, enabled=False):
            mean = _wide(features)
            if self.placement == "adapter":
                mean = mean + self.adapter(mean)
            z = mean
            if self.noisy:
                log_variance = self.to_log_variance(mean)
                z = reparametrise(mean, log_variance, generator) if self.training else mean
            read = {"relevance": answer, "generation": target, "consistency": text}
            read = {name: value for name, value in read.items() if self.weights[name] and value is not None}
            if self.estimator == "hsic":
                values = self._dependences(z, image, read)
            else:
                values = {name: self._agreement(name, z, value) for name, value in read.items()}
                if self.weights["compression"]:
                    if self.codes:
                        values["compression"] = self._code_rate(posterior, text, host)
                    else:
                        values["compression"] = self._rate(mean, log_variance, text, host, generator)
            if self.training:
                self._guard(features, values)
            loss = self._loss(features, values)
        tokens = self._blend(features, z.to(features.dtype))
        if self.training:
            self.passes += 1
        return tokens, InfoTokTerms(loss, "nats" if self.estimator == "variational" else "nhsic", **values)

    @contextmanager
    def without(self, *terms: str) -> Iterator[None]:
        """While this lasts, the terms named weigh nothing and need no input: what they read is not there yet."""
        for name in terms:
            require(name in TERMS, "terms", name, f"one of {', '.join(TERMS)}")
        kept = dict(self.weights)
        self.weights.update(dict.fromkeys(terms, 0.0))
        try:
            yield
        finally:
            self.weights.update(kept)

    # --- the terms ---------------------------------------------------------------------------------------------------

    def _rate(self, mean: Tensor, log_variance: Tensor, text: Tensor | None, host, generator) -> Tensor:
        """E KL(q(z|x) || r(z)) per image: summed over tokens and dimensions, averaged over the batch."""
        if self.prior_name == "host":
            pair = (
                isinstance(host, tuple | list) and len(host) == 2 and all(part.shape[-1] == self.dim for part in host)
            )
            got = "no such pair" if host is not None else None
            require(pair, "host", got, f'(mean, log_variance) that end in {self.dim} dimensions, for prior="host"')
            rate = gaussian_kl(mean, log_variance, *map(_wide, host))
        elif self.prior_name == "text":
            m, log_v = self.prior(text)
            if self.length is None and text is not None:
                m, log_v = m[:, None], log_v[:, None]  # one Gaussian for every token of its image
            rate = gaussian_kl(mean, log_variance, m, log_v)
        elif self.prior_name == "standard":  # gaussian_kl in half its time: this is the step's dearest line
            rate = 0.5 * (log_variance.exp() - log_variance + mean.square() - 1).sum(-1)
        else:
            rate = self.prior.rate(mean, log_variance, generator)
        return rate.sum(1).mean()  # (B, L) -> scalar

    def _code_rate(self, posterior: Tensor | None, text: Tensor | None, host: Tensor | None) -> Tensor:
        """E KL(q(k|x) || r(k)) per image."""
        log_q = _wide(posterior).log_softmax(-1)
        if self.prior_name == "host":
            fits = isinstance(host, Tensor) and host.shape[-1] == self.codes
            require(fits, "host", host, f'logits that end in {self.codes} codes, for prior="host"')
            log_r = _wide(host).log_softmax(-1)
        elif self.prior_name == "standard":
            log_r = torch.full_like(log_q[:1, :1], -math.log(self.codes))
        else:
            log_r = self.prior(text)
        return code_rate(log_q, log_r).sum(1).mean()

    def _agreement(self, name: str, z: Tensor, value: Tensor) -> Tensor:
        """A lower bound on I(Z; value), in nats."""
        value = value.flatten(1) if value.is_floating_point() else value
        critic = self.critics[name]
        tokens = self._gather(critic.of_tokens(z.flatten(1) if self.length else z.mean(1)))
        require(len(tokens) >= 2, "features, batch", len(tokens), f"at least 2: {name} compares images with each other")
        return infonce(critic.scale() * tokens @ self._gather(critic.of_value(value, name)).T)

    def _dependences(self, z: Tensor, image: Tensor | None, read: dict[str, Tensor]) -> dict[str, Tensor]:
        """nHSIC of the tokens with everything that is switched on."""
        sides = {name: (self._gather(value), natural_kernel(value), None) for name, value in read.items()}
        if self.weights["compression"]:
            require(image is not None, "image", image, "the input images, for the compression term of HSIC")
            sides["compression"] = (self._gather(image), "gaussian", None)
        z = self._gather(z)
        require(len(z) >= 4, "features, batch", len(z), "at least 4: HSIC compares images with each other")
        return dict(zip(sides, dependences((z, "gaussian", self.bandwidth), list(sides.values())), strict=True))

    def _loss(self, features: Tensor, values: dict[str, Tensor]) -> Tensor:
        loss = torch.zeros((), device=features.device)
        for name, value in values.items():
            if name == "compression":
                free = self.free_nats * features.shape[1] if self.estimator == "variational" else 0.0
                warm = (self.passes / self.warmup).clamp(max=1.0) if self.warmup else 1.0
                loss = loss + self.weights[name] * warm * (value.clamp(min=free) if free else value)
            else:
                loss = loss - self.weights[name] * value
        if self.training and rank_and_world()[1] > 1:  # every parameter takes part, with or without text in the batch
            loss = loss + 0.0 * sum(p.sum() for p in self.parameters())
        if not loss.isfinite():
            bad = [name for name, value in values.items() if not value.isfinite()]
            require(features.isfinite().all(), "features", "NaN or inf", "finite numbers")
            remedy = "finite terms: look at image, text, posterior and host, or lower the learning rate"
            require(False, ", ".join(bad) or "parameters", "NaN or inf", remedy)
        return loss

    # --- tokens ------------------------------------------------------------------------------------------------------

    def _blend(self, features: Tensor, z: Tensor) -> Tensor:
        if self.placement == "after":
            return features
        if self.placement == "adapter" and self.blend:
            share = (self.passes / self.blend).clamp(max=1.0).to(features.dtype)
            return features + share * (z - features)
        return z

    # --- the whole batch ---------------------------------------------------------------------------------------------

    def _gather(self, rows: Tensor) -> Tensor:
        """The rows of every rank, in order; gradients return to the rank they came from."""
        return gather_over_ranks(rows) if self.training else rows

    # --- the door and the guards ------------------------------------------------------------------------------------

    def _check(self, features: Tensor, posterior: Tensor | None, **inputs: Tensor | None) -> None:
        require(isinstance(features, Tensor), "features", type(features).__name__, "a torch.Tensor", TypeError)
        shaped = features.ndim == 3 and features.shape[2] == self.dim and features.numel() > 0
        require(shaped, "features", features, f"shape (B, L, {self.dim})")
        require(features.is_floating_point(), "features", features.dtype, "a floating-point dtype", TypeError)
        length = features.shape[1]
        require(self.length in (None, length), "features, tokens", length, f"length={self.length}, as declared")
        for name, value in inputs.items():
            if value is not None:
                require(isinstance(value, Tensor), name, type(value).__name__, "a torch.Tensor", TypeError)
                matches = value.ndim >= 1 and len(value) == len(features)
                require(matches, f"{name}, batch", value, f"one row for each of the {len(features)} images")
        if self.codes and self.weights["compression"]:
            shape = (*features.shape[:2], self.codes)
            fits = isinstance(posterior, Tensor) and posterior.shape == shape
            require(fits, "posterior", posterior, f"log q(k|x) of shape {shape}, since codes={self.codes}")

    def _guard(self, features: Tensor, values: dict[str, Tensor]) -> None:
        """Every so often, look whether the tokens' scale or information has gone; warn once, with the remedy."""
        if self.seen % GUARD_EVERY == 0:
            rms = features.detach().float().square().mean().sqrt().item()
            if rms < 0.05 or rms > 20:
                self._warn(
                    "scale",
                    f"features have a root mean square of {rms:.3g}; noise, priors and codebooks expect about 1: "
                    "end the encoder with GroupNorm or LayerNorm",
                )
            spread = features.detach().float().std(0).mean().item() if len(features) > 1 else rms
            silent = self.estimator == "variational" and values.get("compression", torch.tensor(1.0)).item() < 0.1
            if self.seen and (silent or spread < 1e-3 * rms):
                remedy = "warmup= or free_bits=" if self.estimator == "variational" else "consistency= or relevance="
                self._warn(
                    "collapse",
                    "the tokens hardly depend on the image any more (posterior collapse): lower compression= "
                    f"(now {self.weights['compression']:g}), or raise {remedy}",
                )
        self.seen += 1

    def _warn(self, kind: str, text: str) -> None:
        if kind not in self.warned:
            self.warned.add(kind)
            warnings.warn(f"InfoTok: {text}", stacklevel=4)

    def extra_repr(self) -> str:
        shown = {"estimator": self.estimator, "prior": self.prior_name, "placement": self.placement}
        shown |= {name: value for name, value in self.weights.items() if value}
        return ", ".join([str(self.dim), *(f"{name}={value!r}" for name, value in shown.items())])


def _wide(values: Tensor) -> Tensor:
    """Half precision as float32; everything else as it is."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


class TokenCritic(nn.Module):
    """f(z, y) = scale * cos(A z, B y): bilinear on the unit sphere, so that no score can run away.

    Each row of scores is a softmax over the batch's y. Duplicates need no mask in this direction: two equal captions
    have equal scores, and the best f still is the log-ratio (the bound then ends at the batch's own H(y), not log B).
    """

    def __init__(self, dim: int, dim_y: int, width: int = 64) -> None:
        super().__init__()
        self.dim_y = dim_y
        self.tokens, self.value = nn.Linear(dim, width, bias=False), nn.Linear(dim_y, width, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))

    def of_tokens(self, pooled: Tensor) -> Tensor:
        return F.normalize(self.tokens(pooled), dim=1)  # (B, width)

    def of_value(self, value: Tensor, name: str) -> Tensor:
        return F.normalize(self.value(vectors(value, self.dim_y, name).to(self.value.weight)), dim=1)

    def scale(self) -> Tensor:
        return self.log_scale.clamp(max=math.log(100.0)).exp()


class CodeTable(nn.Module):
    """r(k): one learned distribution over K codes."""

    def __init__(self, codes: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(codes))

    def forward(self, text: Tensor | None = None) -> Tensor:
        return self.logits.log_softmax(0)  # (K,)


class CodeText(nn.Module):
    """r(k|t): logits linear in the text, one table per token where the length is known. No text is t = 0."""

    def __init__(self, text_dim: int, codes: int, length: int | None) -> None:
        super().__init__()
        self.text_dim, self.codes = text_dim, codes
        self.head = nn.Linear(text_dim, codes * (length or 1))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, text: Tensor | None = None) -> Tensor:
        flat = (
            self.head.bias[None]
            if text is None
            else self.head(vectors(text, self.text_dim, "text").to(self.head.weight))
        )
        return flat.view(len(flat), -1, self.codes).log_softmax(-1)  # (B or 1, L or 1, K)
