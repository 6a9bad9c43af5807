"""The questions of lessons 11 to 13, each as the comparisons that answer it.

    found = answered(Runs(load(path)), ["headline", "controls"])    # `Comparisons`
    found.sentence("controls", "tuned baseline")

`PARTS` names the sub-scores; `SETTINGS` what a study varied, one setting at a time.
"""

from collections.abc import Callable, Sequence
from typing import Any

from infotok.errors import require_choice
from infotok.experiments.comparisons import Comparisons
from infotok.experiments.plan import (
    EARLIER_SEEDS,
    FOLLOW_UP_SEEDS,
    FOLLOWED,
    MORE_TOGETHER,
    REGIMES,
    REPORTED_SEEDS,
    SEARCH_SEEDS,
    longer,
)
from infotok.experiments.results import Row, Runs, score
from infotok.experiments.variants import (
    BASELINE,
    BILINEAR,
    BOUNDS,
    CONTROLS,
    DECODER,
    EARLIER,
    EARLIER_ESTIMATORS,
    ESTIMATORS,
    HOSTS,
    HSIC,
    HSIC_ALONE,
    INFONCE,
    VARIATIONAL,
    ablations,
    options,
)
from infotok.worlds import KINDS

__all__ = ["PARTS", "QUESTIONS", "SETTINGS", "along", "answered", "spent"]

WITHOUT_RATE = {VARIATIONAL: DECODER, HSIC: HSIC_ALONE}
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
SETTINGS = {  # by name: values, the axis label, and what each value changes in a run
    "training": ((1, 2, 4), "training, in units of the usual", [longer(times) for times in (1, 2, 4)]),
    "budget": ((4, 6, 8), "budget / bits per token", [{"bits": bits} for bits in (4, 6, 8)]),
    "nuisance": ((0.0, 0.5, 0.8), "strength of the background", [{"nuisance": s} for s in (0.0, 0.5, 0.8)]),
    "consistency": (
        (0.3, 1, 3),
        "weight of consistency (1: as chosen)",
        [{"scale": {"consistency": factor}} for factor in (0.3, 1, 3)],
    ),
    "rate weight": (
        (0, 1, 10),
        "rate weight (1: as chosen)",
        [{"scale": {"compression": factor}} for factor in (0, 1, 10)],
    ),
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
ENDS = {"4 − 8 bits": ({"bits": 4}, {"bits": 8}), "background 0.8 − 0": ({}, {"nuisance": 0.0})}


def answered(runs: Runs, questions: Sequence[str]) -> Comparisons:
    """The comparisons of some questions, among the runs given."""
    found = Comparisons(runs)
    for question in questions:
        require_choice("questions", question, QUESTIONS)
        QUESTIONS[question](found)
    return found


def at(runs: Runs, host: str, variant: str, settings: dict[str, Any]) -> dict[int, Row]:
    """The runs of one variant at one value of a setting, by seed."""
    named = {name: value for name, value in settings.items() if name != "scale"}
    return runs.find(host, options(host, variant, settings.get("scale")), **named)


def along(runs: Runs, setting: str, among: Sequence[str], host: str) -> dict[str, dict[str, list[list[float]]]]:
    """{side: {variant: [[a score per seed], a list per value]}} along one setting, of the seeds that all have.

    A value at which a variant was not run has an empty list.
    """
    require_choice("setting", setting, SETTINGS)
    rows = {variant: [at(runs, host, variant, settings) for settings in SETTINGS[setting][2]] for variant in among}
    seeds = [set(each) for found in rows.values() for each in found if each]
    common = sorted(set.intersection(*seeds)) if seeds else []
    return {
        side: {
            variant: [[each[seed][side] for seed in common] if each else [] for each in found]
            for variant, found in rows.items()
        }
        for side in "UG"
    }


def spent(
    runs: Runs, among: Sequence[str] = (*BOUNDS, *ESTIMATORS)
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


def varied(runs: Runs, setting: str, hosts: Sequence[str] = HOSTS) -> list[str]:
    """The hosts in which more than one value of a setting was run."""
    return [host for host in hosts if sum(bool(at(runs, host, HSIC, each)) for each in SETTINGS[setting][2]) > 1]


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
    for variant in ESTIMATORS:
        found.compare("rate term", variant, WITHOUT_RATE[variant], label=f"{variant} − {WITHOUT_RATE[variant]}")


def _rate_spent(found: Comparisons) -> None:
    for variant in ESTIMATORS:
        for label, path in RATES.items():
            for host in found.hosts:
                other = WITHOUT_RATE[variant]
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
}
