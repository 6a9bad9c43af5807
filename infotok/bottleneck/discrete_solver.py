"""The solver of the discrete bottleneck: self-consistent equations, iterated with extrapolation.

    q(t) = sum_x p(x) q(t|x)      q(y|t) = sum_x p(x,y) q(t|x) / q(t)
    q(t|x) ∝ q(t) exp(-beta KL(p(y|x) || q(y|t)))                     softmax; argmax in the deterministic case

The plain iteration is slow near every beta at which clusters split. So each pair of steps is extrapolated (SQUAREM,
Varadhan & Roland 2008), and the jump is kept only if the Lagrangian does not rise. A leading axis N runs over betas and
restarts together; everything is in nats and float64.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import entr, softmax, xlogy

__all__ = ["TINY", "Problem", "fixed_point"]

TINY = np.finfo(float).tiny  # stands for 0 inside a logarithm: exp(-beta 708) is 0 in float64 too
TOLERANCE = 1e-13  # an encoder has converged when a step changes no entry by more than this
MAX_STEPS = 2_000  # a start that has not converged by then (a cluster about to split) is used as it is


class Problem:
    """The bottleneck problem of one joint table: its Lagrangian, one step of the iteration, and its starts.

    p_xy: (X, Y) joint distribution without empty rows.
    deterministic: whether H(T) stands for I(T;X).
    """

    def __init__(self, p_xy: np.ndarray, deterministic: bool) -> None:
        self.p_xy, self.deterministic = p_xy, deterministic
        self.p_x = p_xy.sum(1)
        self.p_y_given_x = p_xy / self.p_x[:, None]

    def marginals(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """q(t) (..., T) and q(t, y) (..., T, Y)."""
        return self.p_x @ q, q.swapaxes(-1, -2) @ self.p_xy

    def step(self, q: np.ndarray, beta: np.ndarray) -> np.ndarray:
        """One step of the self-consistent equations; `q` (N, X, T), `beta` (N,)."""
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
        if self.deterministic:  # partitions into 1, 2, 3, ... clusters in turn: these merge more easily than they split
            counts = 1 + np.arange(restarts) % clusters
            random = np.eye(clusters)[generator.integers(0, counts[:, None], (restarts, size))]
        else:
            random = generator.dirichlet(np.full(clusters, 0.5), (restarts, size))
        return np.concatenate([copy[None], random])

    def solve(self, q: np.ndarray, beta: np.ndarray) -> np.ndarray:
        """Iterate every start (N, X, T) at its own `beta` (N,) until none moves."""
        return fixed_point(self.step, self.lagrangian, q, beta)

    def polish(self, q: np.ndarray, beta: float) -> np.ndarray:
        """One hard assignment (X, T), improved by the best single move or merger until none helps.

        H(T) - beta I(T;Y) is a sum over clusters of cost(m), m (Y,) the mass of the cluster. So a change is known from
        the clusters it touches: moving x from a to b adds cost(m_a - p_x) + cost(m_b + p_x) - cost(m_a) - cost(m_b),
        merging them adds cost(m_a + m_b) - cost(m_a) - cost(m_b). The hard iteration stops at many partitions that this
        improves (Slonim's sequential bottleneck makes the same moves).
        """
        size, clusters = q.shape
        home, every, own = q.argmax(1), np.arange(size), np.arange(clusters)
        while True:
            mass = np.eye(clusters)[home].T @ self.p_xy  # (T, Y)
            cost = cell_cost(mass, beta)  # (T,)
            leave = cell_cost(np.maximum(mass[home] - self.p_xy, 0.0), beta) - cost[home]  # (X,)
            move = leave[:, None] + cell_cost(mass + self.p_xy[:, None], beta) - cost  # (X, T)
            merge = cell_cost(mass + mass[:, None], beta) - cost - cost[:, None]  # (T, T)
            move[every, home] = merge[own, own] = np.inf
            if min(move.min(), merge.min()) > -1e-12:
                return np.eye(clusters)[home]
            if move.min() <= merge.min():
                x, t = np.unravel_index(move.argmin(), move.shape)
                home[x] = t
            else:
                a, b = np.unravel_index(merge.argmin(), merge.shape)
                home[home == b] = a


def fixed_point(step: Callable, objective: Callable, q: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """The fixed point of `step` that each start q (N, X, T) leads to, by squared extrapolation (SQUAREM).

    step: (q, beta) -> q, one plain iteration.
    objective: (q, beta) -> (N,); a jump is kept only where it does not raise this.
    q: (N, X, T) starting encoders.
    beta: (N,) of each start.
    """
    q = q.copy()
    active = np.arange(len(q))
    reach = np.full(len(q), 4.0)  # the longest jump: longer after one that helped, shorter after one that did not
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


def cell_cost(mass: np.ndarray, beta: float) -> np.ndarray:
    """What a cluster of mass m (..., Y) adds to H(T) - beta I(T;Y), up to a constant: (...)."""
    total = mass.sum(-1)
    return (beta - 1) * xlogy(total, total) - beta * xlogy(mass, mass).sum(-1)
