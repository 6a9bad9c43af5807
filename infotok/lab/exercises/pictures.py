"""The exercises of lesson 14."""

import math

from infotok.lab.exercises.exercise import Exercise

_P, _N = 0.6, 96
_EMPTY = -_P * math.log(_P) - (1 - _P) * math.log(1 - _P)  # of whether a cell is occupied

cell = Exercise(
    f"A cell is occupied with probability {_P}, by one of {_N} objects, all equally likely. How many nats does one "
    "cell hold?",
    answer=_EMPTY + _P * math.log(_N),
    unit="nats",
    mistakes={
        math.log(_N): "That is for a cell that is always occupied.",
        _P * math.log(_N): "Whether there is an object at all is news too.",
        4 * (_EMPTY + _P * math.log(_N)): "That is for all four cells.",
    },
    hint=r"First whether the cell is occupied, then by what: $H = h(0.6) + 0.6 \ln 96$.",
    solution=rf"$h(0.6) = {_EMPTY:.2f}$ nats, and $0.6 \ln 96 = {_P * math.log(_N):.2f}$: together "
    f"{_EMPTY + _P * math.log(_N):.2f}. Four cells are independent in the set of all scenes: "
    f"{4 * (_EMPTY + _P * math.log(_N)):.1f} nats. Training scenes leave some of them out and hold a little less.",
)

more = Exercise(
    "Three times as many objects: 288 instead of 96. By how many nats does the structure of a scene grow? A scene has "
    "2.4 objects on average.",
    answer=2.4 * math.log(3),
    unit="nats",
    mistakes={
        math.log(3): "That is for one object.",
        4 * math.log(3): "Not every cell is occupied.",
        2.4 * math.log(288): "That is all that the objects hold. By how much does it grow?",
    },
    hint=r"Each object holds $\ln N$ nats.",
    solution=r"$2.4 \ln 3 = 2.6$ nats, in a budget of 66.5. The number of names is hardly what tokens lack room for. "
    "What an image decoder needs to draw them is more: the pixels of each.",
)
