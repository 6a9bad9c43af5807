"""The discrete bottleneck against closed forms, exhaustive search, dit, and itself."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import entr

from infotok.bottleneck import deterministic_hull, discrete_ib, discrete_ib_curve
from infotok.worlds import BinarySymmetricSource, DiscreteSource, ErasureSource, HierarchicalSource

DIT = json.loads((Path(__file__).parents[1] / "data" / "dit_bottleneck.json").read_text())


def random_joint(rows: int, columns: int, seed: int, concentration: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(rows * columns, concentration)).reshape(rows, columns)


@pytest.mark.parametrize("flip", [0.0, 0.02, 0.1, 0.3, 0.45])
def test_binary_symmetric_source_in_closed_form(flip):
    source = BinarySymmetricSource(flip)
    betas = source.critical_beta * np.array([0.5, 0.99, 1.01, 1.1, 1.5, 2, 4, 10, 100])
    curve = discrete_ib_curve(source.p_xy, betas)
    truth = np.array([source.optimum(beta) for beta in betas])
    assert np.abs(curve.i_tx - truth[:, 0]).max() < 1e-8
    assert np.abs(curve.i_ty - truth[:, 1]).max() < 1e-8


@pytest.mark.parametrize("symbols", [2, 5])
def test_erasure_line(symbols):
    source = ErasureSource(0.4, symbols=symbols)
    betas = source.critical_beta * np.array([0.3, 0.9, 0.999, 1.001, 1.1, 3])
    curve = discrete_ib_curve(source.p_xy, betas)
    assert np.abs(curve.i_ty - 0.6 * curve.i_tx).max() < 1e-8
    assert curve.i_tx == pytest.approx([0, 0, 0, *[np.log(symbols)] * 3], abs=1e-8)


def first_seen_in_order(labels: tuple[int, ...]) -> bool:
    """One naming of each partition: a new label is the smallest not used yet."""
    return all(label <= max(labels[:i], default=-1) + 1 for i, label in enumerate(labels))


@pytest.mark.parametrize("seed", range(6))
def test_deterministic_bottleneck_is_the_best_of_all_partitions(seed):
    size = 6
    p_xy = random_joint(size, 4, seed, concentration=0.3 if seed % 2 else 1.0)
    labels = np.array([a for a in itertools.product(range(size), repeat=size) if first_seen_in_order(a)])
    assert len(labels) == 203  # Bell's number
    every = np.eye(size)[labels]
    mass = every.swapaxes(1, 2) @ p_xy
    h_t = entr(mass.sum(2)).sum(1)
    i_ty = h_t + entr(p_xy.sum(0)).sum() - entr(mass).sum((1, 2))
    betas = np.array([1.1, 2, 3, 5, 10, 30])
    curve = discrete_ib_curve(p_xy, betas, deterministic=True)
    best = (h_t - betas[:, None] * i_ty).min(1)
    assert np.abs(curve.h_t - betas * curve.i_ty - best).max() < 1e-10
    assert curve.i_tx == pytest.approx(curve.h_t, abs=1e-12)


@pytest.mark.parametrize("row", DIT["rows"], ids=lambda row: f"{row['seed']}-{row['beta']}")
def test_agrees_with_dit(row):
    """dit's answers (data/dit_bottleneck.py). Its soft optimiser stops up to 1.3e-3 above ours, never below."""
    p_xy = random_joint(4, 3, row["seed"], concentration=0.5)
    assert DiscreteSource(p_xy).mutual_information == pytest.approx(row["mutual_information"], abs=1e-9)
    soft = discrete_ib(p_xy, row["beta"])
    excess = row["lagrangian"] - (soft.i_tx - row["beta"] * soft.i_ty)
    assert -1e-9 < excess < 2e-3
    hard = discrete_ib(p_xy, row["beta"], deterministic=True)
    assert hard.h_t == pytest.approx(row["hard_entropy"], abs=1e-9)
    assert hard.i_ty == pytest.approx(row["hard_relevance"], abs=1e-9)


def test_dit_mostly_finds_the_same_optimum():
    ours = [discrete_ib(random_joint(4, 3, row["seed"], concentration=0.5), row["beta"]) for row in DIT["rows"]]
    excess = [r["lagrangian"] - (ib.i_tx - r["beta"] * ib.i_ty) for r, ib in zip(DIT["rows"], ours, strict=True)]
    assert np.median(excess) < 1e-8


def test_more_beta_never_keeps_less():
    curve = discrete_ib_curve(random_joint(7, 5, 0), np.geomspace(0.5, 200, 25))
    assert (np.diff(curve.i_tx) > -1e-9).all()
    assert (np.diff(curve.i_ty) > -1e-9).all()
    slope = np.diff(curve.i_ty) / np.maximum(np.diff(curve.i_tx), 1e-12)
    moving = np.diff(curve.i_tx) > 1e-6
    assert (np.diff(slope[moving]) < 1e-6).all()  # the curve is concave


def test_order_of_betas_does_not_matter():
    p_xy = random_joint(4, 5, 4)
    betas = np.array([1.0, 3.0, 9.0, 27.0])
    forward, backward = discrete_ib_curve(p_xy, betas), discrete_ib_curve(p_xy, betas[::-1])
    assert forward.i_ty == pytest.approx(backward.i_ty[::-1], abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), beta=st.floats(0, 30), clusters=st.integers(1, 5), deterministic=st.booleans())
