"""`estimate_mi` on the data that people have: labels, ties, copies, outliers, scales, functions without noise."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import logsumexp
from sklearn.datasets import load_diabetes, load_digits, load_iris

from infotok.information import estimate_mi
from infotok.information.categories import encode_labels
from infotok.information.functional import exact_relation
from infotok.information.repeats import clustered, distinct_pairs
from infotok.information.variables import variable
from infotok.worlds.channels import GaussianWithAtoms, ImageChannel
from infotok.worlds.gaussians import JointGaussian, JointStudentT

RHO8 = -0.5 * math.log(1 - 0.64)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def classes():
    """Ten Gaussian classes in 16 dimensions: features, labels, and I by the true posterior."""
    means = np.random.default_rng(5).normal(size=(10, 16)) * 0.45

    def draw(seed, n):
        rng = np.random.default_rng(seed)
        y = rng.integers(10, size=n)
        return means[y] + rng.normal(size=(n, 16)), y

    x, y = draw(6, 20_000)
    log = -0.5 * ((x[:, None] - means) ** 2).sum(-1)
    truth = math.log(10) + (log[np.arange(len(y)), y] - logsumexp(log, axis=1)).mean()
    return *draw(0, 1500), truth


def pair(n=1000, rho=0.8, seed=0):
    return (v[:, 0] for v in JointGaussian.correlated(1, rho).sample(n, seed))


def test_classes_of_many_features_whatever_the_labels_are_called(classes):
    x, y, truth = classes
    plain = estimate_mi(x, y)
    assert plain.nats == pytest.approx(truth, rel=0.1)
    assert plain.interval[0] < truth < plain.interval[1]
    assert plain.ceiling == pytest.approx(math.log(10), abs=0.01)
    renamed = np.random.default_rng(1).permutation(10)[y]
    text = np.array(list("abcdefghij"))[y]
    for labels in (renamed, text, pd.Series(text, dtype="category"), np.eye(10)[y], y.astype(float), torch.tensor(y)):
        np.testing.assert_array_equal(variable(labels, "y").label, variable(y, "y").label)  # all that is seen of them
    few = slice(0, 300)
    assert estimate_mi(text[few], x[few]).nats == estimate_mi(x[few], renamed[few]).nats


def test_digits_and_their_labels_stay_below_the_entropy_of_the_labels():
    digits = load_digits()
    varies = np.ptp(digits.data[:900], axis=0) > 0
    estimate = estimate_mi(digits.data[:900, varies], digits.target[:900])
    assert 1.9 < estimate.nats <= estimate.ceiling < 2.31


@pytest.mark.parametrize("columns", [1, 2, 3, 16])
def test_more_codes_never_carry_less(columns):
    codes = np.random.default_rng(0).integers(0, 64, (2000, columns))
    assert estimate_mi(codes, codes[:, 0] % 4).nats == pytest.approx(math.log(4), abs=0.05)


def test_codes_and_codes_share_one_column():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 8, (2, 1200, 3))
    y[:, 1] = x[:, 2]
    assert estimate_mi(x, y).nats == pytest.approx(math.log(8), rel=0.1)


IRIS, DIABETES = load_iris().data, load_diabetes()
TIED = {
    "sepal length, shuffled sepal width": (IRIS[:, 0], IRIS[:, 1]),
    "petal length, shuffled petal width": (IRIS[:, 2], IRIS[:, 3]),
    "diabetes s6, shuffled target": (DIABETES.data[:, 9], DIABETES.target),
    "diabetes age, shuffled s4": (DIABETES.data[:, 0], DIABETES.data[:, 7]),
}


@pytest.mark.parametrize("name", TIED)
def test_ties_are_no_information(name):
    x, y = TIED[name]
    estimate = estimate_mi(x, np.random.default_rng(0).permutation(y))
    assert abs(estimate.nats) < 0.06
    assert estimate.interval[0] <= 0


@pytest.mark.parametrize("rho", [0.0, 0.8])
@pytest.mark.parametrize("digits", [1, 2])
def test_rounded_numbers(rho, digits):
    estimate = estimate_mi(*(v.round(digits) for v in pair(rho=rho)))
    assert estimate.nats == pytest.approx(-0.5 * math.log(1 - rho**2), abs=0.05)


COPIED = {
    "every pair twice": np.repeat(np.arange(500), 2),
    "a bootstrap": np.random.default_rng(7).integers(0, 1000, 1000),
    "one in ten comes five times": np.concatenate([np.arange(500), np.repeat(np.arange(50), 4)]),
}


@pytest.mark.parametrize("method", ["auto", "ksg", "mixed", "gaussian"])
@pytest.mark.parametrize("name", COPIED)
def test_copies_are_counted_once_and_said(method, name):
    x, y = pair()
    with pytest.warns(UserWarning, match=r"samples repeat an earlier pair; each distinct pair counts once"):
        estimate = estimate_mi(x[COPIED[name]], y[COPIED[name]], method)
    assert estimate.nats == pytest.approx(RHO8, abs=0.13)  # of some 500 distinct pairs


def test_copies_of_labelled_samples():
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=150)
    x = rng.normal(size=(150, 3)) + y[:, None]
    with pytest.warns(UserWarning, match="300 of 450 samples repeat"):
        estimate = estimate_mi(np.repeat(x, 3, axis=0), np.repeat(y, 3))
    assert (estimate.nats, estimate.interval) == (estimate_mi(x, y).nats, estimate_mi(x, y).interval)


def test_atoms_and_ties_are_no_copies():
    x, y = (v[:, None] for v in pair())
    on = np.random.default_rng(0).random((1000, 1)) < 0.5
    assert distinct_pairs(np.where(on, x, 0.0), np.where(on, y, 0.0)) is None
    assert distinct_pairs(x.round(1), y.round(1)) is None
    assert distinct_pairs(x.round(1), 2 * x.round(1)) is None
    assert distinct_pairs((x > 0) * 1.0, (x > 0) * 1.0) is None


def test_images_with_several_captions_are_said():
    rng = np.random.default_rng(0)
    images = np.repeat(rng.normal(size=(80, 4)), 5, axis=0)
    assert clustered(images)
    assert not clustered(rng.normal(size=(400, 1)).round(1))
    with pytest.warns(UserWarning, match="x: 80 distinct rows in 400 samples; samples that share a row are not"):
        estimate_mi(images, images[:, 0] + rng.normal(size=400))


@pytest.mark.parametrize("scale", [1e300, 1e-300, 5e-320])
@pytest.mark.parametrize("method", ["auto", "ksg", "ksg2", "cca", "gaussian", "mixed"])
def test_units_of_measurement(scale, method):
    x, y = pair(400)
    assert estimate_mi(x * scale, y * scale, method).nats == pytest.approx(estimate_mi(x, y, method).nats, abs=0.01)


@pytest.mark.parametrize("method", ["auto", "ksg", "ksg2", "gaussian", "mixed", "infonce"])
def test_one_outlier_hides_nothing(method):
    x, y = pair(2000 if method == "infonce" else 800)
    x[3] = 1e12
    options = {"steps": 200, "batch": 128, "hidden": 32, "rate": 5e-3} if method == "infonce" else {}
    assert estimate_mi(x, y, method, **options).nats == pytest.approx(RHO8, abs=0.12)


def test_neural_bounds_of_heavy_tails():
    x, y = pair(2000)
    options = {"steps": 200, "batch": 128, "hidden": 32, "rate": 5e-3}
    for heavy in (lambda v: np.exp(5 * v), lambda v: np.tan(np.pi * (np.arctan(v) / np.pi))):
        assert estimate_mi(heavy(x), heavy(y), "nwj", **options).nats == pytest.approx(RHO8, abs=0.15)


def test_cca_says_that_outliers_dominate():
    x, y = pair()
    x[3] = 1e12
    with pytest.warns(UserWarning, match=r"cca: outliers dominate columns of x; method='gaussian' uses ranks"):
        estimate_mi(x, y, "cca")


X = np.random.default_rng(0).normal(size=(400, 2))
FUNCTIONS = {
    "x": (X[:, 0], X[:, 0]),
    "x cubed": (X[:, 0], X[:, 0] ** 3),
    "minus exp x": (X[:, 0], -np.exp(X[:, 0])),
    "a column": (X, X[:, 1]),
    "a sum of columns": (X, X.sum(axis=1)),
    "a shared column": (X, np.stack([X[:, 0] ** 3, np.random.default_rng(1).normal(size=400)], 1)),
}


@pytest.mark.parametrize("method", ["auto", "cca", "gaussian", "ksg", "mixed"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_without_noise_is_infinite(method, name):
    with pytest.warns(UserWarning, match="mutual information is infinite"):
        estimate = estimate_mi(*FUNCTIONS[name], method)
    assert estimate.nats == math.inf
    assert estimate.reason


def test_a_function_that_does_not_rise_throughout_is_suspected():
    with pytest.warns(UserWarning, match="still grows with N"):
        estimate_mi(X[:, 0], X[:, 0] ** 2)


def test_a_shared_value_of_few_levels_is_finite():
    shared = (X[:, 0] > 0) * 1.0
    x, y = np.stack([shared, X[:, 1]], 1), np.stack([shared, np.random.default_rng(3).normal(size=400)], 1)
    assert exact_relation(x, y) is None
    assert estimate_mi(x, y).nats == pytest.approx(math.log(2), abs=0.1)


@pytest.mark.parametrize("limits", [(0, None), (-1, 1), (None, 0.5)])
def test_a_rectifier_and_clipping_are_functions_too(limits):
    """Their information is infinite, although many samples share the value 0, or the limits."""
    x = np.random.default_rng(4).normal(size=400)
    with pytest.warns(UserWarning, match="mutual information is infinite: y is an increasing function of x in the"):
        assert estimate_mi(x, np.clip(x, *limits)).nats == math.inf


def test_rounded_values_and_zeros_with_noise_are_finite():
    rng = np.random.default_rng(4)
    x = rng.normal(size=400)
    assert exact_relation(x[:, None], np.round(x, 2)[:, None]) is None
    assert exact_relation(x[:, None], np.floor(3 * x)[:, None]) is None
    assert exact_relation(x[:, None], np.where(x < 0, 0, x + 0.1 * rng.normal(size=400))[:, None]) is None


def test_smooth_functions_are_pointed_out_and_noise_is_not():
    rng = np.random.default_rng(4)
    x = rng.normal(size=800)
    for function in (np.square, np.abs, lambda v: np.sin(5 * v)):
        with pytest.warns(UserWarning, match="still grows with N; y may be a function of x"):
            estimate_mi(x, function(x))
    with pytest.warns(UserWarning, match="still grows with N"):
        estimate_mi(np.sin(5 * x), x)
    assert estimate_mi(x, np.sin(5 * x) + 0.05 * rng.normal(size=800)).warnings == ()


def test_integers_are_their_own_entropy():
    labels = np.random.default_rng(0).integers(4, size=500)
    assert estimate_mi(labels, labels).nats == pytest.approx(math.log(4), abs=0.02)


def test_half_precision_and_gradients_are_read_as_numbers():
    x, y = (torch.tensor(v) for v in pair(600))
    for form in (lambda v: v.bfloat16(), lambda v: v.half(), lambda v: v.clone().requires_grad_()):
        assert estimate_mi(form(x), form(y)).nats == pytest.approx(estimate_mi(x, y).nats, abs=0.02)


@pytest.mark.parametrize(
    ("values", "error", "match"),
    [
        (np.zeros(0), ValueError, r"x: got shape \(0,\), expected at least two samples"),
        (np.zeros((0, 3)), ValueError, r"x: got shape \(0, 3\), expected at least two samples"),
        (np.ma.masked_less(np.arange(40.0), 3), ValueError, "x: got '3 masked values', expected samples without gaps"),
        (np.arange(40) + 1j, TypeError, "x: got 'complex128', expected numbers or labels"),
        ([[1.0, 2.0]] * 39 + [[1.0]], ValueError, "x: got 'rows of unequal length'"),
        (None, ValueError, "x: got None, expected samples of shape"),
        ("text", ValueError, "x: got .*, expected samples of shape"),
        (torch.zeros(40, device="meta"), ValueError, "x: got 'a tensor of layout torch.strided on meta'"),
        (torch.eye(40).to_sparse(), ValueError, "x: got 'a tensor of layout torch.sparse_coo"),
        (pd.Series(["a", None] * 20), ValueError, r"x: got '20 missing labels \(None or NaN\)'"),
        (pd.Series([1.0, math.nan] * 20), ValueError, "x: got 'NaN or infinity'"),
        (np.arange(40).astype("datetime64[D]"), TypeError, "x: got 'datetime64.D.', expected numbers or labels"),
    ],
)
@pytest.mark.parametrize("method", ["auto", "mixed"])
def test_what_is_no_sample_is_one_line(values, error, match, method):
    with pytest.raises(error, match=match):
        estimate_mi(values, np.random.default_rng(0).normal(size=40), method)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.arange(100) % 7, "label"),
        (np.arange(100), "numbers"),
        ((np.arange(100) % 7) / 2, "label"),
        (np.linspace(0, 1, 100), "numbers"),
        (np.arange(100) % 7 == 0, "label"),
        (["a", "b"] * 50, "label"),
        (pd.Series(["a", "b"] * 50, dtype="string"), "label"),
        (np.eye(5)[np.arange(100) % 5], "label"),
        (np.random.default_rng(0).integers(0, 64, (100, 4)), "symbols"),
        (np.random.default_rng(0).integers(0, 255, (100, 4)).astype(np.uint8), "numbers"),
        (np.array([["a", "b"], ["a", "c"]] * 50), "label"),
        (np.random.default_rng(0).normal(size=(100, 2)), "numbers"),
        (pd.DataFrame({"a": np.linspace(0, 1, 100), "b": ["u", "v"] * 50}), "numbers"),
    ],
)
def test_kinds(values, kind):
    found = variable(values, "x")
    assert getattr(found, kind) is not None
    assert len(found) == 100
    assert variable(np.asarray(values)[:, 0] if np.ndim(values) > 1 else values, "x", True).label is not None


def test_what_is_said_goes_before_what_is_seen():
    years = np.random.default_rng(0).integers(2010, 2020, 200)
    noisy = years + np.random.default_rng(1).normal(size=200) * 3
    assert estimate_mi(years, noisy).method == "auto: labels"
    numbers = estimate_mi(years, noisy, discrete_x=False)
    assert numbers.method != "auto: labels"
    assert estimate_mi(years, noisy, "ksg", discrete_x=False).nats == pytest.approx(numbers.nats, abs=0.15)
    with pytest.raises(ValueError, match="discrete_x: got 'yes', expected True, False or None"):
        estimate_mi(years, noisy, discrete_x="yes")


def test_frames_keep_numbers_beside_categories():
    rng = np.random.default_rng(0)
    x, sign = rng.normal(size=800), np.where(rng.random(800) < 0.5, "left", "right")
    y = x + np.where(sign == "left", 3.0, -3.0) + rng.normal(size=800)
    alone = estimate_mi(x, y).nats
    assert estimate_mi(pd.DataFrame({"x": x, "sign": sign}), y).nats > alone + 0.4


@pytest.mark.parametrize(("flip", "labels"), [(0.05, (0, 1)), pytest.param(0.05, (3, 8), marks=pytest.mark.slow)])
def test_images(flip, labels):
    world = ImageChannel(flip=flip, classes=labels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of reduced columns and repeated images
        estimate = estimate_mi(*world.sample(2000, 1))
    assert estimate.nats == pytest.approx(world.mutual_information, rel=0.11)
    assert estimate.nats < world.mutual_information + 0.05


def test_student_copulas_of_unequal_sides_are_unbiased():
    world = JointStudentT(0.3 + 0.7 * np.eye(5), 4, 2)
    values = [estimate_mi(*world.sample(1500, seed), "student").nats for seed in range(12)]
    assert np.mean(values) == pytest.approx(world.mutual_information, abs=3 * np.std(values) / math.sqrt(12))


def test_atoms_beside_a_density():
    atoms = GaussianWithAtoms()
    assert estimate_mi(*atoms.sample(1500, 0)).nats == pytest.approx(atoms.mutual_information, rel=0.05)


def test_mixed_takes_many_classes():
    rng = np.random.default_rng(0)
    labels = rng.integers(20, size=1500)
    assert estimate_mi(labels, 6.0 * labels + rng.normal(size=1500), "mixed").nats == pytest.approx(2.98, abs=0.06)


def test_conditional_information_through_one_function():
    rng = np.random.default_rng(0)
    z = rng.integers(2, size=800)
    x = rng.integers(2, size=800)
    assert estimate_mi(x, x ^ z).nats == pytest.approx(0, abs=0.02)
    assert estimate_mi(x, x ^ z, given=z).nats == pytest.approx(math.log(2), abs=0.03)
    z = rng.normal(size=800)
    a, b = z + rng.normal(size=800), z + rng.normal(size=800)
    for method in ("auto", "ksg"):
        assert estimate_mi(a, b, method, given=z).nats == pytest.approx(0, abs=0.06)
    with pytest.raises(ValueError, match=r"given: got .799 samples., expected as many as x has, 800"):
        estimate_mi(a, b, given=z[:-1])
    with pytest.raises(ValueError, match="method: got 'cca', expected 'auto' or 'ksg' with given"):
        estimate_mi(a, b, "cca", given=z)


def test_labels_are_numbered_by_appearance():
    np.testing.assert_array_equal(encode_labels(["b", "a", "b", "c"]), [0, 1, 0, 2])


def test_numbers_stored_as_text_are_pointed_out():
    """Each is a label of its own, of which classifiers can say nothing; scikit-learn's warnings do not come through."""
    x, y = JointGaussian.correlated(1, 0.8).sample(200, 0)
    with pytest.warns(UserWarning, match="x: 200 different labels in 200 samples; .*are they numbers") as seen:
        estimate = estimate_mi(x.astype(str), y)
    assert len(seen) == 1
    assert estimate.nats < 0.3
    assert estimate.warnings == (str(seen[0].message),)


