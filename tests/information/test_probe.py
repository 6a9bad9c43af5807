"""What codes and features carry about labels: truths that follow from how the labels are made."""

import math

import numpy as np
import pytest
import torch

from infotok.information.probe import probe_mi
from infotok.information.tokens import code_fits, embedded, token_mi


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


CODES = np.random.default_rng(0).integers(0, 64, (4000, 16))


@pytest.mark.parametrize("columns", [1, 2, 3, 16])
def test_more_columns_do_not_carry_less(columns):
    found = probe_mi(CODES[:, :columns], CODES[:, 0] % 4)
    assert found.nats == pytest.approx(math.log(4), abs=0.01)
    assert found.interval[0] < math.log(4) <= found.interval[1]
    assert found.nats <= found.ceiling


def test_kinds_of_codes_and_labels():
    codes = np.random.default_rng(0).integers(0, 4, (300, 3))
    label = codes[:, 1] % 2
    expected = probe_mi(codes, label).nats
    assert expected == pytest.approx(math.log(2), abs=0.02)
    assert probe_mi(torch.tensor(codes), torch.tensor(label)).nats == expected
    assert probe_mi(codes - 7, label.astype(bool)).nats == expected
    assert probe_mi(np.array(list("dbca"))[codes], np.array(["no", "yes"])[label]).nats == expected
    assert probe_mi(codes.reshape(300, 3, 1), np.eye(2)[label]).nats == expected
    assert probe_mi(codes, label, vocabulary=4).nats == pytest.approx(math.log(2), abs=0.02)


def test_a_label_of_two_columns_together():
    bits = np.random.default_rng(1).integers(0, 2, (600, 8))
    assert token_mi(bits, bits[:, 3] ^ bits[:, 6], network=False).nats == pytest.approx(math.log(2), abs=0.02)
    codes = np.random.default_rng(1).integers(0, 6, (1500, 5))
    label = (codes[:, 0] + codes[:, 3]) % 3
    assert token_mi(codes, label, network=False).nats == pytest.approx(math.log(3), abs=0.03)


def test_a_noisy_label_and_independent_ones():
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 32, (1500, 8))
    flipped = (codes[:, 2] % 2) ^ (rng.random(1500) < 0.1)
    truth = math.log(2) + 0.1 * math.log(0.1) + 0.9 * math.log(0.9)
    found = token_mi(codes, flipped, network=False)
    assert found.nats == pytest.approx(truth, abs=0.05)
    assert found.interval[0] < truth < found.interval[1]
    nothing = token_mi(codes, rng.integers(0, 5, 1500), network=False)
    assert nothing.nats < 0.01
    assert nothing.interval[0] == 0


def test_symbols_that_occur_anywhere():
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 40, (1000, 8))
    label = (codes == 7).any(1)  # at one of 8 places, with a probability of about 0.18
    with_counts = token_mi(codes, label, vocabulary=40, network=False)
    assert with_counts.nats > 0.8 * with_counts.ceiling
    assert "counts" in with_counts.candidates


def test_large_vocabularies_are_sparse():
    codes = (8192 * np.random.default_rng(4).random((1000, 16)) ** 6).astype(int)
    found = token_mi(codes, codes[:, 0] > np.median(codes[:, 0]), network=False)
    assert 0.2 < found.nats <= math.log(2) + 1e-9


def test_the_network_learns_what_is_spread_over_all_columns():
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 8, (1500, 6))
    label = (codes.sum(1) > 20.5).astype(int)
    predict = embedded(codes[:1200], label[:1200], 0)
    log_q = predict(codes[1200:])[0]
    assert np.exp(log_q).sum(1) == pytest.approx(1)
    assert -log_q[np.arange(300), label[1200:]].mean() < 0.3
    state = torch.random.get_rng_state()
    assert (embedded(codes[:1200], label[:1200], 0)(codes[1200:])[0] == log_q).all()
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("name", code_fits(np.array([4, 4, 4]), 200, 3, vocabulary=4, network=True))
def test_classifiers_give_probabilities(name):
    rng = np.random.default_rng(0)
    codes, y = rng.integers(0, 4, (200, 3)), np.arange(200) % 3
    for log_q in code_fits(np.array([4, 4, 4]), 200, 3, vocabulary=4, network=True)[name](codes, y, 0)(codes[:7]):
        assert log_q.shape == (7, 3)
        assert np.exp(log_q).sum(1) == pytest.approx(1, abs=1e-6)


