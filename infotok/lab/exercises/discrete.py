"""The exercises of lesson 03."""

from infotok.lab.exercises.exercise import Exercise

first_split = Exercise(
    "A fair bit $X$ is flipped with probability $p = 0.1$ to give $Y$. From which $\\beta$ on does the optimal "
    "code have any information about $X$?",
    answer=1 / (1 - 2 * 0.1) ** 2,
    tol=0.005,
    mistakes={
        1.0: r"At $\beta = 1$ rate and relevance weigh the same, but a nat of rate gives less than a nat of relevance.",
        1
        / (1 - 2 * 0.1): "The correlation of $X$ and $Y$ is $1 - 2p$; its *square* is what the first split depends on.",
        (1 - 2 * 0.1) ** 2: r"That is the squared correlation; $\beta$ is its inverse.",
    },
    hint=r"The first split comes at $\beta = 1/\rho^2$, with $\rho$ the largest correlation that functions of $X$ and "
    r"of $Y$ can have. For two binary variables there is only one: $\rho = 1 - 2p$.",
    solution=r"$\beta_c = 1/(1-2p)^2 = 1/0.64 = 1.5625$. Below it the optimal code is empty: the relevance gained is "
    "smaller than the rate.",
)

erased = Exercise(
    r"$Y = f(X)$ takes two equally likely values, so $H(Y) = \ln 2$. You need a code of rate $\tfrac12 \ln 2$. "
    r"The Lagrangian finds rate 0 or rate $\ln 2$. What is the relevance $I(T;Y)$ of the best code of rate "
    r"$\tfrac12 \ln 2$, in **nats**?",
    answer=0.5 * 0.6931471805599453,
    unit="nats",
    mistakes={
        0.0: "That is a solution of the Lagrangian. Think of a code that sends $Y$ only some of the time.",
        0.6931471805599453: "A code cannot say more about $Y$ than about $X$: $I(T;Y)$ is at most the rate.",
    },
    hint="Send $Y$ with probability one half, and a blank otherwise. What are its rate and its relevance?",
    solution=r"$I(T;Y) = \min(\text{rate}, H(Y)) = \tfrac12 \ln 2 \approx 0.347$ nats, attained by sending $Y$ with "
    r"probability one half. The sloped part of the curve is straight, so every point of it has the same $\beta$.",
)
