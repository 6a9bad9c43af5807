"""Classifiers of labels from features, whose held-out probabilities give a lower bound of I(X;Y).

Each is a function fit(x, y, seed) -> predict. x (n, d) are columns of about unit variance, y (n,) codes that take every
value from 0 to C - 1, and predict(x) lists log-probabilities (n, C), one array for each strength of smoothing.

- `logistic`    multinomial logistic regression; x may be sparse
- `quadratic`   the same on all products of two columns as well
- `gaussian`    Gaussian classes with one covariance for all, and with one each, shrunk towards it (Friedman 1989)
- `nearest`     k nearest neighbours: frequencies of the labels among them
- `forest`      extremely randomised trees (Geurts, Ernst and Wehenkel 2006)
- `kernel`      logistic regression on features of a Gaussian kernel (Williams and Seeger 2001)
- `selected`    `logistic` on the columns whose means differ most between labels, where there are very many

Beyond 256 columns all but the last and the forest take the leading principal components.

scikit-learn is imported on use, since it takes a second.
"""

import warnings
from collections.abc import Callable

import numpy as np
from scipy.linalg import solve_triangular
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree
from scipy.special import log_softmax

Predict = Callable[[np.ndarray], list[np.ndarray]]
Fit = Callable[[np.ndarray, np.ndarray, int], Predict]
WEIGHT_VARIANCES = (1.0, 0.02)  # of the normal prior of logistic weights
PRODUCT_DIMS = 12  # columns whose products are features
COVARIANCES = 200_000  # numbers that the covariances of all classes may have
NEIGHBORS = (3, 8, 24, 72)
TREE_DIMS = 8  # where k-d trees help
LEADING, SELECTED = 256, 64  # principal components; columns
KERNEL_ROWS, FOREST_ROWS, NEAREST_ROWS = 4000, 8000, 5000  # fitted to at most: time stays linear in N
TREES, LANDMARKS = 60, 150
BANDWIDTHS = (0.25, 0.6)  # in median distances


def candidates(n: int, dim: int, classes: int) -> dict[str, Fit]:
    """The classifiers {name: fit} that are fast enough for n samples, `dim` columns (of `with_leading`), classes."""
    if dim > LEADING:
        first, rest = slice(0, LEADING), slice(LEADING, None)
        fits = {name: _on(first, fit) for name, fit in candidates(n, LEADING, classes).items()}
        return {**fits, "forest": _on(rest, forest), "selected": _on(rest, selected)}
    fits: dict[str, Fit] = {"gaussian": gaussian}
    if n * dim * classes <= 50_000_000:
        fits["logistic"] = logistic
    if classes <= 100:
        fits["kernel"] = kernel
        if 1 < dim <= PRODUCT_DIMS:
            fits["quadratic"] = quadratic
    if min(n, FOREST_ROWS) * classes <= 1_000_000:
        fits["forest"] = forest
    if dim <= TREE_DIMS or n <= NEAREST_ROWS:
        fits["nearest"] = nearest
    return fits