def test_every_optimum_is_an_encoder_within_the_limits(seed, beta, clusters, deterministic):
    p_xy = random_joint(4, 3, seed)
    ib = discrete_ib(p_xy, beta, clusters=clusters, deterministic=deterministic, restarts=3)
    assert ib.q_t_given_x.shape == (4, clusters)
    assert ib.q_t_given_x.sum(1) == pytest.approx(np.ones(4))
    assert (ib.q_t_given_x >= 0).all()
    assert -1e-12 <= ib.i_ty <= ib.i_tx + 1e-9
    assert ib.i_tx <= ib.h_t + 1e-9 <= np.log(clusters) + 2e-9
    joint = p_xy.sum(1)[:, None] * ib.q_t_given_x
    assert ib.i_tx == pytest.approx((entr(joint.sum(0)).sum() + entr(p_xy.sum(1)).sum() - entr(joint).sum()), abs=1e-9)


def test_clusters_split_down_the_tree():
    source = HierarchicalSource((2, 2, 2), (0.95, 0.9, 0.85))
    curve = discrete_ib_curve(source.p_xy, np.geomspace(1, 60, 30))
    assert set(curve.clusters().tolist()) == {1, 2, 4, 8}
    two = curve.q_t_given_x[(curve.clusters() == 2).argmax()]
    halves = two[:4].sum(0) / 4, two[4:].sum(0) / 4
    assert np.abs(halves[0] - halves[1]).sum() > 1  # the first split is the root's


def test_the_lagrangian_cannot_trace_a_function_of_x():
    """Y = f(X): below beta = 1 nothing, above it all of Y, and no point between, where the hull has them all."""
    weights = np.array([0.3, 0.1, 0.2, 0.25, 0.15])
    p_xy = weights[:, None] * np.eye(3)[[0, 0, 1, 1, 2]]
    h_x, h_y = entr(weights).sum(), entr(p_xy.sum(0)).sum()
    curve = discrete_ib_curve(p_xy, [0.5, 0.9, 0.999, 1.001, 1.1, 2, 50])
    assert curve.i_ty == pytest.approx([0, 0, 0, *[h_y] * 4], abs=1e-8)
    assert curve.i_tx == pytest.approx(curve.i_ty, abs=1e-8)
    rates = np.concatenate([np.linspace(0, h_y, 7), np.linspace(h_y, h_x, 4)])
    hull = deterministic_hull(p_xy, rates)
    assert hull.i_tx == pytest.approx(rates, abs=1e-12)
    assert hull.i_ty == pytest.approx(np.minimum(rates, h_y), abs=1e-12)
    assert hull.q_t_given_x.sum(-1) == pytest.approx(np.ones((11, 5)))


@pytest.mark.parametrize("size", range(2, 12))
def test_the_hull_reaches_its_end_where_the_rate_is_rounded_up(size):
    """log N as a user writes it is above the sum of -p log p by a rounding error for some N."""
    p_xy = np.eye(2)[np.arange(size) % 2] / size
    for rate in (np.log(size), entr(p_xy).sum() + 5e-13):
        hull = deterministic_hull(p_xy, [rate])
        assert hull.i_tx == pytest.approx([np.log(size)], abs=1e-9)
        assert hull.i_ty == pytest.approx([entr(p_xy.sum(0)).sum()], abs=1e-9)
        assert (hull.q_t_given_x >= 0).all()


def test_rows_that_never_occur_are_ignored():
    p_xy = np.vstack([random_joint(3, 3, 1), np.zeros(3)])
    with_row, without = discrete_ib(p_xy, 5.0), discrete_ib(p_xy[:3], 5.0, clusters=4)
    assert with_row.i_ty == pytest.approx(without.i_ty, abs=1e-9)
    assert with_row.q_t_given_x[3].sum() == 1


def test_same_seed_same_bits():
    p_xy = random_joint(6, 4, 2)
    a, b = (discrete_ib(p_xy, 4.0, seed=7) for _ in range(2))
    assert (a.q_t_given_x == b.q_t_given_x).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: discrete_ib(p[0], 1.0), "p_xy: got shape .* expected 2 axes"),
        (lambda p: discrete_ib(p * 2, 1.0), r"p_xy, sum: got 2\.\d+, expected 1"),
        (lambda p: discrete_ib(p, [1.0, 2.0]), "beta: got 'list', expected a number"),
        (lambda p: discrete_ib(p, -1.0), "beta: got -1.0, expected a number in \\[0, inf\\)"),
        (lambda p: discrete_ib(p, np.nan), "beta: got nan, expected a number in"),
        (lambda p: discrete_ib(p, 1.0, clusters=0), "clusters: got 0, expected a positive integer"),
        (lambda p: discrete_ib(p, 1.0, restarts=0), "restarts: got 0, expected a positive integer"),
        (lambda p: discrete_ib_curve(p, 1.0), "betas: got 1.0, expected 1 axes, one number or more"),
        (lambda p: deterministic_hull(p, [0.1]), "p_xy, most y of one x: got 3, expected 1: Y"),
        (
            lambda p: deterministic_hull(np.eye(2) / 2, [1.0]),
            r"rates, largest: got 1.0, expected at most H\(X\) = 0.6",
        ),
        (lambda p: deterministic_hull(np.eye(2) / 2, 0.1), "rates: got 0.1, expected 1 axes, one number or more"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call(random_joint(3, 3, 0))
