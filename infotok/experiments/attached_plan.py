"""The plan of lesson 15: a tiny Emu3 by each surrogate, without InfoTok and with it, and how they are compared.

rows = sweep(train_attached, runs(), cache=record.cells)    # the reported runs
by_variant(rows)["soft + InfoTok"]                          # {seed: accuracy of answers}
differences(rows)                                           # {comparison: [low, mean, high, seeds]}
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from infotok.errors import require, require_int
from infotok.experiments.comparisons import interval
from infotok.experiments.plan import FRESH_SEEDS
from infotok.experiments.results import load, score, write_rows

__all__ = ["COMMAND", "INFOTOK", "SIZES", "VARIANTS", "before_and_after", "by_variant", "checkpoint_runs",
           "differences", "floor", "fresh_runs", "keep_runs", "levels", "read_runs", "runs"]  # fmt: skip

Row = dict[str, Any]
COMMAND = "infotok run 15_published_models --profile full -p keep=true"
INFOTOK = {"bound": "decoder", "consistency": 1.0, "compression": 0.0}  # the decoder bound on captions, no rate
VARIANTS = {  # by name: the surrogate, and InfoTok's options
    "none": ("none", {}),
    "soft": ("soft", {}),
    "none + InfoTok": ("none", INFOTOK),
    "soft + InfoTok": ("soft", INFOTOK),
    "linear": ("linear", {}),
    "linear + InfoTok": ("linear", INFOTOK),
}
SEEDS = range(20, 24)
SIZES = {"steps": 400, "objects": 32, "held_out": 512}  # of the reported runs
PAIRS = (  # a minus b
    ("soft", "none"),
    ("linear", "none"),
    ("none + InfoTok", "none"),
    ("soft + InfoTok", "none"),
    ("soft + InfoTok", "none + InfoTok"),
    ("soft + InfoTok", "linear + InfoTok"),
)
MEANS = {  # columns of the table of means, and where a row has them
    "accuracy": "U",
    "what object": "scores/object",
    "what kind": "scores/kind",
    "presence": "scores/presence",
    "count": "scores/count",
    "relation": "scores/relation",
    "bits per code": "bits",
}
SCORES = {  # of a checkpoint, and what its table calls them
    "right": "answers right",
    "understanding": "nats an answer's token",
    "generation": "nats a code",
    "bits": "bits per code",
}


def runs(variants: Sequence[str] = tuple(VARIANTS), seeds: Sequence[int] = SEEDS, **sizes: Any) -> list[Row]:
    """The reported runs, seed after seed: arguments of `train_attached`.

    variants: names of `VARIANTS`.
    seeds: one run of each variant on each.
    sizes: in place of those of `SIZES`.
    """
    for name in variants:
        require(name in VARIANTS, "variants", name, f"some of {', '.join(VARIANTS)}")
    return [
        {"through": through, "infotok": dict(options), "seed": seed, **SIZES, **sizes}
        for seed in seeds
        for through, options in (VARIANTS[name] for name in variants)
    ]


def fresh_runs(seed: int, seeds: int, variants: Sequence[str] = tuple(VARIANTS), **sizes: Any) -> list[Row]:
    """Runs on seeds that no reported run has: FRESH_SEEDS + seed, and the next.

    seed: 0 or above, added to FRESH_SEEDS.
    seeds: how many, one or more.
    variants, sizes: as in `runs`.
    """
    require_int("seed", seed, 0, 2**30), require_int("seeds", seeds, 1, 2**16)
    first = FRESH_SEEDS + seed
    return runs(variants, range(first, first + seeds), **sizes)


def checkpoint_runs(model: str, seed: int, seeds: int, variants: Sequence[str], **sizes: Any) -> list[Row]:
    """Arguments of `train_checkpoint` for each variant and seed.

    model: of `train_checkpoint`.
    seed, seeds, variants: as in `fresh_runs`.
    sizes: other arguments of `train_checkpoint`.
    """
    fresh = fresh_runs(seed, seeds, variants)
    return [{"model": model, **{key: run[key] for key in ("through", "infotok", "seed")}, **sizes} for run in fresh]


def before_and_after(rows: Sequence[Row]) -> list[Row]:
    """The table of a checkpoint's scores: a line for each run, before the training and after it.

    rows: results of `train_checkpoint`, with its arguments.
    """
    names = {str(options): name for name, options in VARIANTS.items()}
    return [
        {"variant": names[str((row["through"], row["infotok"]))], "seed": row["seed"]}
        | {f"{label}, {when}": row[when][key] for key, label in SCORES.items() for when in ("before", "after")}
        | {"seconds a step": row["seconds"], "GiB": row["bytes"] / 2**30}
        for row in rows
    ]


def by_variant(rows: Sequence[Row], path: str = "U") -> dict[str, dict[int, float]]:
    """A score by variant and seed, of rows of the reported sizes; variants without a row are left out.

    rows: as `sweep` returns them, with their arguments.
    path: keys of the row, joined by "/".
    """
    found: dict[str, dict[int, float]] = {}
    for name, (through, options) in VARIANTS.items():
        for row in rows:
            alike = (row["through"], row["infotok"]) == (through, options)
            if alike and all(row[key] == value for key, value in SIZES.items()):
                found.setdefault(name, {})[row["seed"]] = float(score(row, path))
    return found


def differences(rows: Sequence[Row], path: str = "U") -> dict[str, list[float] | None]:
    """[low, mean, high, seeds] of each of `PAIRS`, paired by seed, Student's 95 %; None for fewer than two seeds.

    rows, path: as in `by_variant`.
    """
    scores = by_variant(rows, path)
    found = {}
    for a, b in PAIRS:
        both = sorted(scores.get(a, {}).keys() & scores.get(b, {}).keys())
        found[f"{a} − {b}"] = interval({seed: scores[a][seed] - scores[b][seed] for seed in both})
    return found


def levels(rows: Sequence[Row]) -> list[Row]:
    """The table of means over seeds, a line for each variant that was run.

    rows: as `sweep` returns them, with their arguments.
    """
    columns = {label: by_variant(rows, path) for label, path in MEANS.items()}
    return [
        {"variant": name, "seeds": len(columns["accuracy"][name])}
        | {label: float(np.mean([*found[name].values()])) for label, found in columns.items()}
        for name in columns["accuracy"]
    ]


def floor(rows: Sequence[Row]) -> float:
    """The mean accuracy of the best guesses without an image.

    rows: as `sweep` returns them, with their arguments.
    """
    return float(np.mean([row["question_only"] for row in rows]))


def keep_runs(path: Path, rows: Sequence[Row], package: str) -> list[Row]:
    """Add rows to the committed file, in the place of those with the same arguments; returns all of them.

    path: of cells.json. rows: as `sweep` returns them. package: digest of the sources that made them.
    """
    kept = {_key(row): row for row in read_runs(path)} | {_key(row): {**row, "package": package} for row in rows}
    ordered = [kept[key] for key in sorted(kept)]
    write_rows(path, ordered, COMMAND)
    return ordered


def read_runs(path: Path) -> list[Row]:
    """The committed rows; [] where there is no file yet.

    path: of cells.json.
    """
    return load(path) if path.exists() else []


def _key(row: Row) -> tuple[Any, ...]:
    place = [*VARIANTS.values()].index((row["through"], row["infotok"]))
    return row["seed"], place, *(row[name] for name in SIZES)
