"""Unlearnable examples: budgets, shortcuts of constructed victims, projections, and the noise that a code keeps."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.stats import multivariate_normal
from torch import nn

from infotok.bottleneck import reverse_waterfilling
from infotok.companions import (
    class_density_noise,
    class_patterns,
    error_minimizing_noise,
    feature_collapse_noise,
    kept_share,
    linear_directions,
    orthogonal_projection,
    poison,
    shortcut_share,
)
from infotok.companions.unlearnable_victims import (
    VICTIMS,
    Network,
    blur,
    fit_network,
    fit_vae,
    fit_vib,
    gaussian_channel,
    train_victim,
)

EPS = 8 / 255
SHAPE = (1, 12, 12)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def grey(n: int, seed: int = 0, classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Images without content: faint noise on grey, and labels in turn."""
    images = 0.5 + 0.02 * torch.randn(n, *SHAPE, generator=seeded(seed))
    return images.clamp(0, 1), torch.arange(n) % classes


def perceptron(classes: int = 3) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(SHAPE), 16), nn.ReLU(), nn.Linear(16, classes))


def followed(patterns: torch.Tensor):
    """A victim by construction: it names the class whose pattern correlates most with the image."""
    return lambda images: ((images - 0.5).flatten(1) @ patterns.flatten(1).T).argmax(1)


@pytest.mark.parametrize("kind", ["sign", "patch"])
def test_patterns_are_at_the_budget_everywhere_and_differ_by_class(kind):
    made = class_patterns(SHAPE, 10, EPS, kind, patch=5, generator=seeded())
    assert made.shape == (10, *SHAPE)
    assert made.abs().unique().tolist() == pytest.approx([EPS])
    assert len({tuple(pattern.flatten().tolist()) for pattern in made}) == 10
    if kind == "patch":
        assert (made[:, :, :5, :5] == made[:, :, :1, :1]).all()
        assert (made[:, :, 10:, 10:] == made[:, :, 10:11, 10:11]).all(), "the last patches are cut off"


def noises(images, labels):
    torch.manual_seed(0)
    common = {"eps": EPS, "steps": 8, "generator": seeded(3)}
    yield error_minimizing_noise(images, labels, [perceptron(), perceptron()], **common)
    yield error_minimizing_noise(images, labels, [perceptron()], per="sample", **common)
    yield feature_collapse_noise(images, labels, perceptron(), eps=EPS, steps=4)
    yield class_density_noise(images, labels, eps=EPS, steps=4)
    yield class_density_noise(images, labels, eps=EPS, ratio=True, steps=4)


def test_no_pixel_moves_by_more_than_the_budget_nor_out_of_its_range():
    images = (
        torch.rand(30, *SHAPE, generator=seeded(1)).mul(1.2).sub(0.1).clamp(0, 1)
    )  # black and white pixels among them
    labels = torch.arange(30) % 3
    for noise in noises(images, labels):
        assert float(noise.abs().max()) <= EPS + 1e-7
        assert float(noise.abs().max()) > 0.5 * EPS
        poisoned = poison(images, labels, noise)
        assert float((poisoned - images).abs().max()) <= EPS + 1e-6
        assert float(poisoned.min()) >= 0
        assert float(poisoned.max()) <= 1


def test_error_minimizing_noise_is_fitted_by_a_model_that_never_saw_it_made():
    images, labels = grey(300)
    torch.manual_seed(1)
    noise = error_minimizing_noise(images, labels, [perceptron()], eps=EPS, steps=60, generator=seeded())
    predict = train_victim("logistic regression", poison(images, labels, noise), labels, seed=0)
    fresh, truth = grey(300, seed=9)
    assert shortcut_share(predict, fresh, truth, noise, generator=seeded()).noise > 0.95


