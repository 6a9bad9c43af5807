"""The closed-form Gaussian bottleneck against formulas, the exact information of its code, and an optimiser."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize

from infotok.bottleneck import critical_betas, gaussian_ib, gaussian_ib_curve, reverse_waterfilling
from infotok.information import gaussian_mi


def random_world(dim_x: int, dim_y: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    factor = np.random.default_rng(seed).standard_normal((dim_x + dim_y, dim_x + dim_y + 2))
    cov = factor @ factor.T
    return cov[:dim_x, :dim_x], cov[:dim_x, dim_x:], cov[dim_x:, dim_x:]


def information_of(a: np.ndarray, blocks) -> tuple[float, float]:
    """I(T;X) and I(T;Y) of T = A X + N(0, I), by the joint covariances alone."""
    cov_x, cov_xy, cov_y = blocks
    cov_t = a @ cov_x @ a.T + np.eye(len(a))
    i_tx = gaussian_mi(np.block([[cov_t, a @ cov_x], [cov_x @ a.T, cov_x]]), len(a))
    i_ty = gaussian_mi(np.block([[cov_t, a @ cov_xy], [cov_xy.T @ a.T, cov_y]]), len(a))
    return i_tx, i_ty


@pytest.mark.parametrize("beta", [0.0, 1.0, 1.9, 2.5, 10.0, 1e6])
def test_one_correlated_pair_follows_the_textbook(beta: float) -> None:
    rho = 0.7
    ib = gaussian_ib([[4.0]], [[2 * rho]], [[1.0]], beta)  # X has standard deviation 2
    if beta <= 1 / rho**2:
        assert (ib.i_tx, ib.i_ty, ib.active) == (0, 0, 0)
        assert ib.projection == pytest.approx(np.zeros((1, 1)))
    else:
        lam = 1 - rho**2
        i_tx = 0.5 * np.log((beta - 1) * (1 - lam) / lam)
        assert ib.i_tx == pytest.approx(i_tx, abs=1e-12)
        assert ib.i_ty == pytest.approx(i_tx - 0.5 * np.log(beta * (1 - lam)), abs=1e-12)
        assert ib.active == 1
    assert critical_betas([[4.0]], [[2 * rho]], [[1.0]]) == pytest.approx([1 / rho**2])


@given(st.integers(1, 5), st.integers(1, 5), st.floats(0, 50), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_the_projection_really_carries_what_is_claimed(dim_x: int, dim_y: int, beta: float, seed: int) -> None:
    blocks = random_world(dim_x, dim_y, seed)
    ib = gaussian_ib(*blocks, beta)
    i_tx, i_ty = information_of(ib.projection, blocks)
    assert ib.projection.shape == (min(dim_x, dim_y), dim_x)
    assert ib.i_tx == pytest.approx(i_tx, abs=1e-7)
    assert ib.i_ty == pytest.approx(i_ty, abs=1e-7)
    # data processing, twice: T knows no more of Y than X does, nor than it knows of X
    cov = np.block([[blocks[0], blocks[1]], [blocks[1].T, blocks[2]]])
    assert ib.i_ty <= min(gaussian_mi(cov, dim_x), ib.i_tx) + 1e-9
    assert ib.active == (critical_betas(*blocks) < beta).sum() == (ib.projection != 0).any(1).sum()


@pytest.mark.parametrize(("dim_x", "dim_y", "factor", "seed"), [(2, 2, 1.5, 0), (3, 2, 3.0, 1), (2, 4, 20.0, 2)])
def test_no_optimiser_finds_a_better_code(dim_x: int, dim_y: int, factor: float, seed: int) -> None:
    blocks = random_world(dim_x, dim_y, seed)
    beta = factor * critical_betas(*blocks)[0]
    ib = gaussian_ib(*blocks, beta)
    best = ib.i_tx - beta * ib.i_ty
    assert best < 0  # better than the empty code

    def lagrangian(flat: np.ndarray) -> float:
        i_tx, i_ty = information_of(flat.reshape(dim_x, dim_x), blocks)
        return i_tx - beta * i_ty

    rng = np.random.default_rng(seed)
    found = [minimize(lagrangian, rng.standard_normal(dim_x**2)).fun for _ in range(3)]
    assert min(found) == pytest.approx(best, abs=1e-5)  # the optimiser gets there ...
    assert min(found) >= best - 1e-9  # ... and not beyond


def test_the_curve_is_concave_with_slope_one_over_beta_and_ends_at_the_whole_information() -> None:
    blocks = random_world(4, 3, seed=5)
    cov = np.block([[blocks[0], blocks[1]], [blocks[1].T, blocks[2]]])
    betas = critical_betas(*blocks)[0] * np.linspace(1.001, 30, 4000)
    i_tx, i_ty = gaussian_ib_curve(*blocks, betas)
    slope = np.diff(i_ty) / np.diff(i_tx)
    assert (np.diff(slope) < 1e-6).all()
    assert slope == pytest.approx(1 / np.sqrt(betas[1:] * betas[:-1]), rel=1e-2)
    assert gaussian_ib(*blocks, 1e12).i_ty == pytest.approx(gaussian_mi(cov, 4), abs=1e-9)
    point = gaussian_ib(*blocks, betas[7])
    assert (i_tx[7], i_ty[7]) == (point.i_tx, point.i_ty)


def test_independent_variables_have_no_transition_and_the_code_stays_empty() -> None:
    nothing = gaussian_ib(np.eye(3), np.zeros((3, 2)), np.eye(2), 1e9)
    assert np.isinf(critical_betas(np.eye(3), np.zeros((3, 2)), np.eye(2))).all()
    assert (nothing.i_tx, nothing.i_ty, nothing.active) == (0, 0, 0)


def test_nearly_deterministic_and_badly_scaled_variables_stay_accurate() -> None:
    rho = 1 - 1e-9
    unit = np.diag([1e6, 1e-6])
    blocks = unit @ unit, unit @ np.diag([rho, 0.5]), np.eye(2)
    assert critical_betas(*blocks) == pytest.approx([1 / rho**2, 4.0])
    ib = gaussian_ib(*blocks, 10.0)
    assert ib.i_ty == pytest.approx(0.5 * np.log(0.9 / ((1 - rho) * (1 + rho))) + 0.5 * np.log(0.9 / 0.75), abs=1e-6)


@pytest.mark.parametrize("bits", [0.0, 0.3, 1.0, 1.5, 4.0, 40.0])
def test_water_is_filled_to_one_level(bits: float) -> None:
    """R_j = 1/2 log(v_j / theta)_+: the level that gives the rate is found by bisection, an independent way."""
    variances = np.array([4.0, 1.0, 1.0, 0.25, 0.0])
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((5, 5)))[0]
    filled = reverse_waterfilling((turn * variances) @ turn.T, bits)

    def rate(log_level: float) -> float:
        return 0.5 * np.maximum(np.log(variances[:4]) - log_level, 0).sum() - bits * np.log(2)

    level = np.exp(brentq(rate, -60, np.log(4.0) + 1e-12))
    assert filled.level == pytest.approx(level, rel=1e-6)
    assert filled.variances == pytest.approx(variances, abs=1e-12)
    assert filled.rates[:4] == pytest.approx(0.5 * np.maximum(np.log(variances[:4] / level), 0), abs=1e-9)
    assert filled.rates.sum() == pytest.approx(bits * np.log(2), abs=1e-9)
    kept = np.divide(level, variances, out=np.ones(5), where=variances > 0).clip(max=1)
    assert filled.gain == pytest.approx((turn * (1 - kept)) @ turn.T, abs=1e-9)


def test_a_direction_is_dropped_exactly_where_the_level_reaches_its_variance() -> None:
    """Two variances v > w: the second has a rate above 1/2 log2(v / w) bits, and none up to there."""
    at = 0.5 * np.log2(8.0)
    below, above = (reverse_waterfilling(np.diag([1.0, 8.0]), at + step) for step in (-1e-3, 1e-3))
    assert below.rates[1] == 0
    assert below.level > 1
    assert 0 < above.rates[1] < 1e-3
    assert np.abs(above.directions) == pytest.approx(np.eye(2)[::-1])


def test_no_code_of_the_rate_has_a_smaller_distortion() -> None:
    """Shannon's distortion-rate function of one Gaussian is v 2^(-2R); other divisions of the rate distort more."""
    variances, bits = np.array([3.0, 1.0, 0.4]), 2.0
    filled = reverse_waterfilling(np.diag(variances), bits)
    least = (variances * np.exp(-2 * filled.rates)).sum()
    assert least == pytest.approx(np.minimum(filled.level, variances).sum())
    shares = np.random.default_rng(1).dirichlet([1, 1, 1], size=2000)
    assert least <= (variances * 4 ** (-bits * shares)).sum(1).min()


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: gaussian_ib(np.eye(2), np.zeros((2, 3)), np.eye(2), 2.0), r"cov_xy: got shape \(2, 3\), .*\(2, 2\)"),
        (lambda: gaussian_ib(np.eye(2), 2 * np.eye(2), np.eye(2), 2.0), "joint covariance, smallest correlation eigen"),
        (lambda: gaussian_ib(np.ones((2, 2)), np.zeros((2, 2)), np.eye(2), 2.0), "cov_x, smallest correlation eigen"),
        (
            lambda: gaussian_ib(np.eye(2), np.zeros((2, 2)), np.eye(2), -1.0),
            r"beta: got -1.0, expected a number in \[0, inf\)",
        ),
        (lambda: gaussian_ib(np.eye(2), np.zeros((2, 2)), np.eye(2), [1.0]), r"beta: got 'list', expected a number"),
        (
            lambda: gaussian_ib_curve(np.eye(1), [[0.5]], np.eye(1), [1.0, np.inf]),
            r"betas: got inf, expected numbers in",
        ),
        (lambda: reverse_waterfilling([[1.0, 0.5], [0.2, 1.0]], 1.0), "cov: got .*expected a symmetric matrix"),
        (lambda: reverse_waterfilling(np.diag([1.0, -1.0]), 1.0), "cov: got -1.0, expected variances from 0"),
        (lambda: reverse_waterfilling(np.zeros((2, 2)), 1.0), "cov: got 0.0, expected variances from 0, and one above"),
        (lambda: reverse_waterfilling(np.eye(2), -1.0), r"bits: got -1.0, expected a number in \[0, inf\)"),
        (lambda: reverse_waterfilling(np.eye(1), 1e6), "bits: got 1000000.0, expected a rate that leaves"),
    ],
)
def test_bad_input_is_named(call, line: str) -> None:
    with pytest.raises((TypeError, ValueError), match=line):
        call()
