"""The variants of the main experiment: what is added to a host, by name, and the weights that were chosen.

    variants_of("masked")["InfoTok HSIC"]         # {"estimator": "hsic", "compression": 0.1, "consistency": 3.0}
    options("masked", "decoder")                  # {"bound": "decoder", "compression": 0.0, "consistency": 1.0}

A *variant* is what is added to a host: nothing for the baseline, InfoTok's options, a control or a rival. An *ablation*
leaves terms out. The hyperparameters below were chosen on seeds that are not reported (`plan.trials`).

Baseline: the host with its own losses; sizes in `plan.USUAL`, the rest are defaults of `train_and_score`.
"""

from typing import Any

from infotok.errors import require_choice

__all__ = ["ablations", "decoder", "frontier", "options", "rate_of", "variants_of"]

BASELINE, VARIATIONAL, HSIC = "baseline", "InfoTok variational", "InfoTok HSIC"
ESTIMATORS = (VARIATIONAL, HSIC)
HOST_PRIOR = "InfoTok host prior"  # the decoder bound, and a rate against the host's own prediction of each token
NO_RAMP = "host prior, no ramp"  # its rate has its full weight from the first step
HEADLINE = (BASELINE, *ESTIMATORS)
DECODER, INFONCE, HSIC_ALONE = "decoder", "InfoNCE 32", "HSIC alone"  # consistency without a rate, by each bound
BILINEAR = "decoder, bilinear"  # a linear caption head
EARLIER = "InfoNCE 32 + text prior"  # the variational estimator of version 0.1
EARLIER_ESTIMATORS = (EARLIER, HSIC)
HOSTS = ("autoregressive", "masked", "continuous")
PRIORS = ("standard", "learned", "text", "host")

# Chosen on the tuning seeds: the weight of consistency by each bound and by HSIC; the nats of text that a nat of rate
# may cost beside the decoder bound, against the text prior ("exchange") and the host's ("host"); and the weight of the
# squared reconstruction error in a tuned baseline (20 in every other variant).
WEIGHTS = {
    "autoregressive": {
        "infonce": 3.0,
        "hsic": 1.0,
        "decoder": 3.0,
        "bilinear": 1.0,
        "exchange": 0.001,
        "host": 0.03,
        "l2": 10.0,
    },
    "masked": {
        "infonce": 3.0,
        "hsic": 3.0,
        "decoder": 1.0,
        "bilinear": 0.3,
        "exchange": 0.003,
        "host": 0.01,
        "l2": 50.0,
    },
    "continuous": {
        "infonce": 3.0,
        "hsic": 3.0,
        "decoder": 1.0,
        "bilinear": 0.03,
        "exchange": 0.001,
        "host": 0.001,
        "l2": 50.0,
    },
}
RATE_WEIGHTS = {"infonce": 1e-3, "hsic": 0.1}  # of a nat, and of nHSIC, beside these two
EXCHANGES = (0.001, 0.003, 0.01)  # tried
RAMPED = (0.003, 0.01, 0.03)  # tried with a ramp against the prior of a host with codes
NEGATIVES = (256, 2048, 8192)  # texts that InfoNCE compares with, those of earlier batches included
CODES = 64  # of a token with the usual 6 bits

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
BOUNDS = (BASELINE, INFONCE, "InfoNCE 8192", DECODER, HSIC_ALONE)  # variants that differ in the bound on I(Z;T)
DOSES = ("InfoNCE 256", "InfoNCE 2048", "InfoNCE 8192, pooled", "decoder, pooled", "CRT")
CRITICS = ("InfoNCE 8192, bilinear", BILINEAR)  # beside the cosine critic of both bounds
RATES = {  # beside the decoder bound, by the prior: nats of text for a nat of rate
    "host": (0.001, 0.003, 0.01, 0.03),
    "text": (0.001, 0.003, 0.01, 0.03),
    "learned": (0.001, 0.01),
    "standard": (0.001, 0.01),
}
HSIC_RATES = (0.03, 0.3, 1.0)  # beside 0.1, of InfoTok HSIC


def variants_of(host: str) -> dict[str, dict[str, Any]]:
    """Every variant of one host: its name, and the options that `train_and_score` takes as `variant`."""
    require_choice("host", host, HOSTS)
    weight = WEIGHTS[host]
    by_decoder = decoder(weight["decoder"])
    by_host = by_decoder | rate_of(host, weight["host"] * weight["decoder"], "host")
    infonce = {"bound": "infonce", "compression": 0.0, "consistency": weight["infonce"]}
    rate = {"compression": RATE_WEIGHTS["infonce"]}
    hsic = {"estimator": "hsic", "compression": RATE_WEIGHTS["hsic"], "consistency": weight["hsic"]}
    return {
        BASELINE: {},
        VARIATIONAL: by_decoder | rate_of(host, weight["exchange"] * weight["decoder"]),
        HSIC: hsic,
        HOST_PRIOR: by_host,
        NO_RAMP: by_host | {"ramp": 0.0},
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
        "answers only": {"bound": "infonce", "compression": 0.0, "relevance": 1.0},  # I(Z;Y), Y the batch's answers
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


def frontier(host: str) -> dict[str, dict[str, Any]]:
    """Variants along the weight of a rate term: beside the decoder bound, against each prior, and beside HSIC."""
    weight, hsic = WEIGHTS[host], variants_of(host)[HSIC]
    beside_decoder = {
        f"decoder + {exchange:g} {prior}": decoder(weight["decoder"])
        | rate_of(host, exchange * weight["decoder"], prior)
        for prior, exchanges in RATES.items()
        for exchange in exchanges
    }
    return beside_decoder | {f"HSIC + {rate:g}": hsic | {"compression": rate} for rate in HSIC_RATES}


def rate_of(host: str, weight: float, prior: str = "text") -> dict[str, Any]:
    """Options of a rate against a prior: of the codes where a host has them, of Gaussian tokens elsewhere.

    Gaussian tokens keep their own noise: a flow has to draw noise too, so that more of it must not be the way to a low
    rate. Against the host's prediction the weight rises from 0 over the whole training, since the host must first have
    learned to predict: what an untrained host expects are a few codes, and tokens would end there.
    """
    tokens = {"noise": None, "fixed_noise": True} if host == "continuous" else {"codes": CODES}
    return {"compression": weight, "prior": prior} | tokens | ({"ramp": 1.0} if prior == "host" else {})


def options(host: str, name: str, scale: dict[str, float] | None = None) -> dict[str, Any]:
    """The options of variant, or point of the frontier, `name` in `host`; `scale` multiplies weights by name."""
    named = variants_of(host) | frontier(host)
    require_choice("name", name, named)
    found = named[name]
    found = found | {term: factor * found[term] for term, factor in (scale or {}).items() if term in found}
    return found if found.get("compression") else {key: value for key, value in found.items() if key != "prior"}


def ablations() -> list[str]:
    """The variants of version 0.1 that have some of InfoTok's terms, or another prior."""
    named = variants_of("masked")
    return [INFONCE, HSIC_ALONE, *(name for name in named if "only" in name or name.startswith("InfoNCE 32 +"))]
