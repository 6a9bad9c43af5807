"""Good calls of `infotok.bottleneck`."""

import numpy as np
import torch

from infotok import bottleneck as own


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


MEAN = torch.randn(6, 3, generator=seeded())
LOG_VARIANCE = MEAN / 2
FEATURES = torch.randn(6, 2, 4, generator=seeded())
TEXT = torch.randn(6, 5, generator=seeded())
P = np.array([[0.2, 0.3], [0.4, 0.1]])
COVS = {"cov_x": np.array([[1.0, 0.2], [0.2, 1.0]]), "cov_xy": np.array([[0.4], [0.1]]), "cov_y": np.array([[1.0]])}
PLAN = {"beta": 0.1, "free_bits": 0.5, "warmup": 3}
GAUSS = {"mean": MEAN, "log_variance": LOG_VARIANCE, "generator": None}
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
PRIORS = {
    "StandardPrior": own.StandardPrior(),
    "DiagonalPrior": own.DiagonalPrior(3),
    "FullPrior": own.FullPrior(3),
    "MixturePrior": own.MixturePrior(3, 2),
}
INFOTOK = own.InfoTok(
    4, compression=0.1, consistency=1.0, relevance=1.0, generation=1.0, text_dim=5, answer_dim=3, target_dim=5, length=2
).eval()
HSIC = own.InfoTok(4, estimator="hsic", compression=0.1, consistency=1.0, text_dim=5).eval()
NEGATIVES = {"bound": "infonce", "critic": "bilinear", "negatives": 8}
BANKED = own.InfoTok(4, compression=0.0, consistency=1.0, text_dim=5, **NEGATIVES).eval()
DECODED = own.InfoTok(4, compression=0.0, consistency=1.0, text_dim=5, bound="decoder", length=2).eval()
SEQUENCE = {"compression": 0.0, "consistency": 1.0, "text_dim": 9, "bound": "decoder", "likelihood": "sequence"}
READ = own.InfoTok(4, **SEQUENCE).eval()
CODED = own.InfoTok(4, compression=0.1, codes=3, prior="learned").eval()
GAUSSIAN = own.InfoTok(4, compression=0.1, noise=None).eval()
INPUTS = {"features": FEATURES, "image": FEATURES, "text": TEXT, "answer": LABELS, "target": TEXT, "generator": None}
IB = own.discrete_ib(P, 2.0, restarts=1)


def drawn(values: dict):
    return lambda: values | ({"generator": seeded()} if "generator" in values else {})


