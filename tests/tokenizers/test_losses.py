"""Losses of a reconstruction: pixels as before, perceptual distance, distillation, and what a checkpoint holds."""

import copy
import sys

import pytest
import torch
import torch.nn.functional as F
from torchvision.transforms.functional import gaussian_blur

from infotok.bottleneck import InfoTok
from infotok.tokenizers import ImageNetTeacher, SharedTokenizer, TokenizerConfig
from infotok.tokenizers.losses import ReconstructionLosses, perceptual_distance
from infotok.unified import AutoregressiveModel, Backbone
from infotok.worlds import OpenMojiWorld

torch.set_num_threads(1)
WORLD = OpenMojiWorld(12, nuisance=0.5)
BATCH = WORLD.batch(8, torch.Generator().manual_seed(0), 2)
SMALL = {"dim": 8, "width": 8, "quantizer_options": {"codebook_size": 8}, "teacher_size": 32}
TAUGHT = {"perceptual": 0.5, "distillation": 2.0}


def make(seed=0, **changes):
    torch.manual_seed(seed)
    return SharedTokenizer.from_config(TokenizerConfig(**{**SMALL, **changes}))


@pytest.fixture(scope="module")
def teacher():
    return ImageNetTeacher(size=32)


def test_the_perceptual_distance_is_zero_for_equal_images_and_grows_with_blur(teacher):
    assert perceptual_distance(BATCH.images, BATCH.images, teacher) == 0
    blurred = [gaussian_blur(BATCH.images, 13, sigma) for sigma in (0.3, 0.6, 1.0, 2.0)]
    found = [perceptual_distance(each, BATCH.images, teacher).item() for each in blurred]
    assert 0 < found[0] < found[1] < found[2] < found[3] < 4


def test_the_perceptual_distance_is_the_mean_of_cosines_by_hand(teacher):
    other = BATCH.images.flip(0)
    by_hand = []
    for a, b in zip(teacher.stages(other), teacher.stages(BATCH.images), strict=True):
        by_hand.append((2 - 2 * F.cosine_similarity(a, b, dim=1)).mean())  # |u - v|^2 of unit vectors
    expected = torch.stack(by_hand).mean()
    assert torch.allclose(perceptual_distance(other, BATCH.images, teacher), expected, atol=1e-5)


def test_its_gradient_for_the_reconstruction_is_that_of_finite_differences(teacher):
    exact, images = copy.deepcopy(teacher).double(), BATCH.images[:2].double()
    decoded = gaussian_blur(images, 5, 1.0).requires_grad_(True)
    perceptual_distance(decoded, images, exact).backward()
    step = 1e-5 * decoded.grad / decoded.grad.norm()
    with torch.no_grad():
        up, down = (perceptual_distance(decoded + sign * step, images, exact) for sign in (1, -1))
    assert ((up - down) / 2).item() == pytest.approx((decoded.grad * step).sum().item(), rel=0.01)
    assert all(p.grad is None for p in exact.parameters())


def test_distillation_vanishes_where_tokens_predict_the_features_and_is_the_cosine_elsewhere(teacher):
    losses = ReconstructionLosses(6, l1=0.0, l2=0.0, distillation=3.0, teacher_size=32)
    tokens, target = torch.randn(8, 4, 6, generator=torch.Generator().manual_seed(0)), teacher(BATCH.images)
    found = losses(tokens, BATCH.images, BATCH.images)
    cosine = F.cosine_similarity(losses.predict(tokens.mean(1)), target).mean()
    assert found.keys() == {"distillation"}
    assert found["distillation"].item() == pytest.approx(3 * (1 - cosine.item()), abs=1e-5)
    with torch.no_grad():  # tokens of 8 independent means: a linear map takes them to any 8 targets
        wide = ReconstructionLosses(8, l1=0.0, l2=0.0, distillation=1.0, teacher_size=32)
        wide.predict.weight.copy_(target.T), wide.predict.bias.zero_()
    one_hot = torch.eye(8)[:, None].expand(8, 4, 8)
    assert wide(one_hot, BATCH.images, BATCH.images)["distillation"].item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("weights", [{"l1": 0.3, "l2": 20.0}, {"l1": 0.0, "l2": 5.0}])
