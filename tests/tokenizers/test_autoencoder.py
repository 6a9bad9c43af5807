"""The convolutional autoencoder: shapes, unit scale, where a token looks, and every refusal."""

import numpy as np
import pytest
import torch

from infotok.tokenizers import ConvDecoder, ConvEncoder


@pytest.mark.parametrize(("size", "grid"), [(32, 4), (32, 8), (64, 4), (64, 8), (32, 16)])
def test_a_grid_of_features_at_unit_scale_and_images_again(size, grid):
    images = torch.rand(3, 3, size, size)
    features = ConvEncoder(size, grid, dim=6, width=8)(images)
    assert features.shape == (3, grid**2, 6)
    assert torch.allclose(features.mean((1, 2)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(features.square().mean((1, 2)), torch.ones(3), atol=1e-2)
    drawn = ConvDecoder(size, grid, dim=6, width=8)(features)
    assert drawn.shape == images.shape
    assert 0 < drawn.min() < drawn.max() < 1


def test_tokens_of_a_grid_are_where_they_look():
    """A change in one corner of the image changes that corner's token most, row by row."""
    torch.manual_seed(0)
    encoder = ConvEncoder(32, 4, dim=6, width=8)
    image = torch.full((1, 3, 32, 32), 0.5)
    changed = image.clone()
    changed[..., 8:16, 24:] = 1.0  # second row, last column
    difference = (encoder.layers(changed) - encoder.layers(image)).square().sum(1).flatten()
    assert difference.argmax() == 1 * 4 + 3


@pytest.mark.parametrize(
    ("make_network", "message"),
    [
        (lambda: ConvEncoder(32, 5), "grid: got 5, expected size / grid, 32 / 5, to be a power of two"),
        (lambda: ConvEncoder(32, 32), "grid: got 32, expected size / grid"),
        (lambda: ConvDecoder(32, 0), "grid: got 0, expected an integer from 1 to"),
        (lambda: ConvEncoder(32, 4, dim=2.5), "dim: got 2.5, expected an integer"),
    ],
)
def test_networks_that_cannot_be_are_refused(make_network, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make_network()


def test_narrow_integers_of_numpy_do_not_overflow():
    encoder = ConvEncoder(np.uint8(64), np.uint8(16), dim=np.uint8(4), width=np.uint8(200))
    assert (encoder.length, encoder(torch.rand(1, 3, 64, 64)).shape) == (256, (1, 256, 4))
    assert ConvDecoder(np.uint8(64), np.uint8(16), dim=4, width=4).length == 256
