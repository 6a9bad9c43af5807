"""`infotok.information.upper` against torch.distributions, gradients and the bound it is named for."""

import math
import warnings

import numpy as np
import pytest
import torch
from scipy import stats
from torch.distributions import Independent, Normal, kl_divergence

from infotok.information import estimate_mi
from infotok.information.neural import _caution
from infotok.information.upper import club, difference_of_entropies, gaussian_kl, leave_one_out


def test_gaussian_kl_equals_torch_distributions() -> None:
    g = torch.Generator().manual_seed(0)
    mean, log_variance, m, log_v = torch.randn(4, 7, 3, 5, generator=g, dtype=torch.float64)
    q = Independent(Normal(mean, (0.5 * log_variance).exp()), 1)
    r = Independent(Normal(m, (0.5 * log_v).exp()), 1)
    value = gaussian_kl(mean, log_variance, m, log_v)
    assert value.shape == (7, 3)
    torch.testing.assert_close(value, kl_divergence(q, r), atol=1e-6, rtol=0)
    standard = Independent(Normal(torch.zeros_like(mean), torch.ones_like(mean)), 1)
    torch.testing.assert_close(gaussian_kl(mean, log_variance), kl_divergence(q, standard), atol=1e-6, rtol=0)


def test_the_known_value_that_log_sigma_for_log_variance_would_get_wrong() -> None:
    sigma = torch.tensor([2.0])
    kl = gaussian_kl(torch.zeros(1), 2 * sigma.log())
    assert kl.item() == pytest.approx(0.5 * (4 - 1) - torch.log(sigma).item(), abs=1e-6)


def test_gradients_reach_all_four_arguments() -> None:
    g = torch.Generator().manual_seed(1)
    arguments = [torch.randn(3, 4, generator=g, dtype=torch.float64, requires_grad=True) for _ in range(4)]
    assert torch.autograd.gradcheck(gaussian_kl, arguments)


def test_it_is_zero_only_at_the_prior_and_small_values_stay_exact_in_float32() -> None:
    mean, log_variance = torch.full((1, 2), 0.3), torch.full((1, 2), -1.0)
    assert gaussian_kl(mean, log_variance, mean, log_variance).item() == 0
    tiny = torch.full((1,), 1e-3)
    assert gaussian_kl(torch.zeros(1), tiny).item() == pytest.approx(0.25 * 1e-6, rel=1e-3)


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match=r"log_variance: got shape \(2, 4\), expected a tensor of shape \(2, 3\)"):
        gaussian_kl(torch.zeros(2, 3), torch.zeros(2, 4))


# --- club, leave_one_out, difference_of_entropies: their values at the true critic stand in test_bounds.py -----------


def test_club_and_leave_one_out_against_a_double_loop():
    scores = torch.randn(6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    f = scores.numpy()
    rest = [f[i, j] for i in range(6) for j in range(6) if i != j]
    assert club(scores).item() == pytest.approx(np.diag(f).mean() - np.mean(rest))
    terms = [f[i, i] - np.log(np.mean([np.exp(f[j, i]) for j in range(6) if j != i])) for i in range(6)]
    assert leave_one_out(scores).item() == pytest.approx(np.mean(terms))


def test_difference_of_entropies_is_exact_with_both_true_densities():
    rho, n = 0.7, 200_000
    rng = np.random.default_rng(0)
    x = rng.standard_normal(n)
    y = rho * x + np.sqrt(1 - rho**2) * rng.standard_normal(n)
    marginal = stats.norm.logpdf(y)
    conditional = stats.norm.logpdf(y, rho * x, np.sqrt(1 - rho**2))
    value = difference_of_entropies(torch.as_tensor(marginal), torch.as_tensor(conditional)).item()
    error = (conditional - marginal).std() / np.sqrt(n)
    assert abs(value + 0.5 * np.log(1 - rho**2)) < 3 * error
    wide = stats.norm.logpdf(y, scale=1.5)  # a wrong marginal with the true conditional can only raise it
    assert difference_of_entropies(torch.as_tensor(wide), torch.as_tensor(conditional)).item() > value


def test_difference_of_entropies_refuses_bad_input():
    with pytest.raises(ValueError, match=r"log_marginal: got shape \(2, 2\), expected a tensor of shape \(B,\)"):
        difference_of_entropies(torch.zeros(2, 2), torch.zeros(2))
    with pytest.raises(ValueError, match=r"log_conditional: got shape \(3,\), expected a tensor of shape \(2,\)"):
        difference_of_entropies(torch.zeros(2), torch.zeros(3))
    with pytest.raises(
        ValueError, match="log densities, mean difference: got nan, expected finite values, no NaN or inf"
    ):
        difference_of_entropies(torch.zeros(2), torch.tensor([0.0, torch.nan]))


def test_the_leave_one_out_estimate_has_no_ceiling_and_says_where_it_is_loose():
    """y = x + 0.01 e shares 4.61 nats; log(B - 1) = 3.66 for the 40 held-out pairs, beyond which the bound is loose."""
    x = np.random.default_rng(0).standard_normal((200, 1))
    y = x + 0.01 * np.random.default_rng(1).standard_normal((200, 1))
    with pytest.warns(
        UserWarning, match=r"loo: .* nats is above log\(B - 1\) = 3\.66, where this upper bound is loose"
    ):
        tight = estimate_mi(x, y, "loo", steps=200)
    assert tight.ceiling is None
    assert tight.nats > math.log(39)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        weak = estimate_mi(x, x + y[::-1], "loo", steps=100)
    assert 0 < weak.nats < math.log(39)


@pytest.mark.parametrize(("name", "nats"), [("loo", -3.0), ("club", -0.1), ("club", 9.0)])
def test_upper_bounds_below_zero_or_beyond_their_negatives_are_named(name, nats):
    note = _caution(name, nats, 40)
    assert note.startswith(f"{name}: {nats:.2f} nats is {'below 0' if nats < 0 else 'above log(B - 1) = 3.66'}")
    assert not _caution(name, 1.0, 40)
