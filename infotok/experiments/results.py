"""Finished runs: read from a file, found by their settings, compared by seed, kept, and averaged in tables.

    runs = Runs(load(folder / "cells.json"))               # rows: {"host", "variant", "seed", settings, results}
    runs.find("masked", {}, bits=4)                        # {seed: row}; a setting that is not named is as usual
    differences(runs.find("masked", variant), runs.find("masked", {}), "scores/generations/present")  # {seed: a - b}

A row that does not name a setting has its default. Of two rows with the same settings the later one stays.
"""

import inspect
import json
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from infotok.errors import require, require_folder
from infotok.experiments.hosts import train_and_score
from infotok.experiments.plan import COMMAND, REPORTED_SEEDS, TUNING_SEED, TUNING_SEEDS, USUAL, longer
from infotok.experiments.variants import (
    BASELINE,
    EXCHANGES,
    HEADLINE,
    RAMPED,
    RATE_WEIGHTS,
    WEIGHTS,
    decoder,
    options,
    rate_of,
)
from infotok.files import read_json, write_atomically

__all__ = ["Runs", "best_weight", "differences", "keep_runs", "load", "means", "score"]

Row = dict[str, Any]
PICTURES = ("prompts", "drawn", "followed", "answers", "folder")  # of a row; they are not kept
NOT_IN_ALL = ("rates", "G0")  # measured since the study `bounds`, and not in every host
SCORES = {  # columns of the table of means, and where a row has them
    "U": "U",
    "G": "G",
    "present cells drawn": "scores/generations/present",
    "reconstructed": "scores/reconstructions/present",
    "drawn / reconstructed": "scores/generations/present : scores/reconstructions/present",
    "question only": "scores/question_only/mean",
    "U, unseen scenes": "novel/U",
    "G, unseen scenes": "novel/G",
    "PSNR objects / dB": "psnr/foreground",
    "PSNR background / dB": "psnr/background",
    "bits an image": "bits_per_image",
}


def settings_of_a_run() -> dict[str, Any]:
    """Every setting of `train_and_score` with its default, less host, variant, seed and the folder of its model."""
    parameters = inspect.signature(train_and_score).parameters.items()
    return {name: p.default for name, p in parameters if p.default is not p.empty and name != "folder"}


class Runs:
    """Rows of one experiment, found by their settings.

    Args:
        rows: results with their settings; "host", "variant" and "seed" in each.
        defaults: what a row has that does not name a setting; by default those of `train_and_score` at the usual sizes.
    """

    def __init__(self, rows: Iterable[Row], defaults: dict[str, Any] | None = None) -> None:
        self.defaults = settings_of_a_run() | USUAL if defaults is None else defaults
        self._runs: dict[str, dict[int, Row]] = {}  # by settings, then by seed
        for row in rows:
            self._runs.setdefault(self._settings(row), {})[row["seed"]] = row

    def __len__(self) -> int:
        return sum(map(len, self._runs.values()))

    def __contains__(self, run: Row) -> bool:
        return run["seed"] in self._runs.get(self._settings(run), {})

    def rows(self) -> list[Row]:
        """Every row; of two with the same settings and seed the later one."""
        return [row for found in self._runs.values() for row in found.values()]

    def find(self, host: str, variant: dict[str, Any], **settings: Any) -> dict[int, Row]:
        """Rows of one `variant` (its options) and `host`, by seed. KeyError for other `settings` than `defaults`."""
        unknown = sorted(settings.keys() - self.defaults.keys())
        require(not unknown, "settings", unknown, f"some of {', '.join(self.defaults)}", KeyError)
        return self._runs.get(self._settings({"host": host, "variant": variant, **settings}), {})

    def _settings(self, row: Row) -> str:
        named = {name: row.get(name, default) for name, default in self.defaults.items()}
        return json.dumps({"host": row["host"], "variant": row["variant"], **named}, sort_keys=True)


def score(row: Row, path: str) -> float | None:
    """A score of a row by its path, such as "U" or "scores/generations/present"; None where there is none.

    A path "a : b" is the ratio of two.
    """
    if " : " in path:
        above, below = (score(row, part) for part in path.split(" : "))
        return above / below if below else None
    optional = path.split("/")[0] in NOT_IN_ALL
    for part in path.split("/"):
        row = (row or {}).get(part) if optional else row[part]
    return row


def differences(a: dict[int, Row], b: dict[int, Row], path: str) -> dict[int, float]:
    """How much higher a score is in `a` than in `b`, rows by seed, for the seeds that both have."""
    both = {seed: (score(a[seed], path), score(b[seed], path)) for seed in a if seed in b}
    return {seed: x - y for seed, (x, y) in both.items() if x is not None and y is not None}


