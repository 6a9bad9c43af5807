"""Good calls of `infotok.lab`."""

import math

from infotok.lab import Exercise, explore
from public_api import sweeps

COIN = Exercise("How much is a coin toss?", answer=math.log(2), solution="ln 2", unit="nats")


def square(x: float) -> float:
    return x * x


def sentence(x: float) -> str:
    return f"x = {x}"


CALLS = sweeps.CALLS | {
    "Exercise": (
        Exercise,
        lambda: {
            "question": "What is 1 + 1?",
            "answer": 2.0,
            "solution": "2",
            "hint": "count",
            "unit": "nats",
            "tol": 0.01,
            "mistakes": {3.0: "one too many"},
        },
    ),
    "Exercise function": (
        Exercise,
        lambda: {"question": "Square x.", "answer": square, "solution": "x x", "cases": ((2.0,), (3.0,))},
    ),
    "Exercise word": (
        Exercise,
        lambda: {"question": "Yes or no?", "answer": "yes", "solution": "yes", "choices": ("yes", "no")},
    ),
    "Exercise.check": (COIN.check, lambda: {"answer": 0.5}),
    "explore": (explore, lambda: {"plot": square, "text": sentence, "button": False, "x": (0.0, 1.0, 0.1, 0.5)}),
    "explore list": (explore, lambda: {"plot": square, "x": [1, 2]}),
}
