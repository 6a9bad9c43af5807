"""Comparisons of variants: differences paired by seed, their intervals, a verdict in words, and tests.

    found = Comparisons(runs)
    found.compare("headline", "InfoTok HSIC")                # minus the baseline, in every host, on both sides
    found.table("headline")                                  # as `lab.plots.headline.forest` takes it
    found.sentence("headline", "InfoTok HSIC")               # "U +0.082 [+0.061, +0.103]: better in 3; G ..."

Two runs of one seed see the same images in the same order and start from the same weights, so their difference varies
less than either score. Intervals are Student's, over seeds: 95 %, and not corrected for how many there are; `subscores`
corrects by Holm's method. Of two seeds a comparison is *preliminary*, and its interval is not shown.
"""

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import t as student

from infotok.errors import require
from infotok.evaluation import holm, paired_difference
from infotok.experiments.plan import REPORTED_SEEDS
from infotok.experiments.results import Runs, differences
from infotok.experiments.variants import BASELINE, ESTIMATORS, HEADLINE, HOSTS, options

__all__ = ["Comparison", "Comparisons", "adjusted", "agreement", "interval", "subscores", "word", "words"]

Pairs = dict[Any, float]  # differences by seed
SIDES = ("U", "G")  # understanding and generation
WORDS = ("better", "worse", "undecided", "preliminary")
FEW = 3  # seeds, below which nothing is decided
FALSE_ALARMS = 0.01  # of `agreement`, at most


def interval(pairs: Mapping[Any, float]) -> list[float] | None:
    """[low, mean, high, number] of `pairs`, differences by seed; Student's 95 % interval, None for fewer than two."""
    if len(pairs) < 2:
        return None
    found = paired_difference(list(pairs.values()), [0.0] * len(pairs), resamples=99)
    return [found.interval[0], found.mean, found.interval[1], found.pairs]


def word(found: Sequence[float] | None) -> str:
    """What an interval `found` decides: better, worse, undecided, or preliminary where there are two seeds."""
    if found is None:
        return "not run"
    low, _, high, seeds = found
    if seeds < FEW:
        return f"preliminary ({seeds} seeds)"
    return "better" if low > 0 else "worse" if high < 0 else "undecided"


def words(found: Sequence[float] | None) -> str:
    """The interval `found` in words: its mean, and its ends where there are three seeds or more."""
    if found is None:
        return "not run"
    low, mean, high, seeds = found
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]" if seeds >= FEW else f"{mean:+.3f} ({seeds} seeds)"


@dataclass(frozen=True)
class Comparison:
    """One difference between two variants: of one side, in one host, by seed."""

    question: str
    label: str
    side: str
    host: str
    pairs: Pairs

    @property
    def interval(self) -> list[float]:
        """[low, mean, high, seeds]."""
        return interval(self.pairs)


def _without_scale(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != "scale"}


