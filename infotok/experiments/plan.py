"""The plan of the main experiment: seeds, sizes, trials, and the studies with their grids of runs.

    runs(["headline"])                            # every run of the study: arguments of `train_and_score`
    fresh_runs(seed=0, seeds=1)                   # the headline's variants on seeds that no reported run has

A *run* is one host with one variant (`variants`) and one seed, trained and scored. A *study* is a set of runs that
answers one question: an ablation study leaves terms out, others vary one thing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from infotok.errors import require, require_choice, require_int
from infotok.experiments.variants import (
    BASELINE,
    BOUNDS,
    CONTROLS,
    CRITICS,
    DECISIVE,
    DECODER,
    DOSES,
    EARLIER,
    EARLIER_ESTIMATORS,
    EXCHANGES,
    HEADLINE,
    HOST_PRIOR,
    HOSTS,
    HSIC,
    IN_ALL_HOSTS,
    NO_RAMP,
    RAMPED,
    RATE_VARIANTS,
    VARIATIONAL,
    WEIGHTS,
    ablations,
    decoder,
    frontier,
    options,
    rate_of,
    variants_of,
)
from infotok.files import to_json

__all__ = ["STUDIES", "check_kept", "fresh_runs", "grid", "longer", "runs", "trials", "unique"]

USUAL = {"tokenizer_steps": 200, "steps": 500, "layers": 2, "nuisance": 0.8, "held_out": 256}  # of the reported runs
SHORT = USUAL | {"steps": 300}  # what a laptop repeats
TUNING_SEED = 101  # of the trials that decided
TUNING_SEEDS = frozenset({*range(5), *range(100, 110)})  # sizes and weights were chosen on these; none is reported
REPORTED_SEEDS = range(20, 28)  # of the headline and of the comparison of bounds
CONFIRMING_SEEDS = range(40, 48)  # on which the rate against the host's prediction is judged again
THIRD_SEEDS = range(60, 68)  # and once more
EARLIER_SEEDS = range(5, 13)  # of version 0.1's studies
SEARCH_SEEDS, FOLLOW_UP_SEEDS = range(5, 7), range(7, 12)  # of the regimes; what the first two find, the others judge
FRESH_SEEDS = 1000  # the first seed of runs that repeat reported ones

MORE_TOGETHER = {"tokenizer_steps": 60, "steps": 640}  # 700 steps as usual, more of them train everything
REGIMES = {  # what is explained by the text x what is needed to draw; then scarcer, stronger, fewer, shifted, longer
    "no jitter": {},
    "jitter, not named": {"jitter": 2},
    "jitter, named": {"jitter": 2, "named": True},
    "3 bits per token": {"bits": 3},
    "nuisance 1": {"nuisance": 1.0},
    "2000 images": {"images": 2000},
    "nuisance shifts to 1": {"shift": 1.0},
    "twice the steps": {"tokenizer_steps": 400, "steps": 1000},
}
FOLLOWED = "nuisance 1"  # where a rate term looked best on the first two seeds
SCALES = (  # times the chosen weights
    {"consistency": 0.3},
    {"consistency": 3},
    {"compression": 0},
    {"compression": 10},
)
KEPT_MODELS = {BASELINE: "baseline", HSIC: "hsic"}  # variants of which a model of each host is committed
KEPT_SEED = 5
COMMAND = "infotok run 11_infotok 12_ablations 13_rate_and_utility --profile full -p keep=true"  # makes them all again
WEAK = {"one layer": {"layers": 1}, "half as wide": {"hidden": 32}, "few steps": {"steps": 200}}  # learners
WEAK_VARIANTS = (BASELINE, DECODER, "decoder + 0.01 text", "decoder + 0.01 host")
NARROW = "half as wide"  # where four seeds found a gain of both sides by the rate against the host's prediction
CONTINUOUS_RATES = ("decoder + 0.01 host", "decoder + 0.003 text")  # the second freed most nats there at equal scores
HEAVIER = {"consistency": 3}  # times the weight of relevance: does it do what the rate does?
SCARCE = {"bits": 4, "nuisance": 1.0}  # where nothing is at its ceiling
SCARCE_VARIANTS = (BASELINE, DECODER, "decoder + 0.001 text", "decoder + 0.01 text", "decoder + 0.01 host", HSIC)
WIDER = {"hidden": 80}  # a baseline with as many parameters as any variant has in training
STUDIES = ("headline", "short", "bounds", "host prior", "no ramp", "confirmation", "critics", "doses", "frontier",
           "scarce", "curves", "weak", "narrow", "wider", "models", "tuning", "version 0.1",
           "trajectories", "length", "ablations", "weights", "budgets", "nuisance", "regimes")  # fmt: skip


def trials(host: str) -> list[dict[str, Any]]:
    """The variants tried on the tuning seed: three each or more; of the bilinear decoder until the best is inside."""
    estimators = [variants_of(host)[name] for name in EARLIER_ESTIMATORS]
    weights = {"infonce": (1.0, 3.0, 10.0) if host == "masked" else (0.3, 1.0, 3.0), "hsic": (0.3, 1.0, 3.0)}
    cosine = {host: (0.3, 1.0, 3.0) for host in HOSTS}
    bilinear = {
        "autoregressive": (0.3, 1.0, 3.0),
        "masked": (0.1, 0.3, 1.0, 3.0),
        "continuous": (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
    }
    tried = [{"l2": 10.0}, {}, {"l2": 50.0}]
    for variant, grid in zip(estimators, weights.values(), strict=True):
        tried += [variant | {"consistency": weight} for weight in grid]
    tried += [decoder(weight, "bilinear") for weight in bilinear[host]]
    tried += [decoder(weight) for weight in cosine[host]]
    weight = WEIGHTS[host]["decoder"]
    tried += [decoder(weight) | rate_of(host, exchange * weight) for exchange in EXCHANGES]
    ramped = EXCHANGES if host == "continuous" else RAMPED
    by_host = [decoder(weight) | rate_of(host, exchange * weight, "host") for exchange in ramped]
    at_once = [decoder(weight) | rate_of(host, exchange * weight, "host") | {"ramp": 0.0} for exchange in EXCHANGES]
    return tried + by_host + at_once


def longer(times: int) -> dict[str, int]:
    """Sizes of a run that trains so many times as long as the usual one."""
    return {name: times * USUAL[name] for name in ("tokenizer_steps", "steps")}


def grid(
    names: Sequence[str],
    seeds: Sequence[int],
    hosts: Sequence[str] = HOSTS,
    scale: dict[str, float] | None = None,
    **settings: Any,
) -> list[dict[str, Any]]:
    """Runs of some variants in some hosts on some seeds, of the usual sizes but for what `settings` says."""
    return [
        {"host": host, "variant": options(host, name, scale), "seed": seed, **USUAL, **settings}
        for seed in seeds
        for host in hosts
        for name in names
    ]


def runs(studies: Sequence[str], folder: str = "") -> list[dict[str, Any]]:
    """The reported runs of some `studies`, each once. `folder` is where the study "models" keeps its models."""
    for study in studies:
        require_choice("studies", study, STUDIES)
    require("models" not in studies or folder, "studies", "models", "a folder for its models")
    return unique([run for study in studies for run in _STUDIES[study](folder)])


def check_kept(studies: Sequence[str], keep: bool) -> None:
    """Refuse, in one line, a request to keep runs that are not reported ones, or to make models and not keep them.

    studies: those asked for. keep: whether to keep their runs.
    """
    require(studies or not keep, "keep", keep, "False without studies: runs of fresh seeds are not reported")
    require(keep or "models" not in studies, "studies", list(studies), "no models without keep: they are committed")


def unique(planned: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same runs in the same order, each once."""
    return list({to_json(run): run for run in planned}.values())


