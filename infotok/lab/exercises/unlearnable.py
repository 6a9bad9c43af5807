"""The exercises of lesson 17."""

import math

from infotok.lab.exercises.exercise import Exercise

_EPS, _PIXELS, _CLASSES = 8 / 255, 400, 10
_POWER = _EPS**2 * _PIXELS

variance = Exercise(
    r"Ten random sign patterns of $\epsilon = 8/255$ on 400 pixels, all equally likely. They are nearly orthogonal. "
    "What is the variance along one of their directions?",
    answer=_POWER / _CLASSES,
    mistakes={
        _POWER: "That is the squared length of a pattern. How often does an image have it?",
        _EPS**2: "That is the power in one pixel. A direction gathers all of them.",
        _POWER / _CLASSES**2: "Divide by the number of classes once.",
    },
    hint=r"Along pattern $k$ the noise is $|p|^2$ in power for one image in ten, and nearly 0 for the others.",
    solution=rf"$|p|^2 = 400\, \epsilon^2 = {_POWER:.3f}$, and a tenth of it is the variance, "
    f"{_POWER / _CLASSES:.4f}. Twice the side of the image has four times the variance: larger images are easier "
    "to protect.",
)

threshold = Exercise(
    "Twenty directions of content have variance 0.64 each, nine of noise 0.04 each. Above how many bits does the "
    "optimal code keep anything of the noise?",
    answer=20 * 0.5 * math.log2(0.64 / 0.04),
    unit="bits",
    mistakes={
        0.5 * math.log2(0.64 / 0.04): "That is the rate of one direction.",
        20 * math.log2(0.64 / 0.04): r"Each direction has $\frac12 \log_2 (v/\theta)$ bits.",
        20 * 0.5 * math.log(0.64 / 0.04): "Those are nats.",
        29 * 0.5 * math.log2(0.64 / 0.04): "The noise has no rate at the threshold.",
    },
    hint=r"At the threshold the level $\theta$ equals the variance of the noise.",
    solution=r"With $\theta = 0.04$ each of the twenty has $\frac12 \log_2 16 = 2$ bits: 40 bits. Up to there the code "
    "is the one of images without noise.",
)