def test_feature_collapse_moves_features_to_their_targets():
    images, labels = torch.rand(90, *SHAPE, generator=seeded()), torch.arange(90) % 3
    torch.manual_seed(2)
    network = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(SHAPE), 4, bias=False))
    moved = images + feature_collapse_noise(images, labels, network, eps=EPS, spread=1.0)
    with torch.no_grad():
        before, after = network(images), network(moved)
    means = torch.stack([before[labels == k].mean(0) for k in range(3)])[labels]
    assert (after - means).square().mean() < 0.5 * (before - means).square().mean()


def test_every_part_of_an_extractor_keeps_its_mode():
    images, labels = torch.rand(30, *SHAPE, generator=seeded()), torch.arange(30) % 3
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(math.prod(SHAPE)), nn.Linear(math.prod(SHAPE), 4)).train()
    network[1].eval()  # a frozen norm inside a network in training
    feature_collapse_noise(images, labels, network, eps=EPS, steps=2)
    assert [part.training for part in network] == [True, False, True]
    assert network[1].num_batches_tracked == 0
    with pytest.raises(ValueError, match="extractor"):
        feature_collapse_noise(images[..., :2], labels, network, eps=EPS, steps=2)
    assert [part.training for part in network] == [True, False, True], "also after a refusal"


def test_density_noise_raises_the_density_of_a_known_gaussian():
    """Pixels with independent noise around a class mean: towards the mean, of its class or away from the others'."""
    means = torch.tensor([0.4, 0.6])
    labels = torch.arange(400) % 2
    images = (means[labels][:, None, None, None] + 0.05 * torch.randn(400, *SHAPE, generator=seeded())).clamp(0, 1)
    moved = images + class_density_noise(images, labels, eps=EPS)
    centre = means[labels][:, None, None, None]
    assert (moved - centre).square().mean() < 0.5 * (images - centre).square().mean()


def test_ratio_noise_raises_the_pointwise_information_about_the_label():
    """By SciPy's densities, with the classes' plain covariances."""
    labels = torch.arange(400) % 2
    scale = torch.tensor([0.05, 0.1])[labels][:, None, None, None]
    images = (0.5 + scale * torch.randn(400, 1, 3, 3, generator=seeded())).clamp(0, 1)
    moved = (images + class_density_noise(images, labels, eps=EPS, ratio=True)).flatten(1).numpy()
    flat = images.flatten(1).numpy()

    def information(x):
        fitted = [flat[labels == k] for k in (0, 1)]
        per = [multivariate_normal(rows.mean(0), np.cov(rows.T)).logpdf(x) for rows in (*fitted, flat)]
        return np.where(labels == 0, per[0], per[1]) - per[2]

    assert (information(moved) - information(flat)).mean() > 0.5


def test_a_fraction_is_poisoned_and_the_others_stay():
    images, labels = grey(100)
    noise = class_patterns(SHAPE, 3, EPS, generator=seeded())
    changed = (poison(images, labels, noise, fraction=0.3, generator=seeded()) != images).flatten(1).any(1)
    assert changed.sum() == 30
    assert torch.equal(poison(images, labels, noise, fraction=0.0, generator=seeded()), images)
    assert torch.equal(poison(images, labels, noise), (images + noise[labels]).clamp(0, 1))
    assert torch.equal(poison(images, labels, noise[labels]), poison(images, labels, noise))


def test_shares_of_constructed_victims():
    images, labels = grey(200)
    noise = class_patterns(SHAPE, 3, 4 * EPS, generator=seeded())
    shares = shortcut_share(followed(noise), images, labels, noise, generator=seeded())
    assert (shares.noise, shares.content) == (1.0, 0.0)
    shares = shortcut_share(lambda _: labels, images, labels, noise, generator=seeded())
    assert (shares.noise, shares.content) == (0.0, 1.0)
    shares = shortcut_share(lambda x: torch.zeros(len(x), dtype=torch.long), images, labels, noise, generator=seeded())
    assert shares.content == pytest.approx(67 / 200)
    assert shares.noise == pytest.approx(1 / 3, abs=0.08), "a constant is right by chance"
    many = noise[torch.tensor([0, 0, 1, 2])]
    shares = shortcut_share(followed(noise), images, labels, many, torch.tensor([0, 0, 1, 2]), generator=seeded())
    assert shares.noise == 1.0


