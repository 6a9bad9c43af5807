"""The information bottleneck of a finite joint distribution (Tishby, Pereira & Bialek 1999).

    minimise over q(t|x)   I(T;X) - beta I(T;Y)      the bottleneck
    minimise over q(t|x)     H(T) - beta I(T;Y)      the deterministic bottleneck (Strouse & Schwab 2017)

- `discrete_ib`         one beta
- `discrete_ib_curve`   many betas: restarts for all of them at once, then reverse annealing from the largest down
- `deterministic_hull`  the exact curve where Y is a function of X, which no beta of the Lagrangian can trace

Everything is in nats and float64; `discrete_solver` has the iteration.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr

from infotok.bottleneck.discrete_solver import TINY, Problem
from infotok.errors import require, require_flag, require_float, require_int, require_numbers, require_seed
from infotok.information.exact import joint_table

__all__ = ["DiscreteIB", "deterministic_hull", "discrete_ib", "discrete_ib_curve"]


@dataclass(frozen=True)
class DiscreteIB:
    """Optimal encoders and their information; a curve has a leading axis of betas, shown here as (...).

    beta: (...) the weight of I(T;Y).
    q_t_given_x: (..., X, T) encoders, rows that sum to 1.
    q_t: (..., T) probabilities of the clusters; 0 for one that is not used.
    q_y_given_t: (..., T, Y) decoders.
    i_tx: (...) I(T;X) in nats.
    i_ty: (...) I(T;Y) in nats.
    h_t: (...) H(T) in nats.

    Example:
        >>> from infotok.bottleneck import discrete_ib
        >>> found = discrete_ib([[0.4, 0.1], [0.1, 0.4]], beta=1000.0)  # two values of X, two of Y
        >>> found.q_t_given_x.shape, found.clusters(), round(found.i_tx, 3)  # X as it is: I(T;X) = ln 2
        ((2, 2), 2, 0.693)
    """

    beta: float | np.ndarray
    q_t_given_x: np.ndarray
    q_t: np.ndarray
    q_y_given_t: np.ndarray
    i_tx: float | np.ndarray
    i_ty: float | np.ndarray
    h_t: float | np.ndarray

    def clusters(self, tolerance: float = 1e-4) -> int | np.ndarray:
        """The number of distinct clusters.

        tolerance: clusters of a smaller probability, or whose q(y|t) are closer in total variation, do not count.
        """
        require_float("tolerance", tolerance, "[0, 1)")
        flat_t = self.q_t.reshape(-1, self.q_t.shape[-1])
        flat_y = self.q_y_given_t.reshape(-1, *self.q_y_given_t.shape[-2:])
        counts = np.array([_distinct(y[t > tolerance], tolerance) for t, y in zip(flat_t, flat_y, strict=True)])
        return int(counts[0]) if self.q_t.ndim == 1 else counts.reshape(self.q_t.shape[:-1])


def discrete_ib(
    p_xy: ArrayLike,
    beta: float,
    *,
    clusters: int | None = None,
    deterministic: bool = False,
    restarts: int = 10,
    seed: int = 0,
) -> DiscreteIB:
    """The encoder q(t|x) that minimises I(T;X) - beta I(T;Y), or H(T) - beta I(T;Y) if `deterministic`.

    The problem is not convex: this is the best of several random starts and of the copy T = X. For a whole curve use
    `discrete_ib_curve`, whose annealing finds better optima than restarts alone.

    p_xy: (X, Y) joint distribution.
    beta: the weight of I(T;Y), 0 or above.
    clusters: the number of values of T; None: as many as X has, which is always enough.
    deterministic: minimise H(T) instead of I(T;X).
    restarts: the number of random starts.
    seed: of the random starts.

    Raises ValueError for a table that is not a distribution, beta < 0, and fewer than one cluster or restart.

    Example:
        >>> from infotok.bottleneck import discrete_ib
        >>> p_xy = [[0.20, 0.05], [0.20, 0.05], [0.05, 0.20], [0.05, 0.20]]  # four values of X, of two kinds
        >>> found = discrete_ib(p_xy, beta=10.0)
        >>> found.clusters(), round(found.i_tx, 2), round(found.i_ty, 2)  # I(X;Y) is 0.19 nats
        (2, 0.69, 0.19)
        >>> discrete_ib(p_xy, beta=1.0).clusters()  # too little weight on Y: one cluster, which says nothing
        1
    """
    beta = require_float("beta", beta, "[0, inf)")
    curve = discrete_ib_curve(
        p_xy, [beta], clusters=clusters, deterministic=deterministic, restarts=restarts, seed=seed
    )
    return _at(curve, 0)


def discrete_ib_curve(
    p_xy: ArrayLike,
    betas: ArrayLike,
    *,
    clusters: int | None = None,
    deterministic: bool = False,
    restarts: int = 10,
    seed: int = 0,
) -> DiscreteIB:
    """The optimal encoders at every beta of a curve; fields have a leading axis M, in the order of `betas`.

    All betas and restarts are iterated together. Then the best encoder at the largest beta is followed down (reverse
    annealing, in which clusters only merge) and kept wherever it is the better one.

    betas: (M,) weights of I(T;Y), 0 or above.
    p_xy, clusters, deterministic, restarts, seed: as in `discrete_ib`.

    Example:
        >>> from infotok.bottleneck import discrete_ib_curve
        >>> curve = discrete_ib_curve([[0.4, 0.1], [0.1, 0.4]], betas=[1.0, 3.0, 5.0, 20.0])
        >>> curve.i_tx.round(2), curve.i_ty.round(2)  # nothing up to the critical beta 1 / 0.6^2 = 2.8
        (array([0.  , 0.16, 0.6 , 0.69]), array([0.  , 0.05, 0.18, 0.19]))
    """
    p_xy = joint_table("p_xy", p_xy)
    betas = require_numbers("betas", betas, "[0, inf)", ndim=1)
    clusters = len(p_xy) if clusters is None else require_int("clusters", clusters)
    require_flag("deterministic", deterministic)
    require_seed("seed", seed)
    restarts = require_int("restarts", restarts)

    occupied = p_xy.sum(1) > 0  # an x that never occurs goes to the first cluster, without effect
    problem = Problem(p_xy[occupied], deterministic)
    starts = problem.starts(clusters, restarts, np.random.default_rng(seed))  # (R, X, T)
    q = np.tile(starts, (len(betas), 1, 1))  # (M R, X, T)
    q = problem.solve(q, np.repeat(betas, len(starts)))
    q = q.reshape(len(betas), len(starts), *q.shape[1:])
    best = problem.lagrangian(q, betas[:, None]).argmin(1)
    q = q[np.arange(len(betas)), best]  # (M, X, T)

    above = None
    for here in np.argsort(-betas):
        beta, candidates = betas[here], q[here][None]
        if above is not None:
            candidates = np.concatenate([problem.solve(q[above][None], betas[here, None]), candidates])
        if deterministic:
            candidates = np.stack([problem.polish(candidate, beta) for candidate in candidates])
        q[here] = candidates[problem.lagrangian(candidates, beta).argmin()]
        above = here

    full = np.zeros((len(betas), len(p_xy), clusters))
    full[..., 0] = 1.0
    full[:, occupied] = q
    return _evaluate(p_xy, full, betas)


def deterministic_hull(p_xy: ArrayLike, rates: ArrayLike) -> DiscreteIB:
    """The exact bottleneck curve where Y = f(X): I(T;Y) = min(rate, H(Y)), with encoders that attain it.

    Up to H(Y) the encoder sends Y and erases it at random; beyond that it sends X itself some of the time. T has
    |Y| + 1 + |X| symbols. The sloped part has the same slope everywhere, so the Lagrangian jumps from nothing to all of
    Y at beta = 1 (Kolchinsky, Tracey & Van Kuyk 2019).

    p_xy: (X, Y) joint distribution.
    rates: (M,) values of I(T;X) in [0, H(X)], in nats.

    Raises ValueError for a rate outside [0, H(X)] and for a Y that X does not determine.

    Example:
        >>> import numpy as np
        >>> from infotok.bottleneck import deterministic_hull
        >>> p_xy = np.array([[0.25, 0.0], [0.25, 0.0], [0.0, 0.25], [0.0, 0.25]])  # Y is a function of X
        >>> hull = deterministic_hull(p_xy, rates=[0.2, 0.5, 1.0])
        >>> hull.i_tx.round(2), hull.i_ty.round(2)  # I(T;Y) = min(rate, H(Y)), H(Y) = ln 2
        (array([0.2, 0.5, 1. ]), array([0.2 , 0.5 , 0.69]))
    """
    p_xy = joint_table("p_xy", p_xy)
    rates = require_numbers("rates", rates, "[0, inf)", ndim=1)
    h_x, h_y = entr(p_xy.sum(1)).sum(), entr(p_xy.sum(0)).sum()
    most = (p_xy > 0).sum(1).max()
    require(most == 1, "p_xy, most y of one x", most, "1: Y a function of X")
    require(rates.max() <= h_x + 1e-12, "rates, largest", rates.max(), f"at most H(X) = {h_x:.6g} nats")

    below = rates <= h_y
    send_y = np.where(below, rates / max(h_y, TINY), 1.0)  # the rest is erased
    send_x = np.where(below, 0.0, np.minimum((rates - h_y) / max(h_x - h_y, TINY), 1.0))  # rounding: no share above 1
    copy_y, copy_x = (p_xy > 0).astype(float), np.eye(len(p_xy))
    parts = [
        (send_y * (1 - send_x))[:, None, None] * copy_y,  # (M, X, Y)
        np.broadcast_to((1 - send_y)[:, None, None], (len(rates), len(p_xy), 1)),  # (M, X, 1)
        send_x[:, None, None] * copy_x,  # (M, X, X)
    ]
    q = np.concatenate(parts, axis=2)
    q[:, p_xy.sum(1) == 0] = np.eye(q.shape[2])[0]
    return _evaluate(p_xy, q, np.where(below, 1.0, np.inf))


def _evaluate(p_xy: np.ndarray, q: np.ndarray, betas: np.ndarray) -> DiscreteIB:
    """Encoders q (M, X, T) with their information."""
    p_x, p_y = p_xy.sum(1), p_xy.sum(0)
    q_t = p_x @ q
    q_ty = q.swapaxes(-1, -2) @ p_xy
    h_t = entr(q_t).sum(-1)
    i_tx = np.maximum(h_t - entr(q).sum(-1) @ p_x, 0.0)
    i_ty = np.maximum(h_t + entr(p_y).sum() - entr(q_ty).sum((-2, -1)), 0.0)
    q_y_given_t = q_ty / np.where(q_t > 0, q_t, 1.0)[..., None]
    return DiscreteIB(betas, q, q_t, q_y_given_t, i_tx, i_ty, h_t)


def _at(curve: DiscreteIB, index: int) -> DiscreteIB:
    beta, i_tx, i_ty, h_t = (float(v[index]) for v in (curve.beta, curve.i_tx, curve.i_ty, curve.h_t))
    return DiscreteIB(beta, curve.q_t_given_x[index], curve.q_t[index], curve.q_y_given_t[index], i_tx, i_ty, h_t)


def _distinct(rows: np.ndarray, tolerance: float) -> int:
    kept: list[np.ndarray] = []
    for row in rows:
        if all(np.abs(row - other).sum() / 2 > tolerance for other in kept):
            kept.append(row)
    return len(kept)
