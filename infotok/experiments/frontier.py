"""The frontier of rate and utility: what tokens take and what a host does with them, along a rate term's weight.

    found = points(runs, "masked")                     # {line: [{"weight", "variant", "nats", "U", "G", "seeds"}, ...]}
    keep_drawings(folder / "frontier.json", rows)      # first prompts of one seed, to look at
    drawings(folder / "frontier.json", "masked", options("masked", "decoder"))

A *line* is one consistency term and one prior, its points the weights of the rate term, from none to the heaviest. The
nats are those that an image's tokens take given its caption: the host's cross-entropy of codes, or the bound on
I(X;Z|T) of continuous tokens.
"""

import json
import math
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from infotok.experiments.comparisons import FEW, Comparisons, interval, words
from infotok.experiments.plan import REPORTED_SEEDS
from infotok.experiments.rate_questions import WITHOUT_RATE
from infotok.experiments.results import Row, Runs, score
from infotok.experiments.variants import (
    BOUNDS,
    DECODER,
    ESTIMATORS,
    HOST_PRIOR,
    HOSTS,
    HSIC,
    HSIC_ALONE,
    HSIC_RATES,
    RATE_WEIGHTS,
    RATES,
    options,
)
from infotok.files import read_json, to_json, write_atomically

__all__ = ["LINES", "NATS", "drawings", "keep_drawings", "levels", "points", "savings", "spent"]

NATS = {"autoregressive": "cross_entropy", "masked": "cross_entropy", "continuous": "rate_text"}  # among the rates
LINES = {  # by name, the variant at each weight: nats of text for a nat of rate, or the weight of nHSIC
    f"decoder, {prior} prior": {0.0: DECODER} | {weight: f"decoder + {weight:g} {prior}" for weight in weights}
    for prior, weights in RATES.items()
} | {
    "HSIC": dict(
        sorted(({0.0: HSIC_ALONE, RATE_WEIGHTS["hsic"]: HSIC} | {w: f"HSIC + {w:g}" for w in HSIC_RATES}).items())
    )
}
KEPT = ("prompts", "drawn", "followed")  # of a row


def points(runs: Runs, host: str) -> dict[str, list[dict[str, Any]]]:
    """The points of each line that was run in one host, means over the reported seeds that all of its points have.

    Returns {line: [{"weight", "variant", "nats", "U", "G", "seeds"}]}; a line needs a point with a rate term, and three
    seeds.

    runs: finished runs. host: one of `HOSTS`.
    """
    found, path = {}, f"rates/{NATS[host]}"
    for line, named in LINES.items():
        rows = {
            weight: {
                seed: row for seed, row in runs.find(host, options(host, variant)).items() if seed in REPORTED_SEEDS
            }
            for weight, variant in named.items()
        }
        rows = {weight: by_seed for weight, by_seed in rows.items() if len(by_seed) >= FEW}
        shared = set.intersection(*map(set, rows.values())) if rows else set()
        shared = {seed for seed in shared if all(score(by_seed[seed], path) is not None for by_seed in rows.values())}
        if len(shared) >= FEW and max(rows) > 0:
            found[line] = [
                {"weight": weight, "variant": named[weight], "seeds": len(shared)}
                | {
                    name: float(np.mean([score(by_seed[seed], each) for seed in shared]))
                    for name, each in {"nats": path, "U": "U", "G": "G"}.items()
                }
                for weight, by_seed in rows.items()
            ]
    return found


def savings(found: Comparisons, variant: str, seeds: Container[int] = REPORTED_SEEDS) -> list[dict[str, str]]:
    """What the rate term of a variant saves in each host, beside the same consistency term: a line in words each.

    found: has the runs and the hosts. variant: a key of `WITHOUT_RATE`. seeds: those to compare on.
    Returns {"host", "bits saved per image, given its caption", "U", "G"}: means with 95 % intervals, paired by seed.
    """
    lines = []
    for host in found.hosts:
        other, line = WITHOUT_RATE[variant], {"host": host}
        paths = {"bits saved per image, given its caption": f"rates/{NATS[host]}", "U": "U", "G": "G"}
        for name, path in paths.items():
            factor = 1.0 if name in "UG" else -1 / math.log(2)
            by_seed = found.by_seed(host, variant, other, path, seeds=seeds)
            line[name] = words(interval({seed: factor * value for seed, value in by_seed.items()}))
        lines.append(line)
    return lines


