"""Conditional priors, on Gaussian tokens and on codes, against integration, torch.distributions and exact joints."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import logsumexp
from torch import nn
from torch.distributions import Categorical, Normal, kl_divergence

from infotok.bottleneck import ConditionalPrior, MixturePrior, discrete_ib
from infotok.bottleneck.channel import NoisyTokens
from infotok.bottleneck.inputs import Batch
from infotok.bottleneck.padding import Padding
from infotok.bottleneck.priors import CodePrior
from infotok.bottleneck.rates import code_rate
from infotok.information import gaussian_kl


def mixture_information(means: np.ndarray, sigmas: np.ndarray, weights: np.ndarray | None = None) -> float:
    """I(X;Z) in nats by integration, Z = N(means[x], sigmas[x]^2) in one dimension."""
    weights = np.full(len(means), 1 / len(means)) if weights is None else weights

    def log_density(z):
        each = -0.5 * ((z - means) / sigmas) ** 2 - np.log(sigmas) - 0.5 * np.log(2 * np.pi)
        return logsumexp(each, b=weights)

    low, high = (means - 12 * sigmas).min(), (means + 12 * sigmas).max()
    entropy = quad(lambda z: -np.exp(log_density(z)) * log_density(z), low, high, limit=500, points=means)[0]
    return entropy - (weights * (0.5 + np.log(sigmas) + 0.5 * np.log(2 * np.pi))).sum()


def rate_of_codes(name: str, log_q: torch.Tensor, prior: nn.Module | None = None, host=None) -> torch.Tensor:
    """InfoTok's code rate of log q(k|x), (..., K) -> (...), for the prior of this name."""
    log_q = log_q[None] if log_q.ndim == 2 else log_q
    padding, posterior = Padding(*log_q.shape[:2]), log_q
    batch = Batch({}, padding, {}, None, None, posterior, host, None, True)
    return code_rate(name, log_q.shape[-1])(prior, NoisyTokens(log_q, log_q, None), batch)


def test_rate_is_the_divergence_from_the_labels_gaussian():
    torch.manual_seed(0)
    prior, labels = ConditionalPrior(4, 3), torch.arange(10) % 4
    nn.init.normal_(prior.head.weight)
    mean, log_variance = torch.randn(2, 10, 3)
    m, log_v = prior(labels)
    q, b = (Normal(mu, (0.5 * lv).exp()) for mu, lv in ((mean, log_variance), (m, log_v)))
    rate = gaussian_kl(mean, log_variance, m, log_v)
    assert rate.detach() == pytest.approx(kl_divergence(q, b).sum(-1).detach(), abs=1e-5)


def test_labels_are_one_hot_vectors_and_no_condition_is_zero():
    torch.manual_seed(0)
    prior, labels = ConditionalPrior(4, 3, length=2), torch.arange(10) % 4
    nn.init.normal_(prior.head.weight)
    nn.init.normal_(prior.head.bias)
    one_hot = nn.functional.one_hot(labels, 4).float()
    for by_label, by_vector in zip(prior(labels), prior(one_hot), strict=True):
        assert by_label.shape == (10, 2, 3)
        assert torch.equal(by_label, by_vector)
    for without, zero in zip(prior(None), prior(torch.zeros(1, 4)), strict=True):
        assert without.shape == (2, 3)
        torch.testing.assert_close(without, zero[0])


def test_conditional_rate_reaches_i_xz_given_y_and_stays_below_the_unconditional():
    """Four inputs, two classes, one dimension, a fixed encoder: each prior is fitted and judged by integration."""
    means, sigmas = np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0.5, 0.7, 0.6, 0.5])
    labels = np.array([0, 0, 1, 1])
    total = mixture_information(means, sigmas)
    given_y = np.mean([mixture_information(means[labels == y], sigmas[labels == y]) for y in (0, 1)])
    mean = torch.tensor(means)[:, None]
    log_variance = torch.tensor(2 * np.log(sigmas))[:, None]
    y = torch.tensor(labels)
    prior = ConditionalPrior(2, 1).double()
    mixture = MixturePrior(1, components=4).double()
    mixture.draws = 64
    parameters = [*prior.parameters(), *mixture.parameters()]
    optimiser = torch.optim.Adam(parameters, 0.1)
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    for _ in range(150):
        m, log_v = prior(y)
        conditional = gaussian_kl(mean, log_variance, m, log_v).mean()
        unconditional = mixture.rate(mean, log_variance, generator).mean()
        optimiser.zero_grad()
        (conditional + unconditional).backward()
        optimiser.step()
    mixture.draws = 20_000
    unconditional = mixture.rate(mean, log_variance, generator).mean()
    assert conditional.item() >= given_y - 1e-9
    # the best Gaussian per class matches its two inputs' moments
    moments = [means[labels == c].var() + (sigmas[labels == c] ** 2).mean() for c in (0, 1)]
    best = np.mean(0.5 * np.log(np.repeat(moments, 2) / sigmas**2))
    assert conditional.item() == pytest.approx(best, abs=1e-4)
    assert unconditional.item() == pytest.approx(total, abs=0.02)
    assert conditional.item() <= unconditional.item()


