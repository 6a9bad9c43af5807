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
    "*close* to 10 nats takes a batch several times larger again. This is why contrastive models are trained on "
    "batches of tens of thousands, and why an InfoNCE that has saturated says nothing about which of two encoders "
    "knows more.",
)

width_of_club = Exercise(
    "$d$ independent pairs of standard Gaussians with correlation $\\rho$ share $I$ nats in all, and CLUB's $q(y|x)$ "
    "has the right mean and $c$ times the right variance, $N(\\rho x, c\\,(1 - \\rho^2))$. Write `width(I, d)`: the "
    "$c$ at which CLUB reads exactly $I$ on average.",
    answer=lambda nats, dim: dim * (math.exp(2 * nats / dim) - 1) / nats,
    cases=[(10.0, 20), (2.0, 20), (0.5, 1), (4.0, 3)],
    mistakes={
        lambda nats, dim: dim * (math.exp(2 * nats / dim) - 1): "CLUB reads that at $c = 1$. How much too much?",
        lambda nats, dim: nats / (dim * (math.exp(2 * nats / dim) - 1)): "Other way round: a *wider* $q$ reads less.",
        lambda nats, dim: math.sqrt(dim * (math.exp(2 * nats / dim) - 1) / nats): "That is the deviation's factor.",
        lambda nats, dim: (math.exp(2 * nats / dim) - 1) / nats: "One pair reads that much; the pairs add up.",
        lambda nats, dim: 1.0: "With the right variance CLUB reads too much: it is an upper bound.",
    },
    hint=r"For one pair, $\ln q$ is $-(y - \rho x)^2 / 2c(1 - \rho^2)$ plus a constant that cancels. What is the mean "
    r"square of $y - \rho x$ for a joint pair, and what for an unrelated one?",
    solution=r"A joint pair has $E(y - \rho x)^2 = 1 - \rho^2$, an unrelated one $1 + \rho^2$. The difference over "
    r"$2c(1 - \rho^2)$ is $\rho^2 / c(1 - \rho^2)$ per pair, and $1 - \rho^2 = e^{-2I/d}$ makes it "
    r"$(e^{2I/d} - 1) / c$. So $c = d\,(e^{2I/d} - 1) / I$: 2 where each pair knows little, 3.4 at 10 nats in 20 "
    r"dimensions. A fit that happens to be so wide makes an upper bound look like a good estimator.",
)
