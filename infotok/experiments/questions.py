"""The questions of lessons 11 to 13, each as the comparisons that answer it.

    found = answered(Runs(load(path)), ["headline", "controls"])    # `Comparisons`
    found.sentence("controls", "tuned baseline")

`PARTS` names the sub-scores, `RATES` what tokens take.
"""

from collections.abc import Callable, Sequence

from infotok.errors import require_choice
from infotok.experiments.comparisons import Comparisons
from infotok.experiments.plan import (
    CONFIRMING_SEEDS,
    EARLIER_SEEDS,
    FOLLOW_UP_SEEDS,
    FOLLOWED,
    MORE_TOGETHER,
    REGIMES,
    REPORTED_SEEDS,
    SEARCH_SEEDS,
    longer,
)
from infotok.experiments.results import Runs, score
from infotok.experiments.variants import (
    BASELINE,
    BILINEAR,
    BOUNDS,
    CONTROLS,
    DECODER,
    EARLIER,
    EARLIER_ESTIMATORS,
    ESTIMATORS,
    HOST_PRIOR,
    HOSTS,
    HSIC,
    HSIC_ALONE,
    INFONCE,
    VARIATIONAL,
    ablations,
    options,
)
from infotok.worlds import KINDS

__all__ = ["PARTS", "QUESTIONS", "RATES", "answered", "spent"]

WITHOUT_RATE = {VARIATIONAL: DECODER, HSIC: HSIC_ALONE, HOST_PRIOR: DECODER}
WITH_RATE = {"text": EARLIER, "host": "InfoNCE 32 + host prior"}  # beside InfoNCE, by the prior
PARTS = {kind: f"scores/understanding/{kind}" for kind in KINDS} | {
    label: f"scores/generation/{name}"
    for label, name in (
        ("single object", "single_object"),
        ("two object", "two_object"),
        ("counting", "counting"),
        ("colours", "colors"),
        ("position", "position"),
        ("colour attr", "color_attr"),
    )
}
PAIRS_OF_BOUNDS = (  # which bound is better than which
    ("InfoNCE 8192", INFONCE),
    (DECODER, INFONCE),
    (DECODER, "InfoNCE 8192"),
    (HSIC_ALONE, "InfoNCE 8192"),
    (HSIC_ALONE, DECODER),
)
PAIRS_OF_CRITICS = (
    ("InfoNCE 8192, bilinear", "InfoNCE 8192"),
    (BILINEAR, DECODER),
    (BILINEAR, "InfoNCE 8192, bilinear"),
)
PAIRS_OF_DOSES = (
    ("InfoNCE 256", INFONCE),
    ("InfoNCE 2048", "InfoNCE 256"),
    ("InfoNCE 8192", "InfoNCE 2048"),
    ("InfoNCE 8192, pooled", "InfoNCE 8192"),
    ("decoder, pooled", DECODER),
    ("CRT", BASELINE),
)
RATES = {  # what tokens take, and where a row has it: of codes, then of continuous tokens
    "H(Z), by the host": "cross_entropy_free",
    "H(Z|T), by the host": "cross_entropy",
    "H(Z|T), from renders": "unexplained_renders",
    "I(X;Z), at most": "rate_standard",
    "I(X;Z|T), at most": "rate_text",
    "unexplained variance": "unexplained_variance",
}
CONFIRMED = {  # by name, the seeds
    "seeds 20 to 27": REPORTED_SEEDS,
    "seeds 40 to 47": CONFIRMING_SEEDS,
    "all sixteen": (*REPORTED_SEEDS, *CONFIRMING_SEEDS),
}
OTHERS = {  # what else a rate changes: scores on unseen scenes, and what is lost
    "U, unseen scenes": "novel/U",
    "G, unseen scenes": "novel/G",
    "PSNR background / dB": "psnr/background",
    "PSNR objects / dB": "psnr/foreground",
}
ENDS = {"4 − 8 bits": ({"bits": 4}, {"bits": 8}), "background 0.8 − 0": ({}, {"nuisance": 0.0})}


def answered(runs: Runs, questions: Sequence[str]) -> Comparisons:
    """The comparisons of some questions, among the runs given."""
    found = Comparisons(runs)
    for question in questions:
        require_choice("questions", question, QUESTIONS)
        QUESTIONS[question](found)
    return found


def spent(
    runs: Runs, among: Sequence[str] = (*BOUNDS, *ESTIMATORS, HOST_PRIOR)
) -> dict[str, dict[str, dict[str, list[list[float]]]]]:
    """{side: {host: {variant: [[nats, score], a pair per seed]}}} of the runs whose rates were measured.

    The nats are H(Z|T) by the host's own codes; of continuous tokens an upper bound on I(X;Z|T).
    """
    found: dict[str, dict[str, dict[str, list[list[float]]]]] = {side: {} for side in "UG"}
    for host in HOSTS:
        path = f"rates/{'rate_text' if host == 'continuous' else 'cross_entropy'}"
        for variant in among:
            rows = [row for seed, row in runs.find(host, options(host, variant)).items() if seed in REPORTED_SEEDS]
            for side in "UG" if rows else "":
                pairs = [[score(row, path), row[side]] for row in rows]
                found[side].setdefault(host, {})[variant] = pairs
    return found