def test_blocks_of_pairs_change_no_draw(monkeypatch):
    images, labels = grey(200)
    noise = torch.linspace(-0.1, 0.1, 200)[:, None, None, None].expand(-1, *SHAPE)  # a row for each image
    shown = []

    def watching(x):
        shown.append(x)
        return labels

    for _ in range(2):
        shortcut_share(watching, images, labels, noise, labels, generator=seeded())
        monkeypatch.setattr("infotok.companions.unlearnable.AT_ONCE", 1000)  # five images at a time
    assert torch.equal(*shown)


def test_projection_removes_a_known_direction_and_nothing_else():
    images, _ = grey(50)
    known = torch.randn(2, math.prod(SHAPE), generator=seeded(4))
    known = torch.cat([known, known[:1] - known[1:]])  # dependent, so of rank 2
    cleaned = orthogonal_projection(images, known).flatten(1)
    inside = (cleaned - images.flatten(1).mean(0)) @ known.T
    assert inside.abs().max() < 1e-4
    other = torch.randn(1, math.prod(SHAPE), generator=seeded(5))
    basis = torch.linalg.qr(known[:2].T)[0]
    other = other - (other @ basis) @ basis.T
    assert torch.allclose(cleaned @ other.T, images.flatten(1) @ other.T, atol=1e-4)


def test_a_linear_shortcut_is_found_and_removed():
    images, labels = grey(600)
    noise = class_patterns(SHAPE, 3, EPS, generator=seeded())
    poisoned = poison(images, labels, noise)
    cleaned = orthogonal_projection(poisoned, linear_directions(poisoned, labels))
    centred = (noise - noise.mean(0)).flatten(1)

    def between(x):
        means = torch.stack([x[labels == k].mean(0).flatten() for k in range(3)])
        return float(((means - means.mean(0)) * centred).sum() / centred.square().sum())

    assert between(poisoned) == pytest.approx(1.0, abs=0.05)
    assert abs(between(cleaned)) < 0.1


def test_directions_of_two_classes_are_those_of_a_logistic_regression():
    images, labels = grey(60, classes=2)
    x, y = images.flatten(1).double().numpy(), labels.numpy()

    def loss(parameters):  # of a regression with penalty |w|^2 / 2, and its gradient
        w, signs = parameters[:-1], 2 * y - 1
        margins = signs * (x @ w + parameters[-1])
        pull = -signs / (1 + np.exp(margins))
        return np.logaddexp(0, -margins).sum() + w @ w / 2, np.append(x.T @ pull + w, pull.sum())

    expected = minimize(loss, np.zeros(x.shape[1] + 1), jac=True).x[:-1]
    found = linear_directions(images, labels).numpy()
    assert found.shape == (2, x.shape[1])
    np.testing.assert_allclose(found[1] - found[0], expected, atol=0.01)  # scikit-learn stops at a gradient of 1e-4
    assert np.corrcoef(found[1] - found[0], expected)[0, 1] > 0.99
    np.testing.assert_allclose(found.sum(0), 0, atol=1e-7)


@pytest.mark.parametrize("bits", [2.0, 6.0, 30.0])
def test_the_share_kept_is_that_of_the_optimal_channel(bits):
    """Two orthogonal patterns on white noise: the one direction between them has variance s + |p|^2 / 4."""
    dim, white = 16, 0.01
    patterns = torch.zeros(2, 1, 4, 4)
    patterns[0, 0, 0, 0], patterns[1, 0, 0, 0] = 0.5, -0.5
    covariance = white * np.eye(dim)
    covariance[0, 0] += 0.25
    code = reverse_waterfilling(covariance, bits)
    assert kept_share(patterns, code) == pytest.approx(max(0.0, 1 - code.level / 0.26), abs=1e-9)
    alone = 0.5 * math.log2(0.26 / 0.01)
    if bits < alone:  # one direction takes the whole rate
        assert code.level == pytest.approx(0.26 * 4**-bits)


