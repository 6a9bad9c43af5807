"""Conditional information against closed forms: partial correlations, exclusive or, chains, forks and colliders."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import entr, expit

from infotok.information import estimate_mi
from infotok.information.conditional import conditional_mi, counted, linear_or_neighbors, neighbors
from infotok.information.given import without_known
from infotok.information.margins import normal_scores
from infotok.information.residuals import residuals
from infotok.information.variables import variable

N = 600
rng = np.random.default_rng(0)


START = rng.bit_generator.state


@pytest.fixture(autouse=True)
def _one_thread_and_the_same_draws():
    torch.set_num_threads(1)
    rng.bit_generator.state = START


def noise(*shape):
    return rng.normal(size=(N, *shape))


def fork():
    z = noise()
    return z + noise(), z + noise(), z, 0.0


def collider():
    x, y = noise(), noise()
    return x, y, x + y + noise(), -0.5 * math.log(1 - 0.25)


def chain():
    x = noise()
    z = x + noise()
    return x, z + noise(), z, 0.0


def vectors():
    z = noise(3)
    x = z @ np.ones((3, 2)) + noise(2)
    return x, x * 0.5 + z[:, :2] + noise(2), z, -math.log(1 - 0.2)


def by_label():
    z = np.arange(N) % 2
    x, e = noise(), noise()
    y = np.where(z == 0, 0.8 * x + 0.6 * e, e)
    return x + 5 * z, y - 5 * z, z, -0.25 * math.log(1 - 0.64)


def label_of_both():
    x, z = noise(), noise()
    p = expit(2 * x * np.sign(z))
    q = expit(2 * np.random.default_rng(1).normal(size=100_000))
    return x, (rng.random(N) < p).astype(int), z, math.log(2) - (entr(q) + entr(1 - q)).mean()


def label_fork():
    z = noise()
    return z + noise(), (z + noise() > 0).astype(int), z, 0.0


def label_xor_sign():
    x, z = noise(), np.arange(N) % 2
    return x, (x > 0).astype(int) ^ z, z, math.log(2)


CASES = [fork, collider, chain, vectors, by_label, label_of_both, label_fork, label_xor_sign]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_known_conditional_information(case):
    x, y, z, truth = case()
    found = conditional_mi(x, y, z)
    assert found.nats == pytest.approx(truth, rel=0.15, abs=0.06)
    assert found.interval[0] <= truth + 0.03
    assert found.interval[1] >= truth - 0.03


def test_either_side_may_be_the_label():
    x, y, z, _ = label_of_both()
    assert conditional_mi(x, y, z).nats == pytest.approx(conditional_mi(y, x, z).nats, abs=1e-9)


def test_exclusive_or_is_only_seen_given_its_third():
    x, y = np.random.default_rng(0).integers(0, 2, (2, 400))
    assert conditional_mi(x, y, x ^ y).nats == pytest.approx(math.log(2), abs=0.01)
    assert conditional_mi(x, y, np.zeros(400, int)).nats < 0.02
    assert conditional_mi(x, np.array(["a", "b"])[y], x ^ y).nats == pytest.approx(math.log(2), abs=0.01)


def test_counting_is_dits_definition_and_corrected():
    import dit  # seconds, in one process of the tests instead of each

    joint = np.random.default_rng(0).dirichlet(np.ones(12)).reshape(2, 3, 2)
    draws = np.random.default_rng(1).choice(12, 4000, p=joint.ravel())
    x, y, z = np.unravel_index(draws, joint.shape)
    distribution = dit.Distribution([(int(a), int(b), int(c)) for a, b, c in np.ndindex(joint.shape)], joint.ravel())
    truth = dit.shannon.conditional_entropy(distribution, [0], [2]) - dit.shannon.conditional_entropy(
        distribution, [0], [1, 2]
    )
    assert counted(x, y, z).nats == pytest.approx(truth * math.log(2), abs=0.02)
    several = [counted(*np.random.default_rng(seed).integers(0, [[3], [3], [4]], (3, 300))).nats for seed in range(40)]
    assert np.mean(several) == pytest.approx(0, abs=0.01)


def test_neighbors_do_without_a_model():
    x, z = noise(), noise()
    y = np.sin(2 * x) + z**2 + 0.3 * noise()
    assert conditional_mi(x, y, z).nats > 0.5
    assert "neighbors" in conditional_mi(x, y, z).reason
    codes = np.random.default_rng(0).integers(0, 2, (3, 500))
    assert neighbors(codes[0], codes[1], codes[0] ^ codes[1]).nats == pytest.approx(math.log(2), abs=0.03)


def test_what_is_given_already_adds_nothing():
    x, y, _, _ = collider()
    assert conditional_mi(x, y, x).nats == 0
    assert conditional_mi(x, y, y).nats == 0
    label = np.arange(N) % 3
    assert conditional_mi(label, y > 0, label).nats == pytest.approx(0, abs=0.01)


def test_an_exact_relation_is_infinite():
    x, _, z, _ = collider()
    assert conditional_mi(x, np.exp(x), z).interval == (math.inf, math.inf)
    assert conditional_mi(x, x, np.arange(N) % 2).nats == math.inf


def test_unconditional_pairs():
    x = noise(1)
    assert linear_or_neighbors(x, 0.8 * x + 0.6 * noise(1)) == pytest.approx(0.51, abs=0.12)
    assert linear_or_neighbors(x, np.exp(x)) == math.inf


@pytest.mark.parametrize(
    ("x", "y", "z", "message"),
    [
        (np.zeros(30), np.zeros(30), np.zeros(29), "given: got '29 samples', expected as many as x has, 30"),
        (np.zeros(5), np.zeros(5), np.zeros(5), "x: got '5 samples', expected at least 20"),
        (np.zeros(30), np.full(30, np.nan), np.zeros(30), "y: got 'NaN or infinity', expected finite values"),
    ],
)
def test_bad_input_is_named(x, y, z, message):
    with pytest.raises(ValueError, match=message):
        conditional_mi(x, y, z)


BENT = {
    "square": lambda c: c[:, 0] ** 2,
    "wave": lambda c: np.sin(3 * c[:, 0]),
    "product": lambda c: c[:, 0] * c[:, 1],
    "sum of squares": lambda c: 0.3 * (c[:, :3] ** 2).sum(1),
}


@pytest.mark.parametrize("curve", BENT)
@pytest.mark.parametrize("truth", [0.0, -0.5 * math.log(1 - 0.64)])
def test_a_curve_of_what_is_given_is_no_dependence(curve, truth):
    z = noise(2 if curve in ("square", "wave", "product") else 6)
    e, f = noise(), noise()
    x, y = BENT[curve](z) + 0.3 * e, BENT[curve](z) + 0.3 * (0.8 * e + 0.6 * f if truth else f)
    assert conditional_mi(x, y, z).nats == pytest.approx(truth, abs=0.15)


def test_few_samples_and_lines_are_left_as_they_are():
    z, e = noise(1), noise(2)
    np.testing.assert_array_equal(residuals(z + e, z), normal_scores(z + e))
    np.testing.assert_array_equal(residuals(z[:50] ** 2, z[:50]), normal_scores(z[:50] ** 2))
    left = residuals(z**2 + 0.1 * e, z)
    assert 0 < left.var(axis=0).max() < 0.2


def test_an_exact_relation_stays_infinite_beside_a_curve():
    z = noise()
    x = z**2 + 0.3 * noise()
    assert conditional_mi(x, np.exp(x), z).nats == math.inf


def test_a_category_beside_numbers_may_be_given_and_be_a_side():
    c, k, e, f = noise(), rng.integers(0, 4, N), noise(), noise()
    table = pd.DataFrame({"c": c, "k": np.array(list("abcd"))[k]})
    assert estimate_mi(c + k + e, c + k + f, given=table).nats < 0.02
    assert estimate_mi(table, c + k + f, given=e).nats == pytest.approx(0.5 * math.log(1 + 2.25), rel=0.15)


@pytest.mark.parametrize("of_each", [10, 4, 2])
def test_many_rare_labels_share_their_correlations(of_each):
    z = np.repeat(np.arange(1000 // of_each), of_each)
    name = [f"person {label}" for label in z]
    shift, x, e = np.random.default_rng(1).normal(size=(3, 1000, 5))
    x, y = x + 5 * shift[z], 0.8 * x + 0.6 * e - 5 * shift[z]
    found = estimate_mi(x, y, given=name)  # 10 columns: no neighbours; it was 0 [0, 0]
    assert found.interval[0] < -2.5 * math.log(1 - 0.64) < found.interval[1]
    assert found.nats == pytest.approx(-2.5 * math.log(1 - 0.64), rel=0.06)
    assert estimate_mi(x, e + shift[z], given=name).interval[0] < 0.01


def test_labels_that_occur_once_leave_the_value_open():
    x, y = noise(5), noise(5)
    found = conditional_mi(x, y, np.arange(N))
    assert (found.nats, found.interval) == (0.0, (0.0, math.inf))


@pytest.mark.parametrize("method", ["auto", "ksg"])
def test_copies_are_no_dependence(method):
    z, e, f = noise(), noise(), noise()
    copied = np.random.default_rng(0).integers(N, size=N)  # a bootstrap; "auto" was 0.33 nats, "ksg" an error
    with pytest.warns(UserWarning, match="x, y, given: 2.. of 600 samples repeat an earlier sample"):
        assert estimate_mi((z + e)[copied], (z + f)[copied], method, given=z[copied]).nats < 0.06
    with pytest.warns(UserWarning, match="repeat an earlier sample"):
        assert estimate_mi((z + e)[copied], (f > 0)[copied], given=(z > 0)[copied]).nats < 0.05


def test_equal_numbers_of_unequal_labels_are_no_copies():
    x, y, z = noise(), noise(), np.repeat([0, 1], N)
    x, y = np.tile(x, 2), np.tile(y, 2)
    assert not any("repeat" in note for note in estimate_mi(x, y, given=z).warnings)


U, W, F, E = np.random.default_rng(7).normal(size=(4, 1000))
A, B, C, D = np.random.default_rng(8).integers(0, 40, (4, 1000))
CLASS = A % 4  # a noisy copy of it is right with probability 0.7, else one of all four
NOISY = np.where(np.random.default_rng(9).random(1000) < 0.6, CLASS, np.random.default_rng(10).integers(0, 4, 1000))
NOISY_TRUTH = math.log(4) + 0.7 * math.log(0.7) + 0.3 * math.log(0.1)
HALF_LOG_2 = 0.5 * math.log(2)


def table(*columns):
    return np.stack(columns, axis=1)


SHARED = {  # columns of x and y that are given too carry nothing new
    "numbers, one side": (table(U, W), U + E, W, HALF_LOG_2),
    "numbers, both": (table(U, W), table(U + E, W), W, HALF_LOG_2),
    "numbers, other scales": (table(U, np.exp(W)), table(U + E, -(W**3)), W, HALF_LOG_2),
    "numbers, several": (table(U, W, F), table(U + E, W, F), table(W, F), HALF_LOG_2),
    "numbers, nothing else shared": (table(U, W), table(E, W), W, 0.0),
    "symbols, both": (table(CLASS, C), table(NOISY, C), C, NOISY_TRUTH),
    "symbols, renamed": (table(CLASS, C), table(NOISY, C), np.array([f"c{c}" for c in C]), NOISY_TRUTH),
    "symbols, several": (table(A, B, C), table(D, B, C), table(C, B), 0.0),
    "a label of the given one": (table(CLASS, C // 4, D), table(NOISY, C // 8, B), C, NOISY_TRUTH),
    "symbols of their own": (table(A, B), table(A, D), C, math.log(40)),
    "a symbol of which a part is given": (table(A, B), table(A, D), CLASS, math.log(10)),
    "mixed, both": (
        pd.DataFrame({"u": U, "c": (C % 4).astype(str)}),
        pd.DataFrame({"u": U + E, "c": (C % 4).astype(str)}),
        C % 4,
        HALF_LOG_2,
    ),
    "mixed, given": (
        table(U, W),
        table(U + E, W),
        pd.DataFrame({"w": W, "c": (C % 4).astype(str)}),
        HALF_LOG_2,
    ),
    "all of x": (table(U, W), W + E, table(W, U), 0.0),
}


@pytest.mark.parametrize("name", SHARED)
def test_columns_that_are_given_carry_nothing_new(name):
    x, y, z, truth = SHARED[name]
    found = estimate_mi(x, y, given=z)
    assert found.nats == pytest.approx(truth, abs=0.09)
    assert found.interval[0] <= truth + 0.005
    assert found.interval[1] >= truth - (0.03 if truth > 2 else 0)  # beside the bias of counts of 40 symbols


def test_symbols_given_numbers():
    few = slice(0, 300)
    found = estimate_mi(table(CLASS, B % 5)[few], table(CLASS, D % 5)[few], given=U[few])
    assert found.nats == pytest.approx(math.log(4), abs=0.05)


def test_a_function_by_chance_is_not_left_out():
    """Where labels of z occur once, everything is a function of them."""
    x = variable(table(A, B), "x")
    assert without_known(x, variable(np.arange(1000).astype(str), "z")) is x
    assert len(np.unique(table(without_known(x, variable(A, "z")).label, B), axis=0)) == 40
    assert without_known(x, variable(table(B, A), "z")) is None
    assert without_known(variable(U, "x"), variable(-U, "z")) is None
