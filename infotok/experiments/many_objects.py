"""What limits drawings of many emoji: the study of lesson 14 on offsets, training and bits.

    rows = sweep(train_and_score, runs(), cache=record.cells)       # the reported runs: hours
    table(Runs(rows))                           # means and paired differences, a line for each setting
    along(Runs(rows))                           # scores by seed, as `lab.plots.pictures.settings` takes them

Objects of `OpenMojiWorld` stand up to one pixel off the centre of their cell, which no caption says. Each setting
changes one to three things in the runs of `pictures`: whether objects have these offsets, the number of objects, the
training, the bits of a code. At one of them, where no score is at its ceiling, a rate is added to the decoder bound:

    rated(Runs(rows))                           # scores and bits of each rate, and what it changes
"""

import math
from collections.abc import Container
from typing import Any

import numpy as np

from infotok.experiments.comparisons import interval, words
from infotok.experiments.pictures import HOST, PAIR, SIZES
from infotok.experiments.plan import REPORTED_SEEDS, unique
from infotok.experiments.results import Row, Runs, differences, score
from infotok.experiments.variants import BASELINE, DECODER, options

__all__ = ["RATED", "RATES", "SCORES", "SEEDS", "SETTINGS", "along", "rated", "runs", "table"]

LONGER = {"tokenizer_steps": 900, "steps": 2100}
SETTINGS: dict[str, dict[str, Any]] = {
    "32 objects": {"objects": 32},
    "32, no offsets": {"objects": 32, "jitter": 0},
    "96 objects": {"objects": 96},
    "96, no offsets": {"objects": 96, "jitter": 0},
    "96, 8 bits per token": {"objects": 96, "bits": 8},
    "96, three times the training": {"objects": 96, **LONGER},
    "316 objects": {"objects": 316},
    "316, no offsets, three times the training": {"objects": 316, "jitter": 0, **LONGER},
}
SEEDS = REPORTED_SEEDS[:3]
RATED = "96, no offsets"
RATES = ("decoder + 0.01 text", "decoder + 0.01 host")  # 0.01 nats of text for a nat of rate, against each prior
FOLLOWED = (DECODER, RATES[1])  # run on eight seeds, since on the first two the rate drew more objects
BITS = "bits"
SCORES = {
    "understanding U": "U",
    "share of objects reconstructed": "scores/reconstructions/present",
    "share of objects drawn": "scores/generations/present",
}
COLUMNS = dict(zip(("U", "reconstructed", "drawn"), SCORES.values(), strict=True))  # of tables


def runs() -> list[dict[str, Any]]:
    """The reported runs, as arguments of `train_and_score`."""
    asked = [(settings, PAIR, SEEDS) for settings in SETTINGS.values()]
    asked += [(SETTINGS[RATED], RATES, SEEDS), (SETTINGS[RATED], FOLLOWED, REPORTED_SEEDS)]
    return unique([
        {"host": HOST, "variant": options(HOST, name), "seed": seed, **SIZES, **settings}
        for settings, names, seeds in asked
        for seed in seeds
        for name in names
    ])  # fmt: skip


def along(found: Runs) -> dict[str, dict[str, list[list[float]]]]:
    """{score: {variant: [[a value per seed], a list per setting]}}; an empty list is a setting without runs.

    found: finished runs.
    """
    rows = {name: [_rows(found, name, settings) for settings in SETTINGS.values()] for name in PAIR}
    return {
        label: {name: [[score(row, path) for row in each.values()] for each in rows[name]] for name in PAIR}
        for label, path in SCORES.items()
    }


def table(found: Runs) -> list[dict[str, Any]]:
    """A line for each setting: means of both variants, and their difference, over the seeds that both have.

    found: finished runs.
    """
    lines = []
    for label, settings in SETTINGS.items():
        baseline, decoder = (_rows(found, name, settings) for name in (BASELINE, DECODER))
        both = baseline.keys() & decoder.keys()
        if not both:
            continue
        line: dict[str, Any] = {"setting": label, "seeds": len(both)}
        for name, path in COLUMNS.items():
            means = [float(np.mean([score(rows[seed], path) for seed in both])) for rows in (baseline, decoder)]
            line[name] = f"{means[0]:.2f} to {means[1]:.2f}"
            line[f"{name}, difference"] = words(interval(differences(decoder, baseline, path)))
        lines.append(line)
    return lines


def rated(found: Runs) -> list[dict[str, Any]]:
    """A line for the decoder bound and each rate beside it: means, and differences from it paired by seed.

    found: finished runs.

    "bits" is the host's cross-entropy of an image's codes, in bits.
    """
    paths = COLUMNS | {BITS: "rates/cross_entropy"}
    alone, lines = _rows(found, DECODER, SETTINGS[RATED], REPORTED_SEEDS), []
    for name in (DECODER, *RATES):
        rows = _rows(found, name, SETTINGS[RATED], REPORTED_SEEDS)
        line: dict[str, Any] = {"variant": name, "seeds": len(rows)}
        for label, path in paths.items() if rows else ():
            unit = 1 / math.log(2) if label == BITS else 1.0
            line[label] = unit * float(np.mean([score(row, path) for row in rows.values()]))
            line[f"{label}, difference"] = ""
            if name != DECODER:
                pairs = differences(rows, alone, path)
                line[f"{label}, difference"] = words(interval({seed: unit * each for seed, each in pairs.items()}))
        lines.append(line)
    return [line for line in lines if line["seeds"]]


def _rows(found: Runs, variant: str, settings: dict[str, Any], seeds: Container[int] = SEEDS) -> dict[int, Row]:
    rows = found.find(HOST, options(HOST, variant), **SIZES | settings)
    return {seed: row for seed, row in rows.items() if seed in seeds}
