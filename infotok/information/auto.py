"""Model selection for numbers, the method "auto": several models of the dependence, compared on held-out samples.

Every column first becomes its normal scores, which does not change mutual information. The candidates, from the
simplest to the most flexible:

- gaussian     Gaussian copula: canonical correlations
- student      Student copula: the coordinates share a scale as well
- neighbors    KSG nearest neighbours, in few dimensions
- coordinates  the Gaussian copula in learned coordinates
- clusters     in many dimensions, two clusterings and their table of counts (`clusters`)

Copulas and coordinates are density ratios. InfoNCE scores them on five folds, each on the fold it was not fitted to;
tables of clusters are scored by their log-ratio. This score is biased low, and so is KSG on most data. So a more
flexible candidate replaces a simpler one where it is higher by more than `MARGIN` standard errors of the paired
difference. A Gaussian copula with a positive value and a score below 0 has too many coordinates for its samples: half
of them, the leading principal components, are tried until its score is positive. Where a side has more than N / 50
coordinates, fewer are tried too, and those with the highest score are kept. Then the bias of the chosen one is
corrected:

- copulas are fitted to all samples and corrected for their number of parameters;
- learned coordinates and clusters take the middle between their score on training samples (too high) and on held-out
  samples (too low): optimism is symmetric to first order (Akaike 1974; Takeuchi 1976).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from infotok.information.clusters import co_cluster
from infotok.information.coordinates import CoordinateCritic, infonce_terms
from infotok.information.copula import GaussianCopula, StudentCopula
from infotok.information.isolation import seeded, undisturbed
from infotok.information.margins import normal_scores, scores_of_parts, untied_scores, without
from infotok.information.neighbors import ksg_pointwise
from infotok.information.neural import History, Training, train_critic

FOLDS = 5
BLOCK = 1000  # pairs per InfoNCE score, which cannot exceed log BLOCK
MARGIN = 2.5  # standard errors by which the more flexible candidate must be higher
NEIGHBOR_MARGIN = 4.0  # the same for neighbours, whose terms share samples and so are correlated
JACKKNIFE = 20  # groups left out in turn
NEIGHBOR_DIMS = 8  # dx + dy above which nearest neighbours are far too low
GROWTH = 0.5  # of log N, and of log 2 when N doubles: neighbours grow so where y is a function of x
PER_COORDINATE = 50  # samples for each coordinate of a side, from which fewer coordinates are not tried
SINGULAR = 1e-10  # eigenvalue of the correlations below which two columns are one
FEW_COORDINATES = 2
NORMAL = 100.0  # degrees of freedom from which a Student copula is a Gaussian one, at many times its cost
LEARN_FROM = 200  # samples below which no coordinates are learned
PLAN = Training(steps=800, batch=256, rate=4e-3, every=20, patience=8)


@dataclass
class Candidate:
    """The estimate of one model.

    name: of the model
    nats: its value
    terms: (N,) held-out InfoNCE terms, whose mean is its score; for KSG its own terms
    pointwise: (N,) log-ratios
    error: standard error of `nats`
    bias: nats that may remain of it; the interval is wider by it on both sides
    """

    name: str
    nats: float
    terms: np.ndarray
    pointwise: np.ndarray
    error: float
    bias: float = 0.0
    finished: bool = True  # False: learning gained nothing on held-out samples
    grows: bool = False  # whether the value grows with N as that of a function without noise does
    history: History = field(default_factory=dict)

    @property
    def score(self) -> float:
        """Mean held-out term, in nats."""
        return float(self.terms.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval in nats."""
        reach = 1.96 * self.error + self.bias
        return self.nats - reach, self.nats + reach


@dataclass
class Comparison:
    """All candidates in the order tried, the one chosen, the reason, the training history, notes for the user."""

    candidates: list[Candidate]
    chosen: Candidate
    reason: str
    history: History = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@undisturbed()