def levels(
    runs: Runs,
    settings: dict[str, dict[str, Any]],
    among: Sequence[str],
    host: str = "autoregressive",
    seeds: Container[int] = REPORTED_SEEDS,
) -> list[dict[str, Any]]:
    """Both sides and the bits of an image's tokens given its caption, means over the seeds: a line each.

    runs: finished runs. host: one of `HOSTS`. seeds: those to take.
    settings: those of the runs, by a name for them.
    among: variants; those without runs are left out.

    Returns {"setting", "variant", "seeds", "U", "G", "bits given the caption"}.
    """
    lines = []
    for name, sizes in settings.items():
        for variant in among:
            found = runs.find(host, options(host, variant), **sizes)
            rows = [row for seed, row in found.items() if seed in seeds]
            paths = {"U": "U", "G": "G", "bits given the caption": f"rates/{NATS[host]}"}
            known = {label: [score(row, path) for row in rows] for label, path in paths.items()}
            line = {"setting": name, "variant": variant, "seeds": len(rows)}
            line |= {label: float(np.mean(values)) for label, values in known.items() if rows and None not in values}
            if "bits given the caption" in line:
                line["bits given the caption"] /= math.log(2)
            lines.append(line)
    return [line for line in lines if line["seeds"]]


def keep_drawings(path: str | Path, rows: Iterable[Row]) -> int:
    """Keep the first prompts' drawings of every point, of the first reported seed's runs; returns how many there are.

    path: of a JSON file, made if it is not there; a run of the same host and variant takes the former one's place.
    rows: finished runs, as `sweep` returns them; those of other settings than the usual ones are left out.
    """
    path = Path(path)
    kept = read_json(path) if path.exists() else {}
    runs, names = Runs(rows), dict.fromkeys(name for named in LINES.values() for name in named.values())
    for host, variant in ((host, options(host, name)) for host in HOSTS for name in names):
        row = runs.find(host, variant).get(REPORTED_SEEDS[0], {})
        if "drawn" in row:
            kept[_key(host, variant)] = {name: row[name] for name in KEPT}
    write_atomically(path, json.dumps(kept, sort_keys=True, indent=0) + "\n")
    return len(kept)


def drawings(path: str | Path, host: str, variant: dict[str, Any]) -> dict[str, Any] | None:
    """{"prompts", "drawn", "followed"} of one `host` and variant; None where nothing was kept.

    path: of the file that `keep_drawings` wrote. variant: its options.
    """
    return read_json(Path(path)).get(_key(host, variant))


def _key(host: str, variant: dict[str, Any]) -> str:
    return f"{host} {to_json(variant)}"


def spent(
    runs: Runs, among: Sequence[str] = (*BOUNDS, *ESTIMATORS, HOST_PRIOR)
) -> dict[str, dict[str, dict[str, list[list[float]]]]]:
    """{side: {host: {variant: [[nats, score], a pair per seed]}}} of the runs whose rates were measured.

    The nats are H(Z|T) by the host's own codes; of continuous tokens an upper bound on I(X;Z|T).

    runs: finished runs. among: variants.
    """
    found: dict[str, dict[str, dict[str, list[list[float]]]]] = {side: {} for side in "UG"}
    for host in HOSTS:
        path = f"rates/{NATS[host]}"
        for variant in among:
            rows = [row for seed, row in runs.find(host, options(host, variant)).items() if seed in REPORTED_SEEDS]
            rows = [row for row in rows if score(row, path) is not None]
            for side in "UG" if rows else "":
                pairs = [[score(row, path), row[side]] for row in rows]
                found[side].setdefault(host, {})[variant] = pairs
    return found
