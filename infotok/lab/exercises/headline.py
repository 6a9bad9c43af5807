"""The exercises of lesson 11."""

import math

from infotok.lab.exercises.exercise import Exercise

_T = 4.302653  # Student's t at .975, two degrees of freedom

paired = Exercise(
    "Three seeds. The host alone scores .70, .80 and .90; with InfoTok it scores .74, .83 and .95, in the same order. "
    "What is the *lower end* of the 95 % interval of the mean difference, paired by seed? ($t_{.975} = 4.303$ at two "
    "degrees of freedom.)",
    answer=0.04 - _T * 0.01 / math.sqrt(3),
    mistakes={
        0.04 - _T * 0.01: "That is for a single seed; the mean of three varies less.",
        0.04 - 1.96 * 0.01 / math.sqrt(3): "1.96 is for many seeds. With three the spread itself is hardly known.",
        0.04: "That is the mean. How sure of it are we?",
        0.03: "That is the smallest of the differences.",
    },
    hint="Differences first: .04, .03, .05. Their standard deviation is .01.",
    solution=r"$.04 - 4.303 \times .01 / \sqrt 3 = .015$: above zero. Unpaired, the two means differ by .04 and each "
    "seed moves them by .1: nothing could be said. The seeds are what both arms share, and pairs take it out.",
)

unexplained = Exercise(
    "Tokens $Z$ are made from an image $X$ alone; $T$ is its caption. $I(X;Z) = 12$ and $I(Z;T) = 9$ nats. With the "
    r"best possible prior $r(z|t)$, how many nats does the price $\mathrm{KL}(q(z|x)\,\|\,r(z|t))$ charge, on average?",
    answer=3,
    unit="nats",
    mistakes={
        12: r"That is what $\mathrm{KL}(q(z|x)\,\|\,r(z))$ charges, with a prior that does not see the caption.",
        9: "That is what the caption explains, and what is not charged.",
        21: "Explained nats are not paid twice; they are not paid at all.",
    },
    hint="Given $X$, the caption says nothing more about $Z$: $I(X;Z) = I(Z;T) + I(X;Z|T)$.",
    solution="$I(X;Z|T) = 12 - 9 = 3$. By charging for these only, structure that captions name is free. Whatever else "
    "a good drawing needs, such as where exactly things stand, is not.",
)
