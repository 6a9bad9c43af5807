"""Gaussian and Student copulas: parametric estimates of mutual information from normal scores.

- `GaussianCopula`   one correlation matrix; its value is the canonical-correlation estimate with its bias removed
- `StudentCopula`    one parameter more, the degrees of freedom: coordinates share their scale as well

A fitted copula is a density ratio: `.log_ratio(x, y)` at pairs, `.log_ratios(x, y)` at all pairs, `.nats` for I(X;Y).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy
from scipy.linalg import solve_triangular
from scipy.special import digamma, gammaln, ndtr, stdtrit

from infotok.errors import require


@dataclass(frozen=True)
class GaussianCopula:
    """Gaussian copula: normal scores that are jointly Gaussian with correlation matrix R.

        I(X;Y) = 1/2 log(det R_x det R_y / det R) = -1/2 sum log(1 - rho_i^2),  rho_i the canonical correlations

    correlation: R (D, D)
    dim_x: coordinates of X, the first of the D
    nats: estimate of I(X;Y)

    Source: Ince et al. 2017, Human Brain Mapping 38, 1541.
    """

    correlation: np.ndarray
    dim_x: int
    nats: float

    @classmethod
    def fit(cls, x: np.ndarray, y: np.ndarray) -> "GaussianCopula":
        """Fit to normal scores x (N, dx) and y (N, dy); `nats` is unbiased where they are Gaussian (see `_excess`)."""
        n, dim_x, dim_y = len(x), x.shape[1], y.shape[1]
        _check_size(n, dim_x + dim_y)
        z = np.hstack([x, y])
        z = z - z.mean(axis=0)
        correlation = _regular(_correlation(z.T @ z))
        nats = _gaussian_value(correlation, dim_x) - _excess(n, dim_x, dim_y)
        return cls(correlation, dim_x, nats)

    def log_ratio(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """log p(x,y) / p(x)p(y) at N pairs, (N,)."""
        q_x, q_y, q_xy = _distances(self.correlation, self.dim_x, x, y)
        return _gaussian_value(self.correlation, self.dim_x) - (q_xy - q_x - q_y) / 2

    def log_ratios(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The same at all pairs (x_i, y_j), (N, M)."""
        q_x, q_y, q_xy = _all_distances(self.correlation, self.dim_x, x, y)
        q_xy -= q_x[:, None]  # in place: new matrices of all pairs would take most of the time
        q_xy -= q_y
        q_xy /= 2
        return np.subtract(_gaussian_value(self.correlation, self.dim_x), q_xy, out=q_xy)


