import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, multivariate_t, norm
from scipy.stats import t as student_t

from infotok.information.coordinates import CoordinateCritic, Coordinates, canonical, infonce_terms
from infotok.information.copula import GaussianCopula, StudentCopula
from infotok.information.estimate import estimate_mi
from infotok.information.margins import normal_scores, scores_of_parts, without
from infotok.worlds.gaussians import JointGaussian, JointStudentT
from infotok.worlds.tasks import student
from infotok.worlds.transforms import cubic, normal_cdf


def gaussian_copula_mi(x, y):
    return estimate_mi(x, y, "gaussian").nats


def student_copula_mi(x, y):
    return estimate_mi(x, y, "student").nats


def test_normal_scores_are_normal_and_keep_the_order():
    x = np.random.default_rng(0).standard_cauchy((999, 2))
    scores = normal_scores(x)
    np.testing.assert_array_equal(np.argsort(scores, axis=0), np.argsort(x, axis=0))
    np.testing.assert_allclose(np.sort(scores[:, 0]), norm.ppf(np.arange(1, 1000) / 1000))
    assert len(np.unique(normal_scores(np.array([[1.0], [2.0], [2.0]])))) == 2


def test_gaussian_ratio_equals_the_ratio_of_densities():
    x, y = JointGaussian.dense(2, 3, 0.4).sample(300, 0)
    copula = GaussianCopula.fit(x, y)
    r, dim_x = copula.correlation, 2
    expected = multivariate_normal(cov=r).logpdf(np.hstack([x, y]))
    expected -= multivariate_normal(cov=r[:dim_x, :dim_x]).logpdf(x) + multivariate_normal(cov=r[2:, 2:]).logpdf(y)
    np.testing.assert_allclose(copula.log_ratio(x, y), expected)
    np.testing.assert_allclose(np.diag(copula.log_ratios(x, y)), expected)
    np.testing.assert_allclose(copula.log_ratios(x[:5], y[5:9])[2, 3], copula.log_ratio(x[2:3], y[8:9])[0])


def test_student_ratio_equals_the_ratio_of_densities():
    x, y = (normal_scores(v) for v in student(2, 3).sample(400, 0))
    copula = StudentCopula.fit(x, y)
    t_x, t_y = (student_t.ppf(norm.cdf(v), copula.dof) for v in (x, y))
    r = copula.correlation
    expected = multivariate_t(shape=r, df=copula.dof).logpdf(np.hstack([t_x, t_y]))
    for part, t in ((r[:2, :2], t_x), (r[2:, 2:], t_y)):
        expected -= multivariate_t(shape=part, df=copula.dof).logpdf(t)
    np.testing.assert_allclose(copula.log_ratio(x, y), expected, atol=1e-8)
    np.testing.assert_allclose(np.diag(copula.log_ratios(x, y)), expected, atol=1e-8)


@pytest.mark.parametrize(("dim", "n"), [(1, 200), (5, 200), (20, 200)])
def test_gaussian_value_is_unbiased_where_the_plain_one_is_far_off(dim, n):
    """Independent sides: the sample's canonical correlations alone read dim^2 / 2N and more."""
    world = JointGaussian.correlated(dim, 0.0)
    values = [GaussianCopula.fit(*world.sample(n, seed)).nats for seed in range(60)]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(60) + 1e-6


@pytest.mark.parametrize("margin", [cubic, normal_cdf])
def test_margins_do_not_matter(margin):
    x, y = JointGaussian.dense(2, 2, 0.5).sample(500, 0)
    assert gaussian_copula_mi(margin(x), y) == gaussian_copula_mi(x, margin(y)) == gaussian_copula_mi(x, y)


@pytest.mark.parametrize(("dim", "dof"), [(1, 1.0), (2, 2.0), (3, 4.0)])
def test_student_finds_the_shared_scale(dim, dof):
    world = student(dim, dof, correlation=0.3)
    fits = [StudentCopula.fit(*(normal_scores(v) for v in world.sample(2000, seed))) for seed in range(4)]
    assert np.mean([fit.nats for fit in fits]) == pytest.approx(world.mutual_information, abs=0.03)
    assert np.mean([fit.dof for fit in fits]) == pytest.approx(dof, rel=0.15)


