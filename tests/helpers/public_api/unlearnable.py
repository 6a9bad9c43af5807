"""Good calls of unlearnable examples, in `infotok.companions`."""

import numpy as np
import torch
from torch import nn

from infotok import companions as own
from infotok.bottleneck import reverse_waterfilling


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


IMAGES = torch.rand(6, 1, 4, 4, generator=seeded())
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
NOISE = own.class_patterns((1, 4, 4), 3, 0.1, generator=seeded())
SHARED = {"images": IMAGES, "labels": LABELS}


def first(images: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(images), dtype=torch.long)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 3))


CALLS = {
    "class_density_noise": (
        own.class_density_noise,
        lambda: SHARED | {"eps": 0.1, "ratio": True, "steps": 2, "step_size": 0.05},
    ),
    "class_patterns": (
        own.class_patterns,
        lambda: {"shape": (1, 4, 4), "classes": 3, "eps": 0.1, "kind": "patch", "patch": 2, "generator": seeded()},
    ),
    "error_minimizing_noise": (
        own.error_minimizing_noise,
        lambda: (
            SHARED
            | {"surrogates": [network()], "eps": 0.1, "per": "class", "steps": 2}
            | {"batch": 4, "step_size": 0.05, "learning_rate": 1e-2, "generator": seeded()}
        ),
    ),
    "feature_collapse_noise": (
        own.feature_collapse_noise,
        lambda: SHARED | {"extractor": network(), "eps": 0.1, "spread": 2.0, "steps": 2, "step_size": 0.05},
    ),
    "kept_share": (own.kept_share, lambda: {"noise": NOISE, "code": reverse_waterfilling(np.eye(16), 4.0)}),
    "linear_directions": (own.linear_directions, lambda: dict(SHARED)),
    "orthogonal_projection": (
        own.orthogonal_projection,
        lambda: {"images": IMAGES, "directions": torch.randn(2, 16, generator=seeded())},
    ),
    "poison": (own.poison, lambda: SHARED | {"noise": NOISE, "fraction": 0.5, "generator": seeded()}),
    "shortcut_share": (
        own.shortcut_share,
        lambda: {"predict": first} | SHARED | {"noise": NOISE, "noise_labels": torch.arange(3), "generator": seeded()},
    ),
}
