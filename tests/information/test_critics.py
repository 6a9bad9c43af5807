"""Critics: the right score for each pair, the memory they promise, and the errors of their door."""

import math

import pytest
import torch

from infotok.information.bounds import infonce
from infotok.information.critics import BilinearCritic, ConcatCritic, GaussianConditional, SeparableCritic, mlp
from infotok.information.upper import club

CRITICS = [SeparableCritic, BilinearCritic, ConcatCritic, GaussianConditional]


def samples(size=10, dim_x=3, dim_y=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, dim_x, generator=generator), torch.randn(size, dim_y, generator=generator)


@pytest.mark.parametrize("kind", CRITICS)
def test_entry_ij_is_the_score_of_x_i_and_y_j(kind):
    torch.manual_seed(0)
    critic = kind(3, 2)
    x, y = samples()
    for p in critic.parameters():
        torch.nn.init.normal_(p, std=0.3)
    scores = critic(x, y)
    assert scores.shape == (10, 10)
    torch.testing.assert_close(critic(x[3:4], y[7:8])[0, 0], scores[3, 7])
    torch.testing.assert_close(critic(x, y.flip(0)), scores.flip(1))


def test_separable_and_bilinear_are_their_formulas():
    x, y = samples()
    separable, bilinear = SeparableCritic(3, 2, hidden=8, layers=1, dim=4), BilinearCritic(3, 2)
    torch.testing.assert_close(separable(x, y), separable.embed_x(x) @ separable.embed_y(y).T)
    assert len(mlp(3, 8, 8, 4)) == 5
    assert (bilinear(x, y) == 0).all()
    torch.nn.init.normal_(bilinear.weight)
    torch.testing.assert_close(bilinear(x, y), torch.einsum("id,de,je->ij", x, bilinear.weight, y))


def test_concat_is_a_network_on_each_concatenated_pair():
    torch.manual_seed(0)
    x, y = samples()
    critic = ConcatCritic(3, 2, hidden=8)
    first = torch.nn.Linear(5, 8)
    with torch.no_grad():
        first.weight.copy_(torch.cat([critic.first_x.weight, critic.first_y.weight], 1))
        first.bias.copy_(critic.first_x.bias)
    pairs = torch.cat([x.repeat_interleave(10, 0), y.repeat(10, 1)], 1)  # (100, 5)
    torch.testing.assert_close(critic(x, y), critic.rest(first(pairs)).view(10, 10))


def test_concat_in_chunks_equals_whole_with_its_gradient():
    torch.manual_seed(0)
    x, y = samples()
    critic = ConcatCritic(3, 2, hidden=8)
    results = []
    for chunk in (1000, 35, 1):
        critic.chunk = chunk
        critic.zero_grad()
        value = infonce(critic(x, y))
        value.backward()
        results.append([value.detach(), *[p.grad.clone() for p in critic.parameters()]])
    for other in results[1:]:
        torch.testing.assert_close(other, results[0])


def test_concat_keeps_the_score_matrix_and_no_hidden_layer():
    x, y = samples(256)
    critic = ConcatCritic(3, 2, hidden=64, chunk=4096)
    kept = 0

    def count(tensor):
        nonlocal kept
        kept += tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        critic(x, y)
    assert kept < 8 * 256 * 256  # one hidden layer alone would be 64 * 256 * 256


def test_gaussian_conditional_is_the_density():
    torch.manual_seed(0)
    x, y = samples(dim_y=4)
    y = y + 100  # far from the origin, where the matrix products would cancel
    q = GaussianConditional(3, 4, hidden=8)
    mean, log_var = q.parameters_of(x)
    density = torch.distributions.Normal(mean[:, None], (log_var / 2).exp()[:, None])
    expected = density.log_prob(y[None]).sum(-1)  # (10, 10)
    torch.testing.assert_close(q(x, y), expected, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(q.log_prob(x, y), expected.diagonal())


def test_training_recovers_known_information():
    """InfoNCE and CLUB with a fitted q on one correlated pair, against the closed form and the true q."""
    rho, size = 0.8, 4000
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(size, 1, generator=generator)
    y = rho * x + math.sqrt(1 - rho**2) * torch.randn(size, 1, generator=generator)
    torch.manual_seed(0)
    critic, q = SeparableCritic(1, 1, hidden=32), GaussianConditional(1, 1, hidden=32)
    optimiser = torch.optim.Adam([*critic.parameters(), *q.parameters()], 3e-3)
    for step in range(300):
        rows = torch.arange(step * 128, (step + 1) * 128) % (size - 1000)
        loss = -infonce(critic(x[rows], y[rows])) - q.log_prob(x[rows], y[rows]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        held_x, held_y = x[-1000:], y[-1000:]
        assert infonce(critic(held_x, held_y)).item() == pytest.approx(-0.5 * math.log(1 - rho**2), abs=0.1)
        true_q = torch.distributions.Normal(rho * held_x, math.sqrt(1 - rho**2)).log_prob(held_y.T)
        assert club(q(held_x, held_y)).item() == pytest.approx(club(true_q).item(), rel=0.1)


@pytest.mark.parametrize("kind", CRITICS)
def test_bad_input_is_refused(kind):
    critic = kind(3, 2)
    x, y = samples()
    with pytest.raises(ValueError, match=r"x: got shape \(10, 2\), expected a tensor of shape \(B, 3\)"):
        critic(y, x)
    with pytest.raises(ValueError, match="y, rows: got 5, expected as many as x, 10"):
        critic(x, y[:5])
    with pytest.raises(TypeError, match=r"y: got torch.int64, expected dtype float"):
        critic(x, y.long())
    with pytest.raises(TypeError, match=r"x: got 'ndarray', expected a tensor of shape \(B, 3\)"):
        critic(x.numpy(), y)
    with pytest.raises(ValueError, match="dim_x: got 0, expected an integer from 1 to 65536"):
        kind(0, 2)
    with pytest.raises(ValueError, match=r"scores: got .* no NaN or inf"):
        infonce(critic(x * math.nan, y))


def test_bad_options_are_refused():
    with pytest.raises(ValueError, match="layers: got 0, expected an integer from 1 to 256"):
        ConcatCritic(3, 2, layers=0)
    with pytest.raises(ValueError, match="chunk: got 0, expected a positive integer"):
        ConcatCritic(3, 2, chunk=0)
