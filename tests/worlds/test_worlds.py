"""Every world's samples against the truth it carries."""

import numpy as np
import pytest
from scipy import integrate, stats

from infotok.worlds import AdditiveUniform, JointGaussian, JointStudentT

WORLDS = [
    JointGaussian.correlated(3, -0.8),
    JointGaussian.with_information(5, nats=2.0),
    JointGaussian.dense(2, 3, 0.5),
    JointGaussian.sparse(4, 2, pairs=1, rho=0.9),
    JointStudentT(JointGaussian.dense(1, 2, 0.4).cov, dof=3.0, dim_x=1),
    AdditiveUniform(0.3),
]


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: type(world).__name__)
def test_samples_are_float64_pairs_that_the_seed_decides(world) -> None:
    x, y = world.sample(50, seed=4)
    assert x.dtype == y.dtype == np.float64
    assert x.shape[0] == y.shape[0] == 50
    again, _ = world.sample(50, seed=4)
    other, _ = world.sample(50, seed=5)
    assert np.array_equal(x, again)
    assert not np.array_equal(x, other)
    from_generator, _ = world.sample(50, seed=np.random.default_rng(4))
    assert np.array_equal(x, from_generator)


@pytest.mark.parametrize("world", WORLDS[:4])
def test_gaussian_samples_have_the_covariance_and_the_information_it_implies(world: JointGaussian) -> None:
    x, y = world.sample(200_000, seed=0)
    sample_cov = np.cov(np.hstack([x, y]).T)
    assert sample_cov == pytest.approx(world.cov, abs=0.02)
    # canonical correlations of the sample, an estimate that never sees cov
    qx, qy = np.linalg.qr(x - x.mean(0))[0], np.linalg.qr(y - y.mean(0))[0]
    rho = np.linalg.svd(qx.T @ qy, compute_uv=False)
    assert -0.5 * np.log1p(-(rho**2)).sum() == pytest.approx(world.mutual_information, abs=0.02)


def test_the_named_families_have_their_closed_forms() -> None:
    assert JointGaussian.correlated(4, 0.6).mutual_information == pytest.approx(-2 * np.log(1 - 0.36))
    assert JointGaussian.with_information(7, nats=3.0).mutual_information == pytest.approx(3.0)
    assert JointGaussian.with_information(7, nats=0.0).mutual_information == 0
    assert JointGaussian.sparse(9, 9, pairs=2, rho=0.8).mutual_information == pytest.approx(-np.log(1 - 0.64))
    c = 0.5  # equicorrelated: det of k coordinates is (1 - c)^(k - 1) (1 + (k - 1) c)
    det = [(1 - c) ** (k - 1) * (1 + (k - 1) * c) for k in (2, 3, 5)]
    assert JointGaussian.dense(2, 3, c).mutual_information == pytest.approx(0.5 * np.log(det[0] * det[1] / det[2]))


def test_blocks_put_the_covariance_back_together() -> None:
    world = JointGaussian.dense(2, 3, 0.3)
    cov_x, cov_xy, cov_y = world.blocks
    assert np.array_equal(np.block([[cov_x, cov_xy], [cov_xy.T, cov_y]]), world.cov)


def test_student_t_samples_have_its_marginals_and_its_information() -> None:
    world = JointStudentT(np.array([[1.0, 0.5], [0.5, 1.0]]), dof=3.0, dim_x=1)
    x, y = world.sample(100_000, seed=1)
    assert stats.kstest(x[:, 0], stats.t(3).cdf).pvalue > 0.01
    assert stats.kstest(y[:, 0], stats.t(3).cdf).pvalue > 0.01
    joint = stats.multivariate_t(shape=world.dispersion, df=3.0).logpdf(np.hstack([x, y]))
    pointwise = joint - stats.t(3).logpdf(x[:, 0]) - stats.t(3).logpdf(y[:, 0])
    assert pointwise.mean() == pytest.approx(world.mutual_information, abs=4 * pointwise.std() / len(x) ** 0.5)


@pytest.mark.parametrize("eps", [0.2, 0.8])
def test_additive_uniform_information_by_integration_and_by_its_samples(eps: float) -> None:
    world = AdditiveUniform(eps)

    def density(y: float) -> float:
        return (min(1.0, y + eps) - max(0.0, y - eps)) / (2 * eps)

    h_y = integrate.quad(lambda y: -density(y) * np.log(density(y)), -eps, 1 + eps, points=[eps, 1 - eps])[0]
    assert world.mutual_information == pytest.approx(h_y - np.log(2 * eps), abs=1e-8)
    x, y = world.sample(20_000, seed=0)
    assert x.shape == y.shape == (20_000, 1)
    assert (np.abs(y - x) <= eps).all()
    assert ((x >= 0) & (x <= 1)).all()
    pointwise = -np.log([2 * eps * density(value) for value in y[:, 0]])
    assert pointwise.mean() == pytest.approx(world.mutual_information, abs=4 * pointwise.std() / len(x) ** 0.5 + 1e-12)


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: JointGaussian.correlated(2, 1.0), r"rho: got 1.0, expected a number in \(-1, 1\)"),
        (lambda: JointGaussian.correlated(0, 0.5), "dim: got 0, expected an integer from 1 to 16384"),
        (lambda: JointGaussian.with_information(2, -1.0), r"nats: got -1.0, expected a number in \[0, inf\)"),
        (lambda: JointGaussian.sparse(3, 2, pairs=3, rho=0.5), "pairs: got 3, expected an integer from 0 to 2"),
        (lambda: JointGaussian.dense(2, 2, -0.5), "cov, smallest correlation eigenvalue: got"),
        (lambda: JointGaussian(np.eye(2), 2), "dim_x: got 2, expected between 1 and 1"),
        (lambda: JointStudentT(np.eye(2), dof=-1.0, dim_x=1), "dof: got -1.0"),
        (lambda: AdditiveUniform(0.0), r"eps: got 0.0, expected a number in \(0, inf\)"),
    ],
)
def test_bad_input_is_refused_by_name(call, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        call()