def logistic(x: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """Logistic regression, log q(y|x) = w_y . x + b_y, normalised, for a weak and a strong prior of the weights."""
    from sklearn.linear_model import LogisticRegression

    weak_is_enough = len(y) > 100 * x.shape[1]
    models = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # stopping early only shrinks the weights
        for variance in WEIGHT_VARIANCES[:1] if weak_is_enough else WEIGHT_VARIANCES:
            models.append(LogisticRegression(C=variance, max_iter=100, tol=1e-3).fit(x, y))
    return lambda new: [_log_probabilities(model.decision_function(new)) for model in models]


def quadratic(x: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """`logistic` on the columns and their products, scaled alike."""
    rows, columns = np.triu_indices(x.shape[1])

    def products(new: np.ndarray) -> np.ndarray:
        return np.hstack([new, new[:, rows] * new[:, columns]])

    scale = products(x).std(axis=0) + 1e-9
    predict = logistic(products(x) / scale, y, seed)
    return lambda new: predict(products(new) / scale)


def gaussian(x: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """Discriminant analysis, log q(y|x) = log N(x; mean_y, S_y) + log prior_y, with one pooled S and with own S."""
    from sklearn.covariance import ledoit_wolf

    n, dim, counts = len(x), x.shape[1], np.bincount(y)
    classes = len(counts)
    log_prior = np.log(counts / n)
    means = csr_matrix((np.ones(n), (y, np.arange(n)))) @ x / counts[:, None]
    centred = x - means[y]
    pooled = ledoit_wolf(centred, assume_centered=True)[0] * n / max(n - classes, n / 10) + 1e-6 * np.eye(dim)
    root = np.linalg.cholesky(pooled)
    white_means = solve_triangular(root, means.T, lower=True).T

    def shared(new: np.ndarray) -> np.ndarray:
        white = solve_triangular(root, new.T, lower=True).T
        return log_softmax(log_prior - np.square(white_means).sum(1) / 2 + white @ white_means.T, axis=1)

    if classes * dim**2 > COVARIANCES or counts.max() < 2 * dim:
        return lambda new: [shared(new)]
    own = [centred[y == k] for k in range(classes)]
    roots = [np.linalg.cholesky((v.T @ v + (dim + 2) * pooled) / (len(v) + dim + 1)) for v in own]

    def apart(new: np.ndarray) -> np.ndarray:
        white = [solve_triangular(r, (new - mean).T, lower=True) for r, mean in zip(roots, means, strict=True)]
        scores = [-np.square(w).sum(0) / 2 - np.log(np.diag(r)).sum() for w, r in zip(white, roots, strict=True)]
        return log_softmax(log_prior + np.stack(scores, axis=1), axis=1)

    return lambda new: [shared(new), apart(new)]


def nearest(x: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """k nearest neighbours, q(y|x) = (n_y + prior_y) / (k + 1) with n_y of the k nearest, for several k."""
    classes, n = int(y.max()) + 1, len(x)
    sizes = [k for k in NEIGHBORS if k <= n // 2] or [1]
    prior = np.bincount(y) / n
    tree = cKDTree(x) if x.shape[1] <= TREE_DIMS else None
    squares = np.square(x).sum(axis=1)

    def closest(new: np.ndarray) -> np.ndarray:
        """Indices (n, k) of the most neighbours that any size needs, the nearest first."""
        if tree is not None:
            return tree.query(new, k=np.arange(1, sizes[-1] + 1))[1]
        distance = squares - 2 * new @ x.T
        index = np.argpartition(distance, sizes[-1] - 1, axis=1)[:, : sizes[-1]]
        return np.take_along_axis(index, np.take_along_axis(distance, index, axis=1).argsort(axis=1), axis=1)

    def predict(new: np.ndarray) -> list[np.ndarray]:
        cells = np.arange(len(new))[:, None] * classes + y[closest(new)]  # (n, k)
        counts = [np.bincount(cells[:, :k].ravel(), minlength=len(new) * classes) for k in sizes]
        return [np.log((count.reshape(-1, classes) + prior) / (k + 1)) for count, k in zip(counts, sizes, strict=True)]

    return predict


def forest(x: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """Extremely randomised trees with three samples or more in each leaf."""
    from sklearn.ensemble import ExtraTreesClassifier

    prior = np.bincount(y) / len(y)
    tried = min(x.shape[1], round(x.shape[1] ** 0.5) + 1)
    model = ExtraTreesClassifier(TREES, min_samples_leaf=3, max_features=tried, random_state=seed % 2**32)
    model.fit(*_some(x, y, FOREST_ROWS, seed))

    def predict(new: np.ndarray) -> list[np.ndarray]:
        votes = np.zeros((len(new), len(prior)))
        votes[:, model.classes_] = model.predict_proba(new)
        return [np.log((TREES * votes + prior) / (TREES + 1))]

    return predict


def selected(x: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """`logistic` on the columns with the largest F statistic of these samples."""
    from sklearn.feature_selection import f_classif

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # columns without spread
        statistic = np.nan_to_num(f_classif(x, y)[0], posinf=np.finfo(float).max)
    columns = np.argsort(-statistic, kind="stable")[:SELECTED]
    predict = logistic(x[:, columns], y, seed)
    return lambda new: predict(new[:, columns])


def with_leading(x: np.ndarray, seed: int) -> np.ndarray:
    """x (N, d); with more than 256 columns, preceded by its leading principal components."""
    if x.shape[1] <= LEADING:
        return x
    from sklearn.utils.extmath import randomized_svd

    left, values, _ = randomized_svd(x - x.mean(axis=0), min(LEADING, len(x)), n_iter=2, random_state=seed % 2**32)
    return np.hstack([left * values / (values[0] / len(x) ** 0.5), np.zeros((len(x), LEADING - left.shape[1])), x])


def _on(columns: slice, fit: Fit) -> Fit:
    def fitted(x: np.ndarray, y: np.ndarray, seed: int) -> Predict:
        predict = fit(x[:, columns], y, seed)
        return lambda new: predict(new[:, columns])

    return fitted


def kernel(x: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """Logistic regression on exp(-|x - c|^2 / 2 s^2) for samples c, for a small and a larger s."""
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics.pairwise import euclidean_distances

    prior = np.bincount(y) / len(y)
    x, y = _some(x, y, KERNEL_ROWS, seed)
    distances = euclidean_distances(x[np.random.default_rng(seed).permutation(len(x))[:200]])
    median = np.median(distances[distances > 0]) if distances.any() else 1.0
    models = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for share in BANDWIDTHS:
            gamma = 1 / (2 * (share * median) ** 2)
            features = Nystroem(gamma=gamma, n_components=min(LANDMARKS, len(x)), random_state=seed % 2**32).fit(x)
            model = LogisticRegression(C=10.0, max_iter=100, tol=1e-3).fit(features.transform(x), y)
            models.append((features, model))

    def predict(new: np.ndarray) -> list[np.ndarray]:
        results = []
        for features, model in models:
            log_q = np.tile(np.log(prior), (len(new), 1))
            log_q[:, model.classes_] = _log_probabilities(model.decision_function(features.transform(new)))
            results.append(log_softmax(log_q, axis=1))
        return results

    return predict


def _some(x: np.ndarray, y: np.ndarray, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """At most so many rows; two labels at least are among them."""
    if len(x) <= rows:
        return x, y
    kept = np.random.default_rng(seed).permutation(len(x))[:rows]
    if (y[kept] == y[kept[0]]).all():
        kept[-1] = np.flatnonzero(y != y[kept[0]])[0]
    return x[kept], y[kept]


def _log_probabilities(scores: np.ndarray) -> np.ndarray:
    """scikit-learn's decision values (n, C), or (n,) for two classes, normalised."""
    return log_softmax(np.stack([0 * scores, scores], axis=1) if scores.ndim == 1 else scores, axis=1)
