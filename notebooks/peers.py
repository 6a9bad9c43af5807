"""Estimators of other libraries on samples of lesson 19: `PYTHON peers.py SAMPLES.npz ANSWERS.json METHOD ...`.

benchmark-mi and torch-mist need NumPy below 2, so they live in an environment of their own (`make peers`) and this
script imports nothing of infotok. SAMPLES.npz holds x_TASK (N, dx) and y_TASK (N, dy); ANSWERS.json gets rows of
task, method, nats, seconds; methods are those of `PEERS`.
"""

import json
import sys
import time

import bmi
import numpy as np
from torch_mist.utils import estimate_mi

PEERS = {
    "bmi ksg": lambda x, y: bmi.estimators.KSGEnsembleFirstEstimator(neighborhoods=(10,)).estimate(x, y),
    "bmi cca": lambda x, y: bmi.estimators.CCAMutualInformationEstimator().estimate(x, y),
    "torch-mist smile": lambda x, y: mist("smile", x, y),
    "torch-mist infonce": lambda x, y: mist("infonce", x, y),
}


def mist(estimator: str, x: np.ndarray, y: np.ndarray) -> float:
    """Near its defaults, on a quarter held out."""
    data = [values.astype(np.float32) for values in (x, y)]
    cut = len(x) * 3 // 4
    train, test = (tuple(values[part] for values in data) for part in (slice(cut), slice(cut, None)))
    sizes = {"hidden_dims": [64, 32], "batch_size": 128, "max_epochs": 10, "verbose": False}
    answer = estimate_mi(train, estimator=estimator, test_data=test, **sizes)
    return answer[0] if isinstance(answer, tuple) else answer


def main() -> None:
    samples, answers, methods = np.load(sys.argv[1]), sys.argv[2], sys.argv[3:]
    rows = []
    for task in sorted({name[2:] for name in samples.files}):
        for method in methods:
            begun = time.perf_counter()
            nats = float(PEERS[method](samples[f"x_{task}"], samples[f"y_{task}"]))
            seconds = time.perf_counter() - begun
            rows.append({"task": task, "method": method, "nats": round(nats, 5), "seconds": round(seconds, 2)})
    with open(answers, "w") as stream:
        json.dump(rows, stream)


if __name__ == "__main__":
    main()