def load(path: str | Path) -> list[Row]:
    """The rows of a file of runs, `path`. ValueError in one line for a file without any."""
    path = Path(path)
    rows = read_json(path)["rows"] if path.exists() else []
    require(rows, str(path), "no rows", "the reported runs")
    return rows


def keep_runs(path: str | Path, rows: Iterable[Row], package: str, command: str = COMMAND) -> list[Row]:
    """Add finished runs to a file of runs and return all of its rows; a run of the same settings takes its place.

    Args:
        path: the file, made if it is not there.
        rows: finished runs, as `sweep` returns them; trials on the tuning seeds are left out.
        package: a digest of the code that made them.
        command: that makes them again.
    """
    path = Path(path)
    require_folder("path", path.parent)
    known = read_json(path)["rows"] if path.exists() else []
    new = [_slim(row) | {"package": package} for row in rows if row["seed"] not in TUNING_SEEDS]
    kept = Runs([*known, *new]).rows()
    write_rows(path, kept, command)
    return kept


def write_rows(path: Path, rows: Sequence[Row], command: str = COMMAND) -> None:
    """Write a file of runs, one to a line, so that a changed run is a changed line."""
    lines = ",\n".join(json.dumps(row, sort_keys=True, allow_nan=False) for row in rows)
    write_atomically(path, f'{{\n"command": {json.dumps(command)},\n"rows": [\n{lines}\n]\n}}\n')


def means(
    runs: Runs, hosts: Sequence[str], among: Sequence[str] = HEADLINE, seeds: Container[int] = REPORTED_SEEDS
) -> list[Row]:
    """The table of means over seeds of some variants, and of the baseline after four times the training.

    The latter are of `seeds` where it was trained so long on any of them, else of all others.

    runs: finished runs. hosts, among: which hosts and variants. seeds: those to take.
    """
    lines = []
    for host in hosts:
        for variant, times in [*((name, 1) for name in among), (BASELINE, 4)]:
            found = runs.find(host, options(host, variant), **longer(times))
            rows = [row for seed, row in found.items() if seed in seeds] or (list(found.values()) if times > 1 else [])
            known = {label: [score(row, path) for row in rows] for label, path in SCORES.items()}
            known = {label: [value for value in found if value is not None] for label, found in known.items()}
            line = {"host": host, "variant": variant, "training": f"{times} x", "seeds": len(rows)}
            lines.append(line | {label: float(np.mean(found)) for label, found in known.items() if found})
    return [line for line in lines if line["seeds"]]


def best_weight(trials: Iterable[Row], host: str, kind: str) -> float:
    """The weight with the best mean of U and G among the trials on the tuning seed, all at the usual sizes.

    kind: "l2" of a tuned baseline; "decoder", "bilinear" (a decoder too), "infonce" or "hsic" for the weight of
        consistency by it; or "exchange" and "host", the nats of text for a nat of rate beside the decoder bound,
        against the text prior and the host's.
    """
    usual = [row for row in trials if row["seed"] == TUNING_SEED and "note" not in row and row["host"] == host]
    usual = [row for row in usual if all(row.get(name, value) == value for name, value in USUAL.items())]
    if kind == "l2":
        tried = {row["variant"].get("l2", 20.0): row for row in usual if not row["variant"].keys() - {"l2"}}
    elif kind in ("decoder", "bilinear"):
        alike = decoder(0.0, "cosine" if kind == "decoder" else kind)
        alike.pop("consistency")
        tried = {
            row["variant"]["consistency"]: row
            for row in usual
            if {name: value for name, value in row["variant"].items() if name != "consistency"} == alike
        }
    elif kind in ("exchange", "host"):
        weight, prior = WEIGHTS[host]["decoder"], "host" if kind == "host" else "text"
        wanted = {each: decoder(weight) | rate_of(host, each * weight, prior) for each in {*EXCHANGES, *RAMPED}}
        tried = {exchange: row for exchange, variant in wanted.items() for row in usual if row["variant"] == variant}
    else:
        estimator = "hsic" if kind == "hsic" else "variational"
        tried = {
            row["variant"]["consistency"]: row
            for row in usual
            if row["variant"].get("estimator", "variational") == estimator
            and row["variant"].get("bound", kind) == kind
            and row["variant"].get("compression") == RATE_WEIGHTS[kind]
            and row["variant"].get("prior", "text") == "text"
        }
    require(tried, "kind", kind, f"a kind of variant that was tried in the {host} host")
    return max(tried, key=lambda weight: tried[weight]["U"] + tried[weight]["G"])


def _slim(row: Row) -> Row:
    """A row as it is kept: without pictures, four digits of every number but those of its variant."""
    return _short({name: value for name, value in row.items() if name not in PICTURES}) | {"variant": row["variant"]}


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _short(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_short(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
