import math

import numpy as np
import pytest
import torch

from infotok.information.auto import compare
from infotok.information.discrete import plugin_mi
from infotok.information.estimate import METHODS, Estimate, estimate_mi
from infotok.information.neural import NEURAL, Training, jackknife, train_critic
from infotok.worlds.channels import ImageChannel, StepUniform
from infotok.worlds.gaussians import AdditiveUniform, JointGaussian
from infotok.worlds.tasks import student
from infotok.worlds.transforms import Spiral, Transformed, normal_cdf, swiss_roll

QUICK = {"steps": 150, "batch": 128, "hidden": 32, "rate": 5e-3}
CLASSICAL = [name for name in METHODS if name not in NEURAL and name not in ("auto", "discrete")]


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def samples(n=400, dim=1, rho=0.8, seed=0):
    return JointGaussian.correlated(dim, rho).sample(n, seed)


@pytest.mark.parametrize("method", CLASSICAL)
def test_classical_methods_read_a_gaussian(method):
    estimate = estimate_mi(*samples(1000), method)
    assert estimate.interval[0] < -0.5 * math.log(1 - 0.64) < estimate.interval[1]
    assert estimate.interval[0] < estimate.nats < estimate.interval[1]
    assert (estimate.method, estimate.kind, estimate.ceiling) == (method, "point", None)
    assert estimate.bits == pytest.approx(estimate.nats / math.log(2))


@pytest.mark.parametrize("method", NEURAL)
def test_neural_methods_train_and_read_held_out_samples(method):
    truth = -0.5 * math.log(1 - 0.64)
    estimate = estimate_mi(*samples(1000), method, **QUICK)
    assert estimate.kind == NEURAL[method].kind
    history = estimate.history
    assert len(history["step"]) == len(history["train"]) == len(history["validation"]) >= 2
    assert history["validation"][-1] > history["validation"][0]
    if estimate.kind == "upper bound":
        assert estimate.interval[1] > truth
    else:
        assert estimate.interval[0] < truth
        assert estimate.nats > 0.5 * truth
    assert (estimate.ceiling is not None) == (method in ("infonce", "interpolated"))


def test_same_seed_same_estimate_and_the_global_state_is_left_alone():
    x, y = samples()
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = estimate_mi(x, y, "infonce", seed=3, **QUICK)
    assert torch.equal(before, torch.random.get_rng_state())
    assert estimate_mi(x, y, "infonce", seed=3, **QUICK) == first
    assert estimate_mi(x, y, "infonce", seed=4, **QUICK).nats != first.nats


def test_infonce_warns_at_its_ceiling():
    x, y = JointGaussian.with_information(4, 12.0).sample(300, 0)
    with pytest.warns(UserWarning, match="is at the bound.s ceiling of 4.09; expect more"):
        estimate = estimate_mi(x, y, "infonce", steps=300, batch=64, hidden=64, rate=3e-3)
    assert estimate.ceiling == pytest.approx(math.log(60))
    assert estimate.nats <= estimate.ceiling
    assert estimate.warnings


@pytest.mark.parametrize("critic", ["separable", "bilinear", "concat"])
def test_critics(critic):
    assert estimate_mi(*samples(300), "infonce", critic=critic, **QUICK).nats > 0.05


def test_discrete_counts():
    rng = np.random.default_rng(0)
    x, y = rng.integers(3, size=(2, 500))
    y = np.where(rng.random(500) < 0.7, x, y)
    estimate = estimate_mi(x, y, "discrete")
    assert estimate.nats == plugin_mi(x, y)
    assert estimate_mi(x, y, "discrete", correction="none").nats == pytest.approx(plugin_mi(x, y, correction="none"))
    assert estimate_mi(x, y).method == "auto: discrete"
    assert estimate_mi(x, y).nats == estimate.nats


def test_auto_keeps_to_the_simplest_where_the_data_are_gaussian():
    estimate = estimate_mi(*samples(500, dim=2))
    assert estimate.method == "auto: gaussian"
    assert set(estimate.candidates) == {"gaussian", "student", "neighbors", "coordinates"}
    assert estimate.reason.startswith("gaussian: no other candidate")


