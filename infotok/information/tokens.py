"""Mutual information between token codes and a label: the bound of `labels` with classifiers for symbols.

Each column of the codes is a symbol with an alphabet of its own. The classifiers:

- `tables`      label frequencies for each value of the best column, pair and triple, each shrunk towards the one before
- `bayes`       naive Bayes: columns independent given the label
- `one_hot`     logistic regression on one-hot columns
- `counts`      logistic regression on how often each symbol occurs anywhere, where columns share a vocabulary
- `embedded`    a small network on embeddings of the codes: finds labels that depend on several columns jointly
"""

import math
from itertools import combinations

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_matrix, hstack
from scipy.special import log_softmax
from torch import nn

from infotok.errors import require
from infotok.information.categories import encode_columns, encode_labels
from infotok.information.classifiers import Fit, Predict, logistic
from infotok.information.crossfit import held_out_gains, learning_curve, pooled, stratified_folds
from infotok.information.embedding import hidden_layers, token_input
from infotok.information.isolation import seeded, undisturbed
from infotok.information.labels import FOLDS, LabelInformation, constant, entropy_of, from_curve
from infotok.modes import evaluating

BACKOFF = 1.0  # samples as which the coarser table counts in each cell of the finer
PAIR_COLUMNS, DEPTH = 24, 3  # columns up to which all pairs are tried; columns in a table
WIDTH, STEPS, BATCH, RATE, DECAY, EVERY = 64, 300, 256, 6e-3, 1e-2, 25  # of the network
WEIGHTS = 4_000_000  # that the network may have in its table
PATIENCE = 4  # evaluations without a gain
FOUND = 0.97  # share of H(Y) from which the network is not fitted


@undisturbed()
def token_mi(
    codes: np.ndarray,
    y: np.ndarray,
    *,
    vocabulary: int | None = None,
    seed: int = 0,
    folds: int = FOLDS,
    network: bool = True,
) -> LabelInformation:
    """Mutual information of codes and labels, in nats.

    Args:
        codes: (N, L) symbols of any type.
        y: (N,) labels of any type.
        vocabulary: size of the alphabet of integers from 0 that all columns share, or None.
        seed: of folds and classifiers.
        folds: 2 or more.
        network: also fit `embedded`, which takes most of the time, where the other classifiers do not find all of H(y).

    Errors as in `label_mi`.
    """
    labels = encode_labels(y, "y")
    places = encode_columns(codes, "codes") if vocabulary is None else within_vocabulary(codes, vocabulary)
    require(len(places) == len(labels), "y", f"{len(labels)} labels", f"as many as codes has samples, {len(places)}")
    require(len(labels) >= 10, "codes", f"{len(labels)} samples", "at least 10")
    places = places[:, np.ptp(places, axis=0) > 0]
    if labels.max() == 0 or places.shape[1] == 0:
        return constant(labels)
    place = stratified_folds(labels, folds, seed)
    sizes = places.max(axis=0) + 1
    fits = code_fits(sizes, len(labels), int(labels.max()) + 1, vocabulary=vocabulary, network=False)
    gains = held_out_gains(fits, places, labels, place, seed)
    found = pooled(list(gains.values()), place)[0].mean()
    if network and found < FOUND * entropy_of(labels):
        fits = code_fits(sizes, len(labels), int(labels.max()) + 1, vocabulary=vocabulary, network=True)
    return from_curve(learning_curve(fits, places, labels, place, seed, gains=gains), labels)


def within_vocabulary(codes: np.ndarray, vocabulary: int) -> np.ndarray:
    """The codes (N, L) as integers; ValueError for some beyond the vocabulary."""
    codes = np.asarray(codes).reshape(len(codes), -1)
    require(codes.dtype.kind in "iu", "codes", str(codes.dtype), "integers, for a vocabulary", TypeError)
    inside = codes.size > 0 and codes.min() >= 0 and codes.max() < vocabulary
    require(inside, "codes", "integers out of range", f"integers from 0 to vocabulary - 1 = {vocabulary - 1}")
    return codes.astype(np.int64)


