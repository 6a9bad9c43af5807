"""The questions of lesson 13, on the rate term: what it saves, where it helps, and what learners and budgets change.

`RATE_QUESTIONS` has them by name, for `questions.answered`; `RATES` names what tokens take.
"""

from collections.abc import Callable

from infotok.experiments.comparisons import Comparisons
from infotok.experiments.plan import (
    CONFIRMING_SEEDS,
    CONTINUOUS_RATES,
    FOLLOW_UP_SEEDS,
    FOLLOWED,
    HEAVIER,
    NARROW,
    REGIMES,
    REPORTED_SEEDS,
    SCARCE,
    SEARCH_SEEDS,
    THIRD_SEEDS,
    WEAK,
)
from infotok.experiments.variants import (
    BASELINE,
    DECODER,
    EARLIER,
    EARLIER_ESTIMATORS,
    HOST_PRIOR,
    HSIC,
    HSIC_ALONE,
    INFONCE,
    NO_RAMP,
    VARIATIONAL,
)

__all__ = ["AFTERWARDS", "CONFIRMED", "RATES", "RATE_QUESTIONS", "WITHOUT_RATE"]

WITHOUT_RATE = {VARIATIONAL: DECODER, HSIC: HSIC_ALONE, HOST_PRIOR: DECODER}
WITH_RATE = {"text": EARLIER, "host": "InfoNCE 32 + host prior"}  # beside InfoNCE, by the prior
RATES = {  # what tokens take, and where a row has it: of codes, then of continuous tokens
    "H(Z), by the host": "cross_entropy_free",
    "H(Z|T), by the host": "cross_entropy",
    "H(Z|T), from renders": "unexplained_renders",
    "I(X;Z), at most": "rate_standard",
    "I(X;Z|T), at most": "rate_text",
    "unexplained variance": "unexplained_variance",
}
AFTERWARDS = "seeds 40 to 47 and 60 to 67"  # none of them had any part in how the term was found
ALL = "all 24 seeds"
CONFIRMED = {  # by name, the seeds
    "seeds 20 to 27": REPORTED_SEEDS,
    "seeds 40 to 47": CONFIRMING_SEEDS,
    "seeds 60 to 67": THIRD_SEEDS,
    AFTERWARDS: (*CONFIRMING_SEEDS, *THIRD_SEEDS),
    ALL: (*REPORTED_SEEDS, *CONFIRMING_SEEDS, *THIRD_SEEDS),
}
OTHERS = {  # what else a rate changes: scores on unseen scenes, and what is lost
    "U, unseen scenes": "novel/U",
    "G, unseen scenes": "novel/G",
    "PSNR background / dB": "psnr/background",
    "PSNR objects / dB": "psnr/foreground",
}
TRIED_RATES = ("decoder + 0.001 text", "decoder + 0.01 text", "decoder + 0.01 host")  # the last rises over the training
ENDS = {"4 − 8 bits": ({"bits": 4}, {"bits": 8}), "background 0.8 − 0": ({}, {"nuisance": 0.0})}


def _rate_weight(prior: str) -> Callable[[Comparisons], None]:
    question = f"rate weight, {prior} prior"

    def compare(found: Comparisons) -> None:
        for regime, settings in REGIMES.items():
            # where test images alone shift, drawing is what it was
            paths = ("U", None if "shift" in settings else "G")
            found.compare(question, WITH_RATE[prior], INFONCE, label=regime, settings=settings, paths=paths,
                          seeds=SEARCH_SEEDS)  # fmt: skip
        for side in "UG":
            for host in found.hosts:
                mine = [c for c in found.named(question, side=side) if c.host == host and "shifts" not in c.label]
                found.add(question, "all regimes", side, host, {c.label: c.interval[1] for c in mine})

    return compare


def _followed_up(found: Comparisons) -> None:
    label = f"{FOLLOWED}, text prior, fresh seeds"
    found.compare("rate weight, followed up", EARLIER, INFONCE, label=label, settings=REGIMES[FOLLOWED],
                  seeds=FOLLOW_UP_SEEDS)  # fmt: skip


