"""The exercises of lesson 18."""

import math

from infotok.lab.exercises.exercise import Exercise

_SPOOFS, _ACCEPTED, _LIVE, _REJECTED = 50, 6, 100, 5
_HTER = (_ACCEPTED / _SPOOFS + _REJECTED / _LIVE) / 2

hter = Exercise(
    f"A detector accepts {_ACCEPTED} of {_SPOOFS} spoofs and rejects {_REJECTED} of {_LIVE} live captures. What is its "
    "half total error rate?",
    answer=_HTER,
    unit="",
    mistakes={
        (_ACCEPTED + _REJECTED) / (_SPOOFS + _LIVE): "That is the share of all captures. HTER weighs both classes "
        "alike, however many there are of each.",
        2 * _HTER: "That is the sum of both rates: half of it.",
        _ACCEPTED / _SPOOFS: "That is the rate of false acceptance alone.",
    },
    hint="The mean of two rates, each of its own class.",
    solution=rf"$({_ACCEPTED}/{_SPOOFS} + {_REJECTED}/{_LIVE})/2 = ({_ACCEPTED / _SPOOFS:.2f} + "
    rf"{_REJECTED / _LIVE:.2f})/2 = {_HTER:.3f}$.",
)

_ALL, _OWN = 23, 7
reward = Exercise(
    "A batch has 24 live captures, 8 of each of three domains, and spoofs so far away that their terms vanish. "
    "Positives are *within a domain*. The loss of a live capture is then the logarithm of the number of other live "
    "captures with the same feature. First all 24 have one feature; then each domain has a feature of its own, far "
    "from the others. By how many nats does the loss of a live capture fall?",
    answer=math.log(_ALL / _OWN),
    unit="nats",
    mistakes={
        math.log(_ALL): "That is the loss while all have one feature.",
        math.log(_OWN): "That is the loss once the domains are apart.",
        0.0: "That is so for positives across domains. Within a domain the other domains are negatives.",
    },
    hint=r"From $\ln 23$ to the logarithm of what is left.",
    solution=rf"$\ln 23 - \ln 7 = {math.log(_ALL / _OWN):.2f}$ nats. In a large batch it is $\ln 3 = "
    rf"{math.log(3):.2f}$ nats, the entropy of the domain: positives within a domain reward a code for exactly the "
    "information that positives across domains discard.",
)
