"""Good calls of the masked contrastive autoencoder and of the errors of a detector."""

import torch

from infotok import companions as own

IMAGES = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS, DOMAINS = torch.tensor([1, 1, 0, 0]), torch.tensor([0, 1, 0, 1])
SCORES, TRUTH = [0.1, 0.6, 0.4, 0.9], [0, 0, 1, 1]
SMALL = own.MaskedAutoencoder(8, 4, 8, layers=1, heads=2).eval()
MODEL = own.MCAE(SMALL).eval()


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


CALLS = {
    "MaskedAutoencoder": (
        own.MaskedAutoencoder,
        lambda: {"size": 8, "patch": 4, "hidden": 8, "layers": 1, "heads": 2},
    ),
    "MaskedAutoencoder.cut": (SMALL.cut, lambda: {"images": IMAGES}),
    "MaskedAutoencoder.paste": (SMALL.paste, lambda: {"patches": SMALL.cut(IMAGES)}),
    "MaskedAutoencoder.states": (SMALL.states, lambda: {"images": IMAGES}),
    "MaskedAutoencoder.forward": (
        SMALL.forward,
        lambda: {"images": IMAGES, "ratio": 0.5, "generator": seeded()},
    ),
    "MaskedAutoencoder.complete": (
        SMALL.complete,
        lambda: {"images": IMAGES, "made": SMALL(IMAGES, 0.5, seeded())},
    ),
    "MCAE": (
        own.MCAE,
        lambda: {
            "autoencoder": SMALL,
            "positives": "across",
            "contrast": 1.0,
            "reconstruction": 1.0,
            "classification": 0.5,
            "ratio": 0.5,
            "temperature": 0.1,
        },
    ),
    "MCAE.forward": (
        MODEL.forward,
        lambda: {
            "images": IMAGES,
            "labels": LABELS,
            "domains": DOMAINS,
            "generator": seeded(),
            "unlabelled": IMAGES.flip(0),
        },
    ),
    "MCAE.features": (MODEL.features, lambda: {"images": IMAGES}),
    "supervised_contrastive": (
        own.supervised_contrastive,
        lambda: {
            "z": torch.randn(4, 3, generator=seeded()),
            "labels": LABELS,
            "domains": DOMAINS,
            "positives": "all",
            "temperature": 0.1,
        },
    ),
    "positive_pairs": (
        own.positive_pairs,
        lambda: {"labels": LABELS, "domains": DOMAINS, "positives": "all"},
    ),
    "half_total_error_rate": (
        own.half_total_error_rate,
        lambda: {"scores": SCORES, "labels": TRUTH, "threshold": 0.5},
    ),
    "equal_error_threshold": (own.equal_error_threshold, lambda: {"scores": SCORES, "labels": TRUTH}),
}
