"""The exercises of lessons 11 to 13."""

import math

from infotok.lab.exercises.exercise import Exercise

_T = 4.302653  # Student's t at 0.975, two degrees of freedom
_P = (0.004, 0.03, 0.02)
_N = 5

paired = Exercise(
    "Three seeds. The baseline scores 0.70, 0.80 and 0.90; with InfoTok it scores 0.74, 0.83 and 0.95, in the same "
    "order. What is the *lower end* of the 95 % interval of the mean difference, paired by seed? ($t_{0.975} = 4.303$ "
    "at two degrees of freedom.)",
    answer=0.04 - _T * 0.01 / math.sqrt(3),
    mistakes={
        0.04 - _T * 0.01: "That is for a single seed; the mean of three varies less.",
        0.04 - 1.96 * 0.01 / math.sqrt(3): "1.96 is for many seeds. With three the spread itself is hardly known.",
        0.04: "That is the mean. How certain is it?",
        0.03: "That is the smallest of the differences.",
    },
    hint="Differences first: 0.04, 0.03, 0.05. Their standard deviation is 0.01.",
    solution=r"$0.04 - 4.303 \times 0.01 / \sqrt 3 = 0.015$: above zero. Unpaired, the two means differ by 0.04 and "
    "each seed moves them by 0.1: nothing could be said. The seeds are what both variants share, and pairs remove it.",
)

unexplained = Exercise(
    "Tokens $Z$ are made from an image $X$ alone; $T$ is its caption. $I(X;Z) = 12$ and $I(Z;T) = 9$ nats. With the "
    r"best possible prior $r(z|t)$, how many nats is the rate term $\mathrm{KL}(q(z|x)\,\|\,r(z|t))$ on average?",
    answer=3,
    unit="nats",
    mistakes={
        12: r"That is $\mathrm{KL}(q(z|x)\,\|\,r(z))$, with a prior that is not conditioned on the caption.",
        9: "That is what the caption explains, and what has no cost.",
        21: "Nats that the caption explains do not count at all.",
    },
    hint="Given $X$, the caption says nothing more about $Z$: $I(X;Z) = I(Z;T) + I(X;Z|T)$.",
    solution="$I(X;Z|T) = 12 - 9 = 3$. Only these have a cost, so structure that captions name is free. Whatever else "
    "a good drawing needs, such as where exactly things stand, is not.",
)

corrected = Exercise(
    f"Three tests have p-values {_P[0]}, {_P[1]} and {_P[2]}. What does Holm's method make of the *largest* of them?",
    answer=0.04,
    mistakes={
        0.03: "That is the p-value itself. A later one must not be smaller than an earlier one.",
        0.09: "That is Bonferroni, which multiplies all of them by 3.",
        0.06: "The largest is multiplied by 1; what was the one before it multiplied by?",
    },
    hint=r"Sorted: 0.004 $\times$ 3, 0.02 $\times$ 2, 0.03 $\times$ 1; then let none be smaller than the one before.",
    solution=r"0.012, 0.04, and $\max(0.04, 0.03) = 0.04$. All three are below 0.05, where Bonferroni (0.012, 0.09, "
    "0.06) keeps one. Holm's method bounds the probability of any false rejection just as well.",
)

decoder = Exercise(
    "A caption has an entropy of 10.2 nats. A linear caption head reaches a cross-entropy of 1.5 nats an image. Two "
    "lower bounds on $I(Z;T)$: the decoder bound, and InfoNCE among 32 captions at its best. By how many nats is the "
    "decoder bound higher?",
    answer=10.2 - 1.5 - math.log(32),
    unit="nats",
    mistakes={
        10.2 - 1.5: "That is the decoder bound. What is InfoNCE's ceiling?",
        math.log(32): "That is InfoNCE's ceiling.",
        10.2 - math.log(32): "The cross-entropy has to be subtracted from the entropy first.",
    },
    hint=r"$H(T)$ minus the cross-entropy; and InfoNCE cannot exceed $\ln 32$.",
    solution=r"$10.2 - 1.5 - \ln 32 = 5.2$ nats. The head normalises over all captions exactly, where InfoNCE compares "
    "with those of the batch.",
)

winner = Exercise(
    f"In {_N} regimes the rate term truly changes nothing. Each measured difference is standard normal (in units of "
    "its standard deviation). The largest of them is reported. What is its expected value, to one decimal?",
    answer=1.16296,
    tol=0.05,
    mistakes={
        0: "That is the expectation of any one of them, not of the largest.",
        1.96: "That is where an interval of one of them ends.",
        5: "That is how many there are.",
    },
    hint="Simulate: `np.random.default_rng(0).normal(size=(100_000, 5)).max(1).mean()`.",
    solution="1.2. The best of five differences looks like an effect of more than one standard deviation, with no "
    "effect at all. Only seeds that had no part in the search can judge it.",
)

gaussian_rate = Exercise(
    r"A token's number is sent as $\mathcal N(0.6, 0.1^2)$. The prior conditioned on the caption is "
    r"$\mathcal N(0.5, 0.2^2)$. How many nats is its rate term?",
    answer=math.log(2) + (0.1**2 + 0.1**2) / (2 * 0.2**2) - 0.5,
    unit="nats",
    mistakes={
        -math.log(0.1) + (0.1**2 + 0.6**2) / 2 - 0.5: "That is the rate against the standard prior.",
        math.log(2): r"That is $\ln(s/\sigma)$; the mean is off as well.",
        0.5 - math.log(2) + (0.1**2 + 0.1**2) / (2 * 0.2**2): r"Check the signs: $\ln(s/\sigma)$ and $-1/2$.",
    },
    hint=r"$\ln\frac{s}{\sigma} + \frac{\sigma^2 + (\mu - m)^2}{2 s^2} - \frac12$",
    solution=r"$\ln 2 + 0.02 / 0.08 - 0.5 = 0.44$ nats. Against the standard prior the same number has a rate of 2.0 "
    "nats: most of it is what the caption explains.",
)