def test_attributes_add_up_by_the_chain_rule():
    rng = np.random.default_rng(6)
    codes = rng.integers(0, 6, (800, 3))
    attributes = np.stack([codes[:, 0] % 2, codes[:, 1] % 3, rng.integers(0, 2, 800), codes[:, 0] % 2], 1)
    found = probe_mi(codes, attributes)
    assert found.nats == pytest.approx(math.log(6), abs=0.06)
    assert found.candidates["column 1"] == pytest.approx(math.log(3), abs=0.03)
    assert found.candidates["column 3"] < 0.01  # known from column 0
    assert found.ceiling == pytest.approx(3 * math.log(2) + math.log(3), abs=0.02)


def test_real_features_and_attributes():
    rng = np.random.default_rng(7)
    attributes = rng.integers(0, 2, (300, 2))
    tokens = (attributes[:, None] + 0.1 * rng.normal(size=(300, 2, 2))).astype(np.float32)  # (N, L, D)
    assert probe_mi(torch.tensor(tokens), attributes[:, 0]).nats == pytest.approx(math.log(2), abs=0.02)
    assert probe_mi(torch.tensor(tokens), attributes).nats == pytest.approx(math.log(4), abs=0.05)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((CODES, CODES[:5, 0]), ValueError, "labels: got '5 rows', expected as many as tokens has, 4000"),
        ((CODES[:5], CODES[:5, 0]), ValueError, "codes: got '5 samples', expected at least 10"),
        (
            (CODES[:20] / 7, np.arange(20) % 2, 64),
            TypeError,
            "tokens: got 'floats', expected integers, for a vocabulary",
        ),
        (
            (CODES[:20], np.arange(20) % 2, 3),
            ValueError,
            "codes: got 'integers out of range', expected integers from 0 to",
        ),
        ((np.full((20, 2), np.nan), np.arange(20) % 2), ValueError, "x: got 'NaN or infinity'"),
        ((CODES[:20], [None, *range(19)]), ValueError, "labels: got '1 missing labels"),
        ((np.zeros((0, 3)), []), ValueError, r"tokens: got shape \(0, 3\), expected shape"),
    ],
)
def test_bad_input_is_named(arguments, error, message):
    tokens, labels, *vocabulary = arguments
    with pytest.raises(error, match=message):
        probe_mi(tokens, labels, vocabulary=vocabulary[0] if vocabulary else None)


def test_several_label_columns_with_a_network():
    """The first column is found by tables alone; the second needs five codes together, which only the network sees."""
    codes = np.random.default_rng(3).integers(0, 2, (3000, 6))
    labels = np.stack([codes[:, 5], (codes[:, :5].sum(axis=1) >= 3).astype(int)], axis=1)
    found = [probe_mi(codes, labels, network=network, folds=2).nats for network in (False, True)]
    assert found[1] == pytest.approx(2 * math.log(2), abs=0.03)
    parity = np.stack([codes[:, 5], codes[:, :4].sum(axis=1) % 2], axis=1)
    found = [probe_mi(codes, parity, network=network, folds=2).nats for network in (False, True)]
    assert found[0] < 0.75 < 1.2 < found[1]


def test_several_label_columns_with_a_vocabulary():
    """How often a symbol occurs anywhere is seen by counts of symbols; places alone need far more samples."""
    codes = np.random.default_rng(4).integers(0, 40, (600, 12))
    even = (codes < 20).sum(axis=1)
    labels = np.stack([(even > 6).astype(int), codes[:, 0] % 2], axis=1)
    apart, shared = (probe_mi(codes, labels, vocabulary=size, network=False).nats for size in (None, 40))
    assert shared > apart + 0.1
    assert shared < math.log(4)
    with pytest.raises(ValueError, match="codes: got 'integers out of range', expected integers from 0 to voc"):
        probe_mi(codes, labels, vocabulary=39)
