"""Digits under a known nuisance: the labels are right, uniform, independent, and readable from the image."""

import numpy as np
import pytest
import torch

from infotok.information import plugin_mi
from infotok.worlds import NuisanceDigits, load_images


@pytest.mark.parametrize("nuisance", ["texture", "digit"])
def test_labels_and_nuisance_are_uniform_and_independent(nuisance):
    images, labels, kinds = NuisanceDigits(nuisance).sample(20_000, seed=1)
    assert images.shape == (20_000, 1, 8, 8)
    assert images.min() >= 0 and images.max() <= 1  # noqa: PT018
    for values in (labels, kinds):
        counts = torch.bincount(values, minlength=10)
        assert ((counts - 2000).abs() < 5 * np.sqrt(2000)).all()
    assert abs(plugin_mi(labels.numpy(), kinds.numpy())) < 5e-3


def test_without_strength_the_image_is_a_digit_of_its_label():
    world = load_images()
    images, labels, _ = NuisanceDigits("digit", strength=0.0).sample(200, seed=2, split="test")
    distance = torch.cdist(images.flatten(1), world.test.images.flatten(1))
    assert distance.min(1).values.max() == 0
    assert (world.test.labels[distance.argmin(1)] == labels).all()


@pytest.mark.parametrize("nuisance", ["texture", "digit"])
def test_both_can_be_read_from_the_image(nuisance):
    from sklearn.neighbors import KNeighborsClassifier

    world = NuisanceDigits(nuisance)
    x, labels, kinds = world.sample(4000, seed=0)
    held, held_labels, held_kinds = world.sample(500, seed=1, split="test")
    for y, truth in ((labels, held_labels), (kinds, held_kinds)):
        reader = KNeighborsClassifier(3).fit(x.flatten(1).numpy(), y.numpy())
        assert reader.score(held.flatten(1).numpy(), truth.numpy()) > 0.4


def test_same_seed_same_bits():
    world = NuisanceDigits()
    first, second, other = (world.sample(50, seed=s)[0] for s in (3, 3, 4))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: NuisanceDigits("rain"), "nuisance: got 'rain', expected one of texture, digit"),
        (lambda: NuisanceDigits(strength=2.0), r"strength: got 2.0, expected a number in \[0, 1\]"),
        (lambda: NuisanceDigits().sample(0), "n: got 0, expected a positive integer"),
        (lambda: NuisanceDigits().sample(5, split="all"), "split: got 'all', expected one of train, validation, test"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
