"""The exercises of lesson 06."""

import math

from infotok.lab.exercises.exercise import Exercise

shannon_for_less = Exercise(
    "The best four levels for $N(0, 1)$ have a mean square error of 0.1175, at a rate of 2 bits. With how many bits "
    "could a code with blocks of any length reach the same error?",
    answer=0.5 * math.log2(1 / 0.1175),
    unit="bits",
    mistakes={
        2.0: "That is the rate of the four levels.",
        1.911: "That is the entropy of the four levels, so the rate with an entropy coder: still above Shannon.",
        math.log2(1 / 0.1175): r"The error is a *square*: each bit divides it by four, so $R = \tfrac12 \log_2 (1/D)$.",
    },
    hint="Solve $D = 2^{-2R}$ for $R$.",
    solution=r"$\tfrac12 \log_2 (1 / 0.1175) \approx 1.545$ bits. The levels are 0.455 bits above it. An entropy "
    "coder saves 0.089 of these, because the four levels are not equally frequent.",
)


def _perplexity(counts: list[int]) -> float:
    total = sum(counts)
    return 2 ** sum(-c / total * math.log2(c / total) for c in counts if c)


perplexity = Exercise(
    "Write `perplexity(counts)`: the number of equally frequent codes with the same entropy as a codebook whose codes "
    "were chosen `counts` times. Some counts may be 0.",
    answer=_perplexity,
    cases=[([5, 5, 5, 5],), ([8, 4, 2, 2],), ([3, 0, 0, 1],), ([7, 0],)],
    mistakes={
        lambda counts: math.log2(_perplexity(counts)): "That is the entropy; the perplexity is 2 to its power.",
        lambda counts: sum(c > 0 for c in counts): "That is the number of codes in use, rare and frequent ones alike.",
        lambda counts: 2 ** math.log(_perplexity(counts)): "For an entropy in nats the base is $e$, not 2.",
    },
    hint=r"$2^H$ with $H = -\sum_k p_k \log_2 p_k$ and $p_k$ the share of code $k$; codes with $p_k = 0$ add nothing.",
    solution="With counts 8, 4, 2, 2 the shares are 1/2, 1/4, 1/8, 1/8, the entropy is 1.75 bits and the perplexity "
    "$2^{1.75} = 3.36$: 4 codes with the entropy of 3.36 equally frequent ones.",
)