class Comparisons:
    """Every comparison of a lesson, in order.

    Args:
        runs: the runs to compare.
        hosts: those to compare in; by default each in which two seeds or more of the headline's variants were run.
        own: options of variants that the plan does not have, by name.
    """

    def __init__(
        self, runs: Runs, hosts: Sequence[str] | None = None, own: Mapping[str, dict[str, Any]] | None = None
    ) -> None:
        self.own = dict(own or {})
        complete = [h for h in HOSTS if all(len(runs.find(h, options(h, name))) > 1 for name in HEADLINE)]
        self.runs, self.hosts, self.list = runs, list(hosts or complete), []
        require(self.hosts, "runs", "no host with two seeds of each variant", "the reported runs")

    def by_seed(
        self,
        host: str,
        variant: str,
        other: str = BASELINE,
        path: str = "U",
        settings: dict[str, Any] | None = None,
        against: dict[str, Any] | None = None,
        seeds: Container[int] | None = None,
    ) -> Pairs:
        """How much higher a score is in `host` with `variant` than with `other`, by seed; of `seeds` alone, if given.

        settings: of both, `scale` (of InfoTok's weights) among them; `against`: all those of the other, if they differ.
        path: the score, keys of a row joined by "/".
        """
        first, second = (
            self.runs.find(host, self._options(host, name, (each or {}).get("scale")), **_without_scale(each or {}))
            for name, each in ((variant, settings), (other, settings if against is None else against))
        )
        found = differences(first, second, path)
        return {seed: value for seed, value in found.items() if seeds is None or seed in seeds}

    def _options(self, host: str, variant: str, scale: dict[str, float] | None) -> dict[str, Any]:
        return self.own[variant] if variant in self.own else options(host, variant, scale)

    def add(self, question: str, label: str, side: str, host: str, pairs: Pairs, less: Pairs | None = None) -> None:
        """Keep `pairs`, differences of two seeds or more, or how much larger they are than those of `less`.

        question, label, side, host: what they are of, as a `Comparison` keeps it.
        """
        if less is not None:
            pairs = {seed: value - less[seed] for seed, value in pairs.items() if seed in less}
        if len(pairs) > 1:
            self.list.append(Comparison(question, label, side, host, pairs))

    def compare(
        self,
        question: str,
        variant: str,
        other: str | Mapping[str, str] = BASELINE,
        *,
        label: str = "",
        settings: dict[str, Any] | None = None,
        against: dict[str, Any] | None = None,
        paths: tuple[str | None, str | None] = SIDES,
        hosts: Sequence[str] | None = None,
        seeds: Container[int] = REPORTED_SEEDS,
    ) -> None:
        """Keep what one variant has over another, on both sides, in all hosts or some, on some seeds.

        question: what it answers. variant, other, settings, against: as in `by_seed`. label: by default the variant.
        hosts: by default all of the lesson.
        paths: which score stands for U and which for G; None leaves a side out.
        seeds: those of version 0.1's studies are the plan's `EARLIER_SEEDS`.
        """
        for side, path in zip(SIDES, paths, strict=True):
            for host in (self.hosts if hosts is None else hosts) if path else []:
                pairs = self.by_seed(host, variant, other, path, settings, against, seeds)
                self.add(question, label or variant, side, host, pairs)

    def named(self, question: str, label: str | None = None, side: str | None = None) -> list[Comparison]:
        """The comparisons of one `question`; only those of a `label`, or a `side`, where one is given."""
        return [c for c in self.list if c.question == question and label in (None, c.label) and side in (None, c.side)]

    def table(self, question: str) -> dict[str, dict[str, dict[str, list[float] | None]]]:
        """{side: {label: {host: [low, mean, high, seeds] or None}}} of one `question`."""
        mine = self.named(question)
        found = {side: {c.label: dict.fromkeys(self.hosts) for c in mine} for side in SIDES}
        for c in mine:
            found[c.side][c.label][c.host] = c.interval
        return found

    def rows(self, question: str) -> list[dict[str, str]]:
        """A row for each label and side of one `question`, as a table shows it: every host's interval in words."""
        mine = self.named(question)
        return [
            {"comparison": label, "side": side}
            | {c.host: words(c.interval) for c in mine if (c.label, c.side) == (label, side)}
            for label, side in dict.fromkeys((c.label, c.side) for c in mine)
        ]

    def effects(self, settings: dict[str, Any] | None = None) -> dict[str, dict[str, dict[str, list[float] | None]]]:
        """Estimators and own variants minus the baseline at some `settings`, as `table` has them, of one seed too."""
        found: dict[str, dict[str, dict[str, list[float] | None]]] = {side: {} for side in SIDES}
        for side in SIDES:
            for variant in (*ESTIMATORS, *self.own):
                pairs = {host: self.by_seed(host, variant, path=side, settings=settings) for host in self.hosts}
                found[side][variant] = {
                    host: interval(each) or ([*each.values()] * 3 + [1] if each else None)
                    for host, each in pairs.items()
                }
        return found

    def pooled(self, question: str, label: str, side: str) -> list[float] | None:
        """[low, mean, high, seeds] of `named(question, label, side)`, each seed's mean over hosts; None below two."""
        return interval(_over_hosts([c.pairs for c in self.named(question, label, side)]))

    def verdict(self) -> list[dict[str, str]]:
        """A line for each question and label: pooled differences, and what each host says."""
        lines = []
        for question, label in dict.fromkeys((c.question, c.label) for c in self.list):
            line = {"question": question, "comparison": label}
            for side in SIDES:
                line[side] = words(self.pooled(question, label, side))
                line |= {f"{side}, {c.host}": word(c.interval) for c in self.named(question, label, side)}
            lines.append(line)
        return lines

    def sentence(self, question: str, label: str) -> str:
        """`named(question, label)` in words: for each side the pooled difference, and what each host says."""
        parts = []
        for side in SIDES:
            if not self.named(question, label, side):
                continue
            by_word: dict[str, list[str]] = {}
            for c in self.named(question, label, side):
                by_word.setdefault(word(c.interval).split()[0], []).append(c.host)
            said = (f"{each} in {len(hosts)}" if len(hosts) > 1 else f"{each} ({hosts[0]})"
                    for each, hosts in sorted(by_word.items(), key=lambda found: WORDS.index(found[0])))  # fmt: skip
            parts.append(f"{side} {words(self.pooled(question, label, side))}: {', '.join(said)}")
        return "; ".join(parts) or "not run"


