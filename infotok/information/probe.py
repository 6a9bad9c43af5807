"""The probe: mutual information between token codes or features and labels, by held-out classifiers.

    probe_mi(tokens, labels)                     # 1.386 nats [1.384, 1.386] (point, probe)
    probe_mi(tokens, attributes).candidates      # {"column 0": ..., "column 1": ...}: what each adds

Classifiers are fitted to some folds and evaluated on another: those of `tokens` for codes, of `labels` for features.
Several label columns are added one by one, each conditioned on those before,

    I(Z; A_1, ..., A_m) = sum_j I(Z; A_j | A_1, ..., A_(j-1)).
"""

import math
from functools import partial
from typing import Any

import numpy as np

from infotok.errors import require, require_flag, require_int, require_seed
from infotok.information.categories import encode_columns, is_labels, one_hot_codes
from infotok.information.crossfit import LearningCurve, held_out_gains, learning_curve, pooled, stratified_folds
from infotok.information.isolation import undisturbed, whole_seed
from infotok.information.labels import FOLDS, LabelInformation, classified, entropy_of, from_terms, label_mi, scaled
from infotok.information.result import Z95, Estimate, classified_as
from infotok.information.samples import dense
from infotok.information.tokens import FOUND, code_fits, token_mi, within_vocabulary

__all__ = ["probe_mi"]

MOST_FOLDS, MOST_CODES = 100, 2**24


def probe_mi(
    tokens: Any,
    labels: Any,
    *,
    vocabulary: int | None = None,
    seed: int = 0,
    folds: int = FOLDS,
    network: bool = True,
) -> Estimate:
    """Probed information I(tokens; labels) in nats, with its 95 % interval.

    Args:
        tokens: codes (N, ...), integers or text, each position with an alphabet of its own; or real features (N, ...).
        labels: (N,) of any type, one-hot rows, or several columns (N, A), such as attributes or the codes of another
            modality; then their joint information is estimated.
        vocabulary: size of the alphabet of integers from 0 that all positions share; then counts of symbols are
            features too. None: separate alphabets.
        seed: of folds and classifiers.
        folds: 2 or more.
        network: for codes, also train a small network where the other classifiers do not find all of H(labels); it
            takes most of the time. With several label columns, for each of them.

    Returns:
        Estimate. `ceiling` is the plug-in entropy of the labels, for several columns the sum of theirs. The candidate
        "held-out bound" is the lower bound of the classifiers; the value adds what more samples would still gain.

    Raises ValueError for unequal lengths, fewer than 10 samples, NaN or missing labels, TypeError for floats with a
    vocabulary.

    Example:
        >>> import numpy as np
        >>> from infotok.information import probe_mi
        >>> rng = np.random.default_rng(0)
        >>> labels = rng.integers(4, size=400)
        >>> tokens = np.stack([labels, rng.integers(8, size=400)], axis=1)  # the first code tells the label
        >>> print(probe_mi(tokens, labels, network=False))  # H(labels) = ln 4 = 1.386
        1.377 nats [1.366, 1.386] (point, probe)
    """
    require_int("folds", folds, 2, MOST_FOLDS)
    require_seed("seed", seed)
    seed = whole_seed(seed)
    require_flag("network", network)
    if vocabulary is not None:
        require_int("vocabulary", vocabulary, 1, MOST_CODES)
    values, symbols = _tokens(tokens)
    require(not (vocabulary is not None and not symbols), "tokens", "floats", "integers, for a vocabulary", TypeError)
    marked = one_hot_codes(labels)
    columns = encode_columns(labels, "labels") if marked is None else marked[:, None]
    require(len(columns) == len(values), "labels", f"{len(columns)} rows", f"as many as tokens has, {len(values)}")
    if columns.shape[1] > 1:
        found = chain(values, symbols, columns, seed, folds, vocabulary=vocabulary, network=network)
        return classified_as("probe", found)
    if symbols:
        found = token_mi(values, columns[:, 0], vocabulary=vocabulary, seed=seed, folds=folds, network=network)
    else:
        found = label_mi(values, columns[:, 0], seed=seed, folds=folds)
    return classified_as("probe", found)


def _tokens(tokens: Any) -> tuple[np.ndarray, bool]:
    """Tokens as (N, columns), and whether they are symbols; text becomes codes from 0."""
    array = np.asarray(dense(tokens, "tokens"))
    require(array.ndim >= 1 and array.size > 0, "tokens", array, "shape (N, ...)")
    flat = array.reshape(len(array), -1)
    if flat.dtype.kind in "iub":
        return flat, True
    if flat.dtype.kind == "f":
        return flat.astype(np.float64), False
    require(is_labels(flat), "tokens", str(flat.dtype), "codes, text or floats", TypeError)
    return encode_columns(flat, "tokens"), True