def test_labels_that_mostly_occur_once_leave_the_value_open():
    """A name for each row tells everything about it, of which samples show nothing: the interval says so."""
    rng = np.random.default_rng(0)
    names, x = np.array([f"row {i}" for i in range(400)]), rng.standard_normal(400)
    for other in (x, rng.permutation(names)):
        with pytest.warns(UserWarning, match="labels that occur once cannot be predicted"):
            estimate = estimate_mi(names, other)
        assert estimate.nats == 0
        assert estimate.interval == pytest.approx((0, np.log(400)))
    group = np.where(x + rng.standard_normal(400) > 0, 1, 0)  # I(X;group) = 0.17 nats
    y = np.where((group == 1) & (rng.random(400) < 0.3), "common", names)
    with pytest.warns(UserWarning, match="different labels in 400"):
        estimate = estimate_mi(x, y)
    assert 0 < estimate.nats < 0.17
    assert estimate.interval[1] > 0.17


def test_images_and_dates_are_refused_with_a_way_out():
    labels = np.arange(40) % 2
    with pytest.raises(ValueError, match=r"x: got shape \(40, 1, 8, 8\), .* flatten them, x\.reshape\(len\(x\), -1\)"):
        estimate_mi(np.zeros((40, 1, 8, 8)), labels)
    with pytest.raises(TypeError, match=r"x: got 'datetime64.*dates: convert them to numbers first"):
        estimate_mi(np.arange("2020-01-01", "2020-02-10", dtype="datetime64[D]"), labels)