def code_fits(
    sizes: np.ndarray, n: int, classes: int, *, vocabulary: int | None, network: bool, shared: int | None = None
) -> dict[str, Fit]:
    """The classifiers {name: fit} for codes (n, L) of `sizes` (L,) symbols and so many classes of labels.

    shared: the first so many columns share the vocabulary; None for all.
    """
    shared = len(sizes) if shared is None else shared
    fits: dict[str, Fit] = {"tables": tables, "bayes": _bayes(sizes)}
    if n * len(sizes) * classes <= 20_000_000:
        fits["one_hot"] = _on(one_hot(sizes), logistic)
    if vocabulary is not None and shared > 1:
        fits["counts"] = _on(occurrences(vocabulary, sizes[shared:]), logistic)
    if network and len(sizes) > 1 and sizes.sum() * WIDTH <= WEIGHTS:
        fits["embedded"] = embedded
    return fits


def one_hot(sizes: np.ndarray):
    """A function: codes (n, L) -> sparse one-hot rows (n, sum of sizes)."""
    starts = np.concatenate([[0], np.cumsum(sizes)])

    def rows(codes: np.ndarray) -> csr_matrix:
        n, columns = codes.shape
        ends = np.arange(0, n * columns + 1, columns)
        return csr_matrix((np.ones(codes.size), (codes + starts[:-1]).ravel(), ends), shape=(n, starts[-1]))

    return rows


def occurrences(vocabulary: int, others: np.ndarray | tuple = ()):
    """A function: codes (n, L) of one vocabulary -> sparse counts (n, vocabulary); the last columns, `others`, one-hot.

    others: (L',) sizes of the last columns, which have alphabets of their own
    """

    def rows(codes: np.ndarray) -> csr_matrix:
        shared = codes[:, : codes.shape[1] - len(others)]
        n, columns = shared.shape
        ends = np.arange(0, n * columns + 1, columns)
        counts = csr_matrix((np.ones(shared.size), shared.ravel(), ends), shape=(n, vocabulary))
        return counts if len(others) == 0 else hstack([counts, one_hot(others)(codes[:, columns:])]).tocsr()

    return rows


def _on(transform, fit: Fit) -> Fit:
    def fitted(codes: np.ndarray, y: np.ndarray, seed: int) -> Predict:
        predict = fit(transform(codes), y, seed)
        return lambda new: predict(transform(new))

    return fitted


def _bayes(sizes: np.ndarray) -> Fit:
    """Naive Bayes, log q(y|codes) = log p(y) + sum_j log p(code_j|y), normalised; 1/2 is added to each count."""
    rows = one_hot(sizes)

    def fit(codes: np.ndarray, y: np.ndarray, seed: int) -> Predict:
        counts = np.bincount(y)
        members = csr_matrix((np.ones(len(y)), (y, np.arange(len(y)))), shape=(len(counts), len(y)))
        table = np.asarray((members @ rows(codes)).todense()) + 0.5  # (C, symbols)
        table /= (counts[:, None] + sizes / 2).repeat(sizes, axis=1)
        log_table, log_prior = np.log(table.T), np.log(counts / len(y))
        return lambda new: [log_softmax(log_prior + rows(new) @ log_table, axis=1)]

    return fit


