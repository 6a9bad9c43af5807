"""The exercises of lesson 00."""

import math

from infotok.lab.exercises.exercise import Exercise

label_budget = Exercise(
    "Ten digits are equally likely. How many **nats** must a code carry at least, if the label is to be recovered "
    "from it without an error?",
    answer=math.log(10),
    unit="nats",
    mistakes={
        10: "That is the number of labels; information grows with its logarithm.",
        4: "Four bits can *number* the labels one by one. How much do they carry on average, and in nats?",
        1: "That is the amount in units of log base 10, one decimal digit. In nats it is more.",
        0.1: "That is the probability of each label; the code must carry their entropy.",
    },
    hint=r"Without an error means $I(T;Y) = H(Y)$. What is $-\sum_y p(y) \ln p(y)$ when each of the ten "
    r"$p(y)$ is $1/10$?",
    solution=r"$H(Y) = -\sum_y \tfrac{1}{10} \ln \tfrac{1}{10} = \ln 10 \approx 2.303$ nats, or $\log_2 10 \approx "
    r"3.32$ bits: where the dashed limit becomes flat. A real code needs more, since it does not have the label and "
    "must recognise it from the pixels.",
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
