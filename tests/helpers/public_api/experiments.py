"""Good calls of `infotok.experiments`."""

from functools import cache

import torch

from infotok import experiments as own
from infotok.experiments import hosts
from public_api.stopping import stopped


@cache
def head():
    return own.CaptionHead(4, 2, 3, 1.0)


CALLS = {
    "CaptionHead": (
        own.CaptionHead,
        lambda: {"dim": 4, "length": 2, "text_dim": 3, "weight": 1.0, "placement": "before"},
    ),
    "CaptionHead.forward": (head(), lambda: {"features": torch.ones(2, 2, 4), "text": torch.ones(2, 3)}),
    "train_and_score": (
        stopped(own.train_and_score, hosts, "train"),
        lambda: {
            "host": "masked",
            "variant": {"consistency": 1.0, "compression": 0.0},
            "seed": 0,
            "steps": 2,
            "tokenizer_steps": 2,
            "bits": 4,
            "nuisance": 0.5,
            "jitter": 0,
            "named": False,
            "images": 8,
            "shift": 0.5,
            "questions": 2,
            "layers": 1,
            "heads": 2,
            "learning_rate": 1e-3,
            "held_out": 4,
            "evaluations": 1,
            "folder": "",
        },
    ),
}
