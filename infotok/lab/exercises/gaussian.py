"""The exercises of lesson 02."""

import math

from infotok.lab.exercises.exercise import Exercise

first_transition = Exercise(
    "A direction of $X$ has correlation $\\rho = 0.6$ with its partner in $Y$. From which $\\beta$ on does the "
    "optimal code keep this direction?",
    answer=1 / 0.36,
    mistakes={
        1 / 0.6: "The transition depends on the explained share of the *variance*, $\\rho^2$.",
        1 / 0.64: "That is $1/\\lambda$ with $\\lambda = 1 - \\rho^2$, the share that Y does *not* explain.",
        0.36: "That is the slope of the curve where it leaves zero; $\\beta$ is one over the slope.",
        1.0: "At $\\beta = 1$ rate and relevance weigh the same, but one nat of rate gives less than one of relevance.",
    },
    hint=r"The gain $a^2 = (\beta \rho^2 - 1) / (1 - \rho^2)$ must be above zero.",
    solution=r"$\beta_c = 1/\rho^2 = 1/0.36 \approx 2.78$. An infinitesimal amount of rate gives $\rho^2$ "
    r"times as much relevance, which lowers the objective only if $\beta \rho^2 > 1$.",
)


def _rate(rho: float, beta: float) -> float:
    return 0.5 * math.log((beta - 1) * rho**2 / (1 - rho**2)) if beta * rho**2 > 1 else 0.0


direction_rate = Exercise(
    "Write `rate(rho, beta)`: the rate, in **nats**, of a direction with correlation $\\rho$ in the "
    "optimal code, at any $\\beta$.",
    answer=_rate,
    cases=[(0.9, 5.0), (0.5, 10.0), (0.3, 5.0), (0.9, 1.0)],
    mistakes={
        lambda rho, beta: math.log((beta - 1) * rho**2 / (1 - rho**2)) if beta * rho**2 > 1 else 0.0: "Twice too "
        "much: a Gaussian direction carries half the logarithm.",
        lambda rho, beta: 0.5 * math.log1p((beta * rho**2 - 1) / (1 - rho**2)) if beta > 1 else 0.0: "Negative "
        "where the direction is inactive: its transition is at $1/\\rho^2$, not at 1.",
    },
    hint=r"$I = \tfrac12 \ln(1 + a^2)$ with $a^2 = (\beta\rho^2 - 1)/(1 - \rho^2)$. And below the transition?",
    solution=r"$I = \tfrac12 \ln \frac{(\beta - 1)\,\rho^2}{1 - \rho^2}$ above $\beta = 1/\rho^2$, and 0 below: "
    "`0.5 * log(max(1, (beta - 1) * rho**2 / (1 - rho**2)))`. One formula covers both cases, since the argument of the "
    "logarithm is one exactly at the transition.",
)
