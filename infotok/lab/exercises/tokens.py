"""The exercises of lesson 07."""

import math

from infotok.lab.exercises.exercise import Exercise

_OCCUPIED = -0.6 * math.log(0.6) - 0.4 * math.log(0.4)
_STRUCTURE = 4 * (_OCCUPIED + 0.6 * math.log(48))
_JITTER = 2.4 * 2 * math.log(5)

enough = Exercise(
    "An image of this world is 16 tokens. How many bits per token, at the minimum, could hold *all* of its structure "
    "(11.98 nats) and *all* of its jitter (7.73 nats), with perfect coding and no bit for the background?",
    answer=(_STRUCTURE + _JITTER) / math.log(2) / 16,
    unit="bits",
    mistakes={
        (_STRUCTURE + _JITTER) / 16: "That is in nats; a bit is ln 2 of them.",
        (_STRUCTURE + _JITTER) / math.log(2): "That is for the whole image: divide it by the number of tokens.",
        _STRUCTURE / math.log(2) / 16: "That is the structure alone.",
    },
    hint=r"16 tokens of $b$ bits hold at most $16\, b \ln 2$ nats.",
    solution=r"$(11.98 + 7.73) / (16 \ln 2) = 1.78$ bits. So 3 bits per token would be enough. What limits a tokenizer "
    "there is learning: each token codes its own place, and codes are not equally frequent.",
)

probe = Exercise(
    "A cell is occupied with probability 0.6. A probe that predicts this from tokens has a cross-entropy of 0.25 nats "
    "on images it has not seen. At least how many nats about this cell's occupancy are in the tokens?",
    answer=_OCCUPIED - 0.25,
    unit="nats",
    mistakes={
        0.25: "That is the uncertainty that the probe leaves. The information is what it removes.",
        math.log(2) - 0.25: "ln 2 is the entropy at probability one half; here it is 0.6.",
        0.0: "The probe is better than always saying 0.6, whose cross-entropy is the entropy.",
    },
    hint="I(Z;C) = H(C) - H(C|Z), and no probe has a cross-entropy below H(C|Z).",
    solution="$H = -0.6 \\ln 0.6 - 0.4 \\ln 0.4 = 0.673$ nats, so at least $0.673 - 0.25 = 0.423$. A better probe may "
    "find more. One with 0.9 nats gives $-0.23$: it is worse than no probe, and the tokens may still be full.",
)