def test_a_gaussian_channel_has_the_distortion_and_the_rate_of_the_theory():
    images = 0.5 + 0.1 * torch.randn(4000, 1, 3, 3, generator=seeded(6)) * torch.linspace(0.2, 1.5, 9).view(1, 1, 3, 3)
    code = reverse_waterfilling(torch.cov(images.flatten(1).T.double()).numpy(), 6.0)
    through = gaussian_channel(images, code, seeded())
    distortion = float((through - images).square().flatten(1).sum(1).mean())
    assert distortion == pytest.approx(np.minimum(code.level, code.variances).sum(), rel=0.03)
    joint = np.cov(np.concatenate([images.flatten(1), through.flatten(1)], 1).T)
    active = int((code.rates > 0).sum())
    turned = np.concatenate([code.directions[:active]] * 2)
    a, b = turned[:active] @ joint[:9, :9] @ turned[:active].T, turned[:active] @ joint[9:, 9:] @ turned[:active].T
    c = turned[:active] @ joint[:9, 9:] @ turned[:active].T
    both = np.block([[a, c], [c.T, b]])
    rate = 0.5 * (np.linalg.slogdet(a)[1] + np.linalg.slogdet(b)[1] - np.linalg.slogdet(both)[1]) / math.log(2)
    assert rate == pytest.approx(6.0, rel=0.03)


def test_blur_keeps_constants_and_removes_a_chessboard():
    flat = torch.full((2, 1, 12, 12), 0.3)
    assert torch.allclose(blur(flat, 1.0), flat)
    board = torch.arange(12)[:, None].add(torch.arange(12)).remainder(2).float().view(1, 1, 12, 12)
    assert blur(board, 1.0)[..., 4:8, 4:8].sub(0.5).abs().max() < 0.01


@pytest.mark.parametrize("name", VICTIMS)
def test_every_victim_is_deterministic_and_learns_what_is_plain(name):
    images, labels = grey(300)
    shown = poison(images, labels, class_patterns(SHAPE, 3, 0.2, "patch", generator=seeded()))
    first, second = (train_victim(name, shown, labels, seed=1) for _ in range(2))
    assert torch.equal(first(shown), second(shown))
    assert (first(shown) == labels).float().mean() > 0.95


def test_victims_leave_torchs_generator_and_modes_as_they_are():
    images, labels = grey(60, classes=12)
    code = reverse_waterfilling(np.eye(math.prod(SHAPE)), 8.0)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    predict = train_victim("CNN", images, labels, seed=0)
    assert predict(images).shape == labels.shape  # of twelve classes
    models = [fit_vib(images, labels, 0.1, epochs=1, seed=0), fit_vae(images, code, epochs=1, seed=0)]
    for model in models:
        for mode in (True, False):
            model.train(mode)
            assert model.bits(images) == model.bits(images)
            assert {part.training for part in model.modules()} == {mode}
    models[0].train().predict(images)
    assert models[0].training
    assert models[0].head.out_features == 12
    assert torch.equal(torch.get_rng_state(), state)


def test_adversarial_training_does_not_lean_on_small_noise():
    images, labels = grey(300)
    noise = class_patterns(SHAPE, 3, EPS, generator=seeded())
    poisoned = poison(images, labels, noise)
    shares = []
    for attack in (0.0, 2 * EPS):
        torch.manual_seed(0)
        network = Network(classes=3, width=4)
        predict = fit_network(network, poisoned, labels, epochs=20, attack=attack, generator=seeded())
        shares.append(shortcut_share(predict, images, labels, noise, generator=seeded()).noise)
    assert shares[0] > 0.9
    assert shares[1] < shares[0]


