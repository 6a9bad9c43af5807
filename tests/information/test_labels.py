"""Information about labels against posteriors known by Monte Carlo, closed forms and data whose entropy is known."""

import math

import numpy as np
import pytest
import torch
from scipy.special import entr, log_softmax
from scipy.stats import norm
from sklearn.datasets import load_digits, load_iris

from infotok.information.classifiers import candidates
from infotok.information.crossfit import held_out_gains, pooled, stratified_folds
from infotok.information.labels import label_mi, ross_pointwise, scaled


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def gaussian_classes(n, dim, classes, gap, seed):
    """Features, labels and I(X;Y), the mean log posterior of 20,000 other samples above the log prior."""
    means = np.random.default_rng(5).normal(size=(classes, dim)) * gap

    def draw(rng, n):
        y = rng.integers(classes, size=n)
        return means[y] + rng.normal(size=(n, dim)), y

    x, y = draw(np.random.default_rng(99), 20_000)
    posterior = log_softmax(-0.5 * np.square(x[:, None] - means).sum(-1), axis=1)[np.arange(len(y)), y]
    return *draw(np.random.default_rng(seed), n), math.log(classes) + posterior.mean()


def binary(x, probability):
    """Labels (N,) that are 1 with that probability, and I(X;Y) by the same x."""
    y = (np.random.default_rng(1).random(len(x)) < probability).astype(int)
    mean = probability.mean()
    conditional = (entr(probability) + entr(1 - probability)).mean()
    return x, y, entr(mean) + entr(1 - mean) - conditional


def uniform(n, dim):
    return np.random.default_rng(0).uniform(-1, 1, (n, dim))


def rings(n):
    x = np.random.default_rng(0).normal(size=(n, 2))
    return binary(x, 1 / (1 + np.exp(-4 * np.sin(3 * np.linalg.norm(x, axis=1)))))


def atoms(n):
    x = np.random.default_rng(0).normal(size=(n, 1))
    x[::2] = x[::2].round()
    return binary(x, np.where(x[:, 0] == x[:, 0].round(), 0.9, 0.3))


def xor(n, dim=2):
    x = uniform(n, dim)
    return binary(x, 0.05 + 0.9 * (x[:, 0] * x[:, 1] > 0))


