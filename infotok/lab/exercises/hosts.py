"""The exercises of lessons 08 to 10."""

from infotok.lab.exercises.exercise import Exercise

surprise = Exercise(
    r"With `jitter=2` an image holds 10.2 nats of structure, which its caption names, and 6.7 nats of jitter, which "
    r"it does not. The codes keep all of the jitter. Given the caption, a host has a cross-entropy of 0.75 nats on "
    r"each of an image's 16 codes. How many nats per image are due to what it has not learned?",
    answer=5.3,
    mistakes={
        12.0: "That is the whole cross-entropy. No host could avoid a part of it.",
        1.8: "The caption is given, so the structure adds nothing.",
        6.7: "That is the cross-entropy of a perfect host.",
        -5.95: "An image has 16 codes of 0.75 nats each.",
    },
    hint=r"By the chain rule the nats of all codes add up to $-\ln p(\text{image} \mid \text{caption})$; its smallest "
    "mean is the entropy that the caption leaves open.",
    solution=r"$16 \times 0.75 - 6.7 = 5.3$ nats. Whatever the caption leaves unsaid and the tokens keep adds to the "
    r"cross-entropy: jitter, which a good drawing needs, and nuisance, which no caption names. So codes that keep less "
    r"nuisance are easier to predict.",
)

order = Exercise(
    r"The same 16 codes are now predicted from right to left instead of from left to right, by another perfect "
    r"host. By how much does $-\ln p(\text{image} \mid \text{caption})$ change, in nats?",
    answer=0.0,
    mistakes={0.75: "Single terms change. Does their sum?", 12: "The sum does not become 0."},
    hint="The chain rule holds in every order.",
    solution=r"Not at all: $p(c_1, \dots, c_L)$ is one number, however it is factored. Orders differ in how hard the "
    "factors are to *learn*. The masked host of lesson 09 makes use of that.",
)

rounds = Exercise(
    r"A masked host predicts $L = 16$ tokens in 4 rounds by the cosine schedule: after round $s$, "
    r"$\lfloor 16 \cos(\pi s / 8) \rfloor$ stay masked. How many tokens are predicted for good in the last round?",
    answer=6,
    mistakes={
        4: "That would be the same number in each round; the cosine starts slowly.",
        2: "That is the first round: 16 - 14.",
        0: "None stay masked *after* it; how many were masked before?",
        10: "That is the number in all rounds before it.",
    },
    hint=r"How many are masked after the third round, $\lfloor 16 \cos(3 \pi / 8) \rfloor$?",
    solution=r"$16 \cos(3\pi/8) = 6.1$, so 6 are masked before the last round, and all are predicted in it. The "
    "schedule predicts few tokens at first, when little is known, and many at the end.",
)

independent = Exercise(
    r"Two tokens are always equal, each 0 or 1 with probability 1/2. A perfect masked host predicts both in one round. "
    r"With what probability do they differ?",
    answer=0.5,
    mistakes={
        0: "It knows that they are equal, but in one round neither depends on what the other became.",
        0.25: "0 and 1, or 1 and 0: two cases of 1/4 each.",
        1: "They agree by chance half of the time.",
    },
    hint="Within a round each token is drawn from its own marginal.",
    solution="1/2. Tokens of one round are drawn independently given those before it; their dependence is lost. One "
    "token per round would be exact; fewer rounds are faster.",
)

velocity = Exercise(
    r"A token is always $z = 2$, whatever the noise. On the straight path $z_t = (1 - t)\,\epsilon + t\,z$, a "
    r"point $z_t = 1.5$ is seen at $t = 0.5$. What is the velocity $z - \epsilon$ there?",
    answer=1.0,
    mistakes={
        2: "That is $z$ itself. Which noise leads through 1.5?",
        0.5: "That is the remaining distance, $z - z_t$. Divide it by the remaining time, $1 - t$.",
        1.5: "That is the point. The velocity is $z$ minus the noise it came from.",
    },
    hint=r"Solve $1.5 = 0.5\,\epsilon + 0.5 \cdot 2$ for the noise.",
    solution=r"$\epsilon = 1$, so $z - \epsilon = 1$; or $(z - z_t) / (1 - t) = 0.5 / 0.5 = 1$. Where $z$ is not "
    r"certain, the learned velocity is the mean of this over all $z$ that are still possible.",
)

guidance = Exercise(
    r"With the caption the velocity is 1.0, without it 0.4. Guidance $w = 2$ follows "
    r"$v_0 + w\,(v_{\text{caption}} - v_0)$. What is it?",
    answer=1.6,
    mistakes={
        1.0: "That is w = 1, the model itself.",
        2.0: "That is 2 times the velocity with the caption; only the *difference* is scaled.",
        1.2: "That is the scaled difference alone; add it to the velocity without the caption.",
        0.4: "That is w = 0, which ignores the caption.",
    },
    hint="Scale the difference, 0.6, and add it to the velocity without the caption.",
    solution=r"$0.4 + 2 \times 0.6 = 1.6$: further in the direction of the caption than the model itself would go. "
    "Images follow their captions better and vary less.",
)
