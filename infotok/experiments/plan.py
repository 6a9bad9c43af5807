"""The plan of the main experiment: hosts, variants, chosen weights, and the studies with their grids of runs.

    variants("masked")["InfoTok HSIC"]            # {"estimator": "hsic", "compression": 0.1, "consistency": 3.0}
    runs(["headline"])                            # every run of the study: arguments of `train_and_score`
    fresh_runs(seed=0, seeds=1)                   # the headline's variants on seeds that no reported run has

A *variant* is what is added to a host: nothing for the baseline, InfoTok's options, or a control. A *run* is one host
with one variant and one seed, trained and scored. A *study* is a set of runs that answers one question: an ablation
study leaves terms out, others vary one thing. The hyperparameters below were chosen on seeds that are not reported.

Baseline: the host with its own losses; sizes in `USUAL`, the rest are defaults of `train_and_score`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from infotok.errors import require, require_choice, require_int
from infotok.files import to_json

__all__ = ["STUDIES", "fresh_runs", "options", "runs", "unique", "variants"]

BASELINE, VARIATIONAL, HSIC = "baseline", "InfoTok variational", "InfoTok HSIC"
ESTIMATORS = (VARIATIONAL, HSIC)
HEADLINE = (BASELINE, *ESTIMATORS)
DECODER, INFONCE, HSIC_ALONE = "decoder", "InfoNCE 32", "HSIC alone"  # consistency without a rate, by each bound
BILINEAR = "decoder, bilinear"  # a linear caption head
EARLIER = "InfoNCE 32 + text prior"  # the variational estimator of version 0.1
EARLIER_ESTIMATORS = (EARLIER, HSIC)
HOSTS = ("autoregressive", "masked", "continuous")
PRIORS = ("standard", "learned", "text", "host")

# Chosen on the tuning seeds: the weight of consistency by each bound and by HSIC; the nats of text that a nat of rate
# may cost beside the decoder bound; and the weight of the squared reconstruction error in a tuned baseline (20 in every
# other variant).
WEIGHTS = {
    "autoregressive": {"infonce": 3.0, "hsic": 1.0, "decoder": 3.0, "bilinear": 1.0, "exchange": 0.001, "l2": 10.0},
    "masked": {"infonce": 3.0, "hsic": 3.0, "decoder": 1.0, "bilinear": 0.3, "exchange": 0.003, "l2": 50.0},
    "continuous": {"infonce": 3.0, "hsic": 3.0, "decoder": 1.0, "bilinear": 0.03, "exchange": 0.001, "l2": 50.0},
}
RATE_WEIGHTS = {"infonce": 1e-3, "hsic": 0.1}  # of a nat, and of nHSIC, beside these two
EXCHANGES = (0.001, 0.003, 0.01)  # tried
NEGATIVES = (256, 2048, 8192)  # texts that InfoNCE compares with, those of earlier batches included

USUAL = {"tokenizer_steps": 200, "steps": 500, "layers": 2, "nuisance": 0.8, "held_out": 256}  # of the reported runs
CODES = 64  # of a token with the usual 6 bits
SHORT = USUAL | {"steps": 300}  # what a laptop repeats
TUNING_SEED = 101  # of the trials that decided
TUNING_SEEDS = frozenset({*range(5), *range(100, 110)})  # sizes and weights were chosen on these; none is reported
REPORTED_SEEDS = range(20, 28)  # of the headline and of the comparison of bounds
EARLIER_SEEDS = range(5, 13)  # of version 0.1's studies
SEARCH_SEEDS, FOLLOW_UP_SEEDS = range(5, 7), range(7, 12)  # of the regimes; what the first two find, the others judge
FRESH_SEEDS = 1000  # the first seed of runs that repeat reported ones

CONTROLS = (
    "tuned baseline",
    BILINEAR,
    "InfoNCE after the quantizer",
    "reconstruction x 2.5",
    "reconstruction / 2",
)
DECISIVE = ("tuned baseline", BILINEAR, INFONCE, HSIC_ALONE)  # five seeds
IN_ALL_HOSTS = ("compression only, HSIC", "InfoNCE 32 + host prior")  # two seeds
RATE_VARIANTS = (INFONCE, EARLIER, "InfoNCE 32 + host prior")  # no rate term, the text prior, the host prior
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
BOUNDS = (BASELINE, INFONCE, "InfoNCE 8192", DECODER, HSIC_ALONE)  # variants that differ in the bound on I(Z;T)
DOSES = ("InfoNCE 256", "InfoNCE 2048", "InfoNCE 8192, pooled", "decoder, pooled", "CRT")
CRITICS = ("InfoNCE 8192, bilinear", BILINEAR)  # beside the cosine critic of both bounds
STUDIES = ("headline", "short", "bounds", "critics", "doses", "models", "tuning", "version 0.1", "trajectories",
           "length", "ablations", "weights", "budgets", "nuisance", "regimes")  # fmt: skip


def variants(host: str) -> dict[str, dict[str, Any]]:
    """Every variant of one host: its name, and the options that `train_and_score` takes as `variant`."""
    require_choice("host", host, HOSTS)
    weight = WEIGHTS[host]
    infonce, by_decoder = {"compression": 0.0, "consistency": weight["infonce"]}, decoder(weight["decoder"])
    rate = {"compression": RATE_WEIGHTS["infonce"]}
    hsic = {"estimator": "hsic", "compression": RATE_WEIGHTS["hsic"], "consistency": weight["hsic"]}
    return {
        BASELINE: {},
        VARIATIONAL: by_decoder | rate_of(host, weight["exchange"] * weight["decoder"]),
        HSIC: hsic,
        # consistency alone, by each bound; then by more or fewer texts, another critic, and tokens averaged over places
        DECODER: by_decoder,
        BILINEAR: decoder(weight["bilinear"], "bilinear"),
        INFONCE: infonce,
        HSIC_ALONE: hsic | {"compression": 0.0},
        **{f"InfoNCE {number}": infonce | {"negatives": number} for number in NEGATIVES},
        "InfoNCE 8192, bilinear": infonce | {"negatives": NEGATIVES[-1], "critic": "bilinear"},
        "InfoNCE 8192, pooled": infonce | {"negatives": NEGATIVES[-1], "length": None},
        "decoder, pooled": by_decoder | {"length": None},
        # other terms alone, and InfoNCE with a rate term of each prior
        "answers only": {"compression": 0.0, "relevance": 1.0},  # I(Z;Y), Y the answers of the batch
        **{f"compression only, {prior}": rate | {"prior": prior} for prior in PRIORS},
        "compression only, HSIC": hsic | {"consistency": 0.0},
        "InfoNCE 32 + noise": infonce | {"compression": 1e-9},  # a rate term's noise without its cost
        **{f"InfoNCE 32 + {prior} prior": infonce | rate | {"prior": prior} for prior in PRIORS},
        # controls and rivals
        "InfoNCE after the quantizer": infonce | {"placement": "after"},  # behind the quantizer, as UniTok aligns
        "CRT": {"crt": 4.0},
        "tuned baseline": {"l2": weight["l2"]},
        "reconstruction x 2.5": {"l2": 50.0},
        "reconstruction / 2": {"l2": 10.0},
    }


def decoder(weight: float, critic: str = "cosine") -> dict[str, Any]:
    """Options of consistency alone by the decoder bound; with the bilinear critic a linear caption head."""
    named = {"bound": "decoder", "compression": 0.0, "consistency": weight}
    return named if critic == "cosine" else named | {"critic": critic}


def rate_of(host: str, weight: float) -> dict[str, Any]:
    """Options of a rate against the text prior: of the codes where a host has them, of Gaussian tokens elsewhere.

    Gaussian tokens keep their own noise: a flow has to draw noise too, so that more of it must not be the way to a low
    rate.
    """
    tokens = {"noise": None, "fixed_noise": True} if host == "continuous" else {"codes": CODES}
    return {"compression": weight, "prior": "text"} | tokens


def options(host: str, name: str, scale: dict[str, float] | None = None) -> dict[str, Any]:
    """The options of one variant. `scale` multiplies InfoTok's weights by name; the baseline stays what it is."""
    named = variants(host)
    require_choice("name", name, named)
    found = named[name]
    if name in (*ESTIMATORS, EARLIER):
        found = found | {term: factor * found[term] for term, factor in (scale or {}).items()}
    return found if found.get("compression") else {key: value for key, value in found.items() if key != "prior"}