def test_student_is_gaussian_where_the_data_are():
    x, y = JointGaussian.correlated(2, 0.7).sample(2000, 0)
    assert student_copula_mi(x, y) == pytest.approx(gaussian_copula_mi(x, y), abs=0.01)


def test_student_beats_gaussian_on_heavy_tails_without_correlation():
    world = JointStudentT(np.eye(2), 1.0, 1)
    x, y = world.sample(2000, 0)
    assert gaussian_copula_mi(x, y) == pytest.approx(0, abs=0.01)
    assert student_copula_mi(x, y) == pytest.approx(world.mutual_information, abs=0.04)


def test_more_coordinates_than_samples_is_an_error():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"20 samples of 30 coordinates., expected more samples than coordinates"):
        gaussian_copula_mi(rng.standard_normal((20, 15)), rng.standard_normal((20, 15)))


def test_a_copied_column_is_an_error():
    x = normal_scores(np.random.default_rng(0).standard_normal((100, 1)))
    for copula in (GaussianCopula, StudentCopula):
        with pytest.raises(ValueError, match="columns that depend linearly"):
            copula.fit(x, x)


def test_the_untrained_critic_is_the_gaussian_log_ratio():
    x, y = (normal_scores(v) for v in JointGaussian.sparse(3, 3, pairs=3, rho=0.6).sample(400, 0))
    x, y = x / x.std(axis=0), y / y.std(axis=0)
    critic = CoordinateCritic(x, y)
    scores = critic(*(torch.tensor(v, dtype=torch.float32) for v in (x, y))).detach().numpy()
    reference = GaussianCopula.fit(x, y).log_ratios(x, y)
    np.testing.assert_allclose(scores, reference, atol=1e-4)


def test_canonical_directions_are_uncorrelated_but_in_pairs():
    x, y = JointGaussian.sparse(6, 5, pairs=2, rho=0.8).sample(3000, 0)
    a, b, rho = canonical(x, y)
    assert a.shape == (4, 6)
    assert b.shape == (4, 5)
    assert rho[:2] == pytest.approx([0.8, 0.8], abs=0.05)
    u, v = (x - x.mean(0)) @ a.T, (y - y.mean(0)) @ b.T
    np.testing.assert_allclose(u.T @ u / 3000, np.eye(4), atol=1e-8)
    np.testing.assert_allclose(u.T @ v / 3000, np.diag(rho), atol=1e-8)


def test_canonical_keeps_what_stands_above_noise():
    x, y = JointGaussian.correlated(12, 0.6).sample(2000, 0)
    assert len(canonical(x, y)[2]) == 12
    assert len(canonical(*JointGaussian.correlated(12, 0.0).sample(2000, 0))[2]) == 4


def test_coordinates_start_linear():
    torch.manual_seed(0)
    directions = np.eye(2, 3)
    u, own = Coordinates(directions)(torch.ones(4, 3))
    assert torch.equal(u, torch.ones(4, 2))
    assert not own.any()


def test_infonce_terms_average_to_both_directions_of_the_bound():
    from infotok.information.bounds import infonce

    scores = torch.randn(30, 30, generator=torch.Generator().manual_seed(0))
    assert infonce_terms(scores).mean() == pytest.approx((infonce(scores) + infonce(scores.T)).item() / 2, abs=1e-6)


@pytest.mark.parametrize("digits", [1, 12])
def test_scores_of_many_parts_are_those_of_each(digits):
    x = np.random.default_rng(0).normal(size=(200, 3)).round(digits)
    scores, rows = scores_of_parts(x), without(np.arange(0, 200, 7), 200)
    np.testing.assert_array_equal(rows, np.setdiff1d(np.arange(200), np.arange(0, 200, 7)))
    np.testing.assert_array_equal(scores(rows), normal_scores(x[rows]))