def _rate_term(found: Comparisons) -> None:
    """What a rate term changes beside the same consistency term: both sides, and the nats that tokens take."""
    for variant, other in WITHOUT_RATE.items():
        found.compare("rate term", variant, other, label=f"{variant} − {other}")


def _confirmed(found: Comparisons) -> None:
    """The rate against the host's prediction on seeds that nothing was chosen on, and on others."""
    for label, seeds in CONFIRMED.items():
        found.compare("confirmation", HOST_PRIOR, DECODER, label=label, seeds=seeds)
    for label in (AFTERWARDS, ALL):
        for name, path in OTHERS.items():
            for host in found.hosts:
                pairs = found.by_seed(host, HOST_PRIOR, DECODER, path, seeds=CONFIRMED[label])
                found.add("confirmation, other scores", f"{name}, {label}", "other", host, pairs)


def _no_ramp(found: Comparisons) -> None:
    """The rate against the host's prediction with its full weight from the first step, not rising over training."""
    found.compare("no ramp", NO_RAMP, HOST_PRIOR, label=f"{NO_RAMP} − {HOST_PRIOR}")


def _rate_spent(found: Comparisons) -> None:
    for variant, other in WITHOUT_RATE.items():
        for label, path in RATES.items():
            for host in found.hosts:
                pairs = found.by_seed(host, variant, other, f"rates/{path}", seeds=REPORTED_SEEDS)
                found.add("rate spent", f"{variant}: {label}", "rates", host, pairs)


def _scarce(found: Comparisons) -> None:
    """Few bits under the strongest background, where neither side is near its ceiling: relevance, then rates."""
    for variant, other in ((DECODER, BASELINE), (HSIC, BASELINE), *((rate, DECODER) for rate in TRIED_RATES)):
        found.compare("scarce bits", variant, other, label=f"{variant} − {other}", settings=SCARCE)


def _weak(found: Comparisons) -> None:
    """Small and briefly trained language models: relevance, then rates beside it."""
    for learner, settings in WEAK.items():
        for variant, other in ((DECODER, BASELINE), *((rate, DECODER) for rate in TRIED_RATES[1:])):
            label = f"{learner}: {variant} − {other}"
            found.compare("weak learners", variant, other, label=label, settings=settings)


def _narrow(found: Comparisons) -> None:
    """The narrow language model on eight seeds that nothing was chosen on, and a heavier relevance as a control."""
    rate, narrow = "decoder + 0.01 host", WEAK[NARROW]
    heavier = narrow | {"scale": HEAVIER}
    for variant, other, settings, against in (
        (DECODER, BASELINE, narrow, narrow),
        (rate, DECODER, narrow, narrow),
        (DECODER, DECODER, heavier, narrow),
        (rate, DECODER, narrow, heavier),
    ):
        names = (f"{name}, 3 times as heavy" if "scale" in each else name
                 for name, each in ((variant, settings), (other, against)))  # fmt: skip
        found.compare("narrow, again", variant, other, label=" − ".join(names), settings=settings, against=against,
                      seeds=CONFIRMING_SEEDS)  # fmt: skip
    text = CONTINUOUS_RATES[1]  # at the usual width the weight that frees most nats of the continuous host
    found.compare("narrow, again", text, DECODER, label=f"{text} − {DECODER}", settings=narrow, seeds=CONFIRMING_SEEDS,
                  hosts=[host for host in found.hosts if host == "continuous"])  # fmt: skip


def _trends(found: Comparisons) -> None:
    for name, ends in ENDS.items():
        for variant in EARLIER_ESTIMATORS:
            for side in "UG":
                for host in found.hosts:
                    first, last = (found.by_seed(host, variant, path=side, settings=settings) for settings in ends)
                    found.add("trends", f"{variant}, {name}", side, host, first, last)


RATE_QUESTIONS: dict[str, Callable[[Comparisons], None]] = {
    "rate weight, text prior": _rate_weight("text"),
    "rate weight, host prior": _rate_weight("host"),
    "rate weight, followed up": _followed_up,
    "trends": _trends,
    "rate term": _rate_term,
    "rate spent": _rate_spent,
    "confirmation": _confirmed,
    "no ramp": _no_ramp,
    "scarce bits": _scarce,
    "weak learners": _weak,
    "narrow, again": _narrow,
}