def _headline(found: Comparisons) -> None:
    for variant in ESTIMATORS:
        found.compare("headline", variant)


def _version_0_1(found: Comparisons) -> None:
    for variant in EARLIER_ESTIMATORS:
        found.compare("version 0.1", variant, seeds=EARLIER_SEEDS)


def _estimators(found: Comparisons) -> None:
    found.compare("estimators", HSIC, VARIATIONAL, label=f"{HSIC} − {VARIATIONAL}")


def _other_scores(found: Comparisons) -> None:
    ratio = "scores/generations/present : scores/reconstructions/present"
    for variant in ESTIMATORS:
        for label, paths in (
            ("unseen scenes", ("novel/U", "novel/G")),
            ("present cells", (None, "scores/generations/present")),
            ("drawn / reconstructed", (None, ratio)),
        ):
            found.compare("other scores", variant, label=f"{variant}, {label}", paths=paths)


def _longer_training(found: Comparisons) -> None:
    for variant in EARLIER_ESTIMATORS:
        for times in (2, 4):
            found.compare("longer training", variant, label=f"{variant}, {times} x", settings=longer(times),
                          seeds=EARLIER_SEEDS)  # fmt: skip
        label = f"{variant}, 1 x − {BASELINE}, 4 x"
        found.compare("longer training", variant, label=label, settings=longer(1), against=longer(4),
                      seeds=EARLIER_SEEDS)  # fmt: skip


def _ablations(found: Comparisons) -> None:
    for variant in dict.fromkeys((*EARLIER_ESTIMATORS, *ablations())):
        found.compare("ablations", variant, seeds=EARLIER_SEEDS)


def _controls(found: Comparisons) -> None:
    for variant in (*EARLIER_ESTIMATORS, *CONTROLS):
        tuned = variant.startswith("reconstruction")  # where it is the tuned baseline itself, it is shown once
        differ = [
            host for host in found.hosts if not tuned or options(host, variant) != options(host, "tuned baseline")
        ]
        found.compare("controls", variant, hosts=differ, seeds=EARLIER_SEEDS)
    found.compare("controls", BASELINE, label="more steps together", settings=MORE_TOGETHER, against={},
                  seeds=EARLIER_SEEDS)  # fmt: skip


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


def _bounds(found: Comparisons) -> None:
    for variant in BOUNDS[1:]:
        found.compare("bounds", variant)


def _between(question: str, pairs: Sequence[tuple[str, str]]) -> Callable[[Comparisons], None]:
    def compare(found: Comparisons) -> None:
        for variant, other in pairs:
            found.compare(question, variant, other, label=f"{variant} − {other}")

    return compare


def _rate_term(found: Comparisons) -> None:
    """What a rate term changes beside the same consistency term: both sides, and the nats that tokens take."""
    for variant, other in WITHOUT_RATE.items():
        found.compare("rate term", variant, other, label=f"{variant} − {other}")


def _confirmed(found: Comparisons) -> None:
    """The rate against the host's prediction on seeds that nothing was chosen on, and on others."""
    for label, seeds in CONFIRMED.items():
        found.compare("confirmation", HOST_PRIOR, DECODER, label=label, seeds=seeds)
        for name, path in OTHERS.items():
            for host in found.hosts:
                pairs = found.by_seed(host, HOST_PRIOR, DECODER, path, seeds=seeds)
                found.add("confirmation, other scores", f"{name}, {label}", "other", host, pairs)


def _rate_spent(found: Comparisons) -> None:
    for variant, other in WITHOUT_RATE.items():
        for label, path in RATES.items():
            for host in found.hosts:
                pairs = found.by_seed(host, variant, other, f"rates/{path}", seeds=REPORTED_SEEDS)
                found.add("rate spent", f"{variant}: {label}", "rates", host, pairs)


def _trends(found: Comparisons) -> None:
    for name, ends in ENDS.items():
        for variant in EARLIER_ESTIMATORS:
            for side in "UG":
                for host in found.hosts:
                    first, last = (found.by_seed(host, variant, path=side, settings=settings) for settings in ends)
                    found.add("trends", f"{variant}, {name}", side, host, first, last)


QUESTIONS: dict[str, Callable[[Comparisons], None]] = {
    "headline": _headline,
    "version 0.1": _version_0_1,
    "other scores": _other_scores,
    "longer training": _longer_training,
    "ablations": _ablations,
    "controls": _controls,
    "rate weight, text prior": _rate_weight("text"),
    "rate weight, host prior": _rate_weight("host"),
    "rate weight, followed up": _followed_up,
    "trends": _trends,
    "estimators": _estimators,
    "bounds": _bounds,
    "between bounds": _between("between bounds", PAIRS_OF_BOUNDS),
    "critics": _between("critics", PAIRS_OF_CRITICS),
    "doses": _between("doses", PAIRS_OF_DOSES),
    "rate term": _rate_term,
    "rate spent": _rate_spent,
    "confirmation": _confirmed,
}
