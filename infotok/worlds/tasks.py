"""Benchmark tasks of estimators of mutual information: the forty of "Beyond Normal", and a staircase.

    for task in beyond_normal():
        x, y = task.world.sample(5000, seed=0)
        error = estimate_mi(x, y).nats - task.world.mutual_information

- `beyond_normal`   forty tasks after Czyz et al. 2023 (arXiv 2306.11078, table 1): margins of many shapes, tails
  without moments, spirals, a swiss roll, up to 50 + 50 dimensions. Written from their definitions, not their code.
- `staircase`       correlated Gaussians of 2, 4, ..., 10 nats in 20 + 20 dimensions, or cubed (Poole et al. 2019)

Every task is a data source with a name and known mutual information.
"""

from dataclasses import dataclass

import numpy as np

from infotok.errors import require, require_float, require_function, require_int
from infotok.worlds.gaussians import WIDEST, AdditiveUniform, JointGaussian, JointStudentT
from infotok.worlds.transforms import (
    WIGGLY_X,
    WIGGLY_Y,
    Bimodal,
    Map,
    Spiral,
    Transformed,
    World,
    asinh,
    cubic,
    half_cube,
    identity,
    normal_cdf,
    swiss_roll,
)

__all__ = ["Task", "beyond_normal", "staircase"]


@dataclass(frozen=True)
class Task:
    """A benchmark task.

    name: of the distribution, such as "normal 1x1"
    world: the data source, with `.sample(n, seed)` and `.mutual_information`

    Example:
        >>> from infotok.worlds import beyond_normal
        >>> task = beyond_normal()[0]
        >>> task.name, round(task.world.mutual_information, 3)
        ('normal 1x1', 0.413)
    """

    name: str
    world: World


def beyond_normal(
    rho: float = 0.75, dense: float = 0.5, pair: float = 0.8, speed: float = 1.0, eps: tuple[float, float] = (0.1, 0.75)
) -> list[Task]:
    """The forty tasks of Czyz et al. 2023. The defaults are the published ones.

    rho: correlation of the one-dimensional tasks
    dense: correlation between all coordinates of the dense tasks
    pair: correlation of the two interacting pairs
    speed: of the spirals
    eps: the two noise levels of the additive tasks

    Example:
        >>> from infotok.worlds import beyond_normal
        >>> tasks = beyond_normal()
        >>> len(tasks), [task.name for task in tasks[:4]]
        (40, ['normal 1x1', 'uniform margins 1x1', 'additive uniform 0.1 1x1', 'additive uniform 0.75 1x1'])
    """
    require_float("rho", rho, "(-1, 1)"), require_float("pair", pair, "(-1, 1)"), require_float("speed", speed)
    require_float("dense", dense, f"({-1 / 99}, 1)")
    require(isinstance(eps, tuple | list) and len(eps) > 0, "eps", eps, "one noise level or more", TypeError)
    for level in eps:
        require_float("eps", level, "(0, inf)")
    normal = JointGaussian.correlated(1, rho)
    uniform = Transformed(normal, normal_cdf, normal_cdf)
    line = {
        "normal 1x1": normal,
        "uniform margins 1x1": uniform,
        **{f"additive uniform {e:g} 1x1": AdditiveUniform(e) for e in eps},
        "bimodal 1x1": Transformed(uniform, Bimodal(0.3, 0.0, 5.0), Bimodal(0.5, -1.0, 3.0)),
        "wiggly 1x1": Transformed(normal, WIGGLY_X, WIGGLY_Y),
        "half-cube 1x1": Transformed(normal, half_cube, half_cube),
        "student 1 1x1": student(1, 1),
        "asinh student 1 1x1": Transformed(student(1, 1), asinh, asinh),
        "swiss roll 2x1": Transformed(uniform, swiss_roll),
    }
    two_pairs = {d: JointGaussian.sparse(d, d, pairs=2, rho=pair) for d in (2, 3, 5, 25)}
    gaussian = {f"dense {d}x{d}": JointGaussian.dense(d, d, dense) for d in (2, 3, 5, 25, 50)}
    gaussian |= {f"two pairs {d}x{d}": world for d, world in two_pairs.items()}
    heavy = {f"student {nu} {d}x{d}": student(d, nu) for d, nu in ((2, 1), (2, 2), (3, 2), (3, 3), (5, 2), (5, 3))}
    margins = {"normal cdf": normal_cdf, "half-cube": half_cube}
    curved = {
        f"{name} two pairs {d}x{d}": Transformed(two_pairs[d], f, f) for name, f in margins.items() for d in (3, 5, 25)
    }
    for name, margin in {"spiral": identity, "spiral normal cdf": normal_cdf}.items():
        wind = [_then(margin, Spiral(speed, i, j)) for i, j in ((0, 1), (1, 2))]
        curved |= {f"{name} two pairs {d}x{d}": Transformed(two_pairs[d], *wind) for d in (3, 5, 25)}
    for d, nu in ((2, 1), (3, 2), (5, 2)):
        curved[f"asinh student {nu} {d}x{d}"] = Transformed(student(d, nu), asinh, asinh)
    return [Task(name, world) for name, world in (line | gaussian | heavy | curved).items()]


def staircase(dim: int = 20, nats: tuple[float, ...] = (2, 4, 6, 8, 10), map_y: Map = identity) -> list[Task]:
    """The staircase of Poole et al. 2019: Gaussian tasks of growing mutual information.

    dim: correlated pairs (x_i, y_i)
    nats: I(X;Y) of each task
    map_y: map of y; `cubic` for the harder staircase

    Example:
        >>> from infotok.worlds import cubic, staircase
        >>> tasks = staircase(dim=20, nats=(2, 4), map_y=cubic)
        >>> [(task.name, round(task.world.mutual_information, 6)) for task in tasks]
        [('cubic 20x20 2 nats', 2.0), ('cubic 20x20 4 nats', 4.0)]
    """
    require_int("dim", dim, 1, WIDEST), require_function("map_y", map_y, "a function of an array")
    require(isinstance(nats, tuple | list) and len(nats) > 0, "nats", nats, "one step or more", TypeError)
    for step in nats:
        require_float("nats", step, "[0, inf)")
    kind = {identity: "gaussian", cubic: "cubic"}.get(map_y, "mapped")
    worlds = ((i, JointGaussian.with_information(dim, i)) for i in nats)
    return [Task(f"{kind} {dim}x{dim} {i:g} nats", Transformed(world, identity, map_y)) for i, world in worlds]


def student(dim: int, dof: float, correlation: float = 0.0) -> JointStudentT:
    """dim + dim Student-t coordinates, dependent through their shared scale even if uncorrelated."""
    dispersion = np.full((2 * dim, 2 * dim), correlation) + (1 - correlation) * np.eye(2 * dim)
    return JointStudentT(dispersion, dof, dim)


def _then(first: Map, second: Map) -> Map:
    return lambda x: second(first(x))