def fresh_runs(
    seed: int,
    seeds: int,
    hosts: Sequence[str] = HOSTS,
    own: Mapping[str, dict[str, Any]] | None = None,
    **sizes: int | float,
) -> list[dict[str, Any]]:
    """The headline's variants on seeds that no reported run and no trial has: FRESH_SEEDS + seed, and the next.

    seed: 0 or above, added to FRESH_SEEDS.
    seeds: how many, one or more.
    hosts: one or more, each once.
    own: options of more variants by name, which get the same seeds.
    sizes: in place of those of `USUAL`.
    """
    require_int("seed", seed, 0, 2**30), require_int("seeds", seeds, 1, 2**16)
    for host in hosts:
        require_choice("hosts", host, HOSTS)
    require(hosts and len(set(hosts)) == len(hosts), "hosts", list(hosts), "one host or more, each once")
    taken = sorted(set(own or {}) & {*variants_of("masked"), *frontier("masked")})
    require(not taken, "variants", taken, "names that the plan does not have")
    first = FRESH_SEEDS + seed
    found = grid(HEADLINE, range(first, first + seeds), hosts, **sizes)
    return found + [
        {"host": host, "variant": dict(each), "seed": first + i, **USUAL, **sizes}
        for each in (own or {}).values()
        for i in range(seeds)
        for host in hosts
    ]


def _models(folder: str) -> list[dict[str, Any]]:
    return [
        run | {"folder": f"{folder}/{run['host']}-{name}"}
        for variant, name in KEPT_MODELS.items()
        for run in grid([variant], [KEPT_SEED])
    ]


def _tuning(_: str) -> list[dict[str, Any]]:
    return [{"host": host, "variant": tried, "seed": TUNING_SEED, **USUAL} for host in HOSTS for tried in trials(host)]


