"""One-to-one maps of X and Y, which keep mutual information: I(f(X); g(Y)) = I(X;Y).

- `Transformed`           a data source with a map of x and one of y; its mutual information stays
- maps of one coordinate  `asinh`, `half_cube`, `cubic`, `normal_cdf`, `WIGGLY_X`, `WIGGLY_Y`, `Bimodal`
- maps of vectors         `swiss_roll` (a line rolled up in a plane), `Spiral` (a plane wound by the radius)

    world = Transformed(JointStudentT(np.eye(2), 1.0, dim_x=1), asinh, asinh)
    x, y = world.sample(5000, seed=0)

The maps are those of Czyz et al. 2023, "Beyond Normal" (arXiv 2306.11078), section 2.2, and `cubic`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import ndtr

from infotok.errors import require, require_float, require_function, require_int, require_numbers

__all__ = [
    "WIGGLY_X",
    "WIGGLY_Y",
    "Bimodal",
    "Spiral",
    "Transformed",
    "Wiggly",
    "World",
    "asinh",
    "cubic",
    "half_cube",
    "identity",
    "normal_cdf",
    "swiss_roll",
]

Map = Callable[[np.ndarray], np.ndarray]  # (N, d) -> (N, d'), one-to-one


class World(Protocol):
    """A sampler of pairs with known mutual information."""

    @property
    def mutual_information(self) -> float:
        """I(X;Y) in nats."""

    def sample(self, n: int, seed: int | np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """n samples: x (n, dx) and y (n, dy).

        n: number of samples.
        seed: an integer, or a NumPy generator.
        """


def identity(x: np.ndarray) -> np.ndarray:
    """x itself.

    x: array, returned as it is.
    """
    return x


@dataclass(frozen=True)
class Transformed:
    """The pair (f(X), g(Y)) of a data source (X, Y).

    base: the data source
    map_x: f, an array (N, d) -> (N, d'), one-to-one, or the mutual information changes
    map_y: g, likewise

    Example:
        >>> from infotok.information import ksg
        >>> from infotok.worlds import JointGaussian, Transformed, cubic
        >>> world = Transformed(JointGaussian.correlated(dim=1, rho=0.8), cubic, cubic)
        >>> round(world.mutual_information, 2), round(ksg(*world.sample(1000, seed=0)), 1)  # as before the maps
        (0.51, 0.5)
    """

    base: World
    map_x: Map = identity
    map_y: Map = identity

    def __post_init__(self) -> None:
        world = hasattr(self.base, "sample") and not isinstance(self.base, type)
        require(world, "base", type(self.base).__name__, "a world with .sample and .mutual_information", TypeError)
        for name in ("map_x", "map_y"):
            require_function(name, getattr(self, name), "a function of an array")

    @property
    def mutual_information(self) -> float:
        """I(X;Y) of the base, in nats."""
        return self.base.mutual_information

    def sample(self, n: int, seed: int | np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """n samples: f(x) and g(y).

        n: number of samples.
        seed: an integer, or a NumPy generator.
        """
        x, y = self.base.sample(n, seed)
        return require_numbers("map_x(x)", self.map_x(x)), require_numbers("map_y(y)", self.map_y(y))


def asinh(x: np.ndarray) -> np.ndarray:
    """asinh(x) = log(x + sqrt(1 + x^2)), which shortens tails.

    x: numbers, of any shape.

    Example:
        >>> import numpy as np
        >>> from infotok.worlds import asinh
        >>> asinh(np.array([0.0, 1.0, 1e6])).round(2)
        array([ 0.  ,  0.88, 14.51])
    """
    return np.arcsinh(require_numbers("x", x))


def half_cube(x: np.ndarray) -> np.ndarray:
    """Half-cube sign(x) |x|^(3/2), which lengthens tails.

    x: numbers up to 1e200 in size, of any shape.

    Example:
        >>> import numpy as np
        >>> from infotok.worlds import half_cube
        >>> half_cube(np.array([-4.0, 0.0, 4.0]))
        array([-8.,  0.,  8.])
    """
    x = require_numbers("x", x, "[-1e200, 1e200]")
    return x * np.sqrt(np.abs(x))


def cubic(x: np.ndarray) -> np.ndarray:
    """Cube x^3, as in the staircase of Poole et al. 2019.

    x: numbers up to 1e100 in size, of any shape.

    Example:
        >>> import numpy as np
        >>> from infotok.worlds import cubic
        >>> cubic(np.array([-2.0, 0.5]))
        array([-8.   ,  0.125])
    """
    return require_numbers("x", x, "[-1e100, 1e100]") ** 3


def normal_cdf(x: np.ndarray) -> np.ndarray:
    """Normal distribution function Phi(x): standard normal margins become uniform on (0, 1).

    x: numbers, of any shape.

    Example:
        >>> import numpy as np
        >>> from infotok.worlds import normal_cdf
        >>> normal_cdf(np.array([-1.96, 0.0, 1.96])).round(3)
        array([0.025, 0.5  , 0.975])
    """
    return ndtr(require_numbers("x", x))


@dataclass(frozen=True)
class Wiggly:
    """The map x + sum_i amplitude_i sin(frequency_i x + phase_i), increasing as sum |amplitude frequency| < 1.

    amplitudes, frequencies, phases: one number for each sine.

    Example:
        >>> import numpy as np
        >>> from infotok.worlds import Wiggly
        >>> wiggly = Wiggly(amplitudes=(0.4,), frequencies=(2.0,), phases=(0.0,))
        >>> bool((np.diff(wiggly(np.linspace(-5, 5, 1000))) > 0).all())  # increasing: 0.4 x 2 < 1
        True
    """

    amplitudes: tuple[float, ...]
    frequencies: tuple[float, ...]
    phases: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("amplitudes", "frequencies", "phases"):
            require_numbers(name, getattr(self, name), ndim=1)
            same = len(getattr(self, name)) == len(self.amplitudes)
            require(same, name, len(getattr(self, name)), f"as many as amplitudes, {len(self.amplitudes)}")
        steepest = float(np.abs(np.multiply(self.amplitudes, self.frequencies)).sum())
        require(steepest < 1, "amplitudes x frequencies", steepest, "a sum below 1, or the map is not one-to-one")

    def __call__(self, x: np.ndarray) -> np.ndarray:
        x = require_numbers("x", x)
        waves = zip(self.amplitudes, self.frequencies, self.phases, strict=True)
        return x + sum(a * np.sin(f * x + p) for a, f, p in waves)


WIGGLY_X = Wiggly((0.4, 0.2, 0.03), (1.0, 1.7, 3.3), (0.0, 1.0, -2.5))
WIGGLY_Y = Wiggly((-0.4, 0.17, 0.02), (0.4, 1.3, 4.3), (0.0, 3.5, -2.5))


@dataclass(frozen=True)
class Bimodal:
    """The map of uniform margins to a mixture of two unit Gaussians, the inverse of its distribution function.

        F(t) = weight Phi(t - left) + (1 - weight) Phi(t - right),    inverted by bisection to 1e-12

    weight: of the left Gaussian
    left, right: the means, left below right

    Example:
        >>> import numpy as np
        >>> from infotok.worlds import Bimodal
        >>> Bimodal(weight=0.5, left=-3.0, right=3.0)(np.array([0.25, 0.75])).round(2)  # of uniform margins
        array([-3.,  3.])
    """

    weight: float
    left: float
    right: float

    def __post_init__(self) -> None:
        require_float("weight", self.weight, "[0, 1]")
        require_float("left", self.left, "[-1e9, 1e9]"), require_float("right", self.right, f"({self.left}, 1e9]")

    def __call__(self, u: np.ndarray) -> np.ndarray:
        u = require_numbers("u", u, "(0, 1)")
        low, high = np.full_like(u, self.left - 9.0), np.full_like(u, self.right + 9.0)
        for _ in range(46):
            middle = (low + high) / 2
            below = self.weight * ndtr(middle - self.left) + (1 - self.weight) * ndtr(middle - self.right) < u
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return (low + high) / 2


def swiss_roll(u: np.ndarray) -> np.ndarray:
    """Swiss roll t (cos t, sin t) / 21 with t = 3/2 pi (1 + 2u), (N, 2).

    u: (N, 1), in [0, 1].

    Example:
        >>> import numpy as np
        >>> from infotok.worlds import swiss_roll
        >>> swiss_roll(np.array([[0.25], [0.75]])).round(2)  # a line, rolled up in a plane
        array([[ 0.24,  0.24],
               [ 0.4 , -0.4 ]])
    """
    u = require_numbers("u", u, "[0, 1]", ndim=2)
    require(u.shape[1] == 1, "u", u, "shape (N, 1)")
    t = 1.5 * np.pi * (1 + 2 * u)
    return np.hstack([t * np.cos(t), t * np.sin(t)]) / 21


@dataclass(frozen=True)
class Spiral:
    """Spiral map of (N, d): coordinates i and j turn by the angle speed |x|^2 / d; it keeps |x|, so it is one-to-one.

    speed: of the turn, in radians
    i, j: the two coordinates, i below j

    Example:
        >>> import numpy as np
        >>> from infotok.worlds import Spiral
        >>> x = np.array([[0.1, 0.0], [2.0, 0.0]])
        >>> wound = Spiral(speed=1.0)(x)  # turned by |x|^2 / 2 radians
        >>> wound.round(2), np.linalg.norm(wound, axis=1).round(2)
        (array([[ 0.1 ,  0.  ],
               [-0.83,  1.82]]), array([0.1, 2. ]))
    """

    speed: float = 1.0
    i: int = 0
    j: int = 1

    def __post_init__(self) -> None:
        require_float("speed", self.speed), require_int("i", self.i, 0), require_int("j", self.j, self.i + 1)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        x = require_numbers("x", x, "[-1e100, 1e100]", ndim=2)
        dim = x.shape[1]
        require(0 <= self.i < self.j < dim, "i, j", (self.i, self.j), f"0 <= i < j < {dim}, the dimension of x")
        angle = self.speed * np.square(x).mean(axis=1)
        cos, sin = np.cos(angle), np.sin(angle)
        turned = x.copy()
        turned[:, self.i] = cos * x[:, self.i] - sin * x[:, self.j]
        turned[:, self.j] = sin * x[:, self.i] + cos * x[:, self.j]
        return turned
