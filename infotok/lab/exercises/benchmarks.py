"""The exercises of lesson 19."""

import math

from infotok.lab.exercises.exercise import Exercise

excess_of_correlations = Exercise(
    "x and y are independent, with 20 dimensions each and 1000 samples. About how many nats does the *uncorrected* "
    "estimate by canonical correlations return?",
    answer=20 * 20 / 2000,
    unit="nats",
    mistakes={
        0.0: "That is the truth. The sample's canonical correlations are not zero.",
        40 / 2000: "Count the numbers that tie x to y, not the coordinates.",
        20 * 20 / 1000: "Each free number costs half a nat per sample, as in Akaike's criterion.",
    },
    hint=r"The cross-covariance has $d_x d_y$ free numbers, and each fits $\frac{1}{2N}$ nats of noise on average.",
    solution=r"$d_x d_y / 2N = 400 / 2000 = 0.2$ nats, from nothing at all. `GaussianCopula` subtracts it, exactly, by "
    r"the mean of a Wishart matrix's log-determinant.",
)

error_of_an_estimate = Exercise(
    "With the density ratio $r = p(x, y) / (p(x)\\,p(y))$, the least standard error that any estimator can have on a "
    "Gaussian pair of correlation $\\rho$, from $N$ samples, is $\\mathrm{sd}(\\ln r)/\\sqrt N$, and "
    "$\\mathrm{Var} \\ln r = \\rho^2$. Write `error(rho, N)`.",
    answer=lambda rho, n: abs(rho) / math.sqrt(n),
    cases=[(0.8, 100), (0.5, 5000), (-0.3, 400)],
    mistakes={
        lambda rho, n: rho**2 / n: "That is the variance.",
        lambda rho, n: rho**2 / math.sqrt(n): r"The standard deviation is the root of $\rho^2$.",
        lambda rho, n: (1 - rho**2) / math.sqrt(n): r"That is the error of $\rho$ itself.",
    },
    hint="A standard error is a standard deviation over the root of $N$.",
    solution=r"$|\rho| / \sqrt N$: at $\rho = 0.75$ and $N = 5000$ it is 0.011 nats, 2.6 % of the 0.413 there are. No "
    "method can be expected to do better, and errors below this are luck.",
)
