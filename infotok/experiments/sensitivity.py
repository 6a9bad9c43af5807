"""Sensitivity of both sides to one setting: training, budget, background, or the weight of a term.

values, label, _ = SETTINGS["budget"]                            # (4, 6, 8) bits per token
along(runs, "budget", ["baseline", "InfoTok HSIC"], "masked")    # {"U": {variant: [[a score per seed], ...]}, "G"}
"""

from collections.abc import Sequence
from typing import Any

from infotok.errors import require_choice
from infotok.experiments.plan import longer
from infotok.experiments.results import Row, Runs
from infotok.experiments.variants import HOSTS, HSIC, options

__all__ = ["SETTINGS", "along", "varied"]

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


def at(runs: Runs, host: str, variant: str, settings: dict[str, Any]) -> dict[int, Row]:
    """The runs of one variant at one value of a setting, by seed."""
    named = {name: value for name, value in settings.items() if name != "scale"}
    return runs.find(host, options(host, variant, settings.get("scale")), **named)


def along(runs: Runs, setting: str, among: Sequence[str], host: str) -> dict[str, dict[str, list[list[float]]]]:
    """{side: {variant: [[a score per seed], a list per value]}} along one setting, of the seeds that all have.

    A value at which a variant was not run has an empty list.

    runs: finished runs. setting: a name of `SETTINGS`. among: variants. host: one of `HOSTS`.
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


def varied(runs: Runs, setting: str, hosts: Sequence[str] = HOSTS) -> list[str]:
    """The hosts in which more than one value of a setting was run."""
    return [host for host in hosts if sum(bool(at(runs, host, HSIC, each)) for each in SETTINGS[setting][2]) > 1]
