import numpy as np
import pytest
import torch
from ennemi._entropy_estimators import _estimate_conditional_mi, _estimate_single_mi
from scipy.spatial import cKDTree

from infotok.information.discrete import plugin_mi
from infotok.information.margins import isolated_atoms, normal_scores, untied_scores
from infotok.information.neighbors import (
    _radius_by_sets,
    conditional_ksg,
    count_closer,
    ksg,
    ksg_pointwise,
    mixed_ksg,
    neighbor_radius,
)
from infotok.worlds.channels import GaussianWithAtoms, StepUniform
from infotok.worlds.gaussians import JointGaussian


def pair(n: int, dim: int, rho: float = 0.6, seed: int = 0):
    return JointGaussian.correlated(dim, rho).sample(n, seed)


def scores(*arrays):
    return [normal_scores(a) for a in arrays]


@pytest.mark.parametrize("dim", [1, 2, 4, 7])
@pytest.mark.parametrize("k", [1, 3, 10])
def test_equals_ennemi(dim, k):
    x, y = pair(800, dim)
    assert ksg(x, y, k=k) == pytest.approx(_estimate_single_mi(*scores(x, y), k), abs=1e-3)


def test_conditional_equals_ennemi():
    (x, y), (z, _) = pair(600, 2), pair(600, 2, seed=1)
    x = x + z
    assert conditional_ksg(x, y, z) == pytest.approx(_estimate_conditional_mi(*scores(x, y, z), 3), abs=1e-3)


def test_conditioning_on_the_common_cause_removes_the_information():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((2000, 1))
    x, y = z + rng.standard_normal((2000, 1)), z + rng.standard_normal((2000, 1))
    assert ksg(x, y) == pytest.approx(-0.5 * np.log(1 - 0.25), abs=0.06)
    assert conditional_ksg(x, y, z) == pytest.approx(0, abs=0.06)


@pytest.mark.parametrize("variant", [1, 2])
def test_near_the_truth_in_few_dimensions(variant):
    world = JointGaussian.correlated(1, 0.8)
    values = [ksg(*world.sample(2000, seed), variant=variant) for seed in range(5)]
    assert np.mean(values) == pytest.approx(world.mutual_information, abs=0.03)


@pytest.mark.parametrize("dim", [1, 2, 3, 12])
@pytest.mark.parametrize("inclusive", [False, True])
def test_counts_and_radii_equal_the_whole_distance_matrix(dim, inclusive):
    points = np.random.default_rng(1).standard_normal((150, dim))
    distance = np.abs(points[:, None] - points).max(-1)
    radius = neighbor_radius(points, 4)
    np.testing.assert_allclose(radius, np.sort(distance, axis=1)[:, 4])
    closer = distance <= radius[:, None] * (1 + 1e-9) if inclusive else distance < radius[:, None] * (1 - 1e-9)
    np.testing.assert_array_equal(count_closer(points, radius, inclusive=inclusive), closer.sum(1) - 1)


@pytest.mark.parametrize("kind", ["normal", "heavy tails", "a cluster far away", "repeats", "lattice"])
def test_radii_in_many_dimensions_equal_those_of_a_tree(kind):
    rng = np.random.default_rng(2)
    points = {
        "normal": rng.standard_normal((1500, 14)),
        "heavy tails": rng.standard_cauchy((1500, 14)),
        "a cluster far away": rng.standard_normal((1500, 14)) + 1e6 * (np.arange(1500) < 5)[:, None],
        "repeats": rng.standard_normal((1500, 14))[np.maximum(np.arange(1500) - 70, 0)],  # of one point
        "lattice": rng.integers(0, 2, (1500, 14)).astype(float),  # at least half of all pairs are at distance 1
    }[kind]
    assert (_radius_by_sets(cKDTree(points), points, 3) is None) == (kind == "lattice")
    by_tree = cKDTree(points).query(points, k=[4], p=np.inf)[0][:, 0]
    np.testing.assert_array_equal(neighbor_radius(points, 3), by_tree)


def test_units_of_measurement_do_not_matter():
    x, y = pair(500, 2)
    assert ksg(1e6 * x + 3, 1e-3 * y) == pytest.approx(ksg(x, y), abs=1e-6)


def test_sides_are_equal_and_vectors_are_columns():
    x, y = pair(500, 1)
    assert ksg(x, y) == pytest.approx(ksg(y, x)) == pytest.approx(ksg(x[:, 0], torch.tensor(y[:, 0])))
    assert ksg(x, y) == pytest.approx(ksg_pointwise(x, y).mean())


def test_mixed_reads_a_discrete_side():
    world = StepUniform(5)
    values = [mixed_ksg(*world.sample(2000, seed)) for seed in range(3)]
    assert np.mean(values) == pytest.approx(world.mutual_information, abs=0.03)


def test_mixed_equals_ksg_without_repeats_but_for_log_n():
    x, y = pair(1000, 1)
    assert mixed_ksg(x, y) == pytest.approx(ksg(x, y), abs=1 / 1000)


def test_mixed_counts_where_all_is_discrete():
    rng = np.random.default_rng(0)
    x = rng.integers(2, size=(3000, 1))
    y = np.where(rng.random((3000, 1)) < 0.1, 1 - x, x)
    assert mixed_ksg(x, y) == pytest.approx(np.log(2) + 0.1 * np.log(0.1) + 0.9 * np.log(0.9), abs=0.03)


