"""The exercises of lesson 01."""

import math

from infotok.lab.exercises.exercise import Exercise

batch_for_infonce = Exercise(
    "The mutual information between tokens and caption is 10 nats. How large must the **batch** be at least, for "
    "InfoNCE to be able to reach it?",
    answer=math.exp(10),
    unit="pairs",
    mistakes={
        10: "The upper limit is the *logarithm* of the batch size.",
        2**10: "That is 10 bits. Ten nats are 10 / ln 2, about 14.4, bits.",
        10**10: "The logarithm is the natural one.",
        math.log(10): "The other way round: the limit is $\\ln B$. For which $B$ is it 10?",
    },
    hint=r"InfoNCE is at most $\ln B$. Set that equal to 10.",
    solution=r"$\ln B \ge 10$ needs $B \ge e^{10} \approx 22\,026$, and that only with the optimal critic. To come "
    "*close* to 10 nats, the batch must be several times larger. This is one reason to train contrastive models on "
    "batches of tens of thousands. It is also why a saturated InfoNCE does not tell which of two encoders has more "
    "information.",
)

width_of_club = Exercise(
    "$d$ independent pairs of standard Gaussians with correlation $\\rho$ share $I$ nats in all, and CLUB's $q(y|x)$ "
    "has the right mean and $c$ times the right variance, $N(\\rho x, c\\,(1 - \\rho^2))$. Write `width(I, d)`: the "
    "$c$ at which CLUB equals $I$ on average.",
    answer=lambda nats, dim: dim * (math.exp(2 * nats / dim) - 1) / nats,
    cases=[(10.0, 20), (2.0, 20), (0.5, 1), (4.0, 3)],
    mistakes={
        lambda nats, dim: (
            dim * (math.exp(2 * nats / dim) - 1)
        ): "That is CLUB at $c = 1$. By which factor is it too large?",
        lambda nats, dim: (
            nats / (dim * (math.exp(2 * nats / dim) - 1))
        ): "The other way round: a *wider* $q$ gives a smaller value.",
        lambda nats, dim: math.sqrt(
            dim * (math.exp(2 * nats / dim) - 1) / nats
        ): "That is the factor of the standard deviation.",
        lambda nats, dim: (math.exp(2 * nats / dim) - 1) / nats: "That is the value for one pair; the pairs add up.",
        lambda nats, dim: 1.0: "With the right variance CLUB is too large: it is an upper bound.",
    },
    hint=r"For one pair, $\ln q$ is $-(y - \rho x)^2 / 2c(1 - \rho^2)$ plus a constant that cancels. What is the mean "
    r"square of $y - \rho x$ for a joint pair, and for an unrelated one?",
    solution=r"A joint pair has $E(y - \rho x)^2 = 1 - \rho^2$, an unrelated one $1 + \rho^2$. The difference over "
    r"$2c(1 - \rho^2)$ is $\rho^2 / c(1 - \rho^2)$ per pair, and $1 - \rho^2 = e^{-2I/d}$ makes it "
    r"$(e^{2I/d} - 1) / c$. So $c = d\,(e^{2I/d} - 1) / I$: 2 at small information per pair, 3.4 at 10 nats in "
    r"20 dimensions. A fit with just this variance makes an upper bound look like a good estimator.",
)