def compare(
    x: np.ndarray,
    y: np.ndarray,
    *,
    seed: int = 0,
    device: str = "cpu",
    plan: Training = PLAN,
    whole: tuple[np.ndarray, np.ndarray] | None = None,
) -> Comparison:
    """Fit all candidates and choose one.

    x: (N, dx) finite numbers, no constant column, more samples than coordinates
    y: (N, dy), likewise
    seed: of folds, initial weights and batches
    device: where coordinates are learned
    plan: how they are trained
    whole: all columns of x and y as they came, for the clusters; x and y themselves by default
    """
    whole, folds = whole or (x, y), np.array_split(np.random.default_rng(seed).permutation(len(x)), FOLDS)
    x, y, gaussian, notes = _gaussian(normal_scores(x), normal_scores(y), folds)
    dim = x.shape[1] + y.shape[1]
    history: History = {}
    student_copula = StudentCopula.fit(x, y)
    if student_copula.dof < NORMAL:
        student = _copula("student", student_copula, student_copula.refit, x, y, folds)
    else:  # as good as the Gaussian one, held out too
        student = replace(gaussian, name="student", nats=student_copula.nats)
    candidates, chosen, reasons = [gaussian, student], gaussian, []

    if student_copula.dof < NORMAL and _beats(student, gaussian):
        chosen = student
        gain, error = _paired(student.terms - gaussian.terms)
        reasons.append(f"student (dof {student_copula.dof:.2g}) scores {gain:.3f} ± {error:.3f} above gaussian")
    copula = chosen

    if dim <= NEIGHBOR_DIMS:
        neighbors = _neighbors(x, y, folds)
        candidates.append(neighbors)
        if _reaches_above(neighbors, copula, NEIGHBOR_MARGIN):
            chosen = neighbors
            gain, error = neighbors.nats - copula.nats, _paired(neighbors.pointwise - copula.pointwise)[1]
            reasons.append(f"neighbors are {gain:.3f} ± {error:.3f} above {copula.name}")

    if dim > 2 and len(x) >= LEARN_FROM:
        learned = _coordinates(x, y, folds, gaussian, copula, chosen, seed, device, plan)
        candidates.append(learned)
        history = learned.history
        if (
            learned.finished
            and _beats(learned, copula)
            and (chosen is copula or _reaches_above(learned, chosen, MARGIN))
        ):
            gain, error = _paired(learned.terms - copula.terms)
            reasons.append(f"learned coordinates score {gain:.3f} ± {error:.3f} above {copula.name}")
            chosen = learned
    if whole[0].shape[1] + whole[1].shape[1] > NEIGHBOR_DIMS and len(x) >= LEARN_FROM:
        clusters = _clusters((whole, (x, y)), folds, seed)
        candidates.append(clusters)
        if _beats(clusters, chosen):
            gain, error = _paired(clusters.terms - chosen.terms)
            reasons.append(f"clusters score {gain:.3f} ± {error:.3f} above {chosen.name}")
            chosen = clusters
    if chosen in (gaussian, student):
        fit = GaussianCopula.fit if chosen is gaussian else StudentCopula.fit
        of_x, of_y = scores_of_parts(x), scores_of_parts(y)
        chosen.error = _jackknife(lambda part: fit(of_x(part), of_y(part)).nats, folds)
    reason = "; ".join(reasons) or "gaussian: no other candidate is higher by more than its error"
    return Comparison(candidates, chosen, reason, history, notes)


