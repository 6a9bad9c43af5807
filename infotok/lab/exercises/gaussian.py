"""The exercises of lesson 02."""

import math

from infotok.lab.exercises.exercise import Exercise

rate_at_second = Exercise(
    "Two directions of $X$ explain $\\rho_1^2 = 0.8$ and $\\rho_2^2 = 0.5$ of their partners' variance in $Y$. How "
    "many **nats** of rate must a budget exceed before the best code gives any of them to the second direction?",
    answer=0.5 * math.log(4),
    unit="nats",
    mistakes={
        0.0: "At rate 0 the first direction enters. The second one waits until $\\beta = 1/\\rho_2^2$.",
        math.log(4): "Twice too much: a Gaussian direction carries half the logarithm.",
        2.0: "That is the $\\beta$ at which the second direction enters. What is the rate of the first one there?",
        0.5 * math.log(4) - 0.5 * math.log(1.6): "That is the relevance at this point. The budget limits the rate.",
        0.5 * math.log(5): "That is the largest relevance that the first direction can have, at an unlimited rate.",
    },
    hint="The second direction enters at $\\beta = 1/\\rho_2^2$. Only the first one has a rate there: use its gain "
    "at this $\\beta$.",
    solution="The second direction enters at $\\beta = 1/0.5 = 2$. There the first has $a_1^2 = (2 \\cdot 0.8 - 1)/0.2 "
    "= 3$, so its rate is $\\tfrac12 \\ln(1 + 3) = \\ln 2 \\approx 0.693$ nats, one bit. A budget of less than one bit "
    "is best spent on the first direction alone.",
)


def _relevance(rho: float, rate: float) -> float:
    return -0.5 * math.log(1 - rho**2 * (1 - math.exp(-2 * rate)))


relevance_at_rate = Exercise(
    "$X$ and $Y$ have one shared direction, with correlation $\\rho$. Write `relevance(rho, rate)`: the largest "
    "$I(T;Y)$, in **nats**, of a code with this rate $I(T;X)$. It is the information curve without its $\\beta$.",
    answer=_relevance,
    cases=[(0.9, 0.5), (0.5, 1.0), (0.3, 5.0), (0.9, 0.0)],
    mistakes={
        lambda rho, rate: rho**2 * rate: "That is the tangent at rate 0. The curve bends below it.",
        lambda rho, rate: min(rate, -0.5 * math.log(1 - rho**2)): "That is the limit from data processing; the curve "
        "of a noisy $Y$ lies below it.",
        lambda rho, rate: -0.5 * math.log(1 - rho * (1 - math.exp(-2 * rate))): "Shares of variance multiply along "
        "$T$, $X$, $Y$, and the second share is $\\rho^2$.",
        lambda rho, rate: -0.5 * math.log(1 - rho**2 * (1 - math.exp(-rate))): "With rate $R$, $T$ explains the share "
        "$1 - e^{-2R}$ of the variance of $X$: solve $R = -\\tfrac12 \\ln(1 - \\kappa^2)$ for $\\kappa^2$.",
    },
    hint="The rate fixes the squared correlation of $T$ and $X$: $R = -\\tfrac12 \\ln(1 - \\kappa^2)$. $T$ and $Y$ "
    "are related through $X$ only, so the correlation of $T$ and $Y$ is $\\kappa \\rho$.",
    solution="$I(T;Y) = -\\tfrac12 \\ln\\big(1 - \\rho^2 (1 - e^{-2R})\\big)$. Its slope at rate 0 is $\\rho^2$, which "
    "is $1/\\beta$ at the transition; at large rates it approaches $I(X;Y) = -\\tfrac12 \\ln(1 - \\rho^2)$.",
)
