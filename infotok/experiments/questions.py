"""The questions of lessons 11 to 13, each as the comparisons that answer it.

    found = answered(Runs(load(path)), ["headline", "controls"])    # `Comparisons`
    found.sentence("controls", "tuned baseline")

`PARTS` names the sub-scores. Questions on the rate term are in `rate_questions`.
"""

from collections.abc import Callable, Sequence

from infotok.errors import require_choice
from infotok.experiments.comparisons import Comparisons
from infotok.experiments.plan import (
    CONFIRMING_SEEDS,
    EARLIER_SEEDS,
    MORE_TOGETHER,
    REPORTED_SEEDS,
    WIDER,
    longer,
)
from infotok.experiments.rate_questions import RATE_QUESTIONS
from infotok.experiments.results import Runs
from infotok.experiments.variants import (
    BASELINE,
    BILINEAR,
    BOUNDS,
    CONTROLS,
    DECODER,
    EARLIER_ESTIMATORS,
    ESTIMATORS,
    HOST_PRIOR,
    HSIC,
    HSIC_ALONE,
    INFONCE,
    VARIATIONAL,
    ablations,
    options,
)
from infotok.worlds import KINDS

__all__ = ["PARTS", "QUESTIONS", "answered"]

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
LONGEST_SEEDS = (*REPORTED_SEEDS, *EARLIER_SEEDS)  # whose baselines of four times the training all hosts have
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


def answered(runs: Runs, questions: Sequence[str]) -> Comparisons:
    """The comparisons that answer some `questions`, names of `QUESTIONS`, among the `runs` given."""
    found = Comparisons(runs)
    for question in questions:
        require_choice("questions", question, QUESTIONS)
        QUESTIONS[question](found)
    return found


def _headline(found: Comparisons) -> None:
    for variant in ESTIMATORS:
        found.compare("headline", variant)


def _headline_again(found: Comparisons) -> None:
    """The decoder bound, alone and beside a rate, on eight seeds that nothing was chosen on."""
    for variant in (DECODER, HOST_PRIOR):
        found.compare("headline, again", variant, seeds=CONFIRMING_SEEDS)


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


def _bounds(found: Comparisons) -> None:
    for variant in BOUNDS[1:]:
        found.compare("bounds", variant)


def _between(question: str, pairs: Sequence[tuple[str, str]]) -> Callable[[Comparisons], None]:
    def compare(found: Comparisons) -> None:
        for variant, other in pairs:
            found.compare(question, variant, other, label=f"{variant} − {other}")

    return compare


def _curves(found: Comparisons) -> None:
    """Whether the decoder bound, and a rate beside it, are ahead after longer training too."""
    for variant, other in ((DECODER, BASELINE), (VARIATIONAL, DECODER)):
        for times in (1, 2, 4):
            label, seeds = f"{variant} − {other}, {times} x", REPORTED_SEEDS if times < 4 else LONGEST_SEEDS
            found.compare("learning curves", variant, other, label=label, settings=longer(times), seeds=seeds)
    label, unseen = f"{DECODER} − {BASELINE}, 4 x, unseen scenes", ("novel/U", "novel/G")
    found.compare("learning curves", DECODER, label=label, paths=unseen, settings=longer(4), seeds=LONGEST_SEEDS)
    label = f"{DECODER}, 1 x − {BASELINE}, 4 x"
    found.compare("learning curves", DECODER, BASELINE, label=label, settings=longer(1), against=longer(4))


def _wider(found: Comparisons) -> None:
    """A baseline with as many parameters as any variant has in training."""
    found.compare("wider baseline", BASELINE, label="wider baseline − baseline", settings=WIDER, against={})
    label = f"{DECODER} − wider baseline"
    found.compare("wider baseline", DECODER, BASELINE, label=label, settings={}, against=WIDER)


QUESTIONS: dict[str, Callable[[Comparisons], None]] = {
    "headline": _headline,
    "headline, again": _headline_again,
    "version 0.1": _version_0_1,
    "other scores": _other_scores,
    "longer training": _longer_training,
    "ablations": _ablations,
    "controls": _controls,
    "estimators": _estimators,
    "bounds": _bounds,
    "between bounds": _between("between bounds", PAIRS_OF_BOUNDS),
    "critics": _between("critics", PAIRS_OF_CRITICS),
    "doses": _between("doses", PAIRS_OF_DOSES),
    "learning curves": _curves,
    "wider baseline": _wider,
    **RATE_QUESTIONS,
}