@undisturbed()
def chain(
    values: np.ndarray,
    symbols: bool,
    columns: np.ndarray,
    seed: int,
    folds: int,
    *,
    given: np.ndarray | None = None,
    vocabulary: int | None = None,
    network: bool = False,
) -> LabelInformation:
    """I(values; columns) in nats by the chain rule over the label columns, or conditional on `given`.

    values: (N, L) codes or real features
    symbols: whether they are codes
    columns: (N, A) label codes; each is conditioned on those before, whose classifiers join those on the tokens
    seed: of folds and classifiers
    folds: 2 or more
    given: (N, D) codes; or real features, if the values are
    vocabulary, network: as in `probe_mi`
    """
    require(len(values) >= 10, "tokens", f"{len(values)} samples", "at least 10")
    require(symbols or np.isfinite(values).all(), "tokens", "NaN or infinity", "finite values")
    tokens = _codes(values, vocabulary) if symbols else scaled(values)
    tokens = tokens[:, np.ptp(tokens, axis=0) > 0]
    given = np.zeros((len(values), 0), dtype=np.int64) if given is None else given
    numbers = given.dtype.kind == "f"
    terms, half, each = np.zeros(len(values)), np.zeros(len(values)), {}
    for j, y in enumerate(columns.T):
        if y.max() == 0:
            continue
        place, before = stratified_folds(y, folds, seed), columns[:, :j]
        known = np.hstack([given, _indicators(before) if numbers else before])
        varies = np.ptp(known, axis=0).any()
        alone = _curve(known, not numbers, y, place, seed, network) if varies else None
        both = np.hstack([tokens, known if symbols or numbers else _indicators(known)])
        joint = _curve(both, symbols, y, place, seed, network, alone, vocabulary, tokens.shape[1])
        added = joint.terms - alone.terms if alone else joint.terms
        added_half = joint.half - alone.half if alone else joint.half
        each[f"column {j}"] = from_terms(added, added_half, y).nats
        terms, half = terms + added, half + added_half
    ceiling = sum(entropy_of(y) for y in columns.T)
    remaining = max(float((terms - half).mean()), 0.0)
    nats = min(max(float(terms.mean()) + remaining, 0.0), ceiling)
    reach = Z95 * float((2 * terms - half).std()) / math.sqrt(len(terms)) + remaining
    each["held-out bound"] = float(terms.mean())
    interval = max(nats - reach, 0.0), min(nats + reach, sum(math.log(y.max() + 1) for y in columns.T))
    reason = f"the chain rule over {columns.shape[1]} label columns"
    return LabelInformation(nats, interval, ceiling, each, reason, 2 * terms - half if remaining else terms)


def _codes(values: np.ndarray, vocabulary: int | None) -> np.ndarray:
    return encode_columns(values, "tokens") if vocabulary is None else within_vocabulary(values, vocabulary)


def _curve(
    features: np.ndarray,
    symbols: bool,
    y: np.ndarray,
    place: np.ndarray,
    seed: int,
    network: bool,
    base: LearningCurve | None = None,
    vocabulary: int | None = None,
    shared: int | None = None,
) -> LearningCurve:
    """Held-out gains of classifiers of y on codes (N, L), of which the first `shared` have one vocabulary, or numbers.

    The network is on the labels alone too: what it finds there is no information of the tokens.
    """
    features = features[:, np.ptp(features, axis=0) > 0]
    if not symbols:
        return classified(features, y, place, seed, base)
    sizes, classes = features.max(axis=0) + 1, int(y.max()) + 1
    suited = partial(code_fits, sizes, len(y), classes, vocabulary=vocabulary, shared=shared)
    fits = suited(network=False)
    gains = held_out_gains(fits, features, y, place, seed)
    if network and features.shape[1] > 1:
        known = [*base.gains.values()] if base else []
        if pooled([*known, *gains.values()], place)[0].mean() < FOUND * entropy_of(y):
            fits = suited(network=True)
    return learning_curve(fits, features, y, place, seed, base=base, gains=gains)


def _indicators(columns: np.ndarray) -> np.ndarray:
    """(N, sum of K) zeros and ones."""
    hot = [column[:, None] == np.arange(column.max() + 1) for column in columns.T]
    return np.hstack([np.zeros((len(columns), 0)), *hot])
