"""The exercises of lesson 00."""

import math

from infotok.lab.exercises.exercise import Exercise

label_budget = Exercise(
    "Ten digits are equally likely. How many **nats** must a code carry, at the least, if the label is to be read "
    "from it without a mistake?",
    answer=math.log(10),
    unit="nats",
    mistakes={
        10: "That is how many labels there are; information grows with the logarithm of that.",
        4: "Four bits can *number* the labels one by one. How much do they carry, on average, and in nats?",
        1: "One decimal digit, indeed: that is the amount in units of log base 10. In nats it is more.",
        0.1: "That is the probability of each label; the code must carry their entropy.",
    },
    hint=r"To know $Y$ without a mistake means $I(T;Y) = H(Y)$. What is $-\sum_y p(y) \ln p(y)$ when each of the ten "
    r"$p(y)$ is $1/10$?",
    solution=r"$H(Y) = -\sum_y \tfrac{1}{10} \ln \tfrac{1}{10} = \ln 10 \approx 2.303$ nats, or $\log_2 10 \approx "
    r"3.32$ bits: where the dashed ceiling turns flat. A real code pays more, since it is not told the label but must "
    "find it in the pixels.",
)

token_budget = Exercise(
    "A tokenizer turns an image into $L$ tokens, each of them one of $K$ codes. Write `budget(L, K)`: the most "
    "**nats** that the tokens can carry about anything at all.",
    answer=lambda tokens, codes: tokens * math.log(codes),
    cases=[(1, 2), (1, 10), (16, 64), (256, 8192)],
    mistakes={
        lambda tokens, codes: tokens * math.log2(codes): "Those are bits; one bit is ln 2 nats.",
        lambda tokens, codes: codes * math.log(tokens): "The other way round: $L$ tokens of $K$ codes, $K^L$ messages.",
        lambda tokens, codes: math.log(tokens * codes): "There are $K^L$ messages, not $L K$.",
    },
    hint="How many different messages are there, and which distribution over them has the largest entropy?",
    solution=r"There are $K^L$ messages, and entropy is largest where all are equally likely: $I(X;Z) \le H(Z) \le "
    r"\ln K^L = L \ln K$. Sixteen tokens of 64 codes carry at most $16 \ln 64 \approx 66.5$ nats, which is 96 bits: "
    "twelve bytes for an image.",
)
