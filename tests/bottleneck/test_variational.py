"""The variational bottleneck against numerical integration, torch.distributions and its own promises."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, MultivariateNormal, Normal, kl_divergence

from infotok.bottleneck import DiagonalPrior, FullPrior, MixturePrior, StandardPrior, VariationalBottleneck
from infotok.errors import checks

DOUBLE = torch.float64


def draws(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def scramble(module: torch.nn.Module, seed: int = 3) -> torch.nn.Module:
    """Parameters away from their initial values."""
    module = module.double()
    with torch.no_grad():
        for i, parameter in enumerate(module.parameters()):
            parameter.add_(0.4 * draws(*parameter.shape, seed=seed + i))
    return module


class TestPriors:
    mean, log_variance = draws(4, 3, seed=1), 0.5 * draws(4, 3, seed=2)

    def q(self) -> Independent:
        return Independent(Normal(self.mean, (0.5 * self.log_variance).exp()), 1)

    def test_standard_and_diagonal_rates_equal_torch_distributions(self) -> None:
        prior = scramble(DiagonalPrior(3))
        r = Independent(Normal(prior.mean, (0.5 * prior.log_variance).exp()), 1)
        torch.testing.assert_close(prior.rate(self.mean, self.log_variance), kl_divergence(self.q(), r))
        standard = Independent(Normal(torch.zeros(3, dtype=DOUBLE), torch.ones(3, dtype=DOUBLE)), 1)
        torch.testing.assert_close(
            StandardPrior().rate(self.mean, self.log_variance), kl_divergence(self.q(), standard)
        )

    def test_full_rate_equals_torch_distributions(self) -> None:
        prior = scramble(FullPrior(3))
        whitening = prior.lower.tril(-1) + torch.diag(prior.log_diagonal.exp())
        r = MultivariateNormal(prior.mean, precision_matrix=whitening.T @ whitening)
        q = MultivariateNormal(self.mean, torch.diag_embed(self.log_variance.exp()))
        torch.testing.assert_close(prior.rate(self.mean, self.log_variance), kl_divergence(q, r))

    def test_mixture_density_equals_torch_distributions(self) -> None:
        prior = scramble(MixturePrior(3, components=4))
        components = Independent(Normal(prior.mean, (0.5 * prior.log_variance).exp()), 1)
        r = MixtureSameFamily(Categorical(logits=prior.logits), components)
        z = draws(2, 5, 3, seed=7)
        torch.testing.assert_close(prior.log_prob(z), r.log_prob(z))

    def test_mixture_of_one_is_the_diagonal_rate_on_average(self) -> None:
        one, diagonal = scramble(MixturePrior(3, components=1, draws=20_000)), DiagonalPrior(3).double()
        with torch.no_grad():
            diagonal.mean.copy_(one.mean[0])
            diagonal.log_variance.copy_(one.log_variance[0])
            rate = one.rate(self.mean, self.log_variance, torch.Generator().manual_seed(0))
            torch.testing.assert_close(rate, diagonal.rate(self.mean, self.log_variance), atol=0.1, rtol=0.02)


class TestTheRateIsAnUpperBound:
    """X uniform on four values, q(z|x) = N(mu_x, s2_x) in one dimension: I(X;Z) by integration on a fine grid."""

    mean = torch.tensor([[-2.0], [-0.5], [0.4], [1.5]], dtype=DOUBLE)
    log_variance = torch.log(torch.tensor([[0.3], [0.5], [0.2], [0.9]], dtype=DOUBLE))

    def truth(self) -> float:
        z, step = np.linspace(-12, 12, 40_001, retstep=True)
        sigma = self.log_variance.exp().sqrt().numpy()
        q = np.exp(-0.5 * ((z - self.mean.numpy()) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))  # (4, Z)
        marginal = q.mean(0)
        return float((q * np.log(np.where(q > 1e-300, q / marginal, 1.0))).mean(0).sum() * step)

    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize("prior", [StandardPrior, lambda: DiagonalPrior(1), lambda: FullPrior(1)])
    def test_for_every_prior_in_closed_form(self, prior, seed: int) -> None:
        rate = scramble(prior(), seed).rate(self.mean, self.log_variance).mean().item()
        assert rate > self.truth() + 1e-3

    def test_with_equality_at_the_true_marginal(self) -> None:
        prior = MixturePrior(1, components=4, draws=200_000).double()
        with torch.no_grad():
            prior.mean.copy_(self.mean)
            prior.log_variance.copy_(self.log_variance)
            rate = prior.rate(self.mean, self.log_variance, torch.Generator().manual_seed(0)).mean().item()
            assert rate == pytest.approx(self.truth(), abs=4e-3)
            prior.mean.add_(0.3)  # any other mixture costs more
            assert prior.rate(self.mean, self.log_variance, torch.Generator().manual_seed(0)).mean() > rate + 0.02

    def test_fitting_the_best_gaussian_prior_tightens_it_to_the_matched_moments(self) -> None:
        prior = DiagonalPrior(1).double()
        optimiser = torch.optim.LBFGS(prior.parameters(), max_iter=100, line_search_fn="strong_wolfe")

        def closure() -> torch.Tensor:
            optimiser.zero_grad()
            loss = prior.rate(self.mean, self.log_variance).mean()
            loss.backward()
            return loss

        optimiser.step(closure)
        variance = self.log_variance.exp().mean() + self.mean.var(correction=0)
        assert prior.mean.item() == pytest.approx(self.mean.mean().item(), abs=1e-4)
        assert prior.log_variance.exp().item() == pytest.approx(variance.item(), rel=1e-4)
        assert prior.rate(self.mean, self.log_variance).mean().item() > self.truth()


@pytest.mark.parametrize("prior", ["standard", "diagonal", "full", "mixture"])
def test_shapes_gradients_and_the_same_seed_for_every_prior(prior: str) -> None:
    torch.manual_seed(0)
    bottleneck = VariationalBottleneck(6, 3, prior=prior, beta=0.1)
    features = torch.randn(2, 5, 6)
    code = bottleneck(features, generator=torch.Generator().manual_seed(1))
    assert code.sample.shape == code.mean.shape == code.log_variance.shape == (2, 5, 3)
    assert code.rate.shape == (2, 5)
    torch.testing.assert_close(code.loss, 0.1 * code.rate.mean())
    (code.sample.square().mean() + code.loss).backward()
    grads = [parameter.grad for parameter in bottleneck.parameters()]
    assert all(grad is not None and grad.isfinite().all() for grad in grads)
    assert bottleneck.to_log_variance.weight.grad.abs().sum() > 0
    again = bottleneck(features, generator=torch.Generator().manual_seed(1))
    assert torch.equal(again.sample, code.sample)
    assert torch.equal(again.rate, code.rate)


def test_training_draws_evaluation_gives_the_mean_and_samples_stack_in_front() -> None:
    bottleneck, features = VariationalBottleneck(4, 2), torch.randn(10, 4)
    assert not torch.equal(bottleneck(features).sample, bottleneck(features).mean)
    bottleneck.eval()
    code = bottleneck(features)
    assert torch.equal(code.sample, code.mean)
    many = bottleneck(features, samples=5000, generator=torch.Generator().manual_seed(0))
    assert many.sample.shape == (5000, 10, 2)
    torch.testing.assert_close(many.sample.mean(0), many.mean, atol=0.08, rtol=0)
    torch.testing.assert_close(many.sample.var(0), many.log_variance.exp(), atol=0.12, rtol=0)
    assert torch.equal(many.rate, code.rate)


def test_free_bits_cost_nothing_and_push_nothing() -> None:
    bottleneck = VariationalBottleneck(4, 2, beta=2.0, free_bits=50.0)
    code = bottleneck(torch.randn(8, 4))
    assert code.rate.mean() < 50 * math.log(2)
    assert code.loss.item() == pytest.approx(2 * 50 * math.log(2), rel=1e-6)
    code.loss.backward()
    assert bottleneck.to_mean.weight.grad.abs().sum() == 0


def test_warmup_raises_the_rate_weight_in_training_only_and_is_saved() -> None:
    bottleneck = VariationalBottleneck(4, 2, beta=0.8, warmup=4)
    features = torch.randn(8, 4)
    weights = []
    for _ in range(6):
        code = bottleneck(features)
        weights.append((code.loss / code.rate.mean()).item())
    assert weights == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 0.8])
    bottleneck.eval()(features)
    assert bottleneck.passes.item() == 6
    twin = VariationalBottleneck(4, 2, beta=0.8, warmup=4)
    twin.load_state_dict(bottleneck.state_dict())
    assert float(twin.current_beta()) == pytest.approx(0.8)


@pytest.mark.parametrize(
    "make", [StandardPrior, lambda: DiagonalPrior(8), lambda: FullPrior(8), lambda: MixturePrior(8)]
)
def test_autocast_changes_no_rate(make) -> None:
    """Products in bfloat16 would change that of a full covariance by up to a nat."""
    prior, moments = scramble(make()), (2 * torch.randn(64, 8), torch.randn(64, 8) - 3)

    def values() -> list[torch.Tensor]:
        rate = prior.rate(*moments, torch.Generator().manual_seed(0))
        return [rate, prior.log_prob(moments[0])] if isinstance(prior, MixturePrior) else [rate]

    exact = values()
    with torch.autocast("cpu", torch.bfloat16):
        assert all(map(torch.equal, values(), exact))


def test_a_high_rate_weight_empties_the_code() -> None:
    torch.manual_seed(0)
    bottleneck = VariationalBottleneck(4, 2, beta=10.0)
    optimiser = torch.optim.Adam(bottleneck.parameters(), lr=0.05)
    features = torch.randn(256, 4)
    for _ in range(200):
        code = bottleneck(features)
        optimiser.zero_grad()
        (-code.sample.mean() + code.loss).backward()
        optimiser.step()
    assert bottleneck(features).rate.mean() < 0.01


def test_a_prior_of_ones_own() -> None:
    prior = MixturePrior(2, components=3, draws=8)
    assert VariationalBottleneck(4, 2, prior=prior).prior is prior


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: VariationalBottleneck(4, 0), "dim: got 0, expected a positive integer"),
        (lambda: VariationalBottleneck(4, 2, beta=float("nan")), "beta: got nan, expected a number in \\[0, inf\\)"),
        (lambda: VariationalBottleneck(4, 2, free_bits=-1), "free_bits: got -1, expected a number in \\[0, inf\\)"),
        (lambda: VariationalBottleneck(4, 2, warmup=-1), "warmup: got -1, expected a non-negative integer"),
        (lambda: VariationalBottleneck(4, 2, prior="flat"), "prior: got 'flat', expected one of standard, diagonal"),
        (lambda: VariationalBottleneck(4, 2, prior="mixture", components=0), "components: got 0"),
        (
            lambda: VariationalBottleneck(4, 2)(torch.zeros(3, 5)),
            r"features: got shape \(3, 5\), expected a tensor of shape \(..., 4\)",
        ),
        (
            lambda: VariationalBottleneck(4, 2)(torch.zeros(3, 4), samples=0),
            "samples: got 0, expected a positive integer",
        ),
        (lambda: MixturePrior(2, draws=0), "draws: got 0"),
    ],
)
def test_bad_input_is_named(call, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        call()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("prior", ["standard", "diagonal", "full", "mixture"])
def test_any_precision_gives_the_answer_of_float32(dtype, prior) -> None:
    """The layer and its input converted, together and apart: rates in float32 at least, samples in the input's type."""
    torch.manual_seed(0)
    bottleneck, features = VariationalBottleneck(4, 2, prior=prior), torch.randn(16, 4)
    expected = bottleneck(features, samples=3, generator=torch.Generator().manual_seed(0))
    for layer, given in (
        (bottleneck, features.to(dtype)),
        (bottleneck.to(dtype), features),
        (bottleneck, features.to(dtype)),
    ):
        code = layer(given, samples=3, generator=torch.Generator().manual_seed(0))
        assert code.sample.dtype == given.dtype
        assert code.rate.dtype in (torch.float32, torch.float64)
        torch.testing.assert_close(code.rate.float(), expected.rate, rtol=0.05, atol=0.05)
        torch.testing.assert_close(code.sample.float(), expected.sample, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_an_error_unless_checks_are_off(value) -> None:
    bottleneck, features = VariationalBottleneck(4, 2), torch.zeros(3, 4).index_fill(0, torch.tensor([1]), value)
    with pytest.raises(ValueError, match="features: got 'NaN or infinity', expected finite numbers"):
        bottleneck(features)
    with checks(False):
        assert not bottleneck(features).loss.isfinite()