def tables(codes: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """Table lookup, q(y|cell) = (n_cell,y + a q(y|coarser cell)) / (n_cell + a), with cells of 1, 2 and 3 columns."""
    chain = _best_columns(codes, y)
    prior = np.log(np.bincount(y) / len(y))

    def predict(new: np.ndarray) -> list[np.ndarray]:
        joint = np.concatenate([codes, new])
        q, results = np.tile(np.exp(prior), (len(new), 1)), []
        for depth in range(1, DEPTH + 1):
            if depth <= len(chain):
                cells = encode_labels(joint[:, chain[:depth]])
                table = csr_matrix((np.ones(len(y)), (cells[: len(y)], y)), shape=(cells.max() + 1, len(prior)))
                found = np.asarray(table[cells[len(y) :]].todense())
                q = (found + BACKOFF * q) / (found.sum(axis=1, keepdims=True) + BACKOFF)
            results.append(np.log(q))
        return results

    return predict


def _best_columns(codes: np.ndarray, y: np.ndarray) -> list[int]:
    """The columns of the largest corrected information, added one by one; or, if better, started from the best pair."""
    columns = range(codes.shape[1])
    single = {(j,): _corrected(codes[:, [j]], y) for j in columns}
    chain = list(max(single, key=single.get))
    value = single[tuple(chain)]
    if len(columns) <= PAIR_COLUMNS:
        pairs = {pair: _corrected(codes[:, pair], y) for pair in combinations(columns, 2)}
        pair = max(pairs, key=pairs.get, default=None)
        if pair is not None and pairs[pair] > max(value, 0):
            chain, value = sorted(pair, key=lambda j: -single[(j,)]), pairs[pair]
    while len(chain) < min(DEPTH, len(columns)):
        more = {j: _corrected(codes[:, [*chain, j]], y) for j in columns if j not in chain}
        best = max(more, key=more.get)
        if more[best] <= value:
            break
        chain, value = [*chain, best], more[best]
    return chain


def _corrected(codes: np.ndarray, y: np.ndarray) -> float:
    """Plug-in I(codes; y) less its expectation under independence, (K - 1)(C - 1) / 2N."""
    cells = np.zeros(len(codes), dtype=np.int64)
    for column in codes.T:
        cells = np.unique(cells * (column.max() + 1) + column, return_inverse=True)[1]
    n, labels = len(y), y.max() + 1
    joint = np.bincount(np.unique(cells * labels + y, return_inverse=True)[1])
    parts = np.bincount(cells), np.bincount(y)
    total = math.log(n) + (joint @ np.log(joint) - sum(p @ np.log(p) for p in parts)) / n
    return total - (len(parts[0]) - 1) * (len(parts[1]) - 1) / (2 * n)


class Network(nn.Module):
    """A network from codes to scores of the labels, which start at the log frequencies.

    first: the first layer, codes -> (N, width); prior: (C,) log frequencies.
    """

    def __init__(self, first: nn.Module, prior: torch.Tensor) -> None:
        super().__init__()
        self.first, self.layers = first, hidden_layers(WIDTH)
        self.head = nn.Linear(2 * WIDTH, len(prior))
        nn.init.zeros_(self.head.weight)
        self.head.bias.data = prior

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """Scores (N, C) of codes as `first` takes them."""
        linear = self.first(codes)
        return self.head(torch.cat([linear, self.layers(linear)], 1))


def embedded(codes: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """A network of one hidden layer on the sum of the codes' embeddings; an eighth of the samples stops it early."""
    order = np.random.default_rng(seed).permutation(len(y))
    fit, stop = torch.from_numpy(order[len(y) // 8 :]), torch.from_numpy(order[: len(y) // 8])
    inputs, labels = torch.from_numpy(codes), torch.from_numpy(y)
    limits = inputs.amax(0)
    with seeded(seed):
        inputs, first = token_input(inputs, fit, WIDTH)
        network = Network(first, torch.tensor(np.log(np.bincount(y) / len(y)), dtype=torch.float32)).float()
        _train(network, inputs, labels, fit, stop)
    symbols, places = int(codes.max() - codes.min()) + 1, codes.shape[1]

    def predict(new: np.ndarray) -> list[np.ndarray]:
        moved = torch.from_numpy(new).clamp(codes.min()).minimum(limits) - codes.min()
        with torch.no_grad():
            scores = network(moved + symbols * torch.arange(places))
        return [log_softmax(scores.double().numpy(), axis=1)]

    return predict


def _train(network: Network, inputs: torch.Tensor, labels: torch.Tensor, fit: torch.Tensor, stop: torch.Tensor) -> None:
    """Train on the rows `fit`; keep the weights that were best on the rows `stop`, in eval mode."""
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    best, state, waited = math.inf, {}, 0
    for step in range(STEPS + 1):
        if step % EVERY == 0:
            with evaluating(network), torch.no_grad():
                loss = float(F.cross_entropy(network(inputs[stop]), labels[stop]))
            waited += 1
            if loss < best:
                best, state, waited = loss, {k: v.clone() for k, v in network.state_dict().items()}, 0
            if waited > PATIENCE:
                break
        index = fit[torch.randint(len(fit), (BATCH,))]
        loss = F.cross_entropy(network(inputs[index]), labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    network.eval().load_state_dict(state)
