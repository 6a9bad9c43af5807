"""Record what dit finds for bottlenecks of random joints: `python tests/data/dit_bottleneck.py` rewrites dit_bottleneck.json.

Importing dit takes longer than the whole test file, so its answers are kept. Its `InformationBottleneck` (a general
optimiser over the encoder) and `sequential_ib` (hard assignments) are the references; its `blahut_arimoto_ib` returned a copy
of Y at every beta tried (dit 2.3) and is of no use here.
"""

import json
from pathlib import Path

import numpy as np


def main() -> None:
    import dit
    from dit.rate_distortion import InformationBottleneck
    from dit.rate_distortion.bottleneck_algorithms import sequential_ib

    nats = np.log(2)
    rows = []
    for seed in range(4):
        p_xy = np.random.default_rng(seed).dirichlet(np.full(12, 0.5)).reshape(4, 3)
        cells = [f"{x}{y}" for x, y in np.ndindex(p_xy.shape)]
        distribution = dit.Distribution(cells, p_xy.ravel())
        for beta in (1.5, 3.0, 6.0):
            np.random.seed(seed)  # noqa: NPY002 - dit draws from the global generator
            soft = InformationBottleneck(distribution, beta)
            soft.optimize()
            joint = soft.construct_joint(soft._optima)
            hard = sequential_ib(p_xy, beta, restarts=40, random_state=seed)
            rows.append(
                {
                    "seed": seed,
                    "beta": beta,
                    "mutual_information": dit.shannon.mutual_information(distribution, [0], [1]) * nats,
                    "lagrangian": float(soft.complexity(joint) - beta * soft.relevance(joint)) * nats,
                    "hard_entropy": hard.entropy * nats,
                    "hard_relevance": hard.relevance * nats,
                }
            )
    text = json.dumps({"dit": dit.__version__, "units": "nats", "rows": rows}, indent=1)
    Path(__file__).with_suffix(".json").write_text(text + "\n")


if __name__ == "__main__":
    main()
