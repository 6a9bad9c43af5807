"""The exercises of lesson 16."""

import math

from infotok.lab.exercises.exercise import Exercise

_UNITS, _KEPT = 64, 16
_BITS = math.log2(math.comb(_UNITS, _KEPT))

bits = Exercise(
    f"A layer has {_UNITS} hidden units, of which {_KEPT} are kept. If every such mask is equally likely, how many "
    "bits does it take to name one?",
    answer=_BITS,
    unit="bits",
    mistakes={
        float(_UNITS): "That would name any mask, of any number of units. The number is known here.",
        _KEPT * math.log2(_UNITS): "That names the kept units in an order. The order does not matter.",
        math.log(math.comb(_UNITS, _KEPT)): "Those are nats.",
    },
    hint=r"Count the masks: $\log_2 \binom{64}{16}$.",
    solution=rf"$\log_2 \binom{{64}}{{16}} = {_BITS:.1f}$ bits, less than one bit per unit. A removed unit of the "
    "lesson's network saves over a hundred weights: the mask is the cheapest part of the description.",
)

_W, _H, _TARGET = 2.0, 3.0, 1.5
_FLOW = _W * _H * _H * (_W - _TARGET)

sign = Exercise(
    rf"One weight $\theta = {_W:g}$ with the loss $L = \tfrac{{1}}{{2}} h\,(m\theta - c)^2$, $h = {_H:g}$, "
    rf"$c = {_TARGET:g}$, "
    r"and the mask $m = 1$. What is $\theta\,(Hg)$, the velocity of $m$ along the gradient flow of "
    r"$E = -\tfrac{1}{2} |g|^2$?",
    answer=_FLOW,
    mistakes={
        -_FLOW: "That has the opposite sign: it is the change of the gradient norm at removal, to first order.",
        _H * _H * (_W - _TARGET): "That is $Hg$. It is multiplied by the weight.",
        _W * _H * (_W - _TARGET): r"That is $\theta g$, the first-order change of the loss. One $H$ more.",
    },
    hint=r"$g = h (\theta - c)$ is the gradient, and $H = h$ the Hessian.",
    solution=rf"$g = {_H:g} \cdot {_W - _TARGET:g} = {_H * (_W - _TARGET):g}$, "
    rf"$Hg = {_H * _H * (_W - _TARGET):g}$, times $\theta$: {_FLOW:g}. The velocity is positive, so the weight stays: "
    r"to first order its removal would lower the gradient norm. In truth $|g|$ at $m = 0$ is $h c = 4.5$, higher than "
    "1.5: first order is wrong for a step as large as a removal. That is one reason to move the mask in small steps.",
)
