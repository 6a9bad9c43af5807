"""InfoTok: an information bottleneck on anyone's visual tokens, in three lines of a training step.

    infotok = InfoTok(dim=64, text_dim=32, consistency=0.1)
    tokens, terms = infotok(features, image=images, text=captions)     # features (B, L, 64), from any encoder
    loss = host_loss(tokens) + terms.loss

The tokens Z of an image X are shared by understanding (answers Y_u), generation (targets Y_g) and the paired text T.
Added to the host's own loss is

    compression * I(X;Z) - relevance * I(Z;Y_u) - generation * I(Z;Y_g) - consistency * I(Z;T)

- estimator="variational", in nats: I(X;Z) <= E KL(q(z|x) || r(z)); the other three >= InfoNCE, at most log B
- estimator="hsic": each I is a normalised HSIC instead, between 0 and 1 (unbiased, so just below 0 at times)

Everyday batches:
- padded tokens: `mask` (B, L) is true for real tokens. What stands at padded places changes no term, statistic or
  gradient; returned tokens are 0 there (with placement="after" they come back untouched).
- missing captions: rows of NaN, the label -100, or `text_mask` (B,) false. They count in no term but compression; a
  prior on text then charges what it charges without text. A row of zeros is a caption unless `text_mask` says no.
- a term without its input, or with fewer rows than it compares (2, by HSIC 4, as in a last batch of one), is left out
  of that batch: `terms.dropped` says why, and training warns once.
- features of any precision: everything is computed in float32 at least (float64 where features or parameters are),
  with autocast off; tokens come back in the type of `features`.
- all terms are computed where InfoTok stands. With placement="before", show it the tokens behind the quantizer too, by
  `watch`: a collapsed codebook is invisible before it. `SharedTokenizer` does so.

This is our reading of InfoTok (arXiv 2602.01554), of which only the abstract was available to us: regulating shared
tokens by mutual information, and the two estimators, are the paper's; weights, priors, placements, critics and kernels
are our choices. The host's own cross-entropy already bounds I(Z;Y_u) and I(Z;Y_g) from below (Barber & Agakov 2003),
so `relevance` and `generation` are 0 unless asked for.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from infotok.bottleneck.discrete_latent import unchecked_code_rate
from infotok.bottleneck.hsic import dependences, natural_kernel
from infotok.bottleneck.inputs import Variable, check_inputs, check_on_ranks, check_tokens, conditioning, variable
from infotok.bottleneck.monitor import Monitor
from infotok.bottleneck.padding import Padding
from infotok.bottleneck.priors import reparametrise
from infotok.bottleneck.rates import code_log_prior, gaussian_rates, make_prior
from infotok.bottleneck.regulariser import INPUTS
from infotok.bottleneck.relevance import TokenCritic
from infotok.distributed import gather_over_ranks, rank_and_world
from infotok.errors import (
    checking,
    require,
    require_choice,
    require_finite,
    require_float,
    require_int,
    require_tensor,
)
from infotok.information.bounds import infonce
from infotok.information.kernels import Side
from infotok.modes import recomputing, replay

__all__ = ["InfoTok", "InfoTokTerms"]

ESTIMATORS = ("variational", "hsic")
PRIORS = ("standard", "learned", "text", "host")
PLACEMENTS = ("before", "after", "adapter")
TERMS = ("compression", "relevance", "generation", "consistency")
ARGUMENTS = {"relevance": "answer", "generation": "target", "consistency": "text"}  # what each term compares Z with
LEAST_ROWS = {"variational": 2, "hsic": 4}  # that can be compared with each other


@dataclass(frozen=True)
class InfoTokTerms:
    """The weighted sum to add to the host's loss, and its terms; None where switched off or left out of this batch."""

    loss: Tensor
    unit: str  # "nats" or "nhsic"
    compression: Tensor | None = None  # I(X;Z) per image: an upper bound in nats, or nHSIC(Z, X)
    relevance: Tensor | None = None  # I(Z;Y_u): a lower bound in nats, or nHSIC(Z, answer)
    generation: Tensor | None = None  # I(Z;Y_g)
    consistency: Tensor | None = None  # I(Z;T)
    dropped: dict[str, str] = field(default_factory=dict)  # terms left out of this batch, and why

    @property
    def computed(self) -> tuple[str, ...]:
        """The names of the terms that this batch has."""
        return tuple(name for name in TERMS if getattr(self, name) is not None)

    def asdict(self) -> dict[str, float]:
        """Plain numbers to log: {"loss": ..., "compression_nats": ..., ...}, only the terms that were computed."""
        terms = {f"{name}_{self.unit}": getattr(self, name).item() for name in self.computed}
        return {"loss": self.loss.item()} | terms