def test_auto_sees_shared_scale():
    world = student(2, 1.5)
    estimate = estimate_mi(*world.sample(800, 1))
    assert estimate.method == "auto: student"
    assert estimate.interval[0] < world.mutual_information < estimate.interval[1]
    assert "student (dof 1" in estimate.reason


@pytest.mark.parametrize(
    "world", [AdditiveUniform(0.2), Transformed(Transformed(JointGaussian.correlated(1, 0.7), normal_cdf), swiss_roll)]
)
def test_auto_falls_back_on_neighbors(world):
    estimate = estimate_mi(*world.sample(800, 1))
    assert estimate.method == "auto: neighbors"
    assert estimate.nats == pytest.approx(world.mutual_information, abs=0.1)


def test_auto_learns_coordinates_for_a_spiral():
    world = Transformed(JointGaussian.sparse(3, 3, pairs=2, rho=0.85), Spiral(1.0, 0, 1))
    x, y = world.sample(2500, 1)
    plan = Training(steps=150, batch=128, rate=8e-3, every=25)
    comparison = compare(x, y, seed=0, plan=plan)
    values = {candidate.name: candidate.nats for candidate in comparison.candidates}
    assert comparison.chosen.name == "coordinates"
    assert values["gaussian"] < values["coordinates"] - 0.3
    assert values["coordinates"] == pytest.approx(world.mutual_information, rel=0.15)
    assert "learned coordinates score" in comparison.reason


def test_auto_does_not_mind_margins():
    x, y = samples(600, dim=1)
    assert estimate_mi(np.exp(x), y**3).nats == pytest.approx(estimate_mi(x, y).nats, abs=1e-12)


def test_auto_reads_labels_beside_numbers():
    world = StepUniform(4)
    estimate = estimate_mi(*world.sample(1500, 0))
    assert estimate.method == "auto: labels"
    assert estimate.nats == pytest.approx(world.mutual_information, abs=0.06)


def test_infonce_reads_real_images_from_below():
    world = ImageChannel(flip=0.05, classes=(0, 1))
    x, y = world.sample(1000, 0)
    vary = np.ptp(x, axis=0) > 0, np.ptp(y, axis=0) > 0
    estimate = estimate_mi(x[:, vary[0]], y[:, vary[1]], "infonce", **QUICK)
    assert estimate.nats > 0.2
    assert estimate.interval[0] < world.mutual_information


def test_auto_reads_nothing_where_there_is_nothing():
    rng = np.random.default_rng(0)
    estimate = estimate_mi(rng.standard_normal((1000, 3)), rng.standard_normal((1000, 2)))
    assert estimate.interval[0] <= 0 <= estimate.interval[1] + 0.005
    assert abs(estimate.nats) < 0.02


def test_auto_reduces_redundant_columns():
    x, y = samples(500, dim=2)
    with pytest.warns(UserWarning, match="x: 4 columns reduced to 2 principal components"):
        estimate = estimate_mi(np.hstack([x, x]), y)
    assert estimate.nats == pytest.approx(estimate_mi(x, y).nats, abs=0.05)


def test_auto_with_more_columns_than_samples_reduces_them():
    rng = np.random.default_rng(0)
    common = rng.standard_normal((100, 1))
    x, y = common + rng.standard_normal((100, 150)), common + rng.standard_normal((100, 150))
    with pytest.warns(UserWarning, match="150 columns reduced to 2 principal components"):
        estimate = estimate_mi(x, y)
    assert 0.3 < estimate.nats < 4


def test_constant_columns_beside_others_carry_nothing():
    x, y = samples(500)
    with pytest.warns(UserWarning, match="x: 1 constant columns dropped"):
        estimate = estimate_mi(np.hstack([x, np.ones_like(x)]), y)
    assert estimate.nats == estimate_mi(x, y).nats


def test_torch_and_numpy_and_vectors_are_one():
    x, y = samples(300)
    expected = estimate_mi(x, y, "ksg")
    assert estimate_mi(torch.tensor(x), y[:, 0], "ksg") == expected


def test_progress_is_shown_on_request(capsys):
    estimate_mi(*samples(200), "infonce", steps=20, batch=32, hidden=16)
    assert capsys.readouterr().err == ""
    estimate_mi(*samples(200), "infonce", steps=20, batch=32, hidden=16, progress=True)
    assert "step 20 of 20" in capsys.readouterr().err


