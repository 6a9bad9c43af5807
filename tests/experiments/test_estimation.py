"""The experiments of lesson 01 against closed forms: densities, deviations, and what each estimator can reach."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal, Normal

from infotok.experiments import estimation
from infotok.experiments.estimation import correlation, sample_pairs, true_scores


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("nats", "dim"), [(0.0, 3), (2.0, 1), (10.0, 20)])
def test_the_correlation_gives_the_information(nats, dim):
    assert -dim / 2 * math.log1p(-(correlation(nats, dim) ** 2)) == pytest.approx(nats)


def test_pairs_have_the_correlation():
    x, y = sample_pairs(0.7, 2, 20_000, generator())
    assert x.shape == y.shape == (20_000, 2)
    observed = np.corrcoef(torch.cat([x, y], 1).T.numpy())
    expected = np.block([[np.eye(2), 0.7 * np.eye(2)], [0.7 * np.eye(2), np.eye(2)]])
    assert np.abs(observed - expected).max() < 0.03


def test_true_scores_are_the_log_densities():
    rho, (x, y) = 0.6, sample_pairs(0.6, 3, 7, generator())
    conditional, ratio = true_scores(x, y, rho)
    marginal = Normal(0.0, 1.0).log_prob(y).sum(1)
    for i in range(7):
        exact = MultivariateNormal(rho * x[i], (1 - rho**2) * torch.eye(3, dtype=torch.float64))
        assert torch.allclose(conditional[i], exact.log_prob(y))
        assert torch.allclose(ratio[i], exact.log_prob(y) - marginal)


def test_estimates_with_the_true_critic():
    nats, dim, batch, draws = 4.0, 10, 16, 200
    found = estimation.with_true_critic(nats, dim, batch, draws, seed=0)
    assert found.keys() == estimation.TRUE_CRITIC.keys()
    assert all(len(values) == draws for values in found.values())
    assert max(found["InfoNCE"]) <= math.log(batch)
    club = np.array(found["CLUB"])
    assert club.mean() == pytest.approx(dim * math.expm1(2 * nats / dim), abs=4 * club.std() / math.sqrt(draws))
    assert np.mean(found["leave-one-out"]) > nats
    assert found == estimation.with_true_critic(nats, dim, batch, draws, seed=0)
    assert found != estimation.with_true_critic(nats, dim, batch, draws, seed=1)


def test_the_interpolated_bound_rises_to_the_truth_with_less_infonce():
    found = estimation.by_batch_size(16, 3.0, 5, 400, seed=0)
    means = [mean for mean, _ in found.values()]  # alpha from 1 to 0
    assert means == sorted(means)
    assert means[0] <= math.log(15)
    mean, error = found["alpha = 0 (NWJ)"]
    assert abs(mean - 3.0) < 4 * error
    assert error > found["alpha = 1 (InfoNCE)"][1]


def test_the_deviation_of_nwj_is_the_measured_one():
    nats, dim, batch = 0.5, 4, 16  # little information, at which a sample sees its own variance
    values = estimation.with_true_critic(nats, dim, batch, 4000, seed=0)["NWJ"]
    assert np.std(values) == pytest.approx(estimation.nwj_deviation(nats, dim, batch), rel=0.15)


def test_the_deviation_of_nwj_is_exact_for_two_pairs():
    """By quadrature over x_1, y_1, x_2, y_2: the two ratios off the diagonal depend on each other."""
    nats = 0.05
    rho = correlation(nats, 1)
    nodes, weights = np.polynomial.hermite_e.hermegauss(24)
    x_1, y_1, x_2, y_2 = np.meshgrid(nodes, nodes, nodes, nodes, indexing="ij", sparse=True)

    def log_ratio(x, y):
        return -0.5 * math.log(1 - rho**2) - (rho**2 * (x**2 + y**2) - 2 * rho * x * y) / (2 * (1 - rho**2))

    p = np.einsum("i,j,k,l->ijkl", *[weights / weights.sum()] * 4) * np.exp(log_ratio(x_1, y_1) + log_ratio(x_2, y_2))
    values = (log_ratio(x_1, y_1) + log_ratio(x_2, y_2) - np.exp(log_ratio(x_1, y_2)) - np.exp(log_ratio(x_2, y_1))) / 2
    deviation = math.sqrt((p * values**2).sum() - (p * values).sum() ** 2)
    assert estimation.nwj_deviation(nats, 1, 2) == pytest.approx(deviation, rel=1e-4)


def test_few_dimensions_are_easy_and_many_are_memorised():
    easy = estimation.in_dimensions(1, 1.0, 800, 32, 300, seed=0)
    assert easy["KSG, 3 neighbours"] == pytest.approx(1.0, abs=0.15)
    assert easy["InfoNCE, true critic"] == pytest.approx(1.0, abs=0.15)
    assert easy["InfoNCE, on fresh samples"] == pytest.approx(1.0, abs=0.25)
    hard = estimation.in_dimensions(30, 1.0, 128, 32, 300, seed=0)
    assert hard["InfoNCE, on its training samples"] > hard["InfoNCE, on fresh samples"] + 1
    assert hard["KSG, 3 neighbours"] < 0.5


def test_two_batches_of_samples_are_needed():
    with pytest.raises(ValueError, match=r"^samples: got 100, expected at least two batches, 128$"):
        estimation.in_dimensions(2, 1.0, 100, 64, 1, seed=0)
