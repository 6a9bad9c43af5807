"""The exercises of lessons 08 to 10."""

from infotok.lab.exercises.exercise import Exercise

surprise = Exercise(
    r"With `jitter=2` an image holds 10.2 nats of structure, which its caption names, and 6.7 nats of jitter, which "
    r"it does not. Given the caption, a host spends 0.75 nats on each of an image's 16 codes, which keep all of the "
    r"jitter. How many nats per image are due to what it has not learned?",
    answer=5.3,
    mistakes={
        12.0: "That is all it spends. Some of these nats no host could save.",
        1.8: "The caption is given: the structure is not paid again.",
        6.7: "That is what even a perfect host must pay.",
        -5.95: "An image has 16 codes of 0.75 nats each.",
    },
    hint=r"By the chain rule the nats of all codes add up to $-\ln p(\text{image} \mid \text{caption})$; its least "
    "value is what the caption leaves open.",
    solution=r"$16 \times 0.75 - 6.7 = 5.3$ nats. Whatever a caption leaves unsaid and the tokens keep must be paid "
    r"for in drawing, be it jitter, which a good drawing needs, or nuisance, which nobody asked for. That is why a "
    r"tokenizer that keeps less nuisance is easier to draw with.",
)

order = Exercise(
    r"The same 16 codes are now predicted from right to left instead of from left to right, by another host that is "
    r"as perfect. By how much does $-\ln p(\text{image} \mid \text{caption})$ change, in nats?",
    answer=0.0,
    mistakes={0.75: "Single terms change; what of their sum?", 12: "The sum does not vanish, it stays."},
    hint="The chain rule holds in every order.",
    solution=r"Not at all: $p(c_1, \dots, c_L)$ is one number, however it is factored. Orders differ in how hard the "
    "factors are to *learn*, which is where the masked host of lesson 09 comes in.",
)

rounds = Exercise(
    r"A masked host restores $L = 16$ tokens in 4 rounds by the cosine schedule: after round $s$, "
    r"$\lfloor 16 \cos(\pi s / 8) \rfloor$ stay hidden. How many tokens are settled in the last round?",
    answer=6,
    mistakes={
        4: "That would be the same number in each round; the cosine starts slowly.",
        2: "That is the first round: 16 - 14.",
        0: "None stay hidden *after* it; how many were hidden before?",
        10: "That is how many are settled before it.",
    },
    hint=r"How many are hidden after the third round, $\lfloor 16 \cos(3 \pi / 8) \rfloor$?",
    solution=r"$16 \cos(3\pi/8) = 6.1$, so 6 are hidden before the last round and all of them are settled in it. Few "
    "tokens at first, when the least is known, and many at the end, when the rest follows from them.",
)

independent = Exercise(
    r"Two tokens are always equal, each 0 or 1 with probability 1/2. A perfect masked host settles both in one round. "
    r"With which probability do they differ?",
    answer=0.5,
    mistakes={
        0: "It knows that they are equal, but in one round neither is told what the other became.",
        0.25: "0 and 1, or 1 and 0: two cases of 1/4 each.",
        1: "They agree by chance half of the time.",
    },
    hint="Within a round each token is drawn from its own marginal.",
    solution="1/2. Tokens of one round are drawn independently given those before it; what they share is lost. One "
    "token a round would be exact, and this is what the number of rounds trades against time.",
)

velocity = Exercise(
    r"A token is always $z = 2$, whatever the noise. On the straight path $z_t = (1 - t)\,\epsilon + t\,z$, a "
    r"point $z_t = 1.5$ is seen at $t = 0.5$. What is the velocity $z - \epsilon$ there?",
    answer=1.0,
    mistakes={
        2: "That is $z$ itself. Which noise leads through 1.5?",
        0.5: "That is what is left to go, $z - z_t$, in the time left, $1 - t$.",
        1.5: "That is the point. The velocity is $z$ minus the noise it came from.",
    },
    hint=r"Solve $1.5 = 0.5\,\epsilon + 0.5 \cdot 2$ for the noise.",
    solution=r"$\epsilon = 1$, so $z - \epsilon = 1$; or $(z - z_t) / (1 - t) = 0.5 / 0.5 = 1$. Where $z$ is not "
    r"certain, the velocity learned is the mean of this over all $z$ that are still possible.",
)

guidance = Exercise(
    r"With the caption the velocity is 1.0, without it 0.4. Guidance $w = 2$ follows "
    r"$v_0 + w\,(v_{\text{caption}} - v_0)$. What is it?",
    answer=1.6,
    mistakes={
        1.0: "That is w = 1, the model itself.",
        2.0: "That is 2 times the guided velocity; only the *difference* is stretched.",
        1.2: "That is the stretched difference alone; it starts from the velocity without the caption.",
        0.4: "That is w = 0, which ignores the caption.",
    },
    hint="Stretch the difference, 0.6, and add it to the velocity without the caption.",
    solution=r"$0.4 + 2 \times 0.6 = 1.6$: further into the caption's direction than the model itself would go. "
    "Pictures follow their captions better and vary less.",
)
