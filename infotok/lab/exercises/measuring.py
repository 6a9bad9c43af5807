"""The exercises of lesson 01."""

import math

from infotok.lab.exercises.exercise import Exercise

batch_for_infonce = Exercise(
    "An encoder's tokens share 10 nats with the caption. How large must the **batch** be, at the least, for InfoNCE to "
    "be able to read all of it?",
    answer=math.exp(10),
    unit="pairs",
    mistakes={
        10: "The ceiling is the *logarithm* of the batch size.",
        2**10: "That is 10 bits. Ten nats are 10 / ln 2, about 14.4, bits.",
        10**10: "The logarithm is the natural one.",
        math.log(10): "Other way round: the ceiling is $\\ln B$, so which $B$ puts it at 10?",
    },
    hint=r"InfoNCE is at most $\ln B$. Set that equal to 10.",
    solution=r"$\ln B \ge 10$ needs $B \ge e^{10} \approx 22\,026$, and that only with the perfect critic: to come "
    "*close* to the ceiling takes a batch several times larger again. This is why contrastive models are trained on "
    "batches of tens of thousands, and why an InfoNCE that has saturated says nothing about which of two encoders "
    "knows more.",
)

club_of_gaussians = Exercise(
    "$d$ independent pairs of standard Gaussians with correlation $\\rho$ share $I$ nats in all. Write "
    "`club_value(I, d)`: what CLUB reads on average with the true conditional $q = p(y|x) = N(\\rho x, 1 - \\rho^2)$.",
    answer=lambda nats, dim: dim * (math.exp(2 * nats / dim) - 1),
    cases=[(10.0, 20), (2.0, 20), (0.5, 1), (4.0, 3)],
    mistakes={
        lambda nats, dim: math.exp(2 * nats / dim) - 1: "That is one pair; the pairs add up.",
        lambda nats, dim: nats: "That would make CLUB exact; it is an upper bound.",
        lambda nats, dim: dim * (math.exp(nats / dim) - 1): r"$I/d = -\frac12 \ln(1-\rho^2)$: mind the half.",
        lambda nats, dim: dim * (1 - math.exp(-2 * nats / dim)): r"That is $d\rho^2$. Divide by $q$'s variance.",
    },
    hint=r"For one pair, $\ln q$ is $-(y - \rho x)^2 / 2(1 - \rho^2)$ plus a constant that cancels. What is the mean "
    r"square of $y - \rho x$ for a joint pair, and what for an unrelated one?",
    solution=r"A joint pair has $E(y - \rho x)^2 = 1 - \rho^2$, an unrelated one $1 + \rho^2$. The difference over "
    r"$2(1 - \rho^2)$ is $\rho^2 / (1 - \rho^2)$ per pair, and $1 - \rho^2 = e^{-2I/d}$ makes it $e^{2I/d} - 1$: "
    r"$d\,(e^{2I/d} - 1)$ in all. At 10 nats in 20 dimensions that is 34.4. It is never near $I$: where each "
    r"pair knows little CLUB reads $2I$, and beyond that it explodes.",
)
