"""The exercises of lesson 03."""

from infotok.lab.exercises.exercise import Exercise

first_split = Exercise(
    "A fair bit $X$ is flipped with probability $p = 0.1$ to give $Y$. From which $\\beta$ on is it worth sending "
    "anything about $X$ at all?",
    answer=1 / (1 - 2 * 0.1) ** 2,
    tol=0.005,
    mistakes={
        1.0: r"At $\beta = 1$ a nat of relevance is worth a nat of rate; but Y gives back only part of what is sent.",
        1
        / (1 - 2 * 0.1): "The correlation of $X$ and $Y$ is $1 - 2p$; its *square* is what the first split depends on.",
        (1 - 2 * 0.1) ** 2: r"That is the squared correlation; $\beta$ is its inverse.",
    },
    hint=r"The first split comes at $\beta = 1/\rho^2$, with $\rho$ the largest correlation that functions of $X$ and "
    r"of $Y$ can have. For two binary variables there is only one: $\rho = 1 - 2p$.",
    solution=r"$\beta_c = 1/(1-2p)^2 = 1/0.64 = 1.5625$. Below it the best code is silent: so noisy a copy does not "
    "pay back what the code costs.",
)

erased = Exercise(
    r"$Y = f(X)$ takes two equally likely values, so $H(Y) = \ln 2$. Somebody needs a code of rate $\tfrac12 \ln 2$. "
    r"The Lagrangian offers rate 0 or rate $\ln 2$. What does the best code of rate $\tfrac12 \ln 2$ know of $Y$, in "
    "**nats**?",
    answer=0.5 * 0.6931471805599453,
    unit="nats",
    mistakes={
        0.0: "That is what the Lagrangian would give. Think of a code that sends $Y$ only some of the time.",
        0.6931471805599453: "A code cannot know more of $Y$ than it says of $X$: $I(T;Y)$ is at most the rate.",
    },
    hint="Send $Y$ with probability one half, and a blank otherwise. What are its rate and its relevance?",
    solution=r"$I(T;Y) = \min(\text{rate}, H(Y)) = \tfrac12 \ln 2 \approx 0.347$ nats, attained by sending $Y$ half of "
    r"the time. The sloped part of the curve is straight, so every point of it has the same $\beta$.",
)
