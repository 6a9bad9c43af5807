"""The exercises of lesson 04."""

import math

from infotok.lab.exercises.exercise import Exercise


def _kl(mean: float, sigma: float) -> float:
    return 0.5 * (mean**2 + sigma**2 - 1 - math.log(sigma**2))


one_rate = Exercise(
    r"An encoder maps an image to $\mu = 1$, $\sigma = 0.5$, in one dimension. What is its rate against the "
    r"prior $N(0, 1)$, in **nats**?",
    answer=_kl(1, 0.5),
    unit="nats",
    mistakes={
        0.5 * (1 + 0.25 - 1 - math.log(0.5)): r"The formula has $\ln \sigma^2$, and that is $\ln \sigma$. "
        "This bug is easy to miss: the code runs, and its rate is too low.",
        0.5 * (1 + 0.5 - 1 - math.log(0.5)): r"That takes 0.5 for the variance; it is $\sigma$.",
        2 * _kl(1, 0.5): "The half in front is missing.",
        _kl(0, 0.5): r"The mean contributes as well: $\mu^2/2$.",
    },
    hint=r"$\mathrm{KL} = \tfrac12 \left( \mu^2 + \sigma^2 - 1 - \ln \sigma^2 \right)$.",
    solution=r"$\tfrac12 (1 + 0.25 - 1 + 2 \ln 2) = 0.125 + \ln 2 \approx 0.818$ nats. Halving $\sigma$ adds close to "
    r"$\ln 2$ nats each time, one bit: one more binary digit of precision.",
)


def _fano(accuracy: float) -> float:
    error = 1 - accuracy
    surprise = sum(-p * math.log(p) for p in (accuracy, error) if p > 0)
    return math.log(10) - surprise - error * math.log(9)


fano = Exercise(
    "Ten classes are equally likely. Write `least(accuracy)`: the smallest number of **nats** about the label "
    "that a code must carry, if a classifier has this accuracy (0.1 or more) on one sample of it. (This is the inverse "
    "of the dashed line.)",
    answer=_fano,
    cases=[(0.1,), (0.5,), (0.98,), (1.0,)],
    mistakes={
        lambda accuracy: accuracy * math.log(10): "Guessing right one time in ten takes no information at all.",
        lambda accuracy: math.log(10 * accuracy): "That counts messages; wrong answers carry information as well.",
    },
    hint=r"Fano: $H(Y|Z) \le h(e) + e \ln 9$ with $e = 1 - \text{accuracy}$, since a classifier that knows "
    "it was wrong has at most nine labels left. And $I(Z;Y) = H(Y) - H(Y|Z)$.",
    solution=r"$\ln 10 - h(e) - e \ln 9$, where $h(e) = -e \ln e - (1-e) \ln (1-e)$ and $0 \ln 0 = 0$. At accuracy 0.1 "
    r"this is 0; at 1 it is $\ln 10$; at 0.98 it is 2.16 nats, or 3.12 bits.",
)
