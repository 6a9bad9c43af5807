"""Good calls of `infotok.experiments`."""

from infotok import experiments as own
from infotok.experiments import hosts
from public_api.stopping import stopped

CALLS = {
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
            "sentences": False,
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