def test_estimate_reads_as_a_line():
    assert str(Estimate(0.5, (0.4, 0.6), "point", "ksg")) == "0.500 nats [0.400, 0.600] (point, ksg)"


def test_jackknife_of_a_mean_is_its_standard_error():
    values = torch.randn(400, generator=torch.Generator().manual_seed(0)).double()
    nats, error = jackknife(lambda scores: scores.diagonal().mean(), [torch.diag(values)])
    assert nats == pytest.approx(values.mean().item())
    assert error == pytest.approx(values.std().item() / 20, rel=0.4)  # twenty groups: an estimate of the error itself


def test_a_diverging_bound_stops_with_its_step():
    critic = torch.nn.Linear(1, 1)
    data = (torch.ones(8, 1), torch.ones(8, 1))

    class Broken(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = critic

        def forward(self, x, y):
            return self.layer(x) * float("nan")

    with pytest.raises(FloatingPointError, match="step 0: the bound is nan"):
        train_critic(Broken(), torch.mean, data, data, Training(steps=2, batch=4), 0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (lambda x: np.where(x == x[3], np.nan, x), "x: got .NaN or infinity., expected finite values"),
        (lambda x: np.where(x == x[3], np.inf, x), "x: got .NaN or infinity"),
        (lambda x: x[:-1], "y: got .100 samples., expected as many as x has, 99"),
        (lambda x: x[:1], "x: got shape .1, 1., expected at least two samples"),
        (lambda x: np.ones_like(x), "x: got .constant columns"),
    ],
)
def test_bad_samples_never_become_nan(method, spoil, match):
    x, y = samples(100)
    if method == "discrete":
        with pytest.raises(TypeError, match=r"x: got .floats., expected integers"):
            estimate_mi(spoil(x), y, method)
        return
    with pytest.raises(ValueError, match=match):
        estimate_mi(spoil(x), y, method)


@pytest.mark.parametrize("method", [m for m in METHODS if m not in ("auto", "mixed", "discrete")])
def test_integers_are_refused_where_floats_are_needed(method):
    x, y = samples(100)
    with pytest.raises(TypeError, match=r"x: got .int64., expected floats"):
        estimate_mi((10 * x).astype(int), y, method)


@pytest.mark.parametrize("method", ["cca", "gaussian", "student"])
def test_more_columns_than_samples(method):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="expected more samples than coordinates"):
        estimate_mi(rng.standard_normal((20, 15)), rng.standard_normal((20, 15)), method)


def test_discrete_refuses_unequal_lengths():
    with pytest.raises(ValueError, match=r"y: got .4 samples., expected as many as x has, 5"):
        estimate_mi(np.arange(5), np.arange(4), "discrete")


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"method": "ksgg"}, ValueError, "method: got 'ksgg', expected one of auto, cca, gaussian"),
        ({"method": "ksg", "hidden": 3}, TypeError, "options: got 'hidden', expected options of ksg: k"),
        ({"method": "auto", "k": 3}, TypeError, "options: got 'k', expected options of auto: none"),
        ({"method": "infonce", "clip": 3}, TypeError, "options: got 'clip', expected options of infonce: critic"),
        ({"method": "infonce", "critic": "deep"}, ValueError, "critic: got 'deep', expected one of separable"),
        ({"method": "infonce", "steps": 0}, ValueError, "steps: got 0"),
        ({"method": "infonce", "batch": 1}, ValueError, "batch: got 1"),
        ({"method": "infonce", "rate": 0.0}, ValueError, r"rate: got 0\.0"),
        ({"method": "discrete", "correction": "magic"}, TypeError, "floats"),
        ({"device": "abacus"}, ValueError, "device: got 'abacus', expected 'auto', 'cpu' or"),
    ],
)
def test_bad_options(options, error, match):
    with pytest.raises(error, match=match):
        estimate_mi(*samples(100), **options)


@pytest.mark.parametrize(("method", "n", "least"), [("auto", 10, 20), ("infonce", 30, 40)])
def test_too_few_samples(method, n, least):
    with pytest.raises(ValueError, match=f"x: got .{n} samples., expected at least {least}"):
        estimate_mi(*samples(n), method)
