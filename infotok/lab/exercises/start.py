"""The exercises of lesson 00."""

import math

from infotok.lab.exercises.exercise import Exercise

bits_for_clouds = Exercise(
    "The images have five directions: three of clouds, with variances 20, 10 and 5, and two that determine the label, "
    "with variance 1 each. The code of the **pixels** assigns its bits one by one, as above. How many bits do the "
    "clouds get before a direction of the label gets its first one?",
    answer=7,
    unit="bits",
    mistakes={
        3: "One bit each leaves errors of variance 5, 2.5 and 1.25 in the clouds, all still above 1.",
        0: "That is the code of the *label*: clouds do not predict its target, so they get nothing.",
        8: "The eighth bit is the first one of the label. How many come before it?",
        5: "One bit quarters the variance of the error. How often must you quarter 20 until it is below 1?",
        12: "One bit halves the error, so it *quarters* its variance.",
    },
    hint="A direction of the label gets its first bit once the error of every cloud has a variance below 1. After $n$ "
    "bits a variance $v$ has become $v / 4^n$.",
    solution="The variances 20, 10 and 5 fall below 1 after 3, 2 and 2 bits: 7 bits in all. The code of the label "
    "spends none of them. With clouds of twice the strength the variances are four times as large, and each "
    "direction takes one bit more: 10. This is why clouds widen the gap between the two codes.",
)

token_budget = Exercise(
    "A tokenizer turns an image into $L$ tokens, each of them one of $K$ codes. Write `budget(L, K)`: the largest "
    "number of **nats** that the tokens can carry about anything.",
    answer=lambda tokens, codes: tokens * math.log(codes),
    cases=[(1, 2), (1, 10), (16, 64), (256, 8192)],
    mistakes={
        lambda tokens, codes: tokens * math.log2(codes): "Those are bits; one bit is ln 2 nats.",
        lambda tokens, codes: codes * math.log(tokens): "The other way round: $L$ tokens of $K$ codes, $K^L$ messages.",
        lambda tokens, codes: math.log(tokens * codes): "There are $K^L$ messages, not $L K$.",
    },
    hint="How many different messages are there, and which distribution over them has the largest entropy?",
    solution=r"There are $K^L$ messages, and entropy is largest when all are equally likely: $I(X;Z) \le H(Z) \le "
    r"\ln K^L = L \ln K$. Sixteen tokens of 64 codes carry at most $16 \ln 64 \approx 66.5$ nats, which is 96 bits: "
    "twelve bytes for an image.",
)
