"""Good calls of `infotok.information`."""

import numpy as np
import pandas as pd
import torch

from infotok import information as own

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 2))
Y = X[:, :1] + RNG.standard_normal((40, 1))
LABELS = RNG.integers(0, 3, 40)
TOKENS = np.stack([LABELS, RNG.permutation(LABELS)], 1)
COV = np.array([[1.0, 0.4, 0.1], [0.4, 1.0, 0.2], [0.1, 0.2, 1.0]])
P = np.array([[0.2, 0.3], [0.4, 0.1]])
SCORES = torch.from_numpy(RNG.standard_normal((6, 6))).float()
A, B = (torch.from_numpy(RNG.standard_normal((6, d))).float() for d in (3, 2))
CRITICS = {
    name: getattr(own, name)(3, 2, hidden=4) for name in ("SeparableCritic", "ConcatCritic", "GaussianConditional")
}
CRITICS["BilinearCritic"] = own.BilinearCritic(3, 2)


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.tanh(x).mean() * np.tanh(y).mean())


def critic(name: str):
    options = {} if name == "BilinearCritic" else {"hidden": 4, "layers": 1}
    options |= {"SeparableCritic": {"dim": 2}, "ConcatCritic": {"chunk": 8}, "GaussianConditional": {"bound": 5.0}}.get(
        name, {}
    )
    return getattr(own, name), lambda: {"dim_x": 3, "dim_y": 2} | options


CALLS = {
    **{name: critic(name) for name in CRITICS},
    **{f"{name}.forward": (each, lambda: {"x": A, "y": B}) for name, each in CRITICS.items()},
    "GaussianConditional.parameters_of": (CRITICS["GaussianConditional"].parameters_of, lambda: {"x": A}),
    "GaussianConditional.log_prob": (CRITICS["GaussianConditional"].log_prob, lambda: {"x": A, "y": B}),
    "MovingAverage": (own.MovingAverage, lambda: {"decay": 0.9, "log_mean": torch.tensor(0.0)}),
    "MovingAverage.update": (own.MovingAverage().update, lambda: {"log_batch_mean": torch.tensor(0.5)}),
    "additive_uniform_mi": (own.additive_uniform_mi, lambda: {"eps": np.array([0.1, 0.75])}),
    "binary_erasure_channel_mi": (own.binary_erasure_channel_mi, lambda: {"e": np.array([0.1, 0.7])}),
    "binary_symmetric_channel_mi": (own.binary_symmetric_channel_mi, lambda: {"p": np.array([0.1, 0.7])}),
    "discrete_mi": (own.discrete_mi, lambda: {"joint": P}),
    "entropy": (own.entropy, lambda: {"p": np.array([0.2, 0.8])}),
    "gaussian_mi": (own.gaussian_mi, lambda: {"cov": COV, "dim_x": 1}),
    "student_t_mi": (own.student_t_mi, lambda: {"dispersion": COV, "dof": 2.5, "dim_x": 1}),
    **{
        name: (getattr(own, name), lambda: {"scores": SCORES})
        for name in ("donsker_varadhan", "nwj", "infonce", "jensen_shannon", "club", "leave_one_out")
    },
    "mine": (own.mine, lambda: {"scores": SCORES, "average": own.MovingAverage()}),
    "tuba": (own.tuba, lambda: {"scores": SCORES, "log_baseline": torch.zeros(6)}),
    "smile": (own.smile, lambda: {"scores": SCORES, "clip": 5.0}),
    "interpolated": (own.interpolated, lambda: {"scores": SCORES, "alpha": 0.5, "log_baseline": 1.0}),
    "gaussian_kl": (
        own.gaussian_kl,
        lambda: {"mean": A, "log_variance": A / 2, "prior_mean": torch.zeros(3), "prior_log_variance": torch.zeros(3)},
    ),
    "difference_of_entropies": (
        own.difference_of_entropies,
        lambda: {"log_marginal": A[:, 0], "log_conditional": A[:, 1]},
    ),
    "plugin_mi": (own.plugin_mi, lambda: {"x": LABELS, "y": LABELS // 2, "correction": "none"}),
    "plugin_entropy": (own.plugin_entropy, lambda: {"counts": np.array([4, 3, 2]), "correction": "none"}),
    "self_consistency": (
        own.self_consistency,
        lambda: {"estimator": correlation, "x": X, "y": Y, "tolerance": 0.1, "seed": 0},
    ),
    "ksg": (own.ksg, lambda: {"x": X, "y": Y, "k": 3, "variant": 1}),
    "mixed_ksg": (own.mixed_ksg, lambda: {"x": X, "y": Y, "k": 3}),
    "conditional_ksg": (own.conditional_ksg, lambda: {"x": X, "y": Y, "z": Y + 1, "k": 3}),
    "normal_scores": (own.normal_scores, lambda: {"x": X}),
    "median_distance": (own.median_distance, lambda: {"x": X}),
    **{
        name: (
            function,
            lambda: {
                "x": X,
                "y": Y,
                "kernel_x": "gaussian",
                "kernel_y": "gaussian",
                "bandwidth_x": 1.0,
                "bandwidth_y": 1.0,
                "unbiased": True,
                "chunk": 16,
            },
        )
        for name, function in (("hsic", own.hsic), ("nhsic", own.nhsic))
    },
    "estimate_mi": (
        own.estimate_mi,
        lambda: {"x": X, "y": Y, "method": "ksg", "seed": 0, "device": "cpu", "progress": False, "k": 3},
    ),
    "estimate_mi auto": (own.estimate_mi, lambda: {"x": X[:, :1], "y": Y}),
    "estimate_mi given": (own.estimate_mi, lambda: {"x": X[:, :1], "y": Y, "given": X[:, 1:]}),
    "estimate_mi labels": (own.estimate_mi, lambda: {"x": X, "y": LABELS, "discrete_x": None, "discrete_y": None}),
    "information_correlation": (own.information_correlation, lambda: {"nats": 0.5}),
    "mi_matrix": (own.mi_matrix, lambda: {"frame": pd.DataFrame({"a": X[:, 0], "b": Y[:, 0]})}),
    "normalized_mi": (own.normalized_mi, lambda: {"x": LABELS, "y": LABELS // 2}),
    "permutation_test": (
        own.permutation_test,
        lambda: {"x": X, "y": Y, "method": "correlation", "permutations": 19, "seed": 0},
    ),
    "probe_mi": (
        own.probe_mi,
        lambda: {"tokens": TOKENS, "labels": LABELS, "vocabulary": 4, "seed": 0, "folds": 3, "network": False},
    ),
    "estimate_mi mixed": (own.estimate_mi, lambda: {"x": LABELS, "y": Y, "method": "mixed"}),
    "estimate_mi discrete": (
        own.estimate_mi,
        lambda: {"x": LABELS, "y": LABELS // 2, "method": "discrete", "correction": "none"},
    ),
    "estimate_mi infonce": (
        own.estimate_mi,
        lambda: {
            "x": X,
            "y": Y,
            "method": "infonce",
            "device": "cpu",
            "steps": 2,
            "batch": 8,
            "rate": 1e-3,
            "hidden": 4,
            "layers": 1,
            "every": 1,
            "patience": 1,
            "critic": "separable",
        },
    ),
}
