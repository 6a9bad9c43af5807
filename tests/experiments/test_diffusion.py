"""Small generative models: samplers and the code length against Gaussians, whose best prediction is known."""

import math

import pytest
import torch
from scipy.integrate import quad
from torch import nn

from infotok.experiments import diffusion
from infotok.experiments.diffusion import (
    OBJECTIVES,
    Components,
    evaluate_model,
    floor,
    load_components,
    make_loss,
    make_model,
    sample,
    train,
)

S = 1.7  # standard deviation of the Gaussian data


class Best(nn.Module):
    """The best prediction for data of N(0, S^2): flow E[x - n | x_t], diffusion E[n | x_t]."""

    def __init__(self, objective):
        super().__init__()
        self.objective = objective

    def forward(self, point, t, states):
        t = t[..., None]
        if self.objective == "flow":
            return (S**2 * t - (1 - t)) / ((1 - t) ** 2 + (S * t) ** 2) * point
        alpha, sigma = (math.pi / 2 * t).sin(), (math.pi / 2 * t).cos()
        return sigma / (sigma**2 + (S * alpha) ** 2) * point

    def sample(self, states, noise, steps):
        path = [noise]
        for i in range(steps):
            t = torch.full((len(noise),), i / steps)
            middle = path[-1] + self(path[-1], t, states) / (2 * steps)
            path.append(path[-1] + self(middle, t + 1 / (2 * steps), states) / steps)
        return torch.stack(path)


@pytest.fixture
def gaussian():
    x = S * torch.randn(4000, diffusion.COMPONENTS, generator=torch.Generator().manual_seed(0))
    identity = torch.eye(diffusion.COMPONENTS)
    return Components(x[:2000], x[2000:], torch.zeros(32), identity, 4, nn.Sequential(nn.Linear(32, 4), nn.Identity()))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_samplers_carry_noise_to_the_data_of_a_gaussian(objective):
    noise = torch.randn(50, diffusion.COMPONENTS, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(sample(Best(objective), objective, noise, 200), S * noise, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_code_length_of_a_gaussian_is_its_integral(objective, gaussian):
    """1/2 int snr S^2 / (1 + snr S^2) d(log snr), for each component."""
    end = diffusion.SPAN
    expected, _ = quad(lambda u: 0.5 * math.exp(u) * S**2 / (1 + math.exp(u) * S**2), -end, end)
    found = evaluate_model(Best(objective), gaussian, objective)
    assert found["nats"] == pytest.approx(diffusion.COMPONENTS * expected, rel=0.02)


def test_the_path_of_a_flow_moves_by_what_it_predicts():
    x, noise, t = torch.randn(5, 32).double(), torch.randn(5, 32).double(), torch.full((5,), 0.3).double()
    point, target = diffusion.path("flow", t, x, noise)
    later, _ = diffusion.path("flow", t + 1e-6, x, noise)
    torch.testing.assert_close((later - point) / 1e-6, target, rtol=1e-5, atol=1e-6)
    for objective in OBJECTIVES:
        start, end = (diffusion.path(objective, torch.full((5,), each).double(), x, noise)[0] for each in (0.0, 1.0))
        torch.testing.assert_close(start, noise)
        torch.testing.assert_close(end, x)


def test_the_frechet_distance_is_that_of_the_fitted_gaussians():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(20_000, 3, generator=generator), 2 * torch.randn(20_000, 3, generator=generator) + 1
    assert diffusion.frechet(a, b) == pytest.approx(3 + 3 * (1 + 4 - 2 * 2), rel=0.05)


def test_digits_are_whitened_and_their_pixels_come_back():
    images = load_components("digits")
    torch.testing.assert_close(images.train.mean(0), torch.zeros(32), atol=1e-4, rtol=0)
    torch.testing.assert_close(images.train.T @ images.train / len(images.train), torch.eye(32), atol=1e-2, rtol=0)
    from infotok.worlds import load_images

    pixels = load_images("digits").train.images[:, 0]
    missing = (images.pixels(images.train) - pixels).square().mean() / pixels.var(0).mean()
    assert missing < 0.06  # 32 of 64 components hold nearly all of the variance
    assert 0 < floor(images) < 1


def test_training_lowers_the_loss_and_seeds_decide():
    images = load_components("digits")
    first, again, other = (make_model(seed) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.in_proj.weight, other.in_proj.weight)
    before = diffusion.held_out_loss(first, images, "flow")
    for model in (first, again):
        train(model, make_loss(images, "flow", 0), 100, 5e-3)
    assert diffusion.held_out_loss(first, images, "flow") < before
    assert torch.equal(first.out_proj.weight, again.out_proj.weight)
    with pytest.raises(ValueError, match=r"data: got 'faces', expected one of digits, fashion"):
        load_components("faces")