@pytest.mark.parametrize("weight", [0.3, 0.5, 0.8])
def test_mixed_measures_atoms_and_density_together(weight):
    world = GaussianWithAtoms(weight=weight)
    values = [mixed_ksg(*world.sample(2000, seed)) for seed in range(4)]
    assert np.mean(values) == pytest.approx(world.mutual_information, abs=0.04)


@pytest.mark.parametrize("estimator", [ksg, mixed_ksg, lambda x, y: ksg_pointwise(x, y, variant=2).mean()])
@pytest.mark.parametrize("digits", [0, 1, 2])
@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_rounding_makes_no_information(estimator, digits, rho):
    """I of rounded pairs lies between that of labels, counted from many samples, and that of the pairs."""
    values = []
    for seed in range(4):
        x, y = (v.round(digits) for v in JointGaussian.correlated(1, rho).sample(1000, seed))
        values.append(estimator(x, y))
    truth = -0.5 * np.log(1 - rho**2)
    if digits == 0 and rho:
        many = [v.round().astype(int) for v in JointGaussian.correlated(1, rho).sample(400_000, 9)]
        truth = plugin_mi(*many)
    assert np.mean(values) == pytest.approx(truth, abs=0.04)


def test_one_side_rounded_and_several_columns():
    values = []
    for seed in range(4):
        x, y = JointGaussian.sparse(2, 2, pairs=2, rho=0.7).sample(1500, seed)
        values.append(ksg(x.round(1), y))
    assert np.mean(values) == pytest.approx(-np.log(1 - 0.49), abs=0.05)


def test_conditioning_on_rounded_numbers():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((2000, 1))
    x, y = z + rng.standard_normal((2000, 1)), z + rng.standard_normal((2000, 1))
    assert conditional_ksg(x.round(1), y.round(1), z) == pytest.approx(0, abs=0.06)


@pytest.mark.parametrize("map_", [lambda x: np.where(x == x[0], 1e12, x), np.exp, lambda x: np.exp(5 * x), np.cbrt])
def test_margins_do_not_matter(map_):
    x, y = pair(500, 1)
    assert ksg(map_(x), y) == pytest.approx(ksg(x, y), abs=0.02)


def test_untied_scores_break_ties_at_random_and_keep_the_order():
    x = np.array([[1.0], [0.0], [1.0], [2.0], [1.0]])
    spread = untied_scores(x, np.random.default_rng(0), "x")
    assert len(np.unique(spread)) == 5
    assert spread[1] < min(spread[[0, 2, 4]])
    assert max(spread[[0, 2, 4]]) < spread[3]
    assert np.sort(spread[:, 0]) == pytest.approx(np.sort(normal_scores(np.arange(5.0)[:, None])[:, 0]))
    other = untied_scores(np.repeat(x, 40, 0), np.random.default_rng(1), "x")
    assert not np.array_equal(other, untied_scores(np.repeat(x, 40, 0), np.random.default_rng(2), "x"))


def test_isolated_atoms_are_points_and_ties_of_few_are_not():
    rng = np.random.default_rng(0)
    x = np.where(rng.random((300, 1)) < 0.5, 7.0, rng.standard_normal((300, 1)).round(1))
    placed = isolated_atoms(x, rng, "x", 2)
    atom = x[:, 0] == 7
    assert len(np.unique(placed[atom])) == 1
    assert len(np.unique(placed[~atom])) == (~atom).sum()
    assert np.abs(placed[atom][0] - placed[~atom]).min() > 10


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"k": 0}, ValueError, "k: got 0, expected an integer from 1 to N - 1 = 49"),
        ({"k": 50}, ValueError, "k: got 50"),
        ({"k": 2.5}, ValueError, r"k: got 2\.5"),
        ({"variant": 3}, ValueError, "variant: got 3, expected 1 or 2"),
    ],
)
def test_bad_options(change, error, match):
    with pytest.raises(error, match=match):
        ksg(*pair(50, 1), **change)


@pytest.mark.parametrize(
    ("spoil", "error", "match"),
    [
        (lambda x: np.where(x == x[3], np.nan, x), ValueError, "x: got .NaN or infinity., expected finite values"),
        (lambda x: x[:-1], ValueError, "y: got .50 samples., expected as many as x has, 49"),
        (lambda x: x[:1], ValueError, "x: got shape .1, 2., expected at least two samples"),
        (lambda x: x * [1, 0], ValueError, r"x: got .constant columns \[1\]., expected columns that vary"),
        (lambda x: (10 * x).astype(int), TypeError, "x: got .int64., expected floats"),
        (lambda x: x.astype(str), TypeError, "x: got .<U"),
        (lambda x: x[None], ValueError, "expected samples of shape .N, d."),
        (lambda x: x[:, :0], ValueError, "at least one column"),
    ],
)
def test_bad_samples(spoil, error, match):
    x, y = pair(50, 2)
    with pytest.raises(error, match=match):
        ksg(spoil(x), y)


def test_repeated_samples_are_refused_and_pointed_to_mixed():
    x, y = pair(50, 1)
    with pytest.raises(ValueError, match=r"samples that repeat another., expected distinct samples"):
        ksg(np.repeat(x, 5, axis=0), np.repeat(y, 5, axis=0))


def test_conditional_needs_as_many_conditions():
    x, y = pair(50, 1)
    with pytest.raises(ValueError, match=r"z: got .49 samples"):
        conditional_ksg(x, y, x[:-1])
