"""Good calls of `infotok.lab`: records and sweeps."""

import tempfile
from functools import wraps

import joblib
import matplotlib.pyplot as plt
import pandas as pd

from infotok import lab as own


def half(x: float) -> dict[str, float]:
    return {"half": x / 2}


def record() -> own.Record:
    return own.Record(tempfile.mkdtemp())


def figures(**given):
    """What a record keeps of one figure; the picture itself has numbers of its own."""
    kept = record()
    kept.figure(**given)
    return kept.figures


def in_threads(function):
    """`function` with joblib's threads, for its processes take seconds to start."""

    @wraps(function)
    def call(**arguments):
        with joblib.parallel_config("threading"):
            return function(**arguments)

    return call


CALLS: dict = {
    "Record": (own.Record, lambda: {"run_dir": tempfile.mkdtemp(), "profile": "laptop"}),
    "Record.metric": (lambda name, value: record().metric(name, value), lambda: {"name": "nats", "value": 0.5}),
    "Record.claim": (
        lambda **stated: record().claim(**stated),
        lambda: {
            "text": "It holds",
            "value": 0.5,
            "at_least": 0.1,
            "at_most": 1.0,
            "source": "",
            "judged_at": "laptop",
        },
    ),
    "Record.claim close": (
        lambda **stated: record().claim(**stated),
        lambda: {"text": "It holds", "value": 0.5, "close_to": 0.5, "tol": 0.1},
    ),
    "Record.figure": (
        figures,
        lambda: {"name": "curve", "fig": plt.figure(num=1), "caption": "A curve"},
    ),
    "Record.table": (
        lambda **given: record().table(**given),
        lambda: {"name": "rows", "frame": pd.DataFrame({"a": [1]}), "caption": "Rows"},
    ),
    "sweep": (
        in_threads(own.sweep),
        lambda: {
            "function": half,
            "grid": {"x": [1.0, 2.0]},
            "cache": tempfile.mkdtemp(),
            "jobs": 1,
            "label": "halves",
        },
    ),
}
