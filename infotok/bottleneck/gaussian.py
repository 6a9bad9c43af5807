"""The Gaussian information bottleneck in closed form.

For jointly Gaussian (X, Y) the optimal code of X about Y is linear with Gaussian noise, T = A X + xi. The rows of A
are the canonical directions of (X, Y). Direction i is active above beta_i = 1 / rho_i^2:

    L = I(T;X) - beta I(T;Y)  has its minimum at  A = diag(a_i) U^T S_x^(-1/2),
    a_i^2 = max(0, (beta rho_i^2 - 1) / (1 - rho_i^2)),
    I(T;X) = 1/2 sum_i log(1 + a_i^2),   I(T;Y) = 1/2 sum_{active i} log[(1 - 1/beta) / (1 - rho_i^2)],

with U the left singular vectors and rho_i the singular values of the whitened cross-covariance
S_x^(-1/2) S_xy S_y^(-1/2) (Chechik, Globerson, Tishby & Weiss 2005, "Information Bottleneck for Gaussian
Variables"; their eigenvalues are lambda_i = 1 - rho_i^2). Nats and float64 throughout; full covariances, any sizes.

Without a Y, a code of limited rate keeps what is largest: `reverse_waterfilling` (Shannon; Cover & Thomas, chapter 10).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_triangular

from infotok.errors import require, require_float, require_numbers
from infotok.information.exact import positive_definite

__all__ = [
    "GaussianIB",
    "ReverseWaterfilling",
    "critical_betas",
    "gaussian_ib",
    "gaussian_ib_curve",
    "reverse_waterfilling",
]


@dataclass(frozen=True)
class GaussianIB:
    """The optimal code T = projection @ X + N(0, I) at one beta.

    projection: (K, d_x), K = min(d_x, d_y); the most correlated direction first, rows of zeros for inactive ones.
    i_tx: I(T;X) in nats.
    i_ty: I(T;Y) in nats.
    active: the number of active directions.

    Example:
        >>> from infotok.bottleneck import gaussian_ib
        >>> code = gaussian_ib([[1.0]], [[0.8]], [[1.0]], beta=4.0)
        >>> code.projection.round(2), code.active  # T = 2.08 X + noise
        (array([[2.08]]), 1)
        >>> round(code.i_tx, 2), round(code.i_ty, 2)
        (0.84, 0.37)
    """

    projection: np.ndarray
    i_tx: float
    i_ty: float
    active: int


def gaussian_ib(cov_x: ArrayLike, cov_xy: ArrayLike, cov_y: ArrayLike, beta: float) -> GaussianIB:
    """The code that minimises I(T;X) - beta I(T;Y). Below the first critical beta it is empty.

    cov_x: (d_x, d_x) covariance of X.
    cov_xy: (d_x, d_y) cross-covariance.
    cov_y: (d_y, d_y) covariance of Y.
    beta: the weight of I(T;Y), 0 or above.

    Raises ValueError for singular or inconsistent covariances, and for a beta that is negative or not finite.

    Example:
        >>> import numpy as np
        >>> from infotok.bottleneck import gaussian_ib
        >>> cov_xy = np.diag([0.9, 0.5])  # two directions of X, with correlations 0.9 and 0.5
        >>> code = gaussian_ib(np.eye(2), cov_xy, np.eye(2), beta=3.0)  # between their critical betas 1.23 and 4
        >>> code.active, round(code.i_tx, 3), round(code.i_ty, 3)
        (1, 1.072, 0.628)
    """
    beta = np.asarray(require_float("beta", beta, "[0, inf)"))
    directions, rho = _canonical(cov_x, cov_xy, cov_y)
    gain = _squared_gains(rho, beta)
    i_tx, i_ty = _information(rho, beta)
    return GaussianIB(np.sqrt(gain)[:, None] * directions, float(i_tx), float(i_ty), int((gain > 0).sum()))


def gaussian_ib_curve(
    cov_x: ArrayLike, cov_xy: ArrayLike, cov_y: ArrayLike, betas: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """The information curve: I(T;X) and I(T;Y) of the optimal code at each beta, in nats. Its slope is 1/beta.

    cov_x, cov_xy, cov_y: as in `gaussian_ib`.
    betas: weights of I(T;Y), 0 or above, of any shape; both results have it.

    Example:
        >>> from infotok.bottleneck import gaussian_ib_curve
        >>> i_tx, i_ty = gaussian_ib_curve([[1.0]], [[0.8]], [[1.0]], betas=[1.0, 2.0, 10.0, 1e6])
        >>> i_tx.round(2), i_ty.round(2)  # I(T;Y) tends to I(X;Y) = -1/2 log(1 - 0.8^2) = 0.51
        (array([0.  , 0.29, 1.39, 7.2 ]), array([0.  , 0.16, 0.46, 0.51]))
    """
    return _information(_canonical(cov_x, cov_xy, cov_y)[1], require_numbers("betas", betas, "[0, inf)"))


def critical_betas(cov_x: ArrayLike, cov_xy: ArrayLike, cov_y: ArrayLike) -> np.ndarray:
    """The critical betas 1 / rho_i^2, ascending, min(d_x, d_y) of them: above beta_i direction i is active.

    cov_x, cov_xy, cov_y: as in `gaussian_ib`. A direction that is independent of Y has beta_i = inf.

    Example:
        >>> import numpy as np
        >>> from infotok.bottleneck import critical_betas
        >>> critical_betas(np.eye(2), np.diag([0.9, 0.5]), np.eye(2)).round(2)  # 1 / 0.9^2 and 1 / 0.5^2
        array([1.23, 4.  ])
    """
    rho = _canonical(cov_x, cov_xy, cov_y)[1]
    return np.divide(1.0, rho**2, out=np.full_like(rho, np.inf), where=rho > 0)


@dataclass(frozen=True)
class ReverseWaterfilling:
    """The rates of a Gaussian's principal directions at one distortion per direction.

    level: theta, the distortion of every direction that has a rate, in squared units of X.
    variances: (d,) v_j, the largest first.
    directions: (d, d), the unit vectors of the variances as rows.
    rates: (d,) R_j = 1/2 log(v_j / theta)_+ in nats.

    Example:
        >>> import numpy as np
        >>> from infotok.bottleneck import reverse_waterfilling
        >>> code = reverse_waterfilling(np.diag([4.0, 1.0]), bits=1.0)
        >>> code.level, code.gain.round(2)  # the first direction is kept to 3/4, the second is dropped
        (1.0, array([[0.75, 0.  ],
               [0.  , 0.  ]]))
    """

    level: float
    variances: np.ndarray
    directions: np.ndarray
    rates: np.ndarray

    @property
    def gain(self) -> np.ndarray:
        """(d, d) symmetric G with E[X' | X] = G X for the decoded X': direction j is scaled by (1 - theta / v_j)_+."""
        return (self.directions.T * -np.expm1(-2 * self.rates)) @ self.directions


def reverse_waterfilling(cov: ArrayLike, bits: float) -> ReverseWaterfilling:
    """Shannon's optimal code of a Gaussian X under squared error, at a rate in bits: reverse water-filling.

        R_j = 1/2 log(v_j / theta)_+,   sum_j R_j = bits ln 2,   D = sum_j min(theta, v_j)

    Directions whose variance is under the level theta have no rate: the code drops them.

    cov: (d, d) covariance of X; it may be singular.
    bits: the rate, 0 or above, for all directions together.

    Raises ValueError for a covariance that is not symmetric and positive semidefinite, or zero, and for a rate that is
    negative, or so large that theta is below the smallest float.

    Example:
        >>> import numpy as np
        >>> from infotok.bottleneck import reverse_waterfilling
        >>> code = reverse_waterfilling(np.diag([16.0, 4.0, 1.0]), bits=3.0)
        >>> code.level, (code.rates / np.log(2)).round(2)  # bits; variance 16 gets one bit more than 4
        (1.0, array([2., 1., 0.]))
    """
    variances, directions = _principal(cov)
    nats = require_float("bits", bits, "[0, inf)") * np.log(2)
    if nats == 0:
        return ReverseWaterfilling(float(variances[0]), variances, directions, np.zeros(len(variances)))
    logs = np.log(variances[variances > 0])
    active = np.arange(1, len(logs) + 1)
    levels = (np.cumsum(logs) - 2 * nats) / active  # log theta if the first k directions have a rate
    k = int(np.flatnonzero(levels <= logs)[-1])  # the most that all stay above theta
    level = np.exp(levels[k])
    require(level > 0, "bits", bits, f"a rate that leaves a distortion above 0 in {k + 1} directions")
    rates = np.zeros(len(variances))
    rates[: k + 1] = 0.5 * (logs[: k + 1] - levels[k])
    return ReverseWaterfilling(float(level), variances, directions, rates)


def _principal(cov: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Variances (d,), the largest first, those of rounding as zeros, and their directions as rows (d, d)."""
    cov = require_numbers("cov", cov, ndim=2)
    square = cov.shape[0] == cov.shape[1] and np.allclose(cov, cov.T, rtol=1e-6, atol=0)
    require(square, "cov", cov, "a symmetric matrix")
    variances, directions = np.linalg.eigh((cov + cov.T) / 2)
    variances, directions = variances[::-1], directions[:, ::-1].T
    rounding = len(cov) * np.finfo(float).eps * np.abs(variances).max()
    require(variances[0] > 0 and variances[-1] >= -rounding, "cov", variances[-1], "variances from 0, and one above it")
    return np.where(variances > rounding, variances, 0.0), directions


def _canonical(cov_x: ArrayLike, cov_xy: ArrayLike, cov_y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Unit-variance directions of X as rows (K, d_x), and their correlations rho_1 >= rho_2 >= ... in [0, 1)."""
    cov_x, cov_y = positive_definite(cov_x, "cov_x"), positive_definite(cov_y, "cov_y")
    cov_xy = require_numbers("cov_xy", cov_xy)
    shape = (len(cov_x), len(cov_y))
    require(cov_xy.shape == shape, "cov_xy", cov_xy, f"shape {shape}, the sizes of cov_x and cov_y")
    positive_definite(np.block([[cov_x, cov_xy], [cov_xy.T, cov_y]]), "joint covariance")

    root_x, root_y = np.linalg.cholesky(cov_x), np.linalg.cholesky(cov_y)
    half = solve_triangular(root_x, cov_xy, lower=True)  # (d_x, d_y)
    whitened = solve_triangular(root_y, half.T, lower=True).T  # S_x^(-1/2) S_xy S_y^(-T/2)
    u, rho, _ = np.linalg.svd(whitened, full_matrices=False)
    rounding = max(shape) * np.finfo(float).eps
    rho = np.where(rho > rounding, np.minimum(rho, 1 - np.finfo(float).eps), 0.0)
    return solve_triangular(root_x, u, lower=True, trans="T").T, rho  # (K, d_x), (K,)


def _squared_gains(rho: np.ndarray, betas: np.ndarray) -> np.ndarray:
    """a_i^2 at every beta: (..., K)."""
    return np.maximum(betas[..., None] * rho**2 - 1, 0.0) / ((1 - rho) * (1 + rho))


def _information(rho: np.ndarray, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    gain = _squared_gains(rho, betas)  # (..., K)
    beta = np.maximum(betas, 1.0)[..., None]  # an active direction has beta > 1
    with np.errstate(divide="ignore"):
        i_ty = np.log1p(-1 / beta) - np.log1p(-rho) - np.log1p(rho)
    return 0.5 * np.log1p(gain).sum(-1), 0.5 * np.where(gain > 0, i_ty, 0.0).sum(-1)
