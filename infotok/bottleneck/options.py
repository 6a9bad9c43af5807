"""The options of InfoTok, checked, and which inputs the terms read under them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from infotok.bottleneck.regulariser import INPUTS
from infotok.bottleneck.terms import COMPARED_WITH
from infotok.errors import require, require_choice, require_flag, require_float, require_int

__all__ = ["Options"]

ESTIMATORS = ("variational", "hsic")
PRIORS = ("standard", "learned", "text", "host")
PLACEMENTS = ("before", "after", "adapter")
BOUNDS, CRITICS = ("decoder", "infonce"), ("cosine", "bilinear")
LIKELIHOODS = ("auto", "gaussian", "cosine", "sequence")
USUAL = {"bound": "decoder", "critic": "cosine", "negatives": 0, "likelihood": "auto"}  # the defaults of `InfoTok`


@dataclass(frozen=True)
class Options:
    """The arguments of `InfoTok`; weights by term and widths by input. ValueError or TypeError for wrong ones."""

    dim: int
    estimator: str
    prior: str | nn.Module
    bound: str
    critic: str
    negatives: int
    likelihood: str
    entropies: Mapping[str, float] | None
    placement: str
    weights: dict[str, float]
    widths: dict[str, int | None]
    length: int | None
    codes: int | None
    noise: float | None
    fixed_noise: bool
    free_bits: float
    warmup: int
    blend: int
    bandwidth: float | None

    def __post_init__(self) -> None:
        for name, value in self.weights.items():
            self.weights[name] = require_float(name, value, "[0, inf)")
        require_float("free_bits", self.free_bits, "[0, inf)")
        if self.noise is not None:
            require_float("noise", self.noise, "(0, inf)")
        require_int("warmup", self.warmup, 0)
        require_int("blend", self.blend, 0)
        if self.bandwidth is not None:
            require_float("bandwidth", self.bandwidth, "(0, inf)")
        require_int("dim", self.dim)
        sizes = {f"{name}_dim": width for name, width in self.widths.items()}
        for name, size in (sizes | {"length": self.length, "codes": self.codes}).items():
            if size is not None:
                require_int(name, size)
        require_choice("estimator", self.estimator, ESTIMATORS)
        require_choice("placement", self.placement, PLACEMENTS)
        require_choice("bound", self.bound, BOUNDS), require_choice("critic", self.critic, CRITICS)
        require_choice("likelihood", self.likelihood, LIKELIHOODS)
        require_int("negatives", self.negatives, 0, 2**24)
        require_flag("fixed_noise", self.fixed_noise)
        mapped = self.entropies is None or isinstance(self.entropies, Mapping)
        require(mapped, "entropies", self.entropies, "a mapping of names to nats, or None", TypeError)
        for name, value in (self.entropies or {}).items():
            require_choice("entropies", name, tuple(self.widths))
            require_float(f"entropies, {name}", value)
        if not isinstance(self.prior, nn.Module):
            require_choice("prior", self.prior, PRIORS)
        self._check_together()

    def _check_together(self) -> None:
        """What one option asks of another."""
        prior, codes, bandwidth, text_dim = self.prior, self.codes, self.bandwidth, self.widths["text"]
        if self.estimator == "hsic":
            require(prior == "standard", "prior", self.prior_name, "standard: the HSIC estimator has no prior")
            require(codes is None, "codes", codes, "None: the HSIC estimator compares the tokens themselves")
            self._check_usual("bound", "critic", "negatives", "likelihood", why="the HSIC estimator has no bound")
            return
        if self.bound == "decoder":
            self._check_usual("negatives", why="a decoder has no candidates")
            if self.likelihood == "sequence":
                self._check_usual("critic", why="a sequence is predicted by a network of its own")
            known = (self.entropies or {}).get("text")
            fits = self.likelihood != "cosine" or known is None
            require(fits, "entropies, text", known, 'none: likelihood="cosine" is a density only up to a factor')
        else:
            self._check_usual("likelihood", why="only a decoder has one")
        require(bandwidth is None, "bandwidth", bandwidth, "None: only the HSIC estimator has one")
        named = not (isinstance(prior, nn.Module) and codes)
        require(named, "prior", "a module", f"one of {', '.join(PRIORS)} where tokens are codes")
        require(prior != "text" or text_dim, "text_dim", text_dim, 'the width of the text, for prior="text"')
        loose = self.weights["compression"] and self.placement == "after" and not (codes or self.gaussian)
        require(not loose, "codes", codes, 'the number of codes K: with placement="after" the rate is that of codes')
        require(not (codes and self.gaussian), "codes", codes, "None: with noise=None tokens are Gaussian")
        for term, name in COMPARED_WITH.items():
            if self.weights[term]:
                expected = f"the width of the vectors, or number of labels, that {term} compares tokens with"
                require(self.widths[name], f"{name}_dim", None, expected)

    def _check_usual(self, *names: str, why: str) -> None:
        for name in names:
            value, usual = getattr(self, name), USUAL[name]
            require(value == usual, name, value, f"{usual}: {why}")

    @property
    def prior_name(self) -> str:
        """The name of the prior; "module" for one of the user's own."""
        return "module" if isinstance(self.prior, nn.Module) else self.prior

    @property
    def noisy(self) -> bool:
        """Whether the tokens are a noisy channel: a variational rate of continuous tokens."""
        rated = self.estimator == "variational" and self.weights["compression"]
        return bool(rated and not self.codes and not self.gaussian)

    @property
    def gaussian(self) -> bool:
        """Whether tokens have noise of their own: calls pass the mean and the log-variance."""
        return self.noise is None

    @property
    def free_nats(self) -> float:
        """Nats per token without a penalty."""
        return self.free_bits * math.log(2)

    def switched_on(self, unavailable: frozenset[str] = frozenset()) -> dict[str, frozenset[str]]:
        """The terms of weight above 0 whose inputs are available, and the inputs that each reads."""
        unknown = sorted(set(unavailable) - set(INPUTS))
        require(not unknown, "unavailable", unknown, f"some of {', '.join(INPUTS)}")
        reads = {"compression": self._read_by_compression()}
        reads |= {term: frozenset({name}) for term, name in COMPARED_WITH.items()}
        return {term: names for term, names in reads.items() if self.weights[term] and not names & unavailable}

    def _read_by_compression(self) -> frozenset[str]:
        if self.estimator == "hsic":
            return frozenset({"image"})
        condition = {self.prior_name} & {"text", "host"}
        return frozenset(condition | {"posterior"} if self.codes or self.gaussian else condition)
