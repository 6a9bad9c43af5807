"""The two estimators of InfoTok's terms: variational bounds in nats, or normalised HSIC.

Both have `terms(tokens, batch)`, the terms that are switched on; `penalised(compression, padding)`, the part of the
compression that the loss counts; and a word on posterior collapse for the monitor. Both estimators are the paper's;
priors, critics and kernels are our choices.
"""

from typing import Protocol

from torch import Tensor, nn

from infotok.bottleneck.channel import NoisyTokens
from infotok.bottleneck.hsic import dependences, natural_kernel
from infotok.bottleneck.inputs import Batch, gather
from infotok.bottleneck.options import Options
from infotok.bottleneck.padding import Padding
from infotok.bottleneck.rates import code_rate, gaussian_rate, given_rate
from infotok.information.kernels import Side

__all__ = ["Estimator", "HSICEstimator", "VariationalEstimator", "make_estimator"]


class Estimator(Protocol):
    """The interface of both estimators.

    unit: of the terms, "nats" or "nhsic".
    remedy: the options to raise when the tokens have collapsed.
    """

    unit: str
    remedy: str

    def terms(self, tokens: NoisyTokens, batch: Batch) -> dict[str, Tensor]:
        """The terms of one batch by name, each a scalar; those left out go to `batch.dropped`."""

    def penalised(self, compression: Tensor, padding: Padding) -> Tensor:
        """The part of the compression term that the loss counts."""

    def silent(self, terms: dict[str, Tensor]) -> bool:
        """Whether the terms say that the tokens no longer depend on the image."""


def make_estimator(options: Options, prior: nn.Module | None, critics: nn.ModuleDict) -> Estimator:
    """The estimator that the options name."""
    return HSICEstimator(options) if options.estimator == "hsic" else VariationalEstimator(options, prior, critics)


class VariationalEstimator:
    """Variational bounds in nats: the rate E KL(q(z|x) || r(z)) >= I(X;Z), and a lower bound on each I(Z;Y).

    options: of InfoTok.
    prior: the parameters of r; None where it has none.
    critics: the lower bounds, by term.
    """

    unit, remedy = "nats", "warmup= or free_bits="

    def __init__(self, options: Options, prior: nn.Module | None, critics: nn.ModuleDict) -> None:
        self.prior, self.critics = prior, critics  # registered by InfoTok, under the names that checkpoints have
        self.free_nats, self.flattened = options.free_nats, options.length is not None
        self.compares = options.bound == "infonce" and not options.negatives  # the rows of a batch with each other
        name = options.prior_name
        if options.codes:
            self.rate = code_rate(name, options.codes)
        else:
            self.rate = given_rate(name, options.fixed_noise) if options.gaussian else gaussian_rate(name)

    def terms(self, tokens: NoisyTokens, batch: Batch) -> dict[str, Tensor]:
        """The rate, summed over an image's tokens and averaged over images, and one lower bound for each variable."""
        values, padding = {}, batch.padding
        compared = batch.comparable(2 if self.compares else 1, 1 if batch.negatives is not None else None)
        for term, variable in compared.items():  # added negatives are texts: an answer has none to compare with
            z = padding.unpack(tokens.z)
            pooled = z.flatten(1) if self.flattened else padding.pool(z)
            values[term], ceiling = self.critics[term](pooled, variable, batch)
            if ceiling is not None:
                batch.ceilings[term] = ceiling
        if "compression" in batch.on:
            values["compression"] = padding.per_image(self.rate(self.prior, tokens, batch))
        return values

    def penalised(self, compression: Tensor, padding: Padding) -> Tensor:
        """The rate, or the free bits of an image's tokens where it is below them."""
        return compression.clamp(min=self.free_nats * padding.mean_length()) if self.free_nats else compression

    def silent(self, terms: dict[str, Tensor]) -> bool:
        """Whether the rate is below 0.1 nats per image."""
        return "compression" in terms and terms["compression"].item() < 0.1


class HSICEstimator:
    """Normalised HSIC of the tokens with images, answers, targets and texts: kernel dependence, at most 1.

    options: of InfoTok.
    """

    unit, remedy = "nhsic", "consistency= or relevance="

    def __init__(self, options: Options) -> None:
        self.bandwidth, self.positive = options.bandwidth, options.free_bits > 0

    def terms(self, tokens: NoisyTokens, batch: Batch) -> dict[str, Tensor]:
        """nHSIC of the tokens with each variable that enough rows have, and with the images."""
        compared, gathered = batch.comparable(4), lambda rows: gather(rows, batch.training)
        sides = {term: Side(gathered(v.values), natural_kernel(v.values), None, v.name) for term, v in compared.items()}
        rows = gathered(batch.padding.unpack(tokens.z).flatten(1))
        if "compression" in batch.on and len(rows) < 4:
            batch.dropped["compression"] = f"a batch of {len(rows)}; at least 4 are needed"
        elif "compression" in batch.on:
            sides["compression"] = Side(gathered(batch.image), "gaussian", None, "image")
        if not sides:
            return {}
        present = {term: variable.present for term, variable in compared.items()}
        batch.ceilings.update(dict.fromkeys(sides, rows.new_ones(())))
        return dependences(Side(rows, "gaussian", self.bandwidth, "features"), sides, present)

    def penalised(self, compression: Tensor, padding: Padding) -> Tensor:
        """nHSIC; with free_bits an estimate below 0 counts as 0."""
        return compression.clamp(min=0.0) if self.positive else compression

    def silent(self, terms: dict[str, Tensor]) -> bool:
        """False: nHSIC of a collapsed batch is not small for sure."""
        return False