def test_at_zero_nothing_changes(weights, monkeypatch):
    """The numbers, initial weights, keys and random draws of a tokenizer without a teacher, bit for bit."""
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)  # not needed at weight 0
    plain = make(**weights)
    before = torch.get_rng_state()
    decoded, images = plain.decoder(plain.encode(BATCH.images)), BATCH.images
    found = plain.reconstruction(plain.encode(BATCH.images), BATCH.images)
    expected = {"l1": weights["l1"] * (decoded - images).abs().mean(),
                "l2": weights["l2"] * (decoded - images).square().mean()}  # fmt: skip
    assert found.keys() == {name for name, weight in weights.items() if weight}
    assert all(torch.equal(value, expected[name]) for name, value in found.items())
    assert not [key for key in plain.state_dict() if key.startswith("losses")]
    make(**weights, perceptual=1.0)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_teacher_is_neither_saved_nor_counted_and_a_checkpoint_gives_the_same_losses(tmp_path):
    tokenizer, plain = make(**TAUGHT), make()
    first = tokenizer.loss(BATCH)
    assert {"perceptual", "distillation", "l2", "quantizer"} == first.keys()
    own = {key for key in tokenizer.state_dict() if key not in plain.state_dict()}
    assert own == {"losses.predict.weight", "losses.predict.bias"}  # the map of the mean token is the tokenizer's
    count = sum(p.numel() for p in tokenizer.parameters()) - sum(p.numel() for p in plain.parameters())
    assert count == (8 + 1) * 1280
    tokenizer.eval().save_pretrained(tmp_path)
    again = SharedTokenizer.from_pretrained(tmp_path)
    for name, value in again.loss(BATCH).items():
        assert torch.equal(value, tokenizer.loss(BATCH)[name])


def test_the_encoder_learns_from_both_and_its_initial_weights_stay():
    plain, taught = make(), make(**TAUGHT)
    assert all(torch.equal(value, taught.state_dict()[name]) for name, value in plain.state_dict().items())
    loss = taught.loss(BATCH)
    for name, part in (
        ("perceptual", taught.decoder),
        ("distillation", taught.losses),
        ("distillation", taught.encoder),
    ):
        (slope,) = torch.autograd.grad(loss[name], next(part.parameters()), retain_graph=True)
        assert slope.abs().max() > 0


def test_a_unified_model_adds_both_losses():
    model = AutoregressiveModel(make(**TAUGHT), Backbone.tiny(len(WORLD.vocabulary), hidden=16, layers=1, heads=2),
                                WORLD.vocabulary)  # fmt: skip
    found = model.loss(BATCH, torch.Generator().manual_seed(0))
    assert {"perceptual", "distillation", "understanding", "generation"} <= found.keys()


def test_infotok_and_the_teacher_stand_side_by_side():
    tokenizer = make(**TAUGHT, infotok={"text_dim": BATCH.text.shape[1]})
    assert isinstance(tokenizer.infotok, InfoTok)
    assert {"perceptual", "distillation", "infotok"} <= tokenizer.loss(BATCH).keys()


def test_errors_of_pixels_without_a_weight_are_not_computed():
    tokens, decoded, images = torch.rand(2, 4, 3), torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)

    class Counted(torch.Tensor):
        """A tensor that counts differences."""

        count = 0

        def __sub__(self, other):
            Counted.count += 1
            return torch.Tensor(self) - other

    for weights, count in (((0.0, 0.0), 0), ((2.0, 0.0), 1), ((0.0, 2.0), 1), ((1.0, 1.0), 2)):
        Counted.count = 0
        terms = ReconstructionLosses(3, *weights)(tokens, decoded.as_subclass(Counted), images)
        assert (Counted.count, len(terms)) == (count, count)


def test_wrong_weights_and_sizes_are_refused():
    with pytest.raises(ValueError, match=r"perceptual: got -1, expected a number in \[0, inf\)"):
        TokenizerConfig(perceptual=-1)
    with pytest.raises(ValueError, match="teacher_size: got 50, expected a multiple of 32"):
        TokenizerConfig(teacher_size=50)
    with pytest.raises(TypeError, match=r"distillation: got '1', expected a number in \[0, inf\)"):
        ReconstructionLosses(4, 0.0, 1.0, distillation="1")