CASES = {
    "a step": lambda: binary(uniform(600, 1), 1.0 * (uniform(600, 1)[:, 0] > 0.2)),
    "eight bands": lambda: binary(uniform(600, 1), np.floor(4 * (uniform(600, 1)[:, 0] + 1)) % 2),
    "three Gaussians": lambda: gaussian_classes(600, 2, 3, 1.0, 0),
    "xor": lambda: xor(600),
    "rings": lambda: rings(1000),
    "atoms": lambda: atoms(800),
    "heavy tails": lambda: binary(
        np.tan(1.57 * uniform(600, 1)), norm.cdf(3 * np.tan(1.57 * uniform(600, 1))[:, 0].clip(-3, 3))
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_known_information_is_reached(name):
    x, y, truth = CASES[name]()
    found = label_mi(x, y)
    assert found.nats == pytest.approx(truth, rel=0.12, abs=0.05)
    assert found.interval[0] <= truth + 0.02
    assert truth - 0.02 <= found.interval[1]
    assert found.nats <= found.ceiling
    assert found.candidates["held-out bound"] <= truth + 0.05


def test_ten_classes_in_sixteen_dimensions_whatever_their_names():
    x, y, truth = gaussian_classes(2000, 16, 10, 0.45, 0)
    found = label_mi(x, y)
    assert found.nats == pytest.approx(truth, rel=0.1)
    assert found.interval[0] < truth < found.interval[1]
    assert found.pointwise.mean() == pytest.approx(found.nats)


def test_names_and_order_of_labels_do_not_matter():
    x, y, _ = gaussian_classes(200, 3, 4, 1.0, 0)
    found = label_mi(x, y)
    assert label_mi(x, np.array(list("jxbq"))[np.random.default_rng(1).permutation(4)[y]]).nats == found.nats
    assert label_mi(x, np.eye(4)[y]).nats == found.nats
    assert label_mi(x, y, seed=1).nats != found.nats


def test_digits_stay_below_the_entropy_of_their_labels():
    digits = load_digits(return_X_y=True)
    found = label_mi(*digits)
    assert found.ceiling == pytest.approx(entr(np.bincount(digits[1]) / 1797).sum())
    assert 2.1 < found.nats <= found.ceiling < 2.31


@pytest.mark.parametrize(("n", "dim", "classes"), [(30, 4, 3), (400, 10, 5), (300, 1, 2), (60, 100, 3)])
def test_independent_labels_carry_nothing(n, dim, classes):
    rng = np.random.default_rng(3)
    found = label_mi(rng.normal(size=(n, dim)), rng.integers(0, classes, n))
    assert 0 <= found.nats < 0.03
    assert found.interval[0] == 0
    x = load_iris().data
    shuffled = label_mi(x, rng.permutation(load_iris().target))
    assert shuffled.interval[0] == 0


def test_classes_of_few_members():
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(60), 5)
    x = (rng.normal(size=(60, 6)) * 5)[y] + 0.3 * rng.normal(size=(300, 6))
    found = label_mi(x, y)
    assert 0.95 * math.log(60) < found.nats <= math.log(60) + 1e-12
    rare = np.where(np.arange(300) < 3, 7 + np.arange(300), x[:, 0] > 0)  # three labels occur once
    found = label_mi(x, rare)
    assert 0.6 < found.nats <= found.ceiling


def test_many_columns_do_not_hide_one():
    x = np.random.default_rng(0).normal(size=(400, 300))
    found = label_mi(x, x[:, 7] > 0)
    assert found.nats > 0.5
    assert found.interval[1] >= found.ceiling


def test_scale_and_outliers_do_not_matter():
    x, y, _ = gaussian_classes(300, 3, 3, 1.0, 0)
    found = label_mi(x, y).nats
    assert label_mi(x * 1e300, y).nats == pytest.approx(found, abs=1e-6)
    assert label_mi(x * 1e-300, y).nats == pytest.approx(found, abs=1e-6)
    assert label_mi(np.hstack([x, np.ones((300, 1))]), y).nats == found  # a constant column
    x[0] = 1e12
    assert label_mi(x, y).nats == pytest.approx(found, abs=0.05)


@pytest.mark.slow
def test_intervals_cover_the_truth():
    covered = 0
    for seed in range(15):
        x, y, truth = gaussian_classes(150, 3, 3, 0.8, 700 + seed)
        low, high = label_mi(x, y, seed=seed).interval
        covered += low <= truth <= high
    assert covered >= 13


def test_samples_of_one_group_share_a_fold():
    codes, groups = np.arange(40) % 2, np.arange(40) // 2
    place = stratified_folds(codes, 5, 0, groups)
    assert (place[::2] == place[1::2]).all()
    assert set(place) == set(range(5))
    rng = np.random.default_rng(0)
    x, y = np.repeat(rng.normal(size=(100, 2)), 3, axis=0), np.repeat(rng.integers(0, 2, 100), 3)  # three of each
    assert label_mi(x, y).nats > 0.2
    assert label_mi(x, y, groups=np.repeat(np.arange(100), 3)).nats < 0.03


def test_folds_hold_every_label_alike():
    codes = np.repeat([0, 1, 2], [50, 30, 20])
    place = stratified_folds(codes, 5, 0)
    assert [np.bincount(codes[place == fold]).tolist() for fold in range(5)] == [[10, 6, 4]] * 5


def test_gains_are_of_samples_not_seen():
    """A classifier that remembers its samples by heart gains nothing."""
    x = np.arange(100.0)[:, None]
    codes = np.random.default_rng(0).integers(0, 2, 100)

    def by_heart(x, y, seed):
        known = dict(zip(x[:, 0], y, strict=True))
        return lambda new: [np.log([[0.9, 0.1] if known.get(v, 0) == 0 else [0.1, 0.9] for v in new[:, 0]])]

    place = stratified_folds(codes, 5, 0)
    gains = held_out_gains({"heart": by_heart}, x, codes, place, 0)
    terms, weights = pooled([gains["heart"]], place)
    assert abs(terms.mean()) < 0.02
    assert weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("name", candidates(200, 2, 3))
def test_classifiers_give_probabilities(name):
    x, y, _ = gaussian_classes(200, 2, 3, 1.0, 0)
    for log_q in candidates(200, 2, 3)[name](scaled(x), y, 0)(scaled(x)[:7]):
        assert log_q.shape == (7, 3)
        assert np.exp(log_q).sum(1) == pytest.approx(1, abs=1e-6)


def test_neighbors_count_ties_exactly():
    """Where both are labels the neighbours of the same label are the others in the cell: nearly the plug-in value."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, 3000)
    y = (x + rng.integers(0, 2, 3000)) % 3
    assert ross_pointwise(x[:, None].astype(float), y).mean() == pytest.approx(math.log(3 / 2), abs=0.01)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((20, 2)), np.zeros(19), "y: got '19 labels', expected as many as x has samples, 20"),
        (np.zeros((5, 2)), np.zeros(5), "x: got '5 samples', expected at least 10"),
        (np.full((20, 2), np.nan), np.zeros(20), "x: got 'NaN or infinity', expected finite values"),
        (np.zeros((20, 2)), ["a"] * 19 + [None], "y: got '1 missing labels"),
    ],
)
def test_bad_input_is_named(x, y, message):
    with pytest.raises(ValueError, match=message):
        label_mi(x, y)


def test_constants_carry_nothing():
    assert label_mi(np.ones((20, 2)), np.arange(20) % 2).nats == 0
    assert label_mi(np.random.default_rng(0).normal(size=(20, 2)), np.zeros(20)).interval == (0, 0)
