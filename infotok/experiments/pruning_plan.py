"""The plan of lesson 16: its runs, their seeds, comparisons paired by seed, and the table of means.

    rows = sweep(prune_and_score, runs("digits"), cache=record.cells)       # the reported runs: minutes a seed
    found = difference(rows, "digits", "Fisher", "random", "loss")          # {seed: Fisher - random}
    words(comparisons.interval(found))                                      # "-0.0154 [-0.0226, -0.0082]"

A study is one setting; all of its variants share the dense network of their seed.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from infotok.errors import require_choice, require_folder, require_int
from infotok.experiments import comparisons
from infotok.experiments.plan import FRESH_SEEDS, TUNING_SEEDS
from infotok.experiments.pruning import DENSE, SCRATCH, VARIANTS
from infotok.experiments.results import write_rows
from infotok.files import read_json

__all__ = [
    "COMMAND",
    "HERE",
    "QUESTIONS",
    "SETTINGS",
    "STUDIES",
    "difference",
    "fresh_runs",
    "keep",
    "of",
    "quality_runs",
    "runs",
    "schedule",
    "table",
    "verdict",
    "words",
]

Row = dict[str, Any]
SETTINGS = {"dense_steps": 1000, "steps": 250, "sparsity": 0.75, "structured": True, "per_layer": False}
CORE = (
    *(DENSE, SCRATCH, "random", "magnitude", "Fisher", "GraSP", "gradient flow hard"),
    *("random soft", "gradient flow soft", "gradient flow soft, flipped"),
)
HERE = (DENSE, SCRATCH, "random", "Fisher", "gradient flow soft", "gradient flow soft, flipped")  # a lesson's own runs
QUESTIONS = [  # a minus b, of a score
    ("Fisher", "random", "loss"),
    ("magnitude", "random", "loss"),
    ("GraSP", "random", "loss"),
    ("gradient flow soft", "random soft", "loss"),
    ("gradient flow soft", "Fisher", "loss"),
    ("gradient flow soft", "gradient flow hard", "loss"),
    ("gradient flow soft", "gradient flow soft, flipped", "loss"),
    ("Fisher iterative", "Fisher", "loss"),
    ("Fisher soft", "Fisher", "loss"),
    (SCRATCH, "Fisher", "loss"),
    (SCRATCH, "Fisher", "distance"),
    ("gradient flow soft", "Fisher", "distance"),
]
PROMISES = [  # what we ask of the abstract, and the difference that would be below 0
    (
        "the gradient-norm criterion removes better units than a random choice",
        "gradient flow soft",
        "random soft",
        "loss",
    ),
    ("it removes better units than the Fisher criterion", "gradient flow soft", "Fisher", "loss"),
    ("a soft mask is better than removing in rounds", "gradient flow soft", "gradient flow hard", "loss"),
    ("its sign is the better one", "gradient flow soft", "gradient flow soft, flipped", "loss"),
    ("it keeps samples closer to the dense network's than Fisher does", "gradient flow soft", "Fisher", "distance"),
    ("pruning by Fisher keeps them closer than training a small network from scratch", "Fisher", SCRATCH, "distance"),
    ("pruning by Fisher ends at a lower loss than training a small network from scratch", "Fisher", SCRATCH, "loss"),
]
STUDIES: dict[str, dict[str, Any]] = {  # what differs from the usual settings, the variants and the seeds
    "digits": {"data": "digits", "variants": list(VARIANTS), "seeds": range(20, 25)},
    "fashion": {"data": "fashion", "variants": list(CORE), "seeds": range(20, 25)},
    "per layer": {"data": "digits", "per_layer": True, "variants": list(CORE), "seeds": range(20, 25)},
    "diffusion": {"data": "digits", "objective": "diffusion", "variants": list(CORE), "seeds": range(20, 25)},
    "early": {
        "data": "digits",
        "dense_steps": 100,
        "steps": 1150,
        "variants": ["random", "Fisher", "GraSP", "gradient flow soft", "gradient flow soft, flipped"],
        "seeds": range(20, 25),
    },
    "single weights": {
        "data": "digits",
        "structured": False,
        "variants": [DENSE, "random", "magnitude", "Fisher", "GraSP", "gradient flow soft"],
        "seeds": range(20, 25),
    },
}
QUALITY = (1000, 60)  # steps before the scores
QUALITY_SEEDS = range(20, 25)
COMMAND = "infotok run 16_diffusion_pruning --profile full -p keep=true"
SCORES = ("loss", "nats", "fd", "distance", "same_class", "speed", "parameters")


def runs(study: str) -> list[Row]:
    """The reported runs of a study, as arguments of `prune_and_score`: one a seed.

    study: one of `STUDIES`.
    """
    require_choice("study", study, tuple(STUDIES))
    plan = {"objective": "flow"} | SETTINGS | STUDIES[study]
    seeds = plan.pop("seeds")
    return [plan | {"seed": seed} for seed in seeds]


def fresh_runs(data: str, seed: int, seeds: int, variants: Sequence[str], **sizes: int) -> list[Row]:
    """Runs on seeds that no reported run has: FRESH_SEEDS + seed, and the next.

    data: "digits" or "fashion".
    seed: 0 or above, added to FRESH_SEEDS.
    seeds: how many, one or more.
    variants: names of `VARIANTS`.
    sizes: in place of those of `SETTINGS`.
    """
    require_int("seed", seed, 0, 2**30), require_int("seeds", seeds, 1, 2**16)
    first = FRESH_SEEDS + seed
    plan = {"data": data, "objective": "flow", "variants": list(variants)} | SETTINGS | sizes
    return [plan | {"seed": each} for each in range(first, first + seeds)]


def quality_runs(data: str = "digits", seeds: Sequence[int] = QUALITY_SEEDS, **sizes: int) -> list[Row]:
    """Runs of `score_quality`: late and early, on small and on large batches.

    data: "digits" or "fashion".
    seeds: two runs on each.
    sizes: other arguments of `score_quality`.
    """
    return [
        {"data": data, "trained": trained, "batches": [64, 1024], "seed": seed} | sizes
        for seed in seeds
        for trained in QUALITY
    ]


def of(rows: Sequence[Row], study: str) -> dict[int, Row]:
    """The rows of a study's setting, by seed.

    rows: as `sweep` returns them.
    study: one of `STUDIES`.
    """
    require_choice("study", study, tuple(STUDIES))
    plan = {"objective": "flow"} | SETTINGS | STUDIES[study]
    names = ("data", "objective", *SETTINGS)
    found = [row for row in rows if "scores" in row and all(row[name] == plan[name] for name in names)]
    return {row["seed"]: row for row in found if row["seed"] in plan["seeds"]}


def difference(rows: Mapping[int, Row], a: str, b: str, score: str = "loss") -> dict[int, float]:
    """How much higher a score of variant `a` is than of `b`, by seed, where both were run.

    rows: by seed, as `of` gives them.
    a, b: names of `VARIANTS`.
    score: one of `SCORES`.
    """
    pairs = {seed: [row["scores"].get(name) for name in (a, b)] for seed, row in rows.items()}
    return {seed: x[score] - y[score] for seed, (x, y) in pairs.items() if x and y}


def table(rows: Mapping[int, Row]) -> list[Row]:
    """A line for each variant: how many seeds, and the means of its scores.

    rows: by seed, as `of` gives them.
    """
    lines = []
    for name in VARIANTS:
        found = [row["scores"][name] for row in rows.values() if name in row["scores"]]
        means = {score: float(np.mean([each[score] for each in found])) for score in SCORES if found}
        lines.append({"variant": name, "seeds": len(found)} | means)
    return [line for line in lines if line["seeds"]]


def keep(path: str | Path, rows: Sequence[Row], package: str) -> list[Row]:
    """Add finished runs to the file of reported runs; one of the same settings and seed takes its place.

    path: the file, made if it is not there.
    rows: as `sweep` returns them; those on tuning seeds are left out.
    package: a digest of the code that made them.
    """
    path = Path(path)
    require_folder("path", path.parent)
    known = read_json(path)["rows"] if path.exists() else []
    new = [_short(row) | {"package": package} for row in rows if row["seed"] not in TUNING_SEEDS]
    kept = list({_key(row): row for row in [*known, *new]}.values())
    write_rows(path, kept, COMMAND)
    return kept


def schedule(variant: str) -> str:
    """How a variant removes: "not pruned", "one shot", "iterative" or "soft".

    variant: a name of `VARIANTS`.
    """
    require_choice("variant", variant, tuple(VARIANTS))
    return VARIANTS[variant].schedule.replace("_", " ") if VARIANTS[variant].criterion else "not pruned"


def verdict(found: Mapping[str, Mapping[int, Row]]) -> list[str]:
    """Each promise with what the reported runs of each study say of it, in words.

    found: rows by study and seed, as `of` gives them.
    """
    lines = []
    for text, a, b, score in PROMISES:
        parts = []
        for study, rows in found.items():
            pairs = difference(rows, a, b, score)
            if len(pairs) > 1:
                interval = comparisons.interval(pairs)
                parts.append(f"{study}: {_seen(interval)}, {words(interval)}")
        lines.append(f"*{text[0].upper()}{text[1:]}*. {'; '.join(parts) or 'not run'}.")
    return lines


def _seen(interval: Sequence[float]) -> str:
    low, _, high, seeds = interval
    if seeds < comparisons.FEW:
        return "preliminary"
    return "we see it" if high < 0 else "the opposite" if low > 0 else "undecided"


def words(interval: Sequence[float]) -> str:
    """The mean of [low, mean, high, seeds] and, from three seeds on, its interval; four digits after the point.

    interval: as `comparisons.interval` gives it.
    """
    low, mean, high, seeds = interval
    return f"{mean:+.4f} [{low:+.4f}, {high:+.4f}]" if seeds >= comparisons.FEW else f"{mean:+.4f} ({seeds} seeds)"


def _key(row: Row) -> str:
    """What a row was computed from: its arguments."""
    names = ("data", "objective", "seed", "trained", "batches", "units", *SETTINGS)
    return json.dumps({name: row.get(name) for name in names})


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _short(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_short(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