def test_a_supervised_rate_limit_keeps_the_shortcut_and_an_unsupervised_one_drops_it():
    """The same noise on the same images: a few bits suffice for the label, and few bits of pixels leave none of it."""
    smooth = torch.randn(400, 1, 2, 2, generator=seeded(7))
    images = (0.5 + 0.1 * nn.functional.interpolate(smooth, SHAPE[1:], mode="bicubic", align_corners=True)).clamp(0, 1)
    labels = torch.arange(400) % 3
    noise = class_patterns(SHAPE, 3, EPS, generator=seeded())
    poisoned = poison(images, labels, noise)
    vib = fit_vib(poisoned, labels, 0.1, epochs=6, seed=0)
    assert shortcut_share(vib.predict, images, labels, noise, generator=seeded()).noise > 0.9
    assert 1.0 < vib.bits(poisoned) < 6
    code = reverse_waterfilling(torch.cov(poisoned.flatten(1).T.double()).numpy(), 2.0)
    assert kept_share(noise, code) < 0.05
    vae = fit_vae(poisoned, code, seed=0)
    assert vae.bits(poisoned) == pytest.approx(2.0, rel=0.3)
    with torch.no_grad():
        moved = vae.decode(vae.code(poisoned, None).mean) - vae.decode(vae.code(images, None).mean)
    kept = float((moved * noise[labels]).sum() / noise[labels].square().sum())
    assert kept < 0.3


IMAGES, LABELS = grey(6)
PATTERNS = class_patterns(SHAPE, 3, EPS, generator=seeded())


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: class_patterns(SHAPE, 3, 2.0, generator=seeded()), r"eps: got 2.0, expected a number in \[0, 1\]"),
        (lambda: class_patterns(SHAPE, 3, EPS, "stripe", generator=seeded()), "kind: got 'stripe', expected"),
        (lambda: poison(2 * IMAGES, LABELS, PATTERNS), r"images: got .values from .*in \[0, 1\]"),
        (lambda: poison(IMAGES, LABELS, PATTERNS[:2]), "noise: got .*expected 6 rows, or one a class"),
        (lambda: poison(IMAGES, LABELS, PATTERNS, fraction=0.5), "generator: got None, expected a torch.Generator"),
        (
            lambda: shortcut_share(followed(PATTERNS), IMAGES, LABELS, PATTERNS[:1], generator=seeded()),
            "noise: got .1 rows., expected for each",
        ),
        (lambda: shortcut_share(lambda x: x, IMAGES, LABELS, PATTERNS, generator=seeded()), "predict: got .*labels of"),
        (lambda: orthogonal_projection(IMAGES, torch.zeros(2, 3)), "directions: got .*expected a tensor of shape"),
        (lambda: linear_directions(IMAGES, 0 * LABELS), "labels: got .*expected two classes or more"),
        (lambda: kept_share(0 * PATTERNS, reverse_waterfilling(np.eye(144), 1.0)), "noise: got .*patterns that differ"),
        (
            lambda: error_minimizing_noise(IMAGES, LABELS, [], eps=EPS, generator=seeded()),
            "surrogates: got .*one or more that",
        ),
        (
            lambda: error_minimizing_noise(IMAGES, LABELS, [perceptron(2)], eps=EPS, generator=seeded()),
            "surrogates: got .2 outputs., expected a logit for each of 3 classes",
        ),
        (
            lambda: error_minimizing_noise(IMAGES, LABELS, [perceptron().double()], eps=EPS, generator=seeded()),
            "surrogates: got .*expected one that takes float32 images",
        ),
        (
            lambda: class_density_noise(IMAGES[:4], LABELS[:4], eps=EPS),
            "labels: got .a class of one image., expected two images",
        ),
    ],
)
def test_bad_input_is_one_clear_line(call, line):
    with pytest.raises((TypeError, ValueError), match=line) as refused:
        call()
    assert "\n" not in str(refused.value)
