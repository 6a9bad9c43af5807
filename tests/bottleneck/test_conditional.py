"""Conditional, nonlinear and discrete-latent bottlenecks against integration, torch.distributions, closed forms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import logsumexp
from torch import nn
from torch.distributions import Categorical, Normal, kl_divergence

from infotok.bottleneck import (
    ConditionalEntropyBottleneck,
    ConditionalPrior,
    DiscreteBottleneck,
    NonlinearBottleneck,
    VariationalBottleneck,
    code_information,
    code_log_posterior,
    code_rate,
    discrete_ib,
    pairwise_lower_bound,
    pairwise_rate,
)
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


# --- conditional ---------------------------------------------------------------------------------------------------


def test_rate_is_the_divergence_from_the_labels_gaussian():
    torch.manual_seed(0)
    bottleneck = ConditionalEntropyBottleneck(5, 3, 4, beta=0.2)
    nn.init.normal_(bottleneck.backward_encoder.head.weight)
    features, labels = torch.randn(10, 5), torch.arange(10) % 4
    code = bottleneck(features, labels)
    m, log_v = bottleneck.backward_encoder(labels)
    q, b = (Normal(mu, (0.5 * lv).exp()) for mu, lv in ((code.mean, code.log_variance), (m, log_v)))
    assert code.rate.detach() == pytest.approx(kl_divergence(q, b).sum(-1).detach(), abs=1e-5)
    assert code.loss.item() == pytest.approx(0.2 * code.rate.mean().item(), rel=1e-6)


def test_gradient_of_the_conditional_rate():
    torch.manual_seed(0)
    bottleneck = ConditionalEntropyBottleneck(3, 2, 2).double()
    nn.init.normal_(bottleneck.backward_encoder.head.weight)
    features = torch.randn(4, 3, dtype=torch.double, requires_grad=True)
    labels = torch.tensor([0, 1, 1, 0])
    assert torch.autograd.gradcheck(lambda f: bottleneck.eval()(f, labels).rate, features)


def test_conditional_rate_reaches_i_xz_given_y_and_stays_below_vibs():
    """Four inputs, two classes, one dimension, a fixed encoder: each prior is fitted and judged by integration."""
    means, sigmas = np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0.5, 0.7, 0.6, 0.5])
    labels = np.array([0, 0, 1, 1])
    total = mixture_information(means, sigmas)
    given_y = np.mean([mixture_information(means[labels == y], sigmas[labels == y]) for y in (0, 1)])
    mean = torch.tensor(means)[:, None]
    log_variance = torch.tensor(2 * np.log(sigmas))[:, None]
    y = torch.tensor(labels)
    prior = ConditionalPrior(2, 1).double()
    vib = VariationalBottleneck(1, 1, prior="mixture", components=4).double().prior
    vib.draws = 64
    parameters = [*prior.parameters(), *vib.parameters()]
    optimiser = torch.optim.Adam(parameters, 0.1)
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    for _ in range(150):
        m, log_v = prior(y)
        ceb_rate = gaussian_kl(mean, log_variance, m, log_v).mean()
        vib_rate = vib.rate(mean, log_variance, generator).mean()
        optimiser.zero_grad()
        (ceb_rate + vib_rate).backward()
        optimiser.step()
    vib.draws = 20_000
    vib_rate = vib.rate(mean, log_variance, generator).mean()
    assert ceb_rate.item() >= given_y - 1e-9
    # the best Gaussian per class matches its two inputs' moments
    moments = [means[labels == c].var() + (sigmas[labels == c] ** 2).mean() for c in (0, 1)]
    best = np.mean(0.5 * np.log(np.repeat(moments, 2) / sigmas**2))
    assert ceb_rate.item() == pytest.approx(best, abs=1e-4)
    assert vib_rate.item() == pytest.approx(total, abs=0.02)
    assert ceb_rate.item() <= vib_rate.item()


def test_on_a_finite_joint_the_conditional_rate_is_the_difference():
    """At the optimal encoder of a discrete joint, I(X;T|Y) = I(X;T) - I(T;Y) exactly: CEB never pays more than VIB."""
    p_xy = np.random.default_rng(1).dirichlet(np.ones(15)).reshape(5, 3)
    for beta in (1.5, 3.0, 10.0):
        ib = discrete_ib(p_xy, beta)
        log_q = torch.tensor(ib.q_t_given_x).clamp(min=1e-300).log()
        q_t_given_y = torch.tensor(ib.q_y_given_t.T * ib.q_t)  # (Y, T), rows to be normalised
        log_b = (q_t_given_y / q_t_given_y.sum(1, keepdim=True)).clamp(min=1e-300).log()
        weights = torch.tensor(p_xy)
        ceb = (weights * code_rate(log_q[:, None], log_b[None])).sum().item()
        vib = (weights.sum(1) * code_rate(log_q, torch.tensor(ib.q_t).clamp(min=1e-300).log())).sum().item()
        assert vib == pytest.approx(ib.i_tx, abs=1e-9)
        assert ceb == pytest.approx(ib.i_tx - ib.i_ty, abs=1e-9)
        assert ceb <= vib + 1e-12


def test_warmup_and_free_bits_are_those_of_the_variational_bottleneck():
    torch.manual_seed(0)
    bottleneck = ConditionalEntropyBottleneck(4, 2, 3, beta=1.0, warmup=4, free_bits=50.0)
    losses = [bottleneck(torch.randn(8, 4), torch.zeros(8, dtype=torch.long)).loss.item() for _ in range(6)]
    assert losses == pytest.approx([50 * math.log(2) * min(i / 4, 1) for i in range(6)], rel=1e-5)


# --- nonlinear -----------------------------------------------------------------------------------------------------


@settings(max_examples=8, deadline=None)
@given(
    means=st.lists(st.floats(-4, 4), min_size=2, max_size=5, unique_by=lambda v: round(v, 1)), spread=st.floats(0.3, 3)
)
def test_pairwise_bounds_hold_the_truth_between_them(means, spread):
    means = np.array(sorted(means))
    sigmas = spread * np.linspace(0.8, 1.2, len(means))
    truth = mixture_information(means, sigmas)
    mean, log_variance = torch.tensor(means)[:, None], torch.tensor(2 * np.log(sigmas))[:, None]
    upper, lower = (
        pairwise_rate(mean, log_variance).mean().item(),
        pairwise_lower_bound(mean, log_variance).mean().item(),
    )
    assert lower - 1e-6 <= truth <= upper + 1e-6
    assert upper <= math.log(len(means)) + 1e-9


def test_pairwise_bounds_meet_where_clusters_are_apart():
    """Two tight groups far from each other: both bounds say log 2 (Kolchinsky & Tracey 2017, section 4)."""
    mean = torch.tensor([[0.0], [0.0], [100.0], [100.0]], dtype=torch.double)
    log_variance = torch.zeros(4, 1, dtype=torch.double)
    assert pairwise_rate(mean, log_variance).mean().item() == pytest.approx(math.log(2), abs=1e-9)
    assert pairwise_lower_bound(mean, log_variance).mean().item() == pytest.approx(math.log(2), abs=1e-9)


def test_pairwise_divergences_are_torchs():
    torch.manual_seed(0)
    mean, log_variance = torch.randn(6, 3, dtype=torch.double), torch.randn(6, 3, dtype=torch.double)
    q = Normal(mean, (0.5 * log_variance).exp())
    p = Normal(mean[:, None], (0.5 * log_variance)[:, None].exp())
    kl = kl_divergence(p, q).sum(-1)
    assert pairwise_rate(mean, log_variance) == pytest.approx(math.log(6) - torch.logsumexp(-kl, 1), abs=1e-9)
    whole, parts = pairwise_lower_bound(mean, log_variance), pairwise_lower_bound(mean, log_variance, chunk=4)
    assert parts == pytest.approx(whole, abs=1e-12)
    log_variance.requires_grad_()
    mean.requires_grad_()
    assert torch.autograd.gradcheck(pairwise_rate, (mean, log_variance))
    assert torch.autograd.gradcheck(pairwise_lower_bound, (mean, log_variance))


def test_nonlinear_bottleneck_charges_that_rate():
    torch.manual_seed(0)
    bottleneck = NonlinearBottleneck(4, 2, beta=0.5)
    code = bottleneck(torch.randn(8, 4))
    assert code.loss.item() == pytest.approx(0.5 * pairwise_rate(code.mean, code.log_variance).mean().item(), rel=1e-6)
    code.loss.backward()
    assert bottleneck.to_mean.weight.grad.abs().sum() > 0


# --- discrete latents ------------------------------------------------------------------------------------------------


def test_posterior_is_the_softmax_of_distances():
    torch.manual_seed(0)
    z, codebook = torch.randn(2, 5, 3, dtype=torch.double), torch.randn(7, 3, dtype=torch.double)
    expected = torch.log_softmax(-(z[..., None, :] - codebook).square().sum(-1) / 0.3, -1)
    assert code_log_posterior(z, codebook, 0.3) == pytest.approx(expected, abs=1e-9)
    hard = code_log_posterior(z, codebook, 1e-6).exp()
    assert hard.max(-1).values == pytest.approx(torch.ones(2, 5), abs=1e-6)


def test_code_rate_is_torchs_divergence():
    torch.manual_seed(0)
    log_q = torch.randn(4, 6, dtype=torch.double).log_softmax(-1).requires_grad_()
    log_r = torch.randn(6, dtype=torch.double).log_softmax(-1).requires_grad_()
    assert code_rate(log_q, log_r).detach() == pytest.approx(
        kl_divergence(Categorical(logits=log_q), Categorical(logits=log_r)).detach(), abs=1e-9
    )
    assert torch.autograd.gradcheck(code_rate, (log_q, log_r))


def test_code_information_is_the_least_rate_and_dits_definition():
    torch.manual_seed(0)
    log_q = (2 * torch.randn(50, 6, dtype=torch.double)).log_softmax(-1)
    least = code_information(log_q).item()
    joint = log_q.exp().numpy() / 50
    independent = joint.sum(1, keepdims=True) * joint.sum(0)
    assert least == pytest.approx((joint * np.log(joint / independent)).sum(), abs=1e-10)
    for prior in torch.randn(20, 6, dtype=torch.double).log_softmax(-1):
        assert code_rate(log_q, prior).mean().item() >= least
    aggregate = log_q.exp().mean(0).log()
    assert code_rate(log_q, aggregate).mean().item() == pytest.approx(least, abs=1e-12)


def test_discrete_bottleneck_draws_from_its_posterior():
    torch.manual_seed(0)
    bottleneck = DiscreteBottleneck(3, 5, prior="uniform", beta=0.1)
    features = torch.randn(3).expand(20_000, 3)
    draw = bottleneck(features, generator=torch.Generator().manual_seed(1))
    share = torch.bincount(draw.codes, minlength=5) / len(draw.codes)
    assert share == pytest.approx(draw.log_posterior[0].detach().exp(), abs=0.02)
    assert draw.sample.detach() == pytest.approx(bottleneck.codebook[draw.codes].detach(), abs=1e-5)
    assert draw.rate[0].item() == pytest.approx(
        math.log(5) - Categorical(logits=draw.log_posterior[0]).entropy().item(), abs=1e-5
    )
    nearest = bottleneck.eval()(features[:1]).codes
    assert nearest == torch.cdist(features[:1], bottleneck.codebook).argmin(1)


def test_learned_code_prior_becomes_the_aggregate():
    torch.manual_seed(0)
    bottleneck = DiscreteBottleneck(2, 4, beta=1.0)
    features = torch.randn(64, 2)
    optimiser = torch.optim.Adam([bottleneck.prior_logits], 0.1)
    for _ in range(200):
        loss = bottleneck(features).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    draw = bottleneck(features)
    assert draw.rate.mean().item() == pytest.approx(code_information(draw.log_posterior).item(), abs=1e-3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ConditionalPrior(0, 2), ValueError, "dim_y: got 0, expected a positive integer"),
        (lambda: ConditionalPrior(2, 2)(torch.tensor([2])), ValueError, "y, labels: got '2 to 2', expected 0 to 1"),
        (lambda: ConditionalPrior(2, 2)(torch.zeros(3, 5)), ValueError, r"y: got shape \(3, 5\), expected vectors of"),
        (lambda: ConditionalPrior(2, 2)([0]), TypeError, "y: got 'list', expected a tensor"),
        (lambda: ConditionalPrior(2, 2)(torch.zeros(3, 1, dtype=int)), ValueError, "y: got shape .* expected labels"),
        (
            lambda: ConditionalEntropyBottleneck(2, 2, 2)(torch.zeros(3, 2), torch.zeros(2, dtype=int)),
            ValueError,
            r"y, batch: got shape \(2,\), expected as many as features, 3",
        ),
        (
            lambda: pairwise_rate(torch.zeros(1, 2), torch.zeros(1, 2)),
            ValueError,
            "mean: got shape .* at least 2 inputs",
        ),
        (lambda: pairwise_rate(torch.zeros(2, 2), torch.zeros(2, 3)), ValueError, "log_variance: got shape"),
        (lambda: pairwise_lower_bound(torch.zeros(2, 2), torch.zeros(2, 2), 0), ValueError, "chunk: got 0"),
        (lambda: NonlinearBottleneck(2, 2)(torch.zeros(2, 2, 2)), ValueError, r"features: got shape .* \(B, 2\)"),
        (lambda: DiscreteBottleneck(2, 0), ValueError, "codes: got 0, expected a positive integer"),
        (
            lambda: DiscreteBottleneck(2, 3, prior="flat"),
            ValueError,
            "prior: got 'flat', expected one of uniform, learned",
        ),
        (lambda: DiscreteBottleneck(2, 3, beta=-1), ValueError, "beta: got -1, expected a number in \\[0, inf\\)"),
        (
            lambda: DiscreteBottleneck(2, 3, temperature=0),
            ValueError,
            "temperature: got 0, expected a number in \\(0, inf\\)",
        ),
        (
            lambda: DiscreteBottleneck(2, 3)(torch.zeros(4, 3)),
            ValueError,
            r"features: got shape .* of shape \(..., 2\)",
        ),
        (lambda: code_log_posterior(torch.zeros(4, 2), torch.zeros(3, 3)), ValueError, r"codebook: got .* \(K, 2\)"),
        (lambda: code_log_posterior(torch.zeros(4, 2), torch.zeros(3, 2), 0.0), ValueError, "temperature: got 0.0"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
