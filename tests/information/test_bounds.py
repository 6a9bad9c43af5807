"""Bounds against brute force, closed forms and published values at the true critic, then their gradients and errors."""

import math
import statistics

import numpy as np
import pytest
import torch

from infotok.information import bounds, upper
from infotok.information.bounds import (
    MovingAverage,
    donsker_varadhan,
    infonce,
    interpolated,
    jensen_shannon,
    mine,
    nwj,
    smile,
    tuba,
)
from infotok.information.critics import SeparableCritic

BOUNDS = {
    "donsker_varadhan": donsker_varadhan,
    "mine": lambda scores: mine(scores, MovingAverage()),
    "nwj": nwj,
    "tuba": lambda scores: tuba(scores, 0.3),
    "infonce": infonce,
    "jensen_shannon": jensen_shannon,
    "smile": smile,
    "interpolated": lambda scores: interpolated(scores, alpha=0.5),
    "club": upper.club,
    "leave_one_out": upper.leave_one_out,
}


def gaussian_scores(batches, size=64, dim=20, nats=10.0, seed=0):
    """True log q(y_j|x_i) and log ratios, (batches, B, B) each, of `dim` equally correlated Gaussian pairs."""
    rho2 = 1 - math.exp(-2 * nats / dim)
    generator = torch.Generator().manual_seed(seed)
    x, noise = torch.randn(2, batches, size, dim, generator=generator, dtype=torch.float64)
    y = math.sqrt(rho2) * x + math.sqrt(1 - rho2) * noise
    conditional = torch.distributions.Normal(0, math.sqrt(1 - rho2))
    quadratic = (
        (math.sqrt(rho2) * x).square().sum(-1)[..., :, None]
        - 2 * math.sqrt(rho2) * x @ y.mT
        + y.square().sum(-1)[..., None, :]
    )
    log_conditional = dim * conditional.log_prob(torch.tensor(0.0)).item() - quadratic / (2 * (1 - rho2))
    log_marginal = torch.distributions.Normal(0, 1).log_prob(y).sum(-1)
    return log_conditional, log_conditional - log_marginal[:, None, :], log_marginal


@pytest.fixture(scope="module")
def true_critic():
    return gaussian_scores(2000)


