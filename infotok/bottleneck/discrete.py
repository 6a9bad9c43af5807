"""The information bottleneck of a finite joint distribution (Tishby, Pereira & Bialek 1999).

    minimise over q(t|x)   I(T;X) - beta I(T;Y)      the bottleneck
    minimise over q(t|x)     H(T) - beta I(T;Y)      the deterministic bottleneck (Strouse & Schwab 2017)

- `discrete_ib`         one beta
- `discrete_ib_curve`   many betas: restarts for all of them at once, then reverse annealing from the largest down
- `deterministic_hull`  the exact curve where Y is a function of X, which no beta of the Lagrangian can trace

A stationary encoder satisfies three self-consistent equations, iterated like Blahut and Arimoto's:

    q(t) = sum_x p(x) q(t|x)      q(y|t) = sum_x p(x,y) q(t|x) / q(t)
    q(t|x) ∝ q(t) exp(-beta KL(p(y|x) || q(y|t)))                     softmax; argmax in the deterministic case

The plain iteration crawls near every beta at which clusters split, so each pair of steps is extrapolated
(SQUAREM, Varadhan & Roland 2008) and the jump is kept only if the Lagrangian does not rise. Everything is in
nats and float64; a leading axis N runs over betas and restarts together.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr, softmax, xlogy

from infotok.errors import require, require_flag, require_float, require_int, require_numbers, require_seed
from infotok.information.exact import joint_table

__all__ = ["DiscreteIB", "deterministic_hull", "discrete_ib", "discrete_ib_curve"]

TINY = np.finfo(float).tiny  # stands for 0 inside a logarithm: exp(-beta 708) is a zero of its own
TOLERANCE = 1e-13  # an encoder has converged when a step moves no entry by more than this
MAX_STEPS = 2_000  # a start that still drifts then (a cluster about to split) is taken where it stands


@dataclass(frozen=True)
class DiscreteIB:
    """Optimal encoders and what they carry; a curve has a leading axis of betas, shown here as (...).

    `beta`, `i_tx` = I(T;X), `i_ty` = I(T;Y), `h_t` = H(T): (...), in nats. `q_t_given_x` (..., X, T) has rows that
    sum to one, `q_t` (..., T), `q_y_given_t` (..., T, Y). Clusters that nothing is sent to have q_t = 0.
    """

    beta: float | np.ndarray
    q_t_given_x: np.ndarray
    q_t: np.ndarray
    q_y_given_t: np.ndarray
    i_tx: float | np.ndarray
    i_ty: float | np.ndarray
    h_t: float | np.ndarray

    def clusters(self, tolerance: float = 1e-4) -> int | np.ndarray:
        """How many clusters differ: those in use whose q(y|t) are more than `tolerance` apart in total variation."""
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

    p_xy (X, Y): a joint table that sums to one. `clusters` |T| defaults to |X|, which is always enough. The problem
    is not convex: the best of `restarts` random starts (drawn from `seed`) and of the copy T = X is returned. For a
    whole curve use `discrete_ib_curve`, whose annealing finds better optima than restarts alone.
    A table that is no distribution, beta < 0 or fewer than one cluster or restart raise ValueError.
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
    """`discrete_ib` at every beta of `betas` (M,), fields with a leading axis M in the order given.

    All betas and restarts are iterated together; then the best encoder at the largest beta is followed down
    (reverse annealing: clusters only have to merge, and merging needs no luck), and kept wherever it is the better one.
    """
    p_xy = joint_table("p_xy", p_xy)
    betas = require_numbers("betas", betas, "[0, inf)", ndim=1)
    clusters = len(p_xy) if clusters is None else require_int("clusters", clusters)
    require_flag("deterministic", deterministic)
    require_seed("seed", seed)
    restarts = require_int("restarts", restarts)

    occupied = p_xy.sum(1) > 0  # an x that never occurs goes wherever the first cluster is, and costs nothing
    problem = _Problem(p_xy[occupied], deterministic)
    starts = problem.starts(clusters, restarts, np.random.default_rng(seed))  # (R, X, T)
    q = np.tile(starts, (len(betas), 1, 1))  # (M R, X, T)
    q = problem.solve(q, np.repeat(betas, len(starts)))
    q = q.reshape(len(betas), len(starts), *q.shape[1:])
    best = problem.lagrangian(q, betas[:, None]).argmin(1)
    q = q[np.arange(len(betas)), best]  # (M, X, T)

    above = None
    for here in np.argsort(-betas):
        beta, rivals = betas[here], q[here][None]
        if above is not None:
            rivals = np.concatenate([problem.solve(q[above][None], betas[here, None]), rivals])
        if deterministic:
            rivals = np.stack([problem.polish(rival, beta) for rival in rivals])
        q[here] = rivals[problem.lagrangian(rivals, beta).argmin()]
        above = here

    full = np.zeros((len(betas), len(p_xy), clusters))
    full[..., 0] = 1.0
    full[:, occupied] = q
    return _evaluate(p_xy, full, betas)


def deterministic_hull(p_xy: ArrayLike, rates: ArrayLike) -> DiscreteIB:
    """The exact bottleneck curve where Y = f(X): I(T;Y) = min(rate, H(Y)), with encoders that attain it.

    rates (M,) in [0, H(X)], in nats. Up to H(Y) the encoder sends Y and erases it at random, beyond that it
    sends X itself some of the time; T has |Y| + 1 + |X| symbols. The sloped part has the same slope everywhere, so the
    Lagrangian jumps from nothing to all of Y at beta = 1 (Kolchinsky, Tracey & Van Kuyk 2019).
    A rate outside [0, H(X)], or a Y that X does not determine, raises ValueError.
    """
    p_xy = joint_table("p_xy", p_xy)
    rates = require_numbers("rates", rates, "[0, inf)", ndim=1)
    h_x, h_y = entr(p_xy.sum(1)).sum(), entr(p_xy.sum(0)).sum()
    most = (p_xy > 0).sum(1).max()
    require(most == 1, "p_xy, most y of one x", most, "1: Y a function of X")
    require(rates.max() <= h_x + 1e-12, "rates, largest", rates.max(), f"at most H(X) = {h_x:.6g} nats")

    below = rates <= h_y
    send_y = np.where(below, rates / max(h_y, TINY), 1.0)  # the rest is erased
    send_x = np.where(below, 0.0, (rates - h_y) / max(h_x - h_y, TINY))
    say_y, say_x = (p_xy > 0).astype(float), np.eye(len(p_xy))
    parts = [
        (send_y * (1 - send_x))[:, None, None] * say_y,  # (M, X, Y)
        np.broadcast_to((1 - send_y)[:, None, None], (len(rates), len(p_xy), 1)),  # (M, X, 1)
        send_x[:, None, None] * say_x,  # (M, X, X)
    ]
    q = np.concatenate(parts, axis=2)
    q[:, p_xy.sum(1) == 0] = np.eye(q.shape[2])[0]
    return _evaluate(p_xy, q, np.where(below, 1.0, np.inf))


class _Problem:
    """p(x, y) with no empty row, and the functions of q (..., X, T) that the iteration needs."""

    def __init__(self, p_xy: np.ndarray, deterministic: bool):
        self.p_xy, self.deterministic = p_xy, deterministic
        self.p_x = p_xy.sum(1)
        self.p_y_given_x = p_xy / self.p_x[:, None]

    def marginals(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """q(t) (..., T) and q(t, y) (..., T, Y)."""
        return self.p_x @ q, q.swapaxes(-1, -2) @ self.p_xy

    def step(self, q: np.ndarray, beta: np.ndarray) -> np.ndarray:
        """One round of the self-consistent equations; q (N, X, T), beta (N,)."""
        q_t, q_ty = self.marginals(q)
        q_y_given_t = q_ty / np.where(q_t > 0, q_t, 1.0)[..., None]  # (N, T, Y)
        log_q_y = np.log(np.maximum(q_y_given_t, TINY))
        fit = self.p_y_given_x @ log_q_y.swapaxes(-1, -2)  # (N, X, T): -KL(p(y|x) || q(y|t)) up to a constant of x
        log_q_t = np.where(q_t > 0, np.log(np.maximum(q_t, TINY)), -np.inf)
        score = log_q_t[:, None] + beta[:, None, None] * fit
        if self.deterministic:
            return np.eye(q.shape[-1])[score.argmax(-1)]
        return softmax(score, axis=-1)

    def lagrangian(self, q: np.ndarray, beta: np.ndarray) -> np.ndarray:
        """I(T;X) - beta I(T;Y), or H(T) - beta I(T;Y), up to a constant; (...)."""
        q_t, q_ty = self.marginals(q)
        h_t = entr(q_t).sum(-1)
        rate = h_t if self.deterministic else h_t - entr(q).sum(-1) @ self.p_x
        return rate - beta * (h_t - entr(q_ty).sum((-2, -1)))

    def starts(self, clusters: int, restarts: int, generator: np.random.Generator) -> np.ndarray:
        """`restarts` random encoders and the copy T = X (as far as the clusters go), (R + 1, X, T)."""
        size = len(self.p_x)
        copy = np.eye(clusters)[np.arange(size) % clusters]
        if self.deterministic:  # partitions into 1, 2, 3, ... cells in turn: cells merge more easily than split
            cells = 1 + np.arange(restarts) % clusters
            random = np.eye(clusters)[generator.integers(0, cells[:, None], (restarts, size))]
        else:
            random = generator.dirichlet(np.full(clusters, 0.5), (restarts, size))
        return np.concatenate([copy[None], random])

    def solve(self, q: np.ndarray, beta: np.ndarray) -> np.ndarray:
        """Iterate every start (N, X, T) at its own beta (N,) until none moves."""
        return _fixed_point(self.step, self.lagrangian, q, beta)

    def polish(self, q: np.ndarray, beta: float) -> np.ndarray:
        """Improve one hard assignment (X, T) by the best single move or merger while one helps.

        H(T) - beta I(T;Y) is a sum over cells of cost(m), m (Y,) the mass of the cell, so a change is priced by the
        cells it touches: moving x from a to b by cost(m_a - p_x) + cost(m_b + p_x), merging a and b by cost(m_a + m_b).
        The hard iteration stops at many partitions that this leaves (Slonim's sequential bottleneck moves likewise).
        """
        size, clusters = q.shape
        home, every, cells = q.argmax(1), np.arange(size), np.arange(clusters)
        while True:
            mass = np.eye(clusters)[home].T @ self.p_xy  # (T, Y)
            cost = _cell_cost(mass, beta)  # (T,)
            leave = _cell_cost(np.maximum(mass[home] - self.p_xy, 0.0), beta) - cost[home]  # (X,)
            move = leave[:, None] + _cell_cost(mass + self.p_xy[:, None], beta) - cost  # (X, T)
            merge = _cell_cost(mass + mass[:, None], beta) - cost - cost[:, None]  # (T, T)
            move[every, home] = merge[cells, cells] = np.inf
            if min(move.min(), merge.min()) > -1e-12:
                return np.eye(clusters)[home]
            if move.min() <= merge.min():
                x, t = np.unravel_index(move.argmin(), move.shape)
                home[x] = t
            else:
                a, b = np.unravel_index(merge.argmin(), merge.shape)
                home[home == b] = a


def _fixed_point(step: Callable, objective: Callable, q: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Iterate q (N, X, T) to a fixed point of `step`, with squared extrapolation; converged rows drop out."""
    q = q.copy()
    active = np.arange(len(q))
    reach = np.full(len(q), 4.0)  # how far a jump may go: further after one that helped, nearer after one that did not
    for _ in range(MAX_STEPS):
        if not len(active):
            break
        b, start = beta[active], q[active]
        once = step(start, b)
        twice = step(once, b)
        first, second = once - start, twice - once
        moved = np.abs(second).max((1, 2))
        bend = np.sqrt(((second - first) ** 2).sum((1, 2)))
        length = np.sqrt((first**2).sum((1, 2))) / np.maximum(bend, TINY)
        length = np.clip(length, 1.0, reach[active])[:, None, None]  # length 1 is the plain double step
        jump = np.maximum(start + 2 * length * first + length**2 * (second - first), 0.0)
        jump = step(jump / jump.sum(-1, keepdims=True), b)
        keep = objective(jump, b) <= objective(twice, b)
        q[active] = np.where(keep[:, None, None], jump, twice)
        reach[active] = np.where(keep, 4 * length[:, 0, 0], np.maximum(reach[active] / 4, 1.5))
        active = active[moved > TOLERANCE]
    return q


def _cell_cost(mass: np.ndarray, beta: float) -> np.ndarray:
    """What a cell of mass m (..., Y) adds to H(T) - beta I(T;Y): (...), up to beta H(Y) in all."""
    total = mass.sum(-1)
    return (beta - 1) * xlogy(total, total) - beta * xlogy(mass, mass).sum(-1)


def _evaluate(p_xy: np.ndarray, q: np.ndarray, betas: np.ndarray) -> DiscreteIB:
    """The information that encoders q (M, X, T) carry."""
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
