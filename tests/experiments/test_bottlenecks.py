"""The measurements of lessons 03 to 05 where the answer is known: exact codes, exact shares, exact information."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from infotok.bottleneck import discrete_ib
from infotok.experiments import bottlenecks
from infotok.information.neighbors import ksg
from infotok.worlds import HierarchicalSource

LABELS = torch.arange(600) % 10


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_clusters_with_the_same_prediction_are_one_column():
    q = np.array([[0.5, 0.0, 0.5, 0.0], [0.0, 0.9, 0.0, 0.1], [0.3, 0.0, 0.7, 0.0]])
    predictions = np.array([[0.8, 0.2], [0.1, 0.9], [0.8, 0.2], [0.5, 0.5]])
    merged = bottlenecks.merged_columns(q, [0.4, 0.3, 0.3, 0.0], predictions)
    assert np.allclose(merged, [[1, 0], [0, 0.9], [1, 0]])  # the last cluster is not in use


def test_a_source_in_two_halves_has_an_encoder_of_two_columns():
    source = HierarchicalSource((2, 2), [0.95, 0.6])
    ib = discrete_ib(source.p_xy, 2.0, restarts=5)
    encoder = bottlenecks.merged_columns(ib.q_t_given_x, ib.q_t, ib.q_y_given_t)
    assert encoder.shape == (4, ib.clusters())
    assert np.allclose(encoder.sum(axis=1), 1, atol=1e-3)
    assert encoder[0].argmax() == encoder[1].argmax() != encoder[3].argmax()


def test_as_many_probabilities_as_clusters_are_needed():
    with pytest.raises(ValueError, match=r"^q_t: got .*, expected as many clusters as q_t_given_x, 2$"):
        bottlenecks.merged_columns(np.eye(2), [1.0], np.eye(2))


def test_a_decoder_finds_what_is_in_a_code_and_nothing_in_noise():
    z = torch.randn(500, 2, generator=generator())
    images = (z @ torch.randn(2, 16, generator=generator(1))).reshape(500, 1, 4, 4)
    small, large = torch.full((500, 2), -10.0), torch.full((500, 2), 10.0)
    torch.manual_seed(0)
    errors = []
    for log_variance in (small, large):
        decoder = bottlenecks.train_decoder(z, log_variance, images, steps=300, generator=generator(2))
        noisy = z + torch.exp(log_variance / 2) * torch.randn(500, 2, generator=generator(3))
        errors.append((decoder(noisy) - images.flatten(1)).square().mean().item() / images.square().mean().item())
    assert errors[0] < 0.02
    assert errors[1] > 0.9


def test_shares_of_the_variance():
    means, style = torch.randn(10, 20, generator=generator()), torch.randn(600, 20, generator=generator(1))
    images = means[LABELS] + style
    assert bottlenecks.variance_shares(images, images, LABELS) == pytest.approx({"between": 1, "within": 1})
    assert bottlenecks.variance_shares(0.1 * images, images, LABELS) == pytest.approx({"between": 1, "within": 1})
    other = means[LABELS] + torch.randn(600, 20, generator=generator(2))  # the right digits in other hands
    found = bottlenecks.variance_shares(other, images, LABELS)
    assert found["between"] > 0.9
    assert found["within"] < 0.01
    with pytest.raises(ValueError, match=r"^labels: got 3, expected 600"):
        bottlenecks.variance_shares(images, images, LABELS[:3])


def test_a_projection_is_in_units_of_the_noise():
    mean = torch.randn(400, 5, generator=generator()) * torch.tensor([9.0, 3.0, 0.1, 0.1, 0.1])
    points = bottlenecks.code_projection(mean, torch.full((400, 5), 2 * math.log(3.0)))
    assert points.shape == (400, 2)
    assert points.std(0).tolist() == pytest.approx([3, 1], rel=0.1)
    assert points.mean(0).abs().max() < 1e-3


@pytest.mark.parametrize("frequency", [1, 3])
def test_every_sine_has_the_same_information(frequency):
    x, y = bottlenecks.noisy_sine(frequency, 0.2, 4000, np.random.default_rng(0))
    assert x.shape == y.shape == (4000, 1)
    assert ksg(x, y) == pytest.approx(bottlenecks.noisy_sine_mi(0.2), abs=0.06)


def test_a_sine_in_much_noise_is_a_gaussian_channel():
    assert bottlenecks.noisy_sine_mi(20.0) == pytest.approx(0.5 * math.log1p(0.5 / 400), rel=0.02)


def test_fit_finds_a_least_squares_solution():
    x = torch.randn(256, 3, generator=generator())
    y = x @ torch.tensor([[1.0], [-2.0], [0.5]])
    torch.manual_seed(0)
    line = nn.Linear(3, 1)
    bottlenecks.fit(line, lambda i: (line(x[i]) - y[i]).square().mean(), 400, 256, rate=0.05, generator=generator())
    assert line.weight[0].tolist() == pytest.approx([1, -2, 0.5], abs=0.05)


def test_probed_information_of_labels_and_of_noise():
    torch.manual_seed(0)
    tokens = nn.functional.one_hot(LABELS, 10).float().reshape(600, 5, 2)
    everything = bottlenecks.probed_information(tokens, LABELS, tokens, LABELS, generator=generator())
    assert 0.95 * math.log(10) < everything <= math.log(10)
    noise, held = torch.randn(600, 4, generator=generator(1)), torch.randn(600, 4, generator=generator(2))
    assert bottlenecks.probed_information(noise, LABELS, held, LABELS, steps=20, generator=generator()) < 0.02
    with pytest.raises(ValueError, match=r"^held_labels: got 3, expected 600"):
        bottlenecks.probed_information(tokens, LABELS, tokens, LABELS[:3])