# (bound of one batch, published mean, half a unit of its last digit); the last is d (e^(2I/d) - 1), exactly.
PUBLISHED = {
    "infonce": (lambda c, r: infonce(r), 4.12, 0.005),
    "nwj": (lambda c, r: nwj(1 + r), 10.2, 0.05),
    "donsker_varadhan": (lambda c, r: donsker_varadhan(r), 11.3, 0.05),
    "smile(5)": (lambda c, r: smile(r, clip=5.0), 12.1, 0.05),
    "club": (lambda c, r: upper.club(c), 20 * (math.exp(1) - 1), 0.0),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_true_critic_reproduces_the_known_values(name, true_critic):
    bound, expected, rounding = PUBLISHED[name]
    conditional, ratio, _ = true_critic
    values = [bound(c, r).item() for c, r in zip(conditional, ratio, strict=True)]
    error = statistics.stdev(values) / math.sqrt(len(values))
    assert abs(statistics.mean(values) - expected) < 3 * error + rounding


def test_unbiased_ones_average_to_the_truth_and_the_rest_fall_on_their_side(true_critic):
    conditional, ratio, log_marginal = (each[:800] for each in true_critic)
    truth, n = 10.0, math.sqrt(len(ratio))

    def averages(function):
        values = np.array([function(i).item() for i in range(len(ratio))])
        return values.mean(), 3 * values.std() / n

    for unbiased in (
        lambda i: nwj(1 + ratio[i]),
        lambda i: tuba(ratio[i], 0.0),
        lambda i: jensen_shannon(ratio[i]),
        lambda i: upper.difference_of_entropies(log_marginal[i], conditional[i].diagonal()),
    ):
        mean, slack = averages(unbiased)
        assert abs(mean - truth) < slack
    mean, slack = averages(lambda i: upper.leave_one_out(conditional[i]))
    assert mean - slack > truth
    mean, slack = averages(lambda i: interpolated(1 + ratio[i], alpha=0.5))
    assert mean + slack < truth


def test_every_bound_against_a_double_loop():
    scores = torch.randn(7, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2
    baseline = torch.linspace(-1, 1, 7, dtype=torch.float64)
    f, a = scores.numpy(), np.exp(baseline.numpy())
    joint = np.diag(f)
    rest = np.array([[f[i, j] for j in range(7) if j != i] for i in range(7)])
    dv = joint.mean() - np.log(np.exp(rest).mean())
    assert donsker_varadhan(scores).item() == pytest.approx(dv)
    assert mine(scores, MovingAverage()).item() == pytest.approx(dv)
    assert nwj(scores).item() == pytest.approx(joint.mean() - np.exp(rest - 1).mean())
    expected = 1 + (joint - np.log(a)).mean() - (np.exp(rest) / a[:, None]).mean()
    assert tuba(scores, baseline).item() == pytest.approx(expected)
    expected = np.mean([joint[i] - np.log(np.exp(f[i]).mean()) for i in range(7)])
    assert infonce(scores).item() == pytest.approx(expected)
    assert jensen_shannon(scores).item() == pytest.approx(1 + joint.mean() - np.exp(rest).mean())
    assert smile(scores, clip=1.5).item() == pytest.approx(
        joint.mean() - np.log(np.exp(np.clip(rest, -1.5, 1.5)).mean())
    )
    alpha, first, second = 0.3, [], []
    for i in range(7):
        for k in range(7):
            candidates = np.exp(np.delete(f[i], k)).mean()
            weight = alpha * candidates + (1 - alpha) * a[i]
            if k == i:
                second.append(candidates / weight)
            else:
                first.append(f[i, i] - np.log(weight))
    expected = 1 + np.mean(first) - np.mean(second)
    assert interpolated(scores, alpha=alpha, log_baseline=baseline).item() == pytest.approx(expected)


def test_both_limits_of_alpha():
    scores = torch.randn(9, 9, generator=torch.Generator().manual_seed(2), dtype=torch.float64) * 3
    baseline = torch.linspace(0, 2, 9, dtype=torch.float64)
    torch.testing.assert_close(interpolated(scores, alpha=0), nwj(scores))
    torch.testing.assert_close(interpolated(scores, alpha=0, log_baseline=baseline), tuba(scores, baseline))
    keep = [[j for j in range(9) if j != k] for k in range(9)]
    smaller = torch.stack([infonce(scores[kept][:, kept]) for kept in keep])  # drops row and column k
    torch.testing.assert_close(interpolated(scores, alpha=1), smaller.mean())


def test_alpha_trades_bias_for_variance(true_critic):
    ratio = true_critic[1][:300]
    spread, mean = [], []
    for alpha in (0.01, 0.5, 1.0):
        values = np.array([interpolated(1 + r, alpha=alpha).item() for r in ratio])
        spread.append(values.std())
        mean.append(values.mean())
    assert spread[0] > spread[1] > spread[2]
    assert mean[0] > mean[1] > mean[2]


@pytest.mark.parametrize("alpha", [1e-3, 0.1, 0.9, 1.0])
def test_ceilings_with_a_perfect_score(alpha):
    scores = torch.eye(16, dtype=torch.float64) * 80
    assert infonce(scores).item() == pytest.approx(math.log(16))
    ceiling = math.log(15) if alpha == 1 else 1 + math.log(15 / alpha)
    assert interpolated(scores, alpha=alpha).item() <= ceiling + 1e-9


@pytest.mark.parametrize(
    "name", ["donsker_varadhan", "nwj", "tuba", "infonce", "interpolated", "club", "leave_one_out"]
)
def test_gradients_are_those_of_the_value(name):
    scores = torch.randn(5, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(BOUNDS[name], scores)


def gradient(function, scores):
    scores = scores.clone().requires_grad_()
    function(scores).backward()
    return scores.grad


def test_jensen_shannon_and_smile_train_on_the_jensen_shannon_gradient():
    scores = torch.randn(6, 6, generator=torch.Generator().manual_seed(4), dtype=torch.float64) * 4
    expected = torch.sigmoid(scores) / -30  # d/df of -softplus(f), over 30 negatives
    expected.diagonal().copy_(torch.sigmoid(-scores.diagonal()) / 6)
    torch.testing.assert_close(gradient(jensen_shannon, scores), expected)
    torch.testing.assert_close(gradient(smile, scores), expected)


def test_mine_divides_the_gradient_by_the_moving_average():
    first, second = torch.randn(2, 6, 6, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    average = MovingAverage(decay=0.9)
    torch.testing.assert_close(gradient(lambda s: mine(s, average), first), gradient(donsker_varadhan, first))
    off = ~torch.eye(6, dtype=torch.bool)
    mean = 0.9 * first[off].exp().mean() + 0.1 * second[off].exp().mean()
    expected = torch.where(off, -second.exp() / 30 / mean, torch.full_like(second, 1 / 6))
    torch.testing.assert_close(gradient(lambda s: mine(s, average), second), expected)
    assert average.log_mean.item() == pytest.approx(mean.log().item())
    instant = MovingAverage(decay=0.0)
    for scores in (first, second):
        torch.testing.assert_close(gradient(lambda s: mine(s, instant), scores), gradient(donsker_varadhan, scores))


def test_invariances():
    scores = torch.randn(8, 8, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    shift = torch.arange(8.0, dtype=torch.float64)[:, None]
    torch.testing.assert_close(infonce(scores + shift), infonce(scores))  # any c(x)
    torch.testing.assert_close(donsker_varadhan(scores + 3), donsker_varadhan(scores))  # any constant
    torch.testing.assert_close(smile(scores, clip=math.inf), donsker_varadhan(scores))
    order = torch.randperm(8, generator=torch.Generator().manual_seed(7))
    for name, bound in BOUNDS.items():
        torch.testing.assert_close(bound(scores[order][:, order]), bound(scores), msg=name)


@pytest.mark.parametrize("name", BOUNDS)
def test_trains_in_one_line_and_accepts_half_precision(name):
    torch.manual_seed(0)
    critic = SeparableCritic(2, 2, hidden=8, dim=4)
    x = torch.randn(16, 2, generator=torch.Generator().manual_seed(8))
    loss = -BOUNDS[name](critic(x, x))
    loss.backward()
    assert loss.ndim == 0
    assert all(p.grad.isfinite().all() for p in critic.parameters())
    with torch.autocast("cpu", torch.bfloat16):
        assert BOUNDS[name](critic(x, x)).dtype == torch.float32


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize(
    ("scores", "error", "message"),
    [
        (np.eye(3), TypeError, "scores: got 'ndarray', expected a tensor"),
        (torch.eye(3, dtype=torch.int64), TypeError, "scores: got torch.int64, expected dtype float"),
        (torch.zeros(3, 4), ValueError, r"scores: got shape \(3, 4\), expected a square \(B, B\) matrix"),
        (torch.zeros(1, 1), ValueError, r"scores: got shape \(1, 1\), expected .* B >= 2"),
        (
            torch.eye(3).fill_diagonal_(math.nan),
            ValueError,
            r"scores: got shape \(3, 3\), expected finite values, no NaN or inf",
        ),
        (
            torch.eye(3) / torch.zeros(()),
            ValueError,
            r"scores: got shape \(3, 3\), expected finite values, no NaN or inf",
        ),
    ],
)
def test_bad_scores_are_refused(name, scores, error, message):
    with pytest.raises(error, match=message):
        BOUNDS[name](scores)


@pytest.mark.parametrize("name", ["nwj", "tuba", "jensen_shannon", "interpolated"])
def test_overflow_is_an_error_and_not_an_infinity(name):
    bound = BOUNDS[name] if name != "interpolated" else lambda scores: interpolated(scores, alpha=0)
    with pytest.raises(ValueError, match=r"scores, log mean of e\^f: got .*, where e\^f overflows"):
        bound(torch.full((4, 4), 200.0))


def test_bad_options_are_refused():
    scores = torch.eye(4)
    with pytest.raises(ValueError, match=r"clip: got 0, expected a number in \(0, inf\]"):
        smile(scores, clip=0)
    with pytest.raises(ValueError, match=r"alpha: got 1.5, expected a number in \[0, 1\]"):
        interpolated(scores, alpha=1.5)
    with pytest.raises(ValueError, match=r"scores: got shape \(2, 2\), expected at least 3 pairs"):
        interpolated(torch.eye(2), alpha=0.5)
    with pytest.raises(ValueError, match=r"log_baseline: got shape \(3,\), expected a number or shape \(4,\)"):
        tuba(scores, torch.zeros(3))
    with pytest.raises(ValueError, match=r"log_baseline: got inf, expected a number in \(-inf, inf\)"):
        tuba(scores, math.inf)
    with pytest.raises(ValueError, match=r"decay: got 1.0, expected a number in \[0, 1\)"):
        MovingAverage(decay=1.0)


def test_all_names_are_public():
    assert all(callable(getattr(bounds, name)) for name in bounds.__all__)


def test_masks_at_the_largest_float_are_finite():
    scores = torch.randn(6, 6, generator=torch.Generator().manual_seed(0))
    masked = scores.masked_fill(torch.eye(6).roll(1, 0).bool(), torch.finfo(torch.float32).min)
    assert masked.sum().isinf()
    assert infonce(masked) == pytest.approx(infonce(masked.clamp(min=-1e4)).item())
    with pytest.raises(ValueError, match="scores"):
        infonce(masked.masked_fill(torch.eye(6).roll(2, 0).bool(), -math.inf))


def test_numbers_beside_double_precision_are_not_rounded():
    scores = torch.zeros(3, 3, dtype=torch.float64)
    assert tuba(scores, 0.1).item() == pytest.approx(0.9 - math.exp(-0.1), abs=1e-15)
    assert interpolated(scores, alpha=0.3, log_baseline=0.1).item() == pytest.approx(
        1 - math.log(0.3 + 0.7 * math.exp(0.1)) - 1 / (0.3 + 0.7 * math.exp(0.1)), abs=1e-15
    )
    assert upper.gaussian_kl(scores[0], scores[0], 0.1).item() == pytest.approx(0.015, abs=1e-15)