@dataclass(frozen=True)
class StudentCopula:
    """Student (t) copula: coordinates that are jointly Student-t after their margins are.

    The shared scale makes even uncorrelated coordinates dependent. R is fitted by expectation maximisation at given
    nu, nu by profile likelihood.

    correlation: dispersion R (D, D)
    dof: degrees of freedom nu
    dim_x: coordinates of X, the first of the D
    nats: estimate of I(X;Y)

    Source: Demarta and McNeil 2005, "The t copula and related copulas".
    """

    correlation: np.ndarray
    dof: float
    dim_x: int
    nats: float

    @classmethod
    def fit(cls, x: np.ndarray, y: np.ndarray, dof: float | None = None) -> "StudentCopula":
        """Fit to normal scores x (N, dx) and y (N, dy). `dof` is fitted unless given."""
        n, dim_x, dim_y = len(x), x.shape[1], y.shape[1]
        dim = dim_x + dim_y
        _check_size(n, dim)
        scores = np.hstack([x, y])
        correlation = _regular(_correlation(scores.T @ scores))
        student_scores = _student_margins(scores)

        def loss(log_dof: float) -> float:
            """Minus the mean log density of the copula, profiled over the dispersion."""
            nonlocal correlation
            dof = np.exp(log_dof)
            t = student_scores(dof)
            correlation = _student_dispersion(t, dof, correlation)
            joint = _student_log_density(_squared(correlation, t), dim, dof) - _log_det(correlation) / 2
            return (_student_log_density(t**2, 1, dof).sum(axis=1) - joint).mean()

        if dof is None:
            search = scipy.optimize.minimize_scalar(
                loss, bounds=np.log(DOF_RANGE), method="bounded", options={"xatol": 0.02}
            )
            dof = float(np.exp(search.x))
        correlation = _student_dispersion(student_scores(dof), dof, correlation, steps=10)
        fitted = cls(correlation, dof, dim_x, 0.0)
        # A heavy-tailed sample has (nu + D + 2) / (nu + D) times less information about R: a larger bias.
        excess = _excess(n, dim_x, dim_y) * (dof + dim + 2) / (dof + dim) + 0.5 / n
        return replace(fitted, nats=float(fitted.log_ratio(x, y).mean()) - excess)

    def refit(self, x: np.ndarray, y: np.ndarray) -> "StudentCopula":
        """The same degrees of freedom on other samples."""
        return StudentCopula.fit(x, y, self.dof)

    def log_ratio(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """log p(x,y) / p(x)p(y) at N pairs of normal scores, (N,)."""
        t = [_student_scores(v, self.dof) for v in (x, y)]
        return self._ratio(*_distances(self.correlation, self.dim_x, *t))

    def log_ratios(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The same at all pairs (x_i, y_j), (N, M)."""
        t = [_student_scores(v, self.dof) for v in (x, y)]
        q_x, q_y, q_xy = _all_distances(self.correlation, self.dim_x, *t)
        return self._ratio(q_x[:, None], q_y, q_xy)

    def _ratio(self, q_x: np.ndarray, q_y: np.ndarray, q_xy: np.ndarray) -> np.ndarray:
        dim_x, dim = self.dim_x, len(self.correlation)
        shape = [_student_log_density(q, d, self.dof) for q, d in ((q_xy, dim), (q_x, dim_x), (q_y, dim - dim_x))]
        return _gaussian_value(self.correlation, dim_x) + shape[0] - shape[1] - shape[2]


DOF_RANGE = (0.2, 200.0)


def _excess(n: int, dim_x: int, dim_y: int) -> float:
    """Bias of the Gaussian value of a sample covariance, exactly; about dx dy / 2N nats too high.

    E log det S of a Wishart matrix of n - 1 degrees of freedom is log det Sigma plus, up to a constant per dimension,
    sum_{i < d} psi((n - 1 - i) / 2) (Misra, Singh and Demchuk 2005, J. Multivariate Analysis 92, 324).
    """

    def bias(dim: int) -> float:
        return float((digamma((n - 1 - np.arange(dim)) / 2) - np.log((n - 1) / 2)).sum())

    return (bias(dim_x) + bias(dim_y) - bias(dim_x + dim_y)) / 2


def _gaussian_value(correlation: np.ndarray, dim_x: int) -> float:
    parts = correlation[:dim_x, :dim_x], correlation[dim_x:, dim_x:], correlation
    log_dets = [_log_det(part) for part in parts]
    return (log_dets[0] + log_dets[1] - log_dets[2]) / 2


def _student_dispersion(t: np.ndarray, dof: float, start: np.ndarray, steps: int = 4) -> np.ndarray:
    """Expectation maximisation: weight each sample by its expected precision, correlate, repeat."""
    dim = t.shape[1]
    correlation = start
    for _ in range(steps):
        weight = (dof + dim) / (dof + _squared(correlation, t))  # (N,)
        correlation = _correlation((t * weight[:, None]).T @ t)
    return correlation


def _student_log_density(squared: np.ndarray, dim: int, dof: float) -> np.ndarray:
    """The standard t in `dim` dimensions at squared length `squared`."""
    constant = gammaln((dof + dim) / 2) - gammaln(dof / 2) - dim / 2 * np.log(dof * np.pi)
    return constant - (dof + dim) / 2 * np.log1p(squared / dof)


def _distances(correlation: np.ndarray, dim_x: int, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """Squared Mahalanobis lengths of x, of y and of (x, y), each (N,)."""
    r_x, r_y = correlation[:dim_x, :dim_x], correlation[dim_x:, dim_x:]
    return [_squared(r_x, x), _squared(r_y, y), _squared(correlation, np.hstack([x, y]))]


def _all_distances(correlation: np.ndarray, dim_x: int, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """The same lengths for all pairs, (N,), (M,) and (N, M); the cross term is one matrix product."""
    precision = np.linalg.inv(correlation)
    q_x, q_y = _squared(correlation[:dim_x, :dim_x], x), _squared(correlation[dim_x:, dim_x:], y)
    own_x = np.einsum("ni,ij,nj->n", x, precision[:dim_x, :dim_x], x, optimize=True)
    own_y = np.einsum("ni,ij,nj->n", y, precision[dim_x:, dim_x:], y, optimize=True)
    q_xy = own_x[:, None] + own_y
    q_xy += 2 * (x @ precision[:dim_x, dim_x:]) @ y.T
    return [q_x, q_y, q_xy]


def _squared(correlation: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.square(solve_triangular(np.linalg.cholesky(correlation), x.T, lower=True)).sum(axis=0)


def _correlation(scatter: np.ndarray) -> np.ndarray:
    scale = np.sqrt(np.diag(scatter))
    return scatter / scale[:, None] / scale


def _regular(correlation: np.ndarray) -> np.ndarray:
    """The matrix itself; ValueError if a column is a linear function of others: the information is then infinite."""
    smallest = float(np.linalg.eigvalsh(correlation)[0])
    require(smallest > 1e-10, "x, y", "columns that depend linearly on others", "no exact linear relation")
    return correlation


def _log_det(matrix: np.ndarray) -> float:
    return float(np.linalg.slogdet(matrix)[1])


def _student_scores(scores: np.ndarray, dof: float) -> np.ndarray:
    """Normal scores as Student scores: margins t with `dof`."""
    return _student_margins(scores)(dof)


def _student_margins(scores: np.ndarray) -> Callable[[float], np.ndarray]:
    """`_student_scores` of the same normal scores at any `dof`. Columns share their ranks, so few quantiles are new."""
    distinct, index = np.unique(scores, return_inverse=True)
    quantiles = ndtr(distinct)
    return lambda dof: stdtrit(dof, quantiles)[index].reshape(scores.shape)


def _check_size(n: int, dim: int) -> None:
    require(n > dim + 1, "x, y", f"{n} samples of {dim} coordinates", "more samples than coordinates")