def trials(host: str) -> list[dict[str, Any]]:
    """The variants tried on the tuning seed: three each or more, of the bilinear decoder until its best is no edge."""
    estimators = [variants(host)[name] for name in EARLIER_ESTIMATORS]
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
    return tried + [decoder(weight) | rate_of(host, exchange * weight) for exchange in EXCHANGES]


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
    """The reported runs of some studies, each once. `folder` is where the study "models" keeps its models."""
    for study in studies:
        require_choice("studies", study, STUDIES)
    require("models" not in studies or folder, "studies", "models", "a folder for its models")
    return unique([run for study in studies for run in _STUDIES[study](folder)])


def check_kept(studies: Sequence[str], keep: bool) -> None:
    """Refuse, in one line, a request to keep runs that are not reported ones, or to make models and not keep them."""
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

    own: options of more variants by name, which get the same seeds.
    """
    require_int("seed", seed, 0, 2**30), require_int("seeds", seeds, 1, 2**16)
    for host in hosts:
        require_choice("hosts", host, HOSTS)
    require(hosts and len(set(hosts)) == len(hosts), "hosts", list(hosts), "one host or more, each once")
    taken = sorted(set(own or {}) & set(variants("masked")))
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


def ablations() -> list[str]:
    """The variants of version 0.1 that have some of InfoTok's terms, or another prior."""
    named = variants("masked")
    return [INFONCE, HSIC_ALONE, *(name for name in named if "only" in name or name.startswith("InfoNCE 32 +"))]


def _ablations(_: str) -> list[dict[str, Any]]:
    others = [name for name in (*ablations(), *CONTROLS) if name not in (*IN_ALL_HOSTS, *DECISIVE, EARLIER)]
    some, few = EARLIER_SEEDS[:5], EARLIER_SEEDS[:2]
    found = grid(DECISIVE, some) + grid(IN_ALL_HOSTS, few) + grid(others, few, HOSTS[:1])
    return found + grid([BASELINE], few, **MORE_TOGETHER)


def _length(_: str) -> list[dict[str, Any]]:
    few, one, others = EARLIER_SEEDS[:2], HOSTS[:1], HOSTS[1:]
    found = [run for times in (2, 4) for run in grid((BASELINE, *EARLIER_ESTIMATORS), few, one, **longer(times))]
    return found + grid([BASELINE], few, others, **longer(4))


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
    "critics": lambda _: grid(CRITICS, REPORTED_SEEDS[:4]),
    "doses": lambda _: grid(DOSES, REPORTED_SEEDS[:4], HOSTS[:1]),
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
