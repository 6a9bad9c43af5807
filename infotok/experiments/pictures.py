"""The plan of lesson 14: baseline and InfoTok on scenes of emoji drawn by people, in the three hosts.

    rows = sweep(train_and_score, runs(), cache=record.cells)       # the reported runs: hours
    found = compared(Runs(rows))
    found.table("32 objects")                                       # as `lab.plots.headline.forest` takes it

Weights are those chosen on ShapesWorld; nothing was tuned on emoji. Runs are longer: 300 + 700 steps. The
autoregressive host has every number of objects, the others 32 objects.

A second study has photographs of clothing in place of emoji, in three hosts (`photograph_runs`). A third gives InfoTok
the caption as a sentence embedding in place of 0/1 attributes, with a weight of its own:

    trials = sweep(train_and_score, sentence_trials(), cache=folder)         # three weights on the tuning seed
    rows = sweep(train_and_score, sentence_runs(weight), cache=folder)
    against_attributes(Runs([*load(cells), *rows]), weight).rows("sentence embeddings")
"""

import itertools
from collections.abc import Container, Sequence
from typing import Any

import numpy as np

from infotok.errors import require_int
from infotok.experiments.comparisons import Comparisons, interval, words
from infotok.experiments.plan import FRESH_SEEDS, REPORTED_SEEDS, TUNING_SEED
from infotok.experiments.results import Runs, differences, score
from infotok.experiments.variants import BASELINE, DECODER, HOSTS, HSIC, decoder, options

__all__ = [
    "COMMAND",
    "HOST",
    "KEPT_MODELS",
    "OBJECTS",
    "PHOTOGRAPHS",
    "PHOTOGRAPH_SEEDS",
    "SENTENCES",
    "SENTENCE_SEEDS",
    "SENTENCE_WEIGHTS",
    "SIZES",
    "VARIANTS",
    "against_attributes",
    "compared",
    "fresh_runs",
    "levels",
    "made_here",
    "photograph_runs",
    "runs",
    "sentence_runs",
    "sentence_trials",
    "sentence_variant",
]

HOST = "autoregressive"
VARIANTS = (BASELINE, DECODER, HSIC)
PAIR = VARIANTS[:2]  # what the other studies run
SIZES = {"tokenizer_steps": 300, "steps": 700, "layers": 2, "nuisance": 0.5, "jitter": 1, "held_out": 256}
OBJECTS = {32: REPORTED_SEEDS, 96: REPORTED_SEEDS[:3]}  # how many emoji, and on which seeds
KEPT_MODELS = {BASELINE: "baseline", DECODER: "decoder"}  # of the first seed, committed in half precision
MEANS = {  # columns of the table of means, and where a row has them
    "U": "U",
    "G": "G",
    "question only": "scores/question_only/mean",
    "objects drawn": "scores/generations/present",
    "objects reconstructed": "scores/reconstructions/present",
    "U, unseen scenes": "novel/U",
    "G, unseen scenes": "novel/G",
}
SENTENCES = "decoder, sentence embeddings"  # the decoder bound, of 384 real numbers in place of 0/1 attributes
SENTENCE_WEIGHTS = (0.3, 1.0, 3.0)  # tried on the tuning seed
SENTENCE_SEEDS = range(20, 24)
PHOTOGRAPHS = {"photographs": True}  # scenes of clothes in place of emoji, at the same sizes
PHOTOGRAPH_SEEDS = REPORTED_SEEDS[:4]
COMMAND = "infotok run 14_real_pictures --profile full -p keep=true"


def runs(folder: str = "") -> list[dict[str, Any]]:
    """The reported runs, as arguments of `train_and_score`. `folder`: where the models are saved; "" saves none."""
    found = [
        _run(variant, seed, objects) for objects, seeds in OBJECTS.items() for seed in seeds for variant in VARIANTS
    ]
    found += [_run(name, seed, 32, host) for host in HOSTS if host != HOST for seed in OBJECTS[32] for name in VARIANTS]
    for run, variant in zip(found, VARIANTS, strict=False):  # the first seed of the first number of objects
        if folder and variant in KEPT_MODELS:
            run["folder"] = f"{folder}/{KEPT_MODELS[variant]}"
    return found


def fresh_runs(seed: int, seeds: int, objects: int, **sizes: int) -> list[dict[str, Any]]:
    """Runs of every variant on seeds that no reported run has: FRESH_SEEDS + seed, and the next.

    seed: 0 or above, added to FRESH_SEEDS.
    seeds: how many, one or more.
    objects: as in `OpenMojiWorld`.
    sizes: in place of those of `SIZES`.
    """
    require_int("seed", seed, 0, 2**30), require_int("seeds", seeds, 1, 2**16)
    first = FRESH_SEEDS + seed
    return [_run(variant, each, objects) | sizes for each in range(first, first + seeds) for variant in VARIANTS]