def _gaussian(x: np.ndarray, y: np.ndarray, folds: list[np.ndarray]):
    """The coordinates x and y to use, their Gaussian copula, and notes on what was left out."""
    joint = np.linalg.eigvalsh(np.corrcoef(np.hstack([x, y]), rowvar=False))
    if joint[0] < SINGULAR:  # ties that x and y share: broken independently
        rng = np.random.default_rng(0)
        x, y = untied_scores(x, rng, "x"), untied_scores(y, rng, "y")
    notes: tuple[str, ...] = ()
    while True:
        gaussian = _copula("gaussian", GaussianCopula.fit(x, y), GaussianCopula.fit, x, y, folds)
        supported = gaussian.score >= 0 or gaussian.nats <= MARGIN * gaussian.error
        if supported or x.shape[1] + y.shape[1] <= FEW_COORDINATES:
            break
        x, y = (_leading(v, (v.shape[1] + 1) // 2) for v in (x, y))
        notes = (_reduced(x, y),)
    few, fewer = max(1, len(x) // PER_COORDINATE), (x, y)
    while max(v.shape[1] for v in fewer) > few:  # images: the signal may lie in few of many components
        fewer = tuple(v if v.shape[1] <= few else _leading(v, max(few, v.shape[1] // 2)) for v in fewer)
        candidate = _copula("gaussian", GaussianCopula.fit(*fewer), GaussianCopula.fit, *fewer, folds)
        if _beats(candidate, gaussian):
            (x, y), gaussian, notes = fewer, candidate, (_reduced(*fewer),)
    return x, y, gaussian, notes


def _reduced(x: np.ndarray, y: np.ndarray) -> str:
    return f"x, y: reduced to {x.shape[1]} and {y.shape[1]} principal components, as {len(x)} samples support"


def _leading(x: np.ndarray, count: int) -> np.ndarray:
    """Normal scores of the `count` leading principal components."""
    _, axes = np.linalg.eigh(np.cov(x, rowvar=False).reshape(x.shape[1], x.shape[1]))
    return normal_scores(x @ axes[:, -count:])


def _clusters(views: tuple, folds: list[np.ndarray], seed: int) -> Candidate:
    """The clustering with the highest score, of the columns as they came or of the coordinates."""
    found = [clustering for view in views if (clustering := co_cluster(*view, folds, seed)) is not None]
    best = max(found, key=lambda clustering: clustering.terms.mean())
    optimism = max(float(best.fitted - best.terms.mean()) / 2, 0.0)
    nats = float(best.terms.mean()) + optimism
    return Candidate("clusters", nats, best.terms, best.terms, _paired(best.terms)[1], optimism + best.remaining)


def _copula(name: str, fitted, fit: Callable, x: np.ndarray, y: np.ndarray, folds: list[np.ndarray]) -> Candidate:
    terms = np.empty(len(x))
    for test in folds:
        train = without(test, len(x))
        model = fit(x[train], y[train])
        terms[test] = _score(lambda a, b, m=model: torch.from_numpy(m.log_ratios(a, b)), x[test], y[test])
    pointwise = fitted.log_ratio(x, y)
    return Candidate(name, fitted.nats, terms, pointwise, _paired(pointwise)[1])


def _neighbors(x: np.ndarray, y: np.ndarray, folds: list[np.ndarray]) -> Candidate:
    """KSG; the bias that may remain shrinks about as N^-1/2 and follows from halves of the samples."""
    values = ksg_pointwise(x, y)
    nats, order = float(values.mean()), np.concatenate(folds)
    halves = np.mean([ksg_pointwise(x[half], y[half]).mean() for half in np.array_split(order, 2)])
    remaining = abs(nats - float(halves)) / (np.sqrt(2) - 1)
    grows = nats - float(halves) > GROWTH * np.log(2) and nats > GROWTH * np.log(len(x))
    return Candidate("neighbors", nats, values, values, _paired(values)[1], remaining, grows=grows)


def _coordinates(
    x: np.ndarray,
    y: np.ndarray,
    folds: list[np.ndarray],
    gaussian: Candidate,
    copula: Candidate,
    leader: Candidate,
    seed: int,
    device: str,
    plan: Training,
) -> Candidate:
    """Learn on four folds, score on the fifth, in turn; stop after the first fold if it gains nothing."""
    tensors = [torch.tensor(v, dtype=torch.float32, device=device) for v in (x, y)]
    terms, start = np.zeros(len(x)), np.zeros(len(x))
    trained, history = [], {}
    for turn, test in enumerate(folds):
        rest = np.random.default_rng(seed + turn).permutation(without(test, len(x)))
        train, validation = rest[len(rest) // 8 :], rest[: len(rest) // 8]
        with seeded(seed + turn):
            critic = CoordinateCritic(x[rest], y[rest]).to(device, torch.float32)
        start[test] = _score(critic, *(v[test] for v in tensors))
        parts = [tuple(v[part] for v in tensors) for part in (train, validation)]
        record = train_critic(critic, lambda scores: infonce_terms(scores).mean(), *parts, plan, seed + turn)
        terms[test] = _score(critic, *(v[test] for v in tensors))
        trained.append(_score(critic, *parts[0]).mean())
        if turn == 0:
            history = record
            nats = (trained[0] + terms[test].mean()) / 2
            behind = [start[test].mean(), copula.terms[test].mean() if copula is not gaussian else -np.inf]
            if terms[test].mean() <= max(behind) or nats <= leader.nats:
                error = _paired(terms[test])[1]
                return Candidate("coordinates", float(nats), terms, terms, error, finished=False, history=history)
    optimism = max(float(np.mean(trained) - terms.mean()) / 2, 0.0)
    gain, error = _paired(terms - start)
    nats = float(terms.mean()) + optimism
    finished = gain > MARGIN * error
    return Candidate("coordinates", nats, terms, terms, _paired(terms)[1], optimism, finished, history)


def _score(critic: Callable, x: np.ndarray | Tensor, y: np.ndarray | Tensor) -> np.ndarray:
    """InfoNCE terms (N,) of critic(x, y), in blocks of about BLOCK pairs."""
    blocks = np.array_split(np.arange(len(x)), max(1, round(len(x) / BLOCK)))
    with torch.no_grad():
        return np.concatenate([infonce_terms(critic(x[b], y[b])).cpu().numpy() for b in blocks])


def _beats(candidate: Candidate, other: Candidate) -> bool:
    """Whether the candidate's held-out score is significantly higher."""
    gain, error = _paired(candidate.terms - other.terms)
    return gain > MARGIN * error


def _reaches_above(candidate: Candidate, other: Candidate, margin: float) -> bool:
    """Whether the candidate's value is significantly higher."""
    return candidate.nats - other.nats > margin * _paired(candidate.pointwise - other.pointwise)[1]


def _jackknife(estimate: Callable[[np.ndarray], float], folds: list[np.ndarray]) -> float:
    """Standard error of the whole estimate, ranks included, by leaving out a twentieth of the samples at a time."""
    order = np.concatenate(folds)
    values = [estimate(without(part, len(order))) for part in np.array_split(order, JACKKNIFE)]
    return float(np.sqrt((JACKKNIFE - 1) * np.var(values)))


def _paired(differences: np.ndarray) -> tuple[float, float]:
    """Mean and standard error of differences (N,)."""
    return float(differences.mean()), float(differences.std() / np.sqrt(len(differences)))