def subscores(
    found: Comparisons,
    parts: Mapping[str, str],
    among: Sequence[str] = ESTIMATORS,
    seeds: Container[int] = REPORTED_SEEDS,
) -> list[dict[str, Any]]:
    """Every sub-score's mean difference from the baseline, with p-values that Holm's method adjusts over all of them.

    found: has the runs. parts: the sub-scores' names and paths. among: the variants. seeds: those to take.
    Returns lines {"host", "variant", "part", "mean", "adjusted"}.
    """
    lines, family = [], []
    for host in found.hosts:
        for variant in among:
            for part, path in parts.items():
                family.append(found.by_seed(host, variant, path=path, seeds=seeds))
                mean = float(np.mean([*family[-1].values()]))
                lines.append({"host": host, "variant": variant, "part": part, "mean": mean})
    return [line | {"adjusted": p} for line, p in zip(lines, adjusted(family), strict=True)]


def adjusted(family: Sequence[Pairs]) -> list[float]:
    """P-values of a `family` of paired differences, each against 0 by Student's t, adjusted by Holm's method."""
    tests = [paired_difference([*pairs.values()], [0.0] * len(pairs), resamples=99) for pairs in family]
    return [float(p) for p in holm([test.p for test in tests])]


def agreement(
    fresh: Comparisons,
    reported: Comparisons,
    settings: dict[str, Any] | None = None,
    false_alarms: float = FALSE_ALARMS,
) -> dict[str, float]:
    """How far the effects of fresh runs are from those of reported ones; above 1 they disagree.

    The effect of an estimator on a side is each seed's difference from the baseline, averaged over the hosts that both
    have. Let n fresh and m reported seeds have means a and b, and a pooled standard deviation s (n + m - 2 degrees of
    freedom). If both come from one Gaussian, (a - b) / (s sqrt(1/n + 1/m)) is Student's t. Returned are its absolute
    values over the value that any of them exceeds with probability `false_alarms` at most (Bonferroni over the
    comparisons).

    Args:
        fresh, reported: the runs to compare. A seed that both have counts as fresh.
        settings: of these runs, where they are not the usual ones.
        false_alarms: how often the test may find a disagreement where there is none.

    Returns:
        {"side, estimator": deviation}; empty without a fresh seed, or with fewer than three reported ones.
    """
    both = {}
    for variant in ESTIMATORS:
        for side in SIDES:
            by_host = (
                [each.by_seed(host, variant, path=side, settings=settings) for each in (fresh, reported)]
                for host in fresh.hosts
            )
            shared = [pairs for pairs in by_host if all(pairs)]
            mine, theirs = (_over_hosts([pairs[i] for pairs in shared]) for i in (0, 1))
            theirs = {seed: value for seed, value in theirs.items() if seed not in mine}
            if mine and len(theirs) >= FEW:
                both[f"{side}, {variant}"] = [*mine.values()], [*theirs.values()]
    return {name: _deviation(*found, false_alarms / len(both)) for name, found in both.items()}


def _deviation(a: Sequence[float], b: Sequence[float], level: float) -> float:
    """|t| of two means over its two-sided critical value at a level."""
    freedom = len(a) + len(b) - 2
    spread = math.sqrt((np.var(a) * len(a) + np.var(b) * len(b)) / freedom)
    t = abs(np.mean(a) - np.mean(b)) / (spread * math.sqrt(1 / len(a) + 1 / len(b)))
    return float(t / student.ppf(1 - level / 2, freedom))


def _over_hosts(each: Sequence[Pairs]) -> Pairs:
    """Each seed's mean over the hosts that ran, for the seeds that all of them have."""
    each = [pairs for pairs in each if pairs]
    shared = set.intersection(*(set(pairs) for pairs in each)) if each else set()
    return {seed: float(np.mean([pairs[seed] for pairs in each])) for seed in sorted(shared)}