def photograph_runs() -> list[dict[str, Any]]:
    """The runs on scenes of photographs: baseline and decoder bound in each host, HSIC in the autoregressive one."""
    settings = SIZES | PHOTOGRAPHS
    return [
        {"host": host, "variant": options(host, variant), "seed": seed, **settings}
        for host in HOSTS
        for seed in PHOTOGRAPH_SEEDS
        for variant in (VARIANTS if host == HOST else PAIR)
    ]


def sentence_variant(weight: float) -> dict[str, Any]:
    """Options of the decoder bound on sentence embeddings, which are directions. `weight`: of consistency."""
    return decoder(weight) | {"likelihood": "cosine"}


def sentence_trials() -> list[dict[str, Any]]:
    """The runs on the tuning seed that chose the weight of `SENTENCES`."""
    return [_of_sentences(weight, TUNING_SEED) for weight in SENTENCE_WEIGHTS]


def sentence_runs(weight: float) -> list[dict[str, Any]]:
    """The runs of `SENTENCES` on `SENTENCE_SEEDS`; those on attributes are `runs`'. `weight`: chosen by the trials."""
    return [_of_sentences(weight, seed) for seed in SENTENCE_SEEDS]


def against_attributes(found: Runs, weight: float) -> Comparisons:
    """The decoder bound on sentence embeddings minus that on attributes: the question "sentence embeddings"."""
    made = Comparisons(found, [HOST], own={SENTENCES: sentence_variant(weight)})
    attributes = SIZES | {"objects": 32}
    made.compare(
        "sentence embeddings",
        SENTENCES,
        DECODER,
        settings=attributes | {"sentences": True},
        against=attributes,
        seeds=SENTENCE_SEEDS,
    )
    return made


def compared(found: Runs) -> Comparisons:
    """Each variant minus the baseline: a question for every number of objects, as "32 objects", and "photographs".

    found: finished runs.
    """
    made = Comparisons(found, HOSTS)
    for objects, seeds in OBJECTS.items():
        for variant in VARIANTS[1:]:
            made.compare(f"{objects} objects", variant, settings=SIZES | {"objects": objects}, seeds=seeds)
    for variant, hosts in ((DECODER, HOSTS), (HSIC, [HOST])):
        made.compare("photographs", variant, hosts=hosts, settings=SIZES | PHOTOGRAPHS, seeds=PHOTOGRAPH_SEEDS)
    return made


def levels(found: Runs) -> list[dict[str, Any]]:
    """The table of means over seeds: a line for every number of objects, or photographs, host and variant.

    found: finished runs.
    """
    worlds: list[tuple[Any, dict[str, Any], Container[int]]] = [
        (objects, {"objects": objects}, seeds) for objects, seeds in OBJECTS.items()
    ]
    lines = []
    for name, settings, seeds in [*worlds, ("photographs", PHOTOGRAPHS, PHOTOGRAPH_SEEDS)]:
        for host, variant in itertools.product(HOSTS, VARIANTS):
            rows = found.find(host, options(host, variant), **SIZES | settings)
            rows = [row for seed, row in rows.items() if seed in seeds]
            line = {"objects": name, "host": host, "variant": variant, "seeds": len(rows)}
            means = {label: float(np.mean([score(row, path) for row in rows])) for label, path in MEANS.items() if rows}
            lines.append(line | means)
    return [line for line in lines if line["seeds"]]


def made_here(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The table of fresh runs: a line for each variant with its means over seeds, and what it adds to the baseline.

    rows: finished runs of `fresh_runs`.
    """
    asked = {name: options(HOST, name) for name in VARIANTS}
    by_variant = {name: {row["seed"]: row for row in rows if row["variant"] == asked[name]} for name in asked}
    lines = []
    for name, found in by_variant.items():
        line = {"variant": name, "seeds": len(found)}
        line |= {label: float(np.mean([score(row, path) for row in found.values()])) for label, path in MEANS.items()}
        for side in ("U", "G"):
            added = interval(differences(found, by_variant[BASELINE], side))
            line[f"{side} − baseline"] = "" if name == BASELINE else words(added) if added else "one seed"
        lines.append(line)
    return lines


def _of_sentences(weight: float, seed: int) -> dict[str, Any]:
    return _run(DECODER, seed, 32) | {"variant": sentence_variant(weight), "sentences": True}


def _run(variant: str, seed: int, objects: int, host: str = HOST) -> dict[str, Any]:
    return {"host": host, "variant": options(host, variant), "seed": seed, "objects": objects, **SIZES}