class InfoTok(nn.Module):
    """Regularises tokens (B, L, dim); see the module for the objective.

    Weights of the four terms, each 0 or above, 0 to switch it off: `compression`, `relevance`, `generation`,
    `consistency`. In nats, 1e-4 to 1e-2 suits compression and 0.01 to 1 the others; in nHSIC, 0.1 to 10.

    The prior r of the compression term (`prior`, variational only):
    - "standard"  N(0, I) per token, or the uniform distribution over codes
    - "learned"   one learned Gaussian, or one learned distribution over codes
    - "text"      r(z|t): only what the text does not explain counts, a bound on I(X;Z|T)
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

    codes: K, where tokens are discrete: calls then pass `posterior`, and compression is KL(q(k|x) || r(k)) over codes
    text_dim, answer_dim, target_dim: the width of float inputs, or the number of labels
    length: L, where it is fixed; critics and the text prior then see every token at its place and not their mean
    noise: sigma at the start
    free_bits: bits per token that cost nothing
    warmup: training passes over which compression rises from 0
    bandwidth: a fixed sigma of the Gaussian kernel on tokens, instead of the median of distances

    Every argument out of its range raises ValueError in one line that names it.
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
        weights = {name: require_float(name, value, "[0, inf)") for name, value in weights.items()}
        require_float("free_bits", free_bits, "[0, inf)")
        require_float("noise", noise, "(0, inf)")
        require_int("warmup", warmup, 0)
        require_int("blend", blend, 0)
        if bandwidth is not None:
            require_float("bandwidth", bandwidth, "(0, inf)")
        widths = {"text": text_dim, "answer": answer_dim, "target": target_dim}
        require_int("dim", dim)
        sizes = {f"{name}_dim": width for name, width in widths.items()} | {"length": length, "codes": codes}
        for name, size in sizes.items():
            if size is not None:
                require_int(name, size)
        require_choice("estimator", estimator, ESTIMATORS)
        require_choice("placement", placement, PLACEMENTS)
        own = isinstance(prior, nn.Module)
        if not own:
            require_choice("prior", prior, PRIORS)
        variational = estimator == "variational"
        require(variational or prior == "standard", "prior", prior, "standard: the HSIC estimator has no prior")
        require(variational or codes is None, "codes", codes, "None: the HSIC estimator compares the tokens themselves")
        require(bandwidth is None or not variational, "bandwidth", bandwidth, "None: only the HSIC estimator has one")
        require(not (own and codes), "prior", "a module", f"one of {', '.join(PRIORS)} where tokens are codes")
        require(prior != "text" or text_dim, "text_dim", text_dim, 'the width of the text, for prior="text"')
        loose = variational and compression and placement == "after" and not codes
        of_codes = 'the number of codes K: with placement="after" the rate is that of the codes'
        require(not loose, "codes", codes, of_codes)

        self.dim, self.estimator, self.placement, self.widths = dim, estimator, placement, widths
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
            self.prior = prior if own else make_prior(prior, dim, codes, text_dim, length)
        self.critics = nn.ModuleDict()
        for term, name in ARGUMENTS.items():
            if variational and weights[term]:
                expected = f"the width of the vectors, or number of labels, that {term} compares tokens with"
                require(widths[name], f"{name}_dim", None, expected)
                self.critics[term] = TokenCritic(dim * (length or 1), widths[name])
        self.register_buffer("passes", torch.zeros((), dtype=torch.long))
        self.monitor = Monitor()

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
        mask: Tensor | None = None,
        text_mask: Tensor | None = None,
        generator: torch.Generator | None = None,
        unavailable: frozenset[str] = frozenset(),
    ) -> tuple[Tensor, InfoTokTerms]:
        """tokens (B, L, dim) in the type of `features`, and the terms of this batch.

        image (B, ...): X, which only the HSIC estimator compares with; uint8 pixels too
        text T, answer Y_u, target Y_g: vectors (B, width) or integer labels (B,); token ids (B, T) by HSIC
        posterior (B, L, K): logits of q(k|x)
        host: the host's prediction of each token, (mean, log_variance) that broadcast against features, or logits
            (B, L, K)
        mask (B, L): true for real tokens, false for padding; None: all are real
        text_mask (B,): true where there is a caption; None: wherever text is not a row of NaN or the label -100
        unavailable: names of inputs that do not exist yet, such as "host" before there is one. Terms that read one of
            them are off in this pass, without a warning

        Under DistributedDataParallel every rank must pass the same inputs and as many rows: the contrastive and kernel
        terms are those of the whole batch, gathered. Where ranks differ, or one refuses its batch, each raises
        ValueError.
        """
        inputs = {"image": image, "text": text, "answer": answer, "target": target}
        on = self._switched_on(unavailable)
        dtype = self._working_dtype(features)
        if any(p.is_floating_point() and p.dtype != dtype for p in self.parameters()):
            wide = {name: p.to(dtype) for name, p in self.named_parameters() if p.is_floating_point()}
            rest = {"posterior": posterior, "host": host, "mask": mask, "text_mask": text_mask, "generator": generator}
            rest["unavailable"] = unavailable
            return functional_call(self, wide, (features,), inputs | rest)
        generator, moving = replay(self, generator), self.training and not recomputing()
        padding, variables, text = self._checked(on, features, posterior, mask, text_mask, inputs)
        with torch.autocast(features.device.type, enabled=False):
            mean = padding.pack(features).to(dtype)
            if self.placement == "adapter":
                mean = mean + self.adapter(mean)
            z, log_variance = mean, None
            if self.noisy:
                log_variance = self.to_log_variance(mean)
                z = reparametrise(mean, log_variance, generator) if self.training else mean
            dropped: dict[str, str] = {}
            compared = self._comparable(variables, dropped)
            if self.estimator == "hsic":
                values = self._dependences(on, padding.unpack(z), image, compared, dropped)
            else:
                values = {name: self._agreement(name, padding, padding.unpack(z), v) for name, v in compared.items()}
                if "compression" in on:
                    if self.codes:
                        values["compression"] = self._code_rate(posterior, text, host, padding)
                    else:
                        rates = (mean, log_variance, text, host, padding, generator)
                        values["compression"] = padding.per_image(gaussian_rates(self.prior_name, self.prior, *rates))
            if moving:
                self._look(features, values, padding)
                if self.prior_name == "text" and "compression" in values and text is None:
                    self.monitor.warn("prior", 'prior="text" without text: compression is that of no caption')
            loss = self._loss(z, values, padding)
        tokens = self._blend(features, z.to(features.dtype), padding)
        if moving:
            self.passes += 1
        return tokens, InfoTokTerms(
            loss, "nats" if self.estimator == "variational" else "nhsic", **values, dropped=dropped
        )

    def watch(self, tokens: Tensor, usage: Any = None, mask: Tensor | None = None) -> None:
        """Warn, once, if the tokens (B, L, D) behind the quantizer no longer depend on the image.

        usage: the quantizer's, of this batch, if it has one; below an `.entropy` of 0.1 bits per token one code does
        all the work. mask as in `forward`. Looks at the first and every 100th training batch.
        """
        require_tensor("tokens", tokens, ("B", "L", "D"))
        require(tokens.numel() > 0, "tokens", tokens, "one token or more")
        require(
            usage is None or hasattr(usage, "entropy"), "usage", type(usage).__name__, "a Usage, or None", TypeError
        )
        padding = Padding(*tokens.shape[:2], mask)
        if self.training and not recomputing():
            self.monitor.quantized_tokens(tokens, usage, padding)

    @property
    def needs(self) -> frozenset[str]:
        """The inputs that the switched-on terms read: names of arguments of `forward`."""
        return frozenset().union(*self._switched_on(frozenset()).values())

    def _switched_on(self, unavailable: frozenset[str]) -> dict[str, frozenset[str]]:
        """The terms of weight above 0 whose inputs are available, and which inputs each reads."""
        unknown = sorted(set(unavailable) - set(INPUTS))
        require(not unknown, "unavailable", unknown, f"some of {', '.join(INPUTS)}")
        reads = {"compression": self._rate_inputs(), **{term: frozenset({name}) for term, name in ARGUMENTS.items()}}
        return {term: names for term, names in reads.items() if self.weights[term] and not names & unavailable}

    def _rate_inputs(self) -> frozenset[str]:
        if self.estimator == "hsic":
            return frozenset({"image"})
        names = {"posterior"} if self.codes else set()
        return frozenset(names | ({self.prior_name} & {"text", "host"}))

    # --- the inputs --------------------------------------------------------------------------------------------------

    def _working_dtype(self, features: Tensor) -> torch.dtype:
        require(isinstance(features, Tensor), "features", type(features).__name__, "a torch.Tensor", TypeError)
        require(features.is_floating_point(), "features", features.dtype, "a floating-point dtype", TypeError)
        double = any(p.dtype == torch.float64 for p in self.parameters())
        return torch.float64 if double or features.dtype == torch.float64 else torch.float32

    def _checked(
        self, on: dict[str, frozenset[str]], features: Tensor, *rest: Any
    ) -> tuple[Padding, dict[str, Variable | None], Tensor | None]:
        """`_check`, by all ranks together where several train."""
        if not self.training or rank_and_world()[1] == 1:
            return self._check(on, features, *rest)
        return check_on_ranks(lambda: self._check(on, features, *rest), features, rest[-1])

    def _check(
        self,
        on: dict[str, frozenset[str]],
        features: Tensor,
        posterior: Tensor | None,
        mask: Tensor | None,
        text_mask: Tensor | None,
        inputs: dict[str, Tensor | None],
    ) -> tuple[Padding, dict[str, Variable | None], Tensor | None]:
        """The padding, what each switched-on term compares tokens with, and the text of a prior on text."""
        padding = check_tokens(features, self.dim, self.length, mask, self.training)
        check_inputs(inputs, text_mask, len(features))
        rated = "compression" in on
        if self.codes and rated:
            shape = (*features.shape[:2], self.codes)
            require(posterior is not None, "posterior", None, f"log q(k|x) of shape {shape}, since codes={self.codes}")
            require_tensor("posterior", posterior, shape)
            if checking(posterior, self.training):
                require_finite("posterior", padding.pack(posterior))
        imaged = inputs["image"] is not None or self.estimator != "hsic" or not rated
        require(imaged, "image", None, "the input images, for the compression term of HSIC")
        asked = {term: name for term, name in ARGUMENTS.items() if term in on}
        if self.prior_name == "text" and rated:
            asked["prior"] = "text"
        found = {
            term: None
            if inputs[name] is None
            else variable(name, inputs[name], self.widths[name], text_mask if name == "text" else None, self.training)
            for term, name in asked.items()
        }
        text = found.pop("prior", None)
        return padding, found, None if text is None else conditioning(text, self.widths["text"], self.training)

    def _comparable(self, variables: dict[str, Variable | None], dropped: dict[str, str]) -> dict[str, Variable]:
        """The variables, gathered, that enough rows have; why the others are left out goes to `dropped`."""
        compared, least = {}, LEAST_ROWS[self.estimator]
        for term, found in variables.items():
            if found is None:
                self._drop(term, f"no {ARGUMENTS[term]} was passed", dropped)
                continue
            present = self._gather(found.present)
            rows = int(present.sum())
            if rows < least:
                reason = f"{rows} of {len(present)} images have {found.name}, and {least} is the fewest to compare"
                self._drop(term, reason, dropped)
            else:
                compared[term] = found._replace(present=present)
        return compared

    def _drop(self, term: str, reason: str, dropped: dict[str, str]) -> None:
        dropped[term] = reason
        if self.training:
            kind = "absent" if reason.startswith("no ") else "few"
            self.monitor.warn(f"{term}, {kind}", f"{term} is left out of a batch: {reason} (see terms.dropped)")

    # --- the terms ---------------------------------------------------------------------------------------------------

    def _code_rate(self, posterior: Tensor, text: Tensor | None, host: Any, padding: Padding) -> Tensor:
        """E KL(q(k|x) || r(k)) per image."""
        posterior = posterior if posterior.dtype == torch.float64 else posterior.float()
        log_q = padding.pack(posterior).log_softmax(-1)
        log_r = code_log_prior(self.prior_name, self.prior, self.codes, text, host, posterior)
        return padding.per_image(unchecked_code_rate(log_q, padding.pack(log_r)))

    def _agreement(self, term: str, padding: Padding, z: Tensor, variable: Variable) -> Tensor:
        """A lower bound on I(Z; variable), in nats."""
        values, critic = variable.values, self.critics[term]
        values = values.flatten(1) if values.is_floating_point() else values
        tokens = self._gather(critic.of_tokens(z.flatten(1) if self.length else padding.pool(z)))
        values = self._gather(critic.of_value(values, variable.name))
        if not variable.present.all():
            tokens, values = tokens[variable.present], values[variable.present]
        return infonce(critic.scale() * tokens @ values.T)

    def _dependences(
        self,
        on: dict[str, frozenset[str]],
        z: Tensor,
        image: Tensor | None,
        compared: dict[str, Variable],
        dropped: dict[str, str],
    ) -> dict[str, Tensor]:
        """nHSIC of the tokens with everything that is switched on."""
        sides = {
            term: Side(self._gather(v.values), natural_kernel(v.values), None, v.name) for term, v in compared.items()
        }
        rows = self._gather(z.flatten(1))
        if "compression" in on and len(rows) < LEAST_ROWS["hsic"]:
            self._drop("compression", f"a batch of {len(rows)}, and 4 is the fewest to compare", dropped)
        elif "compression" in on:
            sides["compression"] = Side(self._gather(image), "gaussian", None, "image")
        if not sides:
            return {}
        present = {term: variable.present for term, variable in compared.items()}
        return dependences(Side(rows, "gaussian", self.bandwidth, "features"), sides, present)

    def _loss(self, z: Tensor, values: dict[str, Tensor], padding: Padding) -> Tensor:
        loss = torch.zeros((), device=z.device) if values else 0.0 * z.sum()
        for name, value in values.items():
            if name == "compression":
                free = self.free_nats * padding.mean_length() if self.estimator == "variational" else 0.0
                warm = (self._passes() / self.warmup).clamp(max=1.0) if self.warmup else 1.0
                loss = loss + self.weights[name] * warm * (value.clamp(min=free) if self.free_nats else value)
            else:
                loss = loss - self.weights[name] * value
        if self.training and rank_and_world()[1] > 1:  # every parameter takes part, with or without text in the batch
            loss = loss + 0.0 * sum(p.sum() for p in self.parameters())
        if checking(loss, self.training) and not loss.isfinite():
            bad = [name for name, value in values.items() if not value.isfinite()]
            remedy = "finite terms: check image, text, posterior and host, or lower the learning rate"
            require(False, ", ".join(bad) or "parameters", "NaN or inf", remedy)
        return loss

    def _passes(self) -> Tensor:
        """Training passes before this one; a recomputation's first pass has been counted."""
        return self.passes - 1 if self.training and recomputing() else self.passes

    # --- tokens ------------------------------------------------------------------------------------------------------

    def _blend(self, features: Tensor, z: Tensor, padding: Padding) -> Tensor:
        if self.placement == "after":
            return features
        if self.placement == "adapter" and self.blend:
            share = (self._passes() / self.blend).clamp(max=1.0).to(features.dtype)
            features = padding.pack(features)
            z = features + share * (z - features)
        return padding.unpack(z)

    # --- the whole batch ---------------------------------------------------------------------------------------------

    def _gather(self, rows: Tensor) -> Tensor:
        """The rows of every rank, in order; gradients return to the rank they came from."""
        if not self.training or rank_and_world()[1] == 1:
            return rows
        return gather_over_ranks(rows.byte()).bool() if rows.dtype == torch.bool else gather_over_ranks(rows)

    # --- guards ------------------------------------------------------------------------------------------------------

    def _look(self, features: Tensor, values: dict[str, Tensor], padding: Padding) -> None:
        variational = self.estimator == "variational"
        silent = variational and "compression" in values and values["compression"].item() < 0.1
        raised = "warmup= or free_bits=" if variational else "consistency= or relevance="
        remedy = f"lower compression= (now {self.weights['compression']:g}), or raise {raised}"
        self.monitor.tokens(features, padding, silent, remedy)

    def extra_repr(self) -> str:
        shown = {"estimator": self.estimator, "prior": self.prior_name, "placement": self.placement}
        shown |= {name: value for name, value in self.weights.items() if value}
        return ", ".join([str(self.dim), *(f"{name}={value!r}" for name, value in shown.items())])