CALLS = {
    "ConditionalPrior": (own.ConditionalPrior, drawn({"dim_y": 5, "dim": 4, "length": 2})),
    "ConditionalPrior.forward": (own.ConditionalPrior(5, 4, 2), drawn({"y": TEXT})),
    **{name: (getattr(own, name), drawn({"dim": 3})) for name in ("DiagonalPrior", "FullPrior")},
    "MixturePrior": (own.MixturePrior, drawn({"dim": 3, "components": 2, "draws": 2})),
    "MixturePrior.log_prob": (PRIORS["MixturePrior"].log_prob, drawn({"z": MEAN})),
    **{f"{name}.rate": (prior.rate, drawn(GAUSS)) for name, prior in PRIORS.items()},
    "DiscreteIB.clusters": (IB.clusters, drawn({"tolerance": 1e-4})),
    "HSICBottleneck": (
        own.HSICBottleneck,
        drawn(
            {
                "compression": 1.0,
                "relevance": 1.0,
                "kernel_z": "gaussian",
                "kernel_x": "gaussian",
                "kernel_y": "delta",
                "bandwidth_z": 1.0,
                "bandwidth_x": 1.0,
                "unbiased": True,
                "chunk": 16,
            }
        ),
    ),
    "HSICBottleneck.forward": (own.HSICBottleneck(), drawn({"z": MEAN, "x": TEXT, "y": LABELS})),
    "InfoTok": (
        own.InfoTok,
        drawn(
            {
                "dim": 4,
                "estimator": "variational",
                "prior": "text",
                "compression": 0.1,
                "relevance": 1.0,
                "generation": 1.0,
                "consistency": 1.0,
                "placement": "before",
                "text_dim": 5,
                "answer_dim": 3,
                "target_dim": 5,
                "length": 2,
                "noise": 0.1,
                "fixed_noise": True,
                "free_bits": 0.5,
                "warmup": 2,
                "blend": 2,
            }
        ),
    ),
    "InfoTok hsic": (own.InfoTok, drawn({"dim": 4, "estimator": "hsic", "compression": 0.1, "bandwidth": 1.0})),
    "InfoTok codes": (
        own.InfoTok,
        drawn({"dim": 4, "prior": "learned", "compression": 0.1, "codes": 3, "placement": "after"}),
    ),
    "InfoTok infonce": (
        own.InfoTok,
        drawn({"dim": 4, "bound": "infonce", "critic": "bilinear", "negatives": 8, "consistency": 1.0, "text_dim": 5}),
    ),
    "InfoTok decoder": (
        own.InfoTok,
        drawn({"dim": 4, "bound": "decoder", "likelihood": "cosine", "entropies": {"text": 3.0}, "text_dim": 5}),
    ),
    "InfoTok.forward infonce": (BANKED, drawn({"features": FEATURES, "text": TEXT, "negatives": TEXT})),
    "InfoTok.forward decoder": (DECODED, drawn({"features": FEATURES, "text": TEXT})),
    "InfoTok.forward sequence": (READ, drawn({"features": FEATURES, "text": LABELS[:, None].repeat(1, 3)})),
    "InfoTok.forward": (INFOTOK, drawn(INPUTS)),
    "InfoTok.forward hsic": (HSIC, drawn({"features": FEATURES, "image": TEXT, "text": TEXT})),
    "InfoTok.forward codes": (CODED, drawn({"features": FEATURES, "posterior": FEATURES[..., :3]})),
    "InfoTok.forward gaussian": (GAUSSIAN, drawn({"features": FEATURES, "posterior": (FEATURES, FEATURES)})),
    "InfoTok.watch": (
        INFOTOK.watch,
        drawn({"tokens": FEATURES, "usage": None, "mask": torch.ones(6, 2, dtype=torch.bool)}),
    ),
    "VariationalBottleneck": (
        own.VariationalBottleneck,
        drawn({"dim_in": 4, "dim": 3, "prior": "mixture", "components": 2, **PLAN}),
    ),
    "VariationalBottleneck.forward": (
        own.VariationalBottleneck(4, 3).eval(),
        drawn({"features": FEATURES, "samples": 2, "generator": None}),
    ),
    "StandardPrior": (own.StandardPrior, drawn({})),
    "critical_betas": (own.critical_betas, drawn(COVS)),
    "gaussian_ib": (own.gaussian_ib, drawn({**COVS, "beta": 20.0})),
    "reverse_waterfilling": (own.reverse_waterfilling, drawn({"cov": COVS["cov_x"], "bits": 1.5})),
    "gaussian_ib_curve": (own.gaussian_ib_curve, drawn({**COVS, "betas": np.array([5.0, 20.0])})),
    "deterministic_hull": (own.deterministic_hull, drawn({"p_xy": np.eye(2) / 2, "rates": np.array([0.1, 0.3])})),
    "discrete_ib": (
        own.discrete_ib,
        drawn({"p_xy": P, "beta": 2.0, "clusters": 2, "deterministic": False, "restarts": 1, "seed": 0}),
    ),
    "discrete_ib_curve": (
        own.discrete_ib_curve,
        drawn(
            {"p_xy": P, "betas": np.array([1.5, 2.0]), "clusters": 2, "deterministic": False, "restarts": 1, "seed": 0}
        ),
    ),
}
