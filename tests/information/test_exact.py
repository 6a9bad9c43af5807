"""`infotok.information.exact` against quadrature, enumeration and exact invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from infotok.information import (
    additive_uniform_mi,
    binary_erasure_channel_mi,
    binary_symmetric_channel_mi,
    discrete_mi,
    entropy,
    gaussian_mi,
    student_t_mi,
)


def random_covariance(dim: int, seed: int) -> np.ndarray:
    factor = np.random.default_rng(seed).standard_normal((dim, 2 * dim))
    return factor @ factor.T / (2 * dim)


def pair(rho: float) -> np.ndarray:
    return np.array([[1.0, rho], [rho, 1.0]])


def mi_by_quadrature(joint, marginal) -> float:
    """I(X;Y) of log-densities on the plane: the trapezoid rule on x = sinh(u), which reaches heavy tails."""
    u, step = np.linspace(-9, 9, 901, retstep=True)
    x, weight = np.sinh(u), np.cosh(u) * step
    log_p = joint(np.stack(np.meshgrid(x, x, indexing="ij"), -1))  # (U, U)
    log_ratio = log_p - marginal(x)[:, None] - marginal(x)
    kept = log_p > -700  # exp underflows beyond
    return float(((np.exp(log_p) * np.where(kept, log_ratio, 0.0)) @ weight) @ weight)


@pytest.mark.parametrize("rho", [0.0, 0.3, -0.8, 0.999999])
def test_a_gaussian_pair_carries_half_the_log_of_one_minus_rho_squared(rho: float) -> None:
    assert gaussian_mi(pair(rho), 1) == pytest.approx(-0.5 * np.log((1 - rho) * (1 + rho)), abs=1e-10)


def test_gaussian_mi_equals_the_integral_of_its_density() -> None:
    joint = stats.multivariate_normal(cov=pair(0.7)).logpdf
    assert gaussian_mi(pair(0.7), 1) == pytest.approx(mi_by_quadrature(joint, stats.norm.logpdf), abs=1e-9)


def test_student_t_mi_equals_the_integral_of_its_density() -> None:
    for rho, dof in [(0.0, 5.0), (0.6, 5.0)]:
        joint = stats.multivariate_t(shape=pair(rho), df=dof).logpdf
        truth = mi_by_quadrature(joint, stats.t(dof).logpdf)
        assert student_t_mi(pair(rho), dof, 1) == pytest.approx(truth, abs=1e-8)


def test_student_t_mi_equals_the_entropies_scipy_computes_in_more_dimensions() -> None:
    dispersion, dof = random_covariance(5, seed=1), 3.0
    h = [stats.multivariate_t(shape=s, df=dof).entropy() for s in (dispersion[:2, :2], dispersion[2:, 2:], dispersion)]
    assert student_t_mi(dispersion, dof, 2) == pytest.approx(h[0] + h[1] - h[2], abs=1e-10)


def test_student_t_tends_to_the_gaussian_and_a_shared_scale_is_information() -> None:
    cov = random_covariance(4, seed=0)
    assert student_t_mi(cov, 1e7, 2) == pytest.approx(gaussian_mi(cov, 2), abs=1e-6)
    assert student_t_mi(np.eye(4), 1.0, 2) > 0.1


@given(st.integers(2, 6), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_gaussian_mi_survives_any_invertible_change_of_each_variable(dim: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cov, dim_x = random_covariance(dim, seed), int(rng.integers(1, dim))
    change = np.zeros((dim, dim))
    change[:dim_x, :dim_x] = rng.standard_normal((dim_x, dim_x)) + 3 * np.eye(dim_x)
    change[dim_x:, dim_x:] = (rng.standard_normal((dim - dim_x, dim - dim_x)) + 3 * np.eye(dim - dim_x)) * 1e6
    value = gaussian_mi(cov, dim_x)
    assert value > 0
    assert gaussian_mi(change @ cov @ change.T, dim_x) == pytest.approx(value, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("eps", [0.05, 0.5, 0.75, 3.0])
def test_additive_uniform_mi_is_the_entropy_of_the_sum_less_that_of_the_noise(eps: float) -> None:
    def density(y: float) -> float:
        return max(min(1.0, y + eps) - max(0.0, y - eps), 0.0) / (2 * eps)

    h = integrate.quad(
        lambda y: -density(y) * np.log(density(y)) if density(y) > 0 else 0.0,
        -eps, 1 + eps, points=[eps, 1 - eps], limit=200,
    )[0]  # fmt: skip
    assert additive_uniform_mi(eps) == pytest.approx(h - np.log(2 * eps), abs=1e-8)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_discrete_mi_is_entropies_added_up_and_bounded_by_each(rows: int, columns: int, seed: int) -> None:
    joint = np.random.default_rng(seed).dirichlet(np.full(rows * columns, 0.3)).reshape(rows, columns)
    h_x, h_y, h_xy = entropy(joint.sum(1)), entropy(joint.sum(0)), entropy(joint.ravel())
    assert discrete_mi(joint) == pytest.approx(h_x + h_y - h_xy, abs=1e-12)
    assert -1e-12 <= discrete_mi(joint) <= min(h_x, h_y) + 1e-12
    assert discrete_mi(joint.T) == pytest.approx(discrete_mi(joint), abs=1e-12)


def test_independent_and_copied_variables_are_the_two_ends() -> None:
    p = np.array([0.2, 0.3, 0.5])
    assert discrete_mi(np.outer(p, p)) == pytest.approx(0, abs=1e-15)
    assert discrete_mi(np.diag(p)) == pytest.approx(entropy(p))
    assert entropy([0.0, 1.0]) == 0
    assert entropy(np.full(8, 1 / 8)) == pytest.approx(3 * np.log(2))


def test_the_binary_channels_equal_their_joint_tables() -> None:
    for p in (0.0, 0.11, 0.5, 1.0):
        symmetric = np.array([[1 - p, p], [p, 1 - p]]) / 2
        erasure = np.array([[1 - p, p, 0], [0, p, 1 - p]]) / 2
        assert binary_symmetric_channel_mi(p) == pytest.approx(discrete_mi(symmetric), abs=1e-12)
        assert binary_erasure_channel_mi(p) == pytest.approx(discrete_mi(erasure), abs=1e-12)


def test_arrays_in_arrays_out() -> None:
    grid = np.array([[0.1, 0.2, 0.9]])
    for function in (additive_uniform_mi, binary_symmetric_channel_mi, binary_erasure_channel_mi):
        values = function(grid)
        assert values.shape == (1, 3)
        assert values[0, 1] == function(0.2)
        assert isinstance(function(0.2), float)
    tables = np.stack([np.eye(2) / 2, np.full((2, 2), 0.25)])
    assert discrete_mi(tables) == pytest.approx([np.log(2), 0.0])
    assert entropy(tables.sum(1)) == pytest.approx([np.log(2), np.log(2)])


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (
            lambda: gaussian_mi(pair(1.0), 1),
            r"cov, smallest correlation eigenvalue: got .*, expected above 0: a singular",
        ),
        (lambda: gaussian_mi(pair(1.5), 1), r"cov, smallest correlation eigenvalue: got -0.4999"),
        (lambda: gaussian_mi([[1, 0.5], [0.4, 1]], 1), r"cov, asymmetry: got 0.09.*, expected 0, a symmetric matrix"),
        (lambda: gaussian_mi(np.diag([1.0, 0.0]), 1), r"cov, smallest variance: got 0.0, expected a number above 0"),
        (lambda: gaussian_mi(np.ones((2, 3)), 1), r"cov: got shape \(2, 3\), expected a square matrix"),
        (lambda: gaussian_mi(pair(np.nan), 1), r"cov: got nan, expected numbers in \(-inf, inf\), none NaN"),
        (lambda: gaussian_mi(np.eye(3), 3), r"dim_x: got 3, expected between 1 and 2"),
        (lambda: student_t_mi(pair(0.5), 0, 1), r"dof: got 0, expected a number in \[0\.001, 1000000000\.0\]"),
        (lambda: student_t_mi(pair(1.0), 3, 1), r"dispersion, smallest correlation eigenvalue: got"),
        (lambda: additive_uniform_mi(0.0), r"eps: got 0.0, expected numbers in \(0, inf\), none NaN"),
        (lambda: entropy([0.5, 0.4]), r"p, sum: got 0.9, expected 1"),
        (lambda: entropy([1.5, -0.5]), r"p, smallest entry: got -0.5"),
        (lambda: entropy(1.0), r"p: got 1.0, expected at least 1 axes"),
        (lambda: discrete_mi([0.5, 0.5]), r"joint: got shape \(2,\), expected at least 2 axes"),
        (lambda: binary_symmetric_channel_mi(1.1), r"p: got 1.1, expected numbers in \[0, 1\], none NaN"),
        (lambda: binary_erasure_channel_mi(-0.1), r"e: got -0.1, expected numbers in \[0, 1\], none NaN"),
    ],
)
def test_bad_input_is_refused_by_name(call, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        call()


def test_a_fractional_split_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"dim_x: got 1.0, expected an integer"):
        gaussian_mi(np.eye(2), 1.0)


def test_rare_cells_have_finite_information():
    assert discrete_mi([[1.0, 0.0], [0.0, 1e-200]]) == pytest.approx(0.0, abs=1e-150)  # p(x) p(y) underflows
    assert discrete_mi([[0.5, 0.0], [0.0, 0.5]]) == pytest.approx(np.log(2), abs=1e-15)
