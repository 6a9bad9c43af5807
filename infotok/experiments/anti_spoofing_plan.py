"""The plan of lesson 18: which detectors are trained, on which seeds, and how they are compared.

    rows = sweep(detect, runs(), cache=record.cells)                        # the reported runs
    by_seed(rows, "masked contrastive", "hter/source")                      # {seed: mean over the four targets}
    compared(rows, "masked contrastive", "cross-entropy", "hter/source")    # a paired difference

The unit of every interval is a seed: its four targets share captures, and are averaged first.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from infotok.errors import require, require_choice, require_int
from infotok.evaluation.statistics import Difference, paired_difference
from infotok.experiments.anti_spoofing import (
    CNN,
    CONTRASTIVE,
    CROSS_ENTROPY,
    FOURIER,
    MASKED,
    MASKED_CONTRASTIVE,
    MASKED_CROSS_ENTROPY,
    RATE,
    SHUFFLED,
    WITHIN,
)
from infotok.experiments.plan import FRESH_SEEDS, TUNING_SEEDS
from infotok.experiments.results import load, score, write_rows
from infotok.worlds.captures import CaptureWorld

__all__ = ["COMMAND", "CONTROLS", "HEADLINE", "QUESTIONS", "STUDIES", "answered", "by_seed", "compared", "fresh_runs",
           "keep", "levels", "rank_correlation", "read", "regimes", "runs", "verdict"]  # fmt: skip

Row = dict[str, Any]
HEADLINE = (CROSS_ENTROPY, CONTRASTIVE, MASKED_CONTRASTIVE, MASKED, WITHIN, FOURIER)
CONTROLS = (MASKED_CROSS_ENTROPY, SHUFFLED, CNN)
SEEDS = range(20, 25)
FEW = 10  # labelled captures of each class and domain, of 100
NEAR = 0.5  # the gap of domains that are half as far apart
SLOWER = 0.002  # a learning rate at which both did best on the tuning seed 100
USUAL = {"labelled": 0, "gap": 1.0, "rate": RATE}  # the settings of `detect` that studies vary
STUDIES = {  # variants, and what differs from the defaults of `detect`
    "headline": (HEADLINE, {"probe": True}),
    "slower": ((CROSS_ENTROPY, MASKED_CONTRASTIVE), {"rate": SLOWER, "probe": False}),
    "near domains": ((CROSS_ENTROPY, MASKED_CONTRASTIVE), {"gap": NEAR, "probe": False}),
    "few labels": ((CROSS_ENTROPY, MASKED_CONTRASTIVE), {"labelled": FEW, "probe": False}),
    "controls": (CONTROLS, {"probe": False}),
}
QUESTIONS = (  # a minus b
    (MASKED_CONTRASTIVE, CROSS_ENTROPY),
    (CONTRASTIVE, CROSS_ENTROPY),
    (MASKED_CONTRASTIVE, CONTRASTIVE),
    (MASKED_CONTRASTIVE, MASKED),
    (MASKED_CONTRASTIVE, MASKED_CROSS_ENTROPY),
    (WITHIN, MASKED_CONTRASTIVE),
    (MASKED_CONTRASTIVE, FOURIER),
)
REGIMES = {  # settings of `detect` under which MCAE and cross-entropy are compared
    f"learning rate {RATE}, as in the figures above": {},
    f"learning rate {SLOWER}, the best of three for both": {"rate": SLOWER},
    "domains half as far apart": {"gap": NEAR},
    f"{FEW} labels of 100": {"labelled": FEW},
}
COMMAND = "infotok run 18_face_anti_spoofing --profile full -p keep=true"


def runs(studies: Sequence[str] = tuple(STUDIES)) -> list[Row]:
    """The reported runs of some studies, as arguments of `detect`."""
    for study in studies:
        require_choice("studies", study, tuple(STUDIES))
    return [run for study in studies for run in _grid(STUDIES[study][0], SEEDS, **STUDIES[study][1])]


def fresh_runs(seed: int, seeds: int, variants: Sequence[str], targets: Sequence[str], **settings: Any) -> list[Row]:
    """Runs on seeds that no reported run has: FRESH_SEEDS + seed, and the next."""
    require_int("seed", seed, 0, 2**30), require_int("seeds", seeds, 1, 2**16)
    first = FRESH_SEEDS + seed
    return _grid(variants, range(first, first + seeds), targets, **settings)


def by_seed(rows: Iterable[Row], variant: str, path: str, **settings: Any) -> dict[int, float]:
    """The mean over targets of a score, such as "hter/source", by seed, for the seeds that have all targets.

    rows: as `sweep` returns them; all targets are those of any of them, so that means are over the same ones
    variant: one of `anti_spoofing.VARIANTS`
    path: keys of the row, joined by "/"
    settings: "gap", "labelled" and "rate", where they differ from the defaults of `detect`; only these rows count
    """
    unknown = sorted(settings.keys() - USUAL.keys())
    require(not unknown, "settings", unknown, f"some of {', '.join(USUAL)}")
    wanted, found, targets = USUAL | settings, {}, set()
    for row in rows:
        targets.add(row["target"])
        if row["variant"] == variant and all(row.get(name, USUAL[name]) == wanted[name] for name in USUAL):
            value = score(row, path)
            if value is not None:
                found.setdefault(row["seed"], {})[row["target"]] = value
    return {seed: float(np.mean([*each.values()])) for seed, each in found.items() if each.keys() == targets}


def compared(rows: Sequence[Row], a: str, b: str, path: str, **settings: Any) -> Difference:
    """Variant a minus variant b, paired by seed; arguments as in `by_seed`. ValueError for fewer than two seeds."""
    of_a, of_b = by_seed(rows, a, path, **settings), by_seed(rows, b, path, **settings)
    both = sorted(of_a.keys() & of_b.keys())
    require(len(both) >= 2, "rows", f"{len(both)} seeds with {a} and {b}", "two or more")
    return paired_difference([of_a[seed] for seed in both], [of_b[seed] for seed in both])


def levels(rows: Sequence[Row], variants: Sequence[str] = HEADLINE, **settings: Any) -> list[Row]:
    """The table of means over seeds and targets, a line for each variant; information in bits, None where missing."""
    columns = {
        "HTER, source threshold": ("hter/source", 1.0),
        "HTER, target threshold": ("hter/target", 1.0),
        "best moment": ("best_moment", 1.0),
        "AUC": ("auc", 1.0),
        "accuracy, known domains": ("accuracy", 1.0),
        "I(Z;Y) / bits": ("nats/class", 1 / np.log(2)),
        "I(Z;D given live) / bits": ("nats/domain", 1 / np.log(2)),
    }
    lines, wanted = [], USUAL | settings
    rows = [row for row in rows if all(row.get(name, USUAL[name]) == wanted[name] for name in USUAL)]
    for variant in variants:
        scored = [row for row in rows if row["variant"] == variant]
        line: Row = {"variant": variant}
        for name, (path, unit) in columns.items():
            known = path.split("/")[0] != "nats" or all(row["nats"] for row in scored)
            found = by_seed(rows, variant, path, **settings) if known else {}
            line["seeds"] = max(line.get("seeds", 0), len(found))
            line[name] = float(unit * np.mean([*found.values()])) if found else None
        lines.append(line)
    return [line for line in lines if line["seeds"]]


def answered(rows: Sequence[Row], path: str) -> dict[tuple[str, str], Difference]:
    """The difference of every pair in QUESTIONS of which two seeds or more are there."""
    seeds = {name: set(by_seed(rows, name, path)) for pair in QUESTIONS for name in pair}
    return {(a, b): compared(rows, a, b, path) for a, b in QUESTIONS if len(seeds[a] & seeds[b]) >= 2}


def regimes(rows: Sequence[Row], path: str = "hter/source") -> list[Row]:
    """MCAE against plain cross-entropy as domains come closer and labels fewer: a line for each, with its seeds."""
    lines = []
    for name, settings in REGIMES.items():
        means = {each: by_seed(rows, each, path, **settings) for each in (CROSS_ENTROPY, MASKED_CONTRASTIVE)}
        if min(map(len, means.values())) >= 2:
            difference = compared(rows, MASKED_CONTRASTIVE, CROSS_ENTROPY, path, **settings)
            line = {each: float(np.mean([*found.values()])) for each, found in means.items()}
            lines.append({"regime": name, **line, "difference": difference})
    return lines


def verdict(difference: Difference) -> str:
    """A difference in HTER in words: lower, higher or undecided, with its interval."""
    low, high = difference.interval
    word = "lower" if high < 0 else "higher" if low > 0 else "undecided"
    return f"{word}, {difference.mean:+.3f} [{low:+.3f}, {high:+.3f}], {difference.pairs} seeds"


def rank_correlation(rows: Sequence[Row], path: str, variants: Sequence[str], by: str = "hter/source") -> list[float]:
    """Spearman's rank correlation over variants of a score with HTER, one for each seed; scores are means of targets.

    path: the score, such as "nats/domain"
    by: what it should predict
    """
    each = [(by_seed(rows, name, path), by_seed(rows, name, by)) for name in variants]
    seeds = sorted(set.intersection(*(set(a) & set(b) for a, b in each)))
    return [float(spearmanr([a[s] for a, _ in each], [b[s] for _, b in each]).statistic) for s in seeds]


def read(path: str | Path) -> list[Row]:
    """The committed rows. ValueError in one line for a file without any."""
    return load(path)


def keep(path: str | Path, rows: Iterable[Row], package: str) -> None:
    """Write the rows of reported runs in place of those of the same settings; `package` is a digest of the code."""
    path = Path(path)
    known = load(path) if path.exists() else []
    new = [_short(row) | {"package": package} for row in rows if row["seed"] not in TUNING_SEEDS]
    write_rows(path, [*{_settings(row): row for row in [*known, *new]}.values()], COMMAND)


def _settings(row: Row) -> tuple[Any, ...]:
    return row["variant"], row["target"], row["seed"], *(row.get(name, value) for name, value in USUAL.items())


def _short(value: Any) -> Any:
    """Four digits of every number."""
    if isinstance(value, dict):
        return {name: _short(item) for name, item in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _grid(
    variants: Iterable[str], seeds: Iterable[int], targets: Iterable[str] = CaptureWorld.names, **settings: Any
) -> list[Row]:
    cells = [(seed, variant, target) for seed in seeds for variant in variants for target in targets]
    return [{"variant": variant, "target": target, "seed": seed, **settings} for seed, variant, target in cells]
