import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_t, norm
from scipy.stats import t as student_t

from infotok.worlds.channels import GaussianWithAtoms, ImageChannel, StepUniform
from infotok.worlds.gaussians import JointGaussian
from infotok.worlds.tasks import beyond_normal, staircase, student
from infotok.worlds.transforms import (
    WIGGLY_X,
    WIGGLY_Y,
    Bimodal,
    Spiral,
    Transformed,
    Wiggly,
    asinh,
    cubic,
    half_cube,
    normal_cdf,
    swiss_roll,
)


def test_forty_tasks_of_the_published_dimensions():
    tasks = beyond_normal()
    assert len({task.name for task in tasks}) == len(tasks) == 40
    for task in tasks:
        x, y = task.world.sample(3, 0)
        dims = task.name.split()[-1].split("x")
        assert (x.shape[1], y.shape[1]) == tuple(map(int, dims)), task.name
        assert np.isfinite(task.world.mutual_information)
        assert task.world.mutual_information > 0


def test_published_truths():
    """Table of Czyz et al. 2023, to its two digits."""
    truth = {task.name: task.world.mutual_information for task in beyond_normal()}
    published = {
        "normal 1x1": 0.41,
        "additive uniform 0.1 1x1": 1.71,
        "additive uniform 0.75 1x1": 0.33,
        "student 1 1x1": 0.22,
        "swiss roll 2x1": 0.41,
        "dense 5x5": 0.59,
        "dense 50x50": 1.62,
        "two pairs 25x25": 1.02,
        "student 1 2x2": 0.43,
        "student 3 5x5": 0.30,
        "spiral two pairs 3x3": 1.02,
    }
    assert {name: round(truth[name], 2) for name in published} == published


def test_student_truth_by_integration():
    grid = np.linspace(-8, 8, 801)  # x = sinh(s): tails to +-1490
    x, weight = np.sinh(grid), np.cosh(grid) * (grid[1] - grid[0])
    joint = multivariate_t(shape=np.eye(2), df=3).logpdf(np.stack(np.meshgrid(x, x, indexing="ij"), -1))
    margin = student_t.logpdf(x, 3)
    value = (np.exp(joint) * (joint - margin[:, None] - margin) * weight[:, None] * weight).sum()
    assert student(1, 3).mutual_information == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize("name", ["rho", "dense", "pair", "speed", "eps"])
def test_other_parameters_make_other_tasks(name):
    other = {"rho": 0.5, "dense": 0.2, "pair": 0.4, "speed": 2.0, "eps": (0.2, 0.6)}[name]
    before, after = beyond_normal(), beyond_normal(**{name: other})
    changed = [not np.array_equal(a.world.sample(5, 0)[0], b.world.sample(5, 0)[0])
               or not np.array_equal(a.world.sample(5, 0)[1], b.world.sample(5, 0)[1])
               for a, b in zip(before, after, strict=True)]  # fmt: skip
    assert 0 < sum(changed) < 40


