"""Finite sources: their tables, their closed forms, their samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr

from infotok.worlds import BinarySymmetricSource, DiscreteSource, ErasureSource, HierarchicalSource


def test_a_source_knows_its_information():
    table = np.array([[0.1, 0.2], [0.3, 0.4]])
    product = np.outer([0.3, 0.7], [0.4, 0.6])
    assert DiscreteSource(table).mutual_information == pytest.approx(rel_entr(table, product).sum(), abs=1e-12)
    assert ErasureSource(0.3, symbols=4).mutual_information == pytest.approx(0.7 * np.log(4), abs=1e-12)


def test_samples_follow_the_table_and_the_seed():
    source = HierarchicalSource((2, 3), (0.9, 0.8))
    x, y = source.sample(200_000, seed=5)
    counts = np.zeros_like(source.p_xy)
    np.add.at(counts, (x, y), 1 / len(x))
    assert np.abs(counts - source.p_xy).max() < 5 * np.sqrt(source.p_xy.max() / len(x))
    again = source.sample(200_000, seed=5)
    assert (x == again[0]).all()
    assert (y == again[1]).all()
    assert (x[:100] != source.sample(100, seed=6)[0]).any()


@given(st.lists(st.tuples(st.integers(2, 4), st.floats(0.01, 0.99)), min_size=1, max_size=3))
def test_levels_of_the_tree_add_up(levels):
    source = HierarchicalSource(*zip(*levels, strict=True))
    assert source.information_by_level.sum() == pytest.approx(source.mutual_information, abs=1e-10)
    assert source.p_xy.sum(1) == pytest.approx(np.full(len(source.p_xy), 1 / len(source.p_xy)))


def test_tree_by_hand():
    source = HierarchicalSource((2, 2), (0.9, 0.8))
    row = [0.9 * 0.8, 0.9 * 0.2, 0.05, 0.05]
    assert source.p_xy[0] * 4 == pytest.approx(row)


@given(flip=st.floats(0, 0.45), ratio=st.floats(0.1, 50))
def test_binary_symmetric_optimum_beats_every_other_rate(flip, ratio):
    source = BinarySymmetricSource(flip)
    beta = ratio * source.critical_beta
    i_tx, i_ty = source.optimum(beta)
    rates = np.linspace(0, np.log(2), 40)
    assert i_tx - beta * i_ty <= (rates - beta * source.relevance(rates)).min() + 1e-9 * max(beta, 1)
    assert source.relevance(min(i_tx, np.log(2))) == pytest.approx(i_ty, abs=1e-7)


def test_binary_symmetric_curve_ends_at_the_source():
    source = BinarySymmetricSource(0.1)
    assert source.relevance([0.0, np.log(2)]) == pytest.approx([0.0, source.mutual_information], abs=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DiscreteSource([0.5, 0.5]), r"p_xy: got shape \(2,\), expected 2 axes, one number or more"),
        (lambda: DiscreteSource([[0.5, 0.6]]), r"p_xy, sum: got 1.1\d*, expected 1"),
        (lambda: DiscreteSource([[1.5, -0.5]]), "p_xy, smallest entry: got -0.5, expected a probability"),
        (lambda: DiscreteSource([[np.nan, 1.0]]), r"p_xy: got nan, expected numbers in \(-inf, inf\), none NaN"),
        (lambda: DiscreteSource([[1.0]]).sample(0), "n: got 0, expected a positive integer"),
        (lambda: BinarySymmetricSource(0.5), r"flip: got 0.5, expected a number in \[0, 0\.5\)"),
        (lambda: BinarySymmetricSource(0.1).relevance(1.0), "rate: got 1.0, expected rates from 0 to log 2"),
        (lambda: BinarySymmetricSource(0.1).optimum(-1), r"beta: got -1, expected a number in \[0, inf\)"),
        (lambda: ErasureSource(1.2), r"erasure: got 1.2, expected a number in \[0, 1\]"),
        (lambda: ErasureSource(0.1, symbols=1), "symbols: got 1, expected an integer from 2 to 16384"),
        (lambda: ErasureSource(0.1).relevance(-1.0), "rate: got -1.0, expected rates from 0"),
        (lambda: HierarchicalSource((1, 2), (0.9, 0.9)), r"branching: got 1, expected an integer from 2 to 16384"),
        (lambda: HierarchicalSource((2,), (0.9, 0.9)), "fidelity: got .* expected one probability per level"),
        (lambda: HierarchicalSource((2,), (1.9,)), "fidelity: got .*, expected a number in"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