def test_on_a_finite_joint_the_conditional_rate_is_the_difference():
    """At the optimal encoder of a discrete joint, I(X;T|Y) = I(X;T) - I(T;Y) exactly."""
    p_xy = np.random.default_rng(1).dirichlet(np.ones(15)).reshape(5, 3)
    weights = torch.tensor(p_xy)
    for beta in (1.5, 3.0, 10.0):
        ib = discrete_ib(p_xy, beta)
        log_q = torch.tensor(ib.q_t_given_x).clamp(min=1e-300).log()  # (X, T)
        q_t_given_y = torch.tensor(ib.q_y_given_t.T * ib.q_t)  # (Y, T), rows to be normalised
        log_b = (q_t_given_y / q_t_given_y.sum(1, keepdim=True)).clamp(min=1e-300).log()
        given_y = rate_of_codes("host", log_q[:, None].expand(5, 3, -1), host=log_b[None])  # (X, Y)
        marginal = torch.tensor(ib.q_t).clamp(min=1e-300).log()
        rate = rate_of_codes("host", log_q[:, None], host=marginal)[:, 0]  # (X,)
        assert (weights.sum(1) * rate).sum().item() == pytest.approx(ib.i_tx, abs=1e-9)
        assert (weights * given_y).sum().item() == pytest.approx(ib.i_tx - ib.i_ty, abs=1e-9)


def test_code_rate_is_torchs_divergence():
    torch.manual_seed(0)
    log_q = torch.randn(4, 6, dtype=torch.double).log_softmax(-1).requires_grad_()
    log_r = torch.randn(6, dtype=torch.double).log_softmax(-1).requires_grad_()
    expected = kl_divergence(Categorical(logits=log_q), Categorical(logits=log_r)).detach()
    assert rate_of_codes("host", log_q, host=log_r)[0].detach() == pytest.approx(expected, abs=1e-9)
    assert torch.autograd.gradcheck(lambda q, r: rate_of_codes("host", q, host=r), (log_q, log_r))


def test_learned_code_prior_becomes_the_aggregate():
    """Its rate is then I(X;K), the smallest that a fixed prior can have."""
    torch.manual_seed(0)
    log_q, prior = (2 * torch.randn(64, 4)).log_softmax(-1), CodePrior(4)
    optimiser = torch.optim.Adam(prior.parameters(), 0.1)
    for _ in range(200):
        loss = rate_of_codes("learned", log_q, prior).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    joint = log_q.exp().double().numpy() / 64
    independent = joint.sum(1, keepdims=True) * joint.sum(0)
    information = (joint * np.log(joint / independent)).sum()
    assert loss.item() == pytest.approx(information, abs=1e-3)
    assert prior().exp().detach() == pytest.approx(log_q.exp().mean(0), abs=0.01)
    assert rate_of_codes("standard", log_q).mean().item() > information


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ConditionalPrior(0, 2), ValueError, "dim_y: got 0, expected a positive integer"),
        (lambda: ConditionalPrior(2, 2)(torch.tensor([2])), ValueError, "y, labels: got '2 to 2', expected 0 to 1"),
        (lambda: ConditionalPrior(2, 2)(torch.zeros(3, 5)), ValueError, r"y: got shape \(3, 5\), expected vectors of"),
        (lambda: ConditionalPrior(2, 2)([0]), TypeError, "y: got 'list', expected a tensor"),
        (lambda: ConditionalPrior(2, 2)(torch.zeros(3, 1, dtype=int)), ValueError, "y: got shape .* expected labels"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