@given(st.integers(3, 8), st.floats(0.1, 5), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_spiral_can_be_unwound(dim, speed, seed):
    x = np.random.default_rng(seed).standard_normal((20, dim))
    wound = Spiral(speed, 1, 2)(x)
    np.testing.assert_allclose(np.linalg.norm(wound, axis=1), np.linalg.norm(x, axis=1))
    np.testing.assert_allclose(Spiral(-speed, 1, 2)(wound), x, atol=1e-9)
    np.testing.assert_array_equal(wound[:, 0], x[:, 0])


@pytest.mark.parametrize("map_", [asinh, half_cube, cubic, normal_cdf, WIGGLY_X, WIGGLY_Y])
def test_maps_of_one_coordinate_increase(map_):
    line = np.linspace(-5, 5, 2001)[:, None]
    assert (np.diff(map_(line), axis=0) > 0).all()


def test_bimodal_inverts_its_distribution_function():
    margin = Bimodal(0.3, 0.0, 5.0)
    u = np.linspace(0.001, 0.999, 200)[:, None]
    value = margin(u)
    np.testing.assert_allclose(0.3 * norm.cdf(value) + 0.7 * norm.cdf(value - 5), u, atol=1e-10)


def test_swiss_roll_keeps_the_angle_as_radius():
    u = np.linspace(0.01, 0.99, 50)[:, None]
    radius = np.linalg.norm(swiss_roll(u), axis=1) * 21
    np.testing.assert_allclose(radius, 1.5 * np.pi * (1 + 2 * u[:, 0]))


def test_transformed_keeps_the_truth_and_the_seed():
    base = JointGaussian.correlated(2, 0.5)
    world = Transformed(base, cubic, asinh)
    assert world.mutual_information == base.mutual_information
    np.testing.assert_array_equal(world.sample(4, 7)[0], base.sample(4, 7)[0] ** 3)
    np.testing.assert_array_equal(world.sample(4, 7)[1], np.arcsinh(base.sample(4, 7)[1]))


@pytest.mark.parametrize("map_y", [lambda y: y, cubic])
def test_staircase(map_y):
    steps = staircase(map_y=map_y)
    assert [round(step.world.mutual_information, 9) for step in steps] == [2, 4, 6, 8, 10]
    assert steps[0].world.sample(2, 0)[0].shape == (2, 20)


def test_step_uniform_truth_by_integration():
    m = 4
    y = (np.arange(200_000) + 0.5) / 200_000 * (m + 1)
    density = sum(((y > x) & (y < x + 2)) / 2 for x in range(m)) / m
    h_y = -np.sum(density * np.log(np.where(density > 0, density, 1))) * (m + 1) / 200_000
    assert StepUniform(m).mutual_information == pytest.approx(h_y - np.log(2), abs=1e-4)


def test_atoms_truth_is_that_of_its_parts():
    assert GaussianWithAtoms(rho=0.0, agree=0.5).mutual_information == pytest.approx(np.log(2))
    assert GaussianWithAtoms(rho=0.6, weight=1.0).mutual_information == pytest.approx(-np.log(0.8))
    x, y = GaussianWithAtoms().sample(2000, 0)
    atoms = np.abs(x) == 1
    np.testing.assert_array_equal(atoms, np.abs(y) == 1)
    assert (x[atoms] == y[atoms]).mean() == pytest.approx(0.8, abs=0.05)


def test_image_channel_joins_labels_through_the_channel():
    world = ImageChannel(flip=0.2, classes=(0, 1, 7))
    expected = np.log(3) + 0.8 * np.log(0.8) + 0.2 * np.log(0.2) - 0.2 * np.log(2)
    assert world.mutual_information == pytest.approx(expected)
    x, y = world.sample(3000, 0)
    assert x.shape == y.shape == (3000, 64)
    label = {image.tobytes(): c for c, images in enumerate(world.images) for image in images}
    labels = np.array([[label[a.tobytes()], label[b.tobytes()]] for a, b in zip(x, y, strict=True)])
    assert (labels[:, 0] == labels[:, 1]).mean() == pytest.approx(0.8, abs=0.03)
    assert np.bincount(labels[:, 0]) / 3000 == pytest.approx(np.full(3, 1 / 3), abs=0.04)


def test_same_seed_same_samples():
    for world in (StepUniform(3), GaussianWithAtoms(), ImageChannel(), beyond_normal()[33].world):
        for a, b in zip(world.sample(50, 5), world.sample(50, 5), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: StepUniform(1), "symbols: got 1, expected an integer, at least 2"),
        (lambda: GaussianWithAtoms(rho=1.0), r"rho: got 1\.0"),
        (lambda: GaussianWithAtoms(agree=1.2), r"agree: got 1\.2, expected a number in \[0, 1\]"),
        (lambda: ImageChannel(flip=-0.1), r"flip: got -0\.1"),
        (lambda: ImageChannel(classes=(1, 1)), "classes: got .1, 1., expected two or more distinct labels"),
        (lambda: ImageChannel(classes=(0, 11)).sample(2, 0), r"classes: got \[11\], expected labels that digits has"),
        (lambda: Wiggly((1.0,), (1.0,), (0.0,)), "a sum below 1, or the map is not one-to-one"),
        (lambda: Spiral(1.0, 1, 2)(np.zeros((2, 2))), "expected 0 <= i < j < 2"),
        (lambda: swiss_roll(np.zeros((2, 2))), "u: got shape .2, 2."),
    ],
)
def test_errors(make, match):
    with pytest.raises(ValueError, match=match):
        make()