def _ablations(_: str) -> list[dict[str, Any]]:
    others = [name for name in (*ablations(), *CONTROLS) if name not in (*IN_ALL_HOSTS, *DECISIVE, EARLIER)]
    some, few = EARLIER_SEEDS[:5], EARLIER_SEEDS[:2]
    found = grid(DECISIVE, some) + grid(IN_ALL_HOSTS, few) + grid(others, few, HOSTS[:1])
    return found + grid([BASELINE], few, **MORE_TOGETHER)


def _length(_: str) -> list[dict[str, Any]]:
    few, one, others = EARLIER_SEEDS[:2], HOSTS[:1], HOSTS[1:]
    found = [run for times in (2, 4) for run in grid((BASELINE, *EARLIER_ESTIMATORS), few, one, **longer(times))]
    return found + grid([BASELINE], few, others, **longer(4))


def _curves(_: str) -> list[dict[str, Any]]:
    among, times = (BASELINE, DECODER, VARIATIONAL), (2, 4)
    found = grid(among, REPORTED_SEEDS, HOSTS[:1], **longer(2))
    found += grid(among, REPORTED_SEEDS[:3], HOSTS[:1], **longer(4))
    found += grid(among[:2], REPORTED_SEEDS[3:], HOSTS[:1], **longer(4))
    found += [run for each in times for run in grid(among[:2], REPORTED_SEEDS, HOSTS[1:], **longer(each))]
    return found + grid(among[1:], EARLIER_SEEDS[:2], HOSTS[1:], **longer(4))  # whose baselines `length` has


def _regimes(_: str) -> list[dict[str, Any]]:
    found = [run for settings in REGIMES.values() for run in grid(RATE_VARIANTS, SEARCH_SEEDS, HOSTS[:1], **settings)]
    return found + grid(RATE_VARIANTS[:2], FOLLOW_UP_SEEDS, HOSTS[:1], **REGIMES[FOLLOWED])


def _dial(name: str, values: Sequence[float]) -> Any:
    few, among = EARLIER_SEEDS[:2], (BASELINE, *EARLIER_ESTIMATORS)
    return lambda _: [run for value in values for run in grid(among, few, HOSTS[:1], **{name: value})]


_STUDIES = {
    "headline": lambda _: grid(HEADLINE, REPORTED_SEEDS),
    "short": lambda _: grid((*HEADLINE, EARLIER), EARLIER_SEEDS, **SHORT),
    "bounds": lambda _: grid(BOUNDS, REPORTED_SEEDS),
    "host prior": lambda _: grid([HOST_PRIOR], REPORTED_SEEDS),
    "no ramp": lambda _: grid([NO_RAMP], REPORTED_SEEDS[:3], HOSTS[:2]),
    "confirmation": lambda _: (
        grid((BASELINE, DECODER, HOST_PRIOR), CONFIRMING_SEEDS) + grid((DECODER, HOST_PRIOR), THIRD_SEEDS)
    ),
    "critics": lambda _: grid(CRITICS, REPORTED_SEEDS[:4]),
    "doses": lambda _: grid(DOSES, REPORTED_SEEDS[:4], HOSTS[:1]),
    "frontier": lambda _: [run for host in HOSTS for run in grid(tuple(frontier(host)), REPORTED_SEEDS[:5], [host])],
    "scarce": lambda _: grid(SCARCE_VARIANTS, REPORTED_SEEDS[:5], HOSTS[:1], **SCARCE),
    "curves": _curves,
    "weak": lambda _: [
        run for each in WEAK.values() for run in grid(WEAK_VARIANTS, REPORTED_SEEDS[:4], HOSTS[:1], **each)
    ],
    "narrow": lambda _: (
        grid((BASELINE, DECODER, "decoder + 0.01 host"), CONFIRMING_SEEDS, HOSTS[:1], **WEAK[NARROW])
        + grid([DECODER], CONFIRMING_SEEDS, HOSTS[:1], HEAVIER, **WEAK[NARROW])
        + grid((DECODER, "decoder + 0.01 host"), CONFIRMING_SEEDS, ["masked"], **WEAK[NARROW])
        + grid((BASELINE, DECODER, *CONTINUOUS_RATES), CONFIRMING_SEEDS, ["continuous"], **WEAK[NARROW])
    ),
    "wider": lambda _: grid([BASELINE], REPORTED_SEEDS[:4], **WIDER),
    "models": _models,
    "tuning": _tuning,
    "version 0.1": lambda _: grid((BASELINE, *EARLIER_ESTIMATORS), EARLIER_SEEDS),
    "trajectories": lambda _: grid((BASELINE, *EARLIER_ESTIMATORS), EARLIER_SEEDS[:1], evaluations=4),
    "length": _length,
    "ablations": _ablations,
    "weights": lambda _: [
        run for scale in SCALES for run in grid(EARLIER_ESTIMATORS, EARLIER_SEEDS[:2], HOSTS[:1], scale)
    ],
    "budgets": _dial("bits", (4, 8)),
    "nuisance": _dial("nuisance", (0.0, 0.5)),
    "regimes": _regimes,
}
