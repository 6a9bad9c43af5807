"""What is left of a variable when a function of another one is subtracted, for conditional mutual information.

    I(X;Y|Z) = I(X - f(Z); Y - g(Z) | Z)          for all functions f and g

Given Z, subtracting is a one-to-one map, so that the identity is exact. With f and g near the regressions of X and Y on
Z, dependence that both only inherit from Z is gone; a model that is linear in Z would count it.
"""

import numpy as np

from infotok.information.margins import normal_scores, without

FOLDS = 5
LEAST = 100  # samples below which nothing is subtracted
GAIN = 3.0  # standard errors by which a curve must predict held-out samples better than a line
KNOTS, CENTRES, SPLINED = 8, 200, 50  # of splines; of Gaussian kernels; columns of Z up to which each gets a spline
WIDTHS = (0.2, 1.0)  # gamma of the kernels, over the columns of Z
PENALTIES = np.logspace(-4, 3, 8)  # of ridge regression


def residuals(x: np.ndarray, z: np.ndarray, seed: int = 0) -> np.ndarray:
    """x (N, d) with a function of z (N, D) subtracted from those columns that curves predict better than lines.

    The columns of both become normal scores first. Functions are fitted on other folds than those they are subtracted
    on: ridge regression on splines of each column of z, or on Gaussian kernels.
    """
    x, z = normal_scores(x), normal_scores(z)
    if len(x) < LEAST:
        return x
    folds = np.array_split(np.random.default_rng(seed).permutation(len(x)), FOLDS)
    line, left = _left(z, x, folds), x.copy()
    best = line
    for basis in _bases(z, seed):
        curve = _left(basis, x, folds)
        gain = line**2 - curve**2  # (N, d)
        better = gain.mean(axis=0) > GAIN * gain.std(axis=0) / np.sqrt(len(x))
        better &= (curve**2).mean(axis=0) < (best**2).mean(axis=0)
        left, best = np.where(better, curve, left), np.where(better, curve, best)
    return left


def _bases(z: np.ndarray, seed: int) -> list[np.ndarray]:
    """Functions of normal scores z (N, D): splines of the columns, and kernels of two widths."""
    from sklearn.kernel_approximation import Nystroem
    from sklearn.preprocessing import SplineTransformer

    splines = SplineTransformer(n_knots=KNOTS, knots="uniform", extrapolation="linear")
    kernels = [
        Nystroem(gamma=width / z.shape[1], n_components=min(CENTRES, len(z) // 5), random_state=seed % 2**32)
        for width in WIDTHS
    ]
    found = [splines.fit_transform(z)] if z.shape[1] <= SPLINED else []
    return found + [np.hstack([z, kernel.fit_transform(z)]) for kernel in kernels]


def _left(basis: np.ndarray, x: np.ndarray, folds: list[np.ndarray]) -> np.ndarray:
    """x (N, d) minus its ridge regression on the basis (N, B), fitted on other folds."""
    left = np.empty_like(x)
    for test in folds:
        train = without(test, len(x))
        centre, mean = basis[train].mean(axis=0), x[train].mean(axis=0)
        weights = _ridge(basis[train] - centre, x[train] - mean)
        left[test] = x[test] - mean - (basis[test] - centre) @ weights
    return left


def _ridge(basis: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Weights (B, d) of centred x (N, d) on a centred basis (N, B).

    The penalty of each column of x has the least generalised cross-validation error, RSS / (1 - trace / N)^2. From the
    Gram matrix it costs N B^2 once, for all penalties and columns.
    """
    size, axes = np.linalg.eigh(basis.T @ basis)
    size, turned = size.clip(min=0), axes.T @ (basis.T @ x)  # (B,), (B, d)
    weights = [turned / (size + penalty)[:, None] for penalty in PENALTIES]
    squares, n = (x**2).sum(axis=0), len(x)
    rss = [squares - 2 * (turned * w).sum(axis=0) + (size[:, None] * w**2).sum(axis=0) for w in weights]
    trace = np.array([(size / (size + penalty)).sum() for penalty in PENALTIES])
    best = (np.array(rss) / (1 - trace[:, None] / n) ** 2).argmin(axis=0)  # (d,)
    return axes @ np.stack([weights[k][:, j] for j, k in enumerate(best)], axis=1)
