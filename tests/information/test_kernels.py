"""HSIC against the matrix formulas, its means and invariances, its memory, and the errors of its door."""

import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

from infotok.information.kernels import Side, hsic, median_distance, nhsic, nhsic_with


def data(size=40, seed=0, dtype=torch.float64):
    x = torch.randn(size, 3, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    noise = torch.randn(size, 2, generator=torch.Generator().manual_seed(seed + 1), dtype=dtype)
    return x, x[:, :2].square() + 0.3 * noise


def gram(values, kernel, sigma=None):
    """Kernel matrices in plain NumPy."""
    v = np.asarray(values, dtype=float)
    v = v[:, None] if v.ndim == 1 else v
    distance = np.sqrt(((v[:, None] - v[None]) ** 2).sum(-1))
    if kernel == "linear":
        return v @ v.T
    if kernel == "delta":
        return (v[:, None] == v[None]).mean(-1)  # the share of positions that agree
    sigma = sigma or np.quantile(distance[np.triu_indices(len(v), 1)], 0.5, method="lower")
    return np.exp(-(distance**2) / (2 * sigma**2))


def biased(k, m):
    centre = np.eye(len(k)) - 1 / len(k)
    return np.trace(k @ centre @ m @ centre) / len(k) ** 2


def unbiased(k, m):
    n = len(k)
    k, m, one = k - np.diag(np.diag(k)), m - np.diag(np.diag(m)), np.ones(n)
    cross = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
    return (np.trace(k @ m) + cross - 2 / (n - 2) * one @ k @ m @ one) / (n * (n - 3))


@pytest.mark.parametrize("estimator", [biased, unbiased])
@pytest.mark.parametrize(
    ("kernel_x", "kernel_y"), [("gaussian", "gaussian"), ("linear", "gaussian"), ("linear", "delta")]
)
def test_equals_the_matrix_formula(estimator, kernel_x, kernel_y):
    x, y = data()
    if kernel_y == "delta":
        y = (y[:, 0] > 0.7).long() + (y[:, 1] > 0.7)
    k, m = gram(x, kernel_x), gram(y, kernel_y)
    options = {"kernel_x": kernel_x, "kernel_y": kernel_y, "unbiased": estimator is unbiased}
    centred = gram(x - x.mean(0), "linear") if kernel_x == "linear" else k  # HSIC itself does not see the shift
    assert estimator(centred, m) == pytest.approx(estimator(k, m))
    assert hsic(x, y, **options).item() == pytest.approx(estimator(k, m), abs=1e-12)
    expected = estimator(k, m) / math.sqrt(estimator(k, k) * estimator(m, m))
    assert nhsic(x, y, **options).item() == pytest.approx(expected)


def test_a_given_bandwidth_is_sigma():
    x, y = data()
    expected = unbiased(gram(x, "gaussian", 0.7), gram(y, "gaussian", 2.0))
    assert hsic(x, y, bandwidth_x=0.7, bandwidth_y=2.0).item() == pytest.approx(expected)


def test_unbiased_averages_to_zero_for_independent_inputs():
    generator = torch.Generator().manual_seed(0)
    values = {"gaussian": [], "linear": [], "delta": []}
    floor = []
    for _ in range(500):
        x, y = torch.randn(2, 24, 3, generator=generator)
        labels = torch.randint(4, (24,), generator=generator)
        values["gaussian"].append(hsic(x, y, bandwidth_x=1.7, bandwidth_y=1.7).item())
        values["linear"].append(hsic(x, y, kernel_x="linear", kernel_y="linear").item())
        values["delta"].append(hsic(x, labels, bandwidth_x=1.7, kernel_y="delta").item())
        floor.append(hsic(x, y, bandwidth_x=1.7, bandwidth_y=1.7, unbiased=False).item())
    for name, draws in values.items():
        assert abs(np.mean(draws)) < 3 * np.std(draws) / math.sqrt(500), name
    assert np.mean(floor) > 3 * np.std(floor) / math.sqrt(500)  # the biased one does not


@pytest.mark.parametrize("unbiased", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nhsic_of_identical_inputs_is_one(unbiased, dtype):
    x, _ = data(dtype=dtype)
    labels = torch.arange(40) % 7
    assert nhsic(x, x, unbiased=unbiased).item() == pytest.approx(1, abs=1e-6)
    for kernel, values in (("linear", x), ("delta", labels)):
        assert nhsic(values, values, kernel_x=kernel, kernel_y=kernel, unbiased=unbiased).item() == pytest.approx(
            1, abs=1e-6
        )


@pytest.mark.parametrize("measure", [hsic, nhsic])
@pytest.mark.parametrize("unbiased", [True, False])
def test_invariant_to_shift_rotation_and_scale(measure, unbiased):
    x, y = data()
    rotation = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(5), dtype=x.dtype))[0]
    for kernel in ("gaussian", "linear"):
        options = {"kernel_x": kernel, "unbiased": unbiased}
        expected = measure(x, y, **options)
        torch.testing.assert_close(measure(x + 100, y, **options), expected)
        torch.testing.assert_close(measure(x @ rotation, y, **options), expected)
        if kernel == "gaussian" or measure is nhsic:
            for scale in (1e-6, 7.0, 1e6):
                torch.testing.assert_close(measure(x * scale, y, **options), expected)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(6))
    torch.testing.assert_close(measure(x[order], y[order]), measure(x, y))
    torch.testing.assert_close(measure(y, x), measure(x, y))


def test_the_bandwidth_is_the_median_of_distances():
    x, _ = data(41)
    distances = torch.pdist(x).sort().values
    assert median_distance(x).item() == distances[(len(distances) - 1) // 2].item()
    assert median_distance(3 * x).item() == pytest.approx(3 * median_distance(x).item())  # squares would give 9
    mostly_equal = torch.zeros(10, 1).index_fill(0, torch.tensor([3]), 2.0)
    assert median_distance(mostly_equal).item() == 2.0
    assert median_distance(torch.ones(10, 2)).item() == 1.0
    many = torch.randn(3000, 3, generator=torch.Generator().manual_seed(0))
    assert median_distance(many).item() == pytest.approx(torch.pdist(many).median().item(), rel=0.05)


@pytest.mark.parametrize("measure", [hsic, nhsic])
@pytest.mark.parametrize("unbiased", [True, False])
def test_chunked_equals_whole_with_its_gradient(measure, unbiased):
    x, y = data()
    labels = (y[:, 0] > 0.7).long()
    for target, kernel in ((y, "gaussian"), (labels, "delta")):
        results = []
        for chunk in (40, 13, 1):
            leaf = x.clone().requires_grad_()
            value = measure(leaf, target, kernel_y=kernel, unbiased=unbiased, chunk=chunk)
            value.backward()
            results.append((value.detach(), leaf.grad))
        for other in results[1:]:
            torch.testing.assert_close(other, results[0])


@pytest.mark.parametrize("kernel", ["gaussian", "linear"])
@pytest.mark.parametrize("chunk", [4, 100])
def test_gradients_through_both_sides_and_the_bandwidth(kernel, chunk):
    x, y = data(9)
    x.requires_grad_(), y.requires_grad_()
    for measure in (hsic, nhsic):
        assert torch.autograd.gradcheck(lambda x, y, m=measure: m(x, y, kernel_x=kernel, chunk=chunk), (x, y))


def test_scale_has_no_gradient_with_the_median_bandwidth():
    x, y = data()
    scale = torch.ones((), dtype=x.dtype, requires_grad=True)
    nhsic(scale * x, y).backward()
    assert abs(scale.grad.item()) < 1e-12


def test_usable_as_a_loss_under_autocast():
    torch.manual_seed(0)
    encoder = torch.nn.Linear(3, 4)
    x, y = data(dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        z = encoder(x)
        loss = nhsic(z, x) - nhsic(z, y, kernel_y="linear")
    assert z.dtype == torch.bfloat16
    assert loss.dtype == torch.float32
    loss.backward()
    assert encoder.weight.grad.isfinite().all()
    with torch.autocast("cpu", torch.bfloat16):
        inside = hsic(x, y)
    torch.testing.assert_close(inside, hsic(x, y), rtol=0, atol=0)  # nothing inside runs in half precision


def test_training_on_nhsic_raises_it():
    x, y = data(200, dtype=torch.float32)
    torch.manual_seed(0)
    encoder = torch.nn.Linear(3, 1)
    optimiser = torch.optim.Adam(encoder.parameters(), 0.05)
    start = nhsic(encoder(x), y[:, :1]).item()
    for _ in range(60):
        optimiser.zero_grad()
        (-nhsic(encoder(x), y[:, :1])).backward()
        optimiser.step()
    best = nhsic(x[:, :1], y[:, :1]).item()  # y depends on x_1 alone
    assert start < 0.5 * best
    assert nhsic(encoder(x), y[:, :1]).item() > 0.95 * best


def test_labels_and_text():
    captions = ["a red square", "a blue disc", "two discs", "a red square", "a blue disc", "a red square"]
    codes = torch.tensor([0, 1, 2, 0, 1, 0])
    x = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    expected = hsic(x, codes, kernel_y="delta")
    for labels in (captions, np.array(captions), codes[:, None], codes.to(torch.uint8), codes.numpy()):
        torch.testing.assert_close(hsic(x, labels, kernel_y="delta"), expected)
    one_hot = torch.nn.functional.one_hot(codes).float()
    torch.testing.assert_close(hsic(x, one_hot, kernel_y="linear"), expected)
    assert hsic(x.numpy(), codes.numpy(), kernel_y="delta").item() == pytest.approx(expected.item())


@pytest.mark.parametrize("unbiased", [True, False])
def test_a_constant_answers_zero_with_gradient_zero(unbiased):
    x, _ = data(dtype=torch.float32)
    for constant, kernel in (
        (torch.full((40, 3), 0.1), "gaussian"),
        (torch.full((40, 3), 0.1), "linear"),
        (torch.zeros(40, dtype=torch.long), "delta"),
    ):
        leaf = x.clone().requires_grad_()
        value = nhsic(leaf, constant, kernel_y=kernel, unbiased=unbiased)
        value.backward()
        assert value.item() == hsic(x, constant, kernel_y=kernel, unbiased=unbiased).item() == 0
        assert (leaf.grad == 0).all()
    collapsed = torch.full((40, 3), 0.1, requires_grad=True)
    nhsic(collapsed, x, unbiased=unbiased).backward()
    assert collapsed.grad.isfinite().all()
    column = torch.cat([x, torch.ones(40, 1)], 1)  # one constant column is no trouble
    torch.testing.assert_close(hsic(column, x), hsic(x, x))


@pytest.mark.parametrize("chunk", [1024, 16])
@pytest.mark.parametrize("estimator", [biased, unbiased])
def test_token_ids_are_compared_position_by_position(estimator, chunk):
    """Captions that all differ: equal or not as a whole is the identity matrix, of which nothing depends."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.cat([torch.randint(5, (40, 6), generator=generator), torch.arange(40)[:, None]], 1)  # (N, L)
    x = ids[:, :2].double() + 0.3 * torch.randn(40, 2, generator=generator, dtype=torch.float64)
    k, m = gram(x, "gaussian"), gram(ids, "delta")
    options = {"kernel_y": "delta", "unbiased": estimator is unbiased, "chunk": chunk}
    expected = estimator(k, m) / math.sqrt(estimator(k, k) * estimator(m, m))
    assert expected > 0.2
    for same in (ids, ids.numpy(), ids.numpy().astype(str), ids.to(torch.int16)):
        assert nhsic(x, same, **options).item() == pytest.approx(expected, abs=1e-6)
    assert hsic(x, ids, **options).item() == pytest.approx(estimator(k, m), abs=1e-7)


@pytest.mark.parametrize("size", [128, 129, 300, 501, 700])
@pytest.mark.parametrize("kernel", ["gaussian", "linear"])
def test_the_value_does_not_depend_on_the_path(size, kernel):
    """Sizes on both sides of every threshold: one bandwidth, whatever the chunk."""
    x, y = data(size, dtype=torch.float32)
    options = {"kernel_x": kernel, "kernel_y": "gaussian"}
    whole, parts, tiny = (nhsic(x, y, **options, chunk=chunk).item() for chunk in (size, size - 1, 50))
    assert whole == pytest.approx(parts, abs=2e-6)
    assert whole == pytest.approx(tiny, abs=2e-6)
    if kernel == "gaussian":
        sigmas = {"bandwidth_x": median_distance(x).item(), "bandwidth_y": median_distance(y).item()}
        assert whole == pytest.approx(nhsic(x, y, **sigmas).item(), abs=2e-6)


@pytest.mark.parametrize("chunk", [1024, 16])
def test_one_against_several_is_each_alone(chunk):
    x, y = data(50)
    labels, ids = (y[:, 0] > 0.7).long(), (3 * y).long().abs()
    sides = [Side(y), Side(y, "linear"), Side(labels, "delta"), Side(ids, "delta"), Side(y, "gaussian", 0.5)]
    together = nhsic_with(Side(x), sides, chunk=chunk)
    for value, side in zip(together, sides, strict=True):
        alone = nhsic(x, side.values, kernel_y=side.kernel, bandwidth_y=side.bandwidth, chunk=chunk)
        torch.testing.assert_close(value, alone, rtol=0, atol=1e-12)
    assert nhsic_with(Side(x), []) == []


@pytest.mark.parametrize("scale", [1e-42, 1e-30, 1e-9, 1e9, 1e30, 2e38])
@pytest.mark.parametrize("chunk", [1024, 16])
def test_nhsic_has_no_scale(scale, chunk):
    """Squares and products of these overflow or underflow in float32; nHSIC itself does not depend on them."""
    x, y = (v / v.abs().max() for v in data(dtype=torch.float32))
    for kernel in ("gaussian", "linear"):
        options = {"kernel_x": kernel, "kernel_y": kernel, "chunk": chunk}
        expected = nhsic(x, y, **options).item()
        scaled = (x.double() * scale).float()  # at 1e-42 three digits are left
        assert nhsic(scaled, y, **options).item() == pytest.approx(expected, abs=1e-2 if scale < 1e-38 else 1e-5)
    leaf = (x * scale).requires_grad_()
    nhsic(leaf, y, chunk=chunk).backward()
    assert leaf.grad.isfinite().all() or scale < 1e-38  # 1 / scale itself is beyond float32


def test_scales_beyond_float32_and_float64():
    x, y = data()
    expected = nhsic(x, y, kernel_x="linear", kernel_y="linear").item()
    for scale in (1e-200, 1e200, 1e300):
        assert nhsic(x * scale, y, kernel_x="linear", kernel_y="linear").item() == pytest.approx(expected)
        assert nhsic(x * scale, y).item() == pytest.approx(nhsic(x, y).item())
        assert median_distance(x * scale).item() == pytest.approx(scale * median_distance(x).item())
    linear = hsic(x, y, kernel_x="linear", kernel_y="linear").item()
    big = hsic(1e9 * x, y, kernel_x="linear", kernel_y="linear").item()
    assert big == pytest.approx(1e18 * linear)
    with pytest.raises(ValueError, match="HSIC: got inf, expected a value within range"):
        hsic(1e30 * x.float(), y.float(), kernel_x="linear", kernel_y="linear")


@pytest.mark.parametrize("chunk", [1024, 16])
def test_an_outlier_does_not_blur_the_other_distances(chunk):
    """|a|^2 + |b|^2 - 2 a . b loses all digits of small distances beside one value of 1e6; differences do not."""
    x, y = data()
    x[3] = 1e6
    k, m = gram(x, "gaussian"), gram(y, "gaussian")
    expected = unbiased(k, m) / math.sqrt(unbiased(k, k) * unbiased(m, m))
    assert nhsic(x.float(), y.float(), chunk=chunk).item() == pytest.approx(expected, abs=1e-4)
    twice = torch.cat([torch.zeros(30, 3), torch.full((5, 3), 0.1), torch.full((5, 3), 0.7)])  # most pairs coincide
    k, m = gram(twice, "gaussian", 0.1 * 3**0.5), gram(y, "gaussian")
    distances = torch.pdist(twice.double())
    k = gram(twice, "gaussian", distances[distances > 0].median().item())
    expected = unbiased(k, m) / math.sqrt(unbiased(k, k) * unbiased(m, m))
    assert nhsic(twice, y, chunk=chunk).item() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("sigma", [1e-30, 1e-3, 1e30])
def test_any_bandwidth_gives_an_answer(sigma):
    """Far below all distances the kernel is the identity, far above it is constant: 0 unless biased."""
    x, y = data(dtype=torch.float32)
    for chunk in (1024, 16):
        leaf = x.clone().requires_grad_()
        value = nhsic(leaf, y, bandwidth_x=sigma, chunk=chunk)
        value.backward()
        assert value.item() == 0
        assert leaf.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_inputs(dtype):
    x, y = data(dtype=torch.float32)
    value = nhsic(x.to(dtype), y.to(dtype))
    assert value.dtype == torch.float32
    assert value.item() == nhsic(x.to(dtype).float(), y.to(dtype).float()).item()


def test_all_labels_different_say_nothing_when_unbiased():
    x, _ = data()
    assert nhsic(x, torch.arange(40), kernel_y="delta").item() == 0


def test_bad_input_is_refused():
    x, y = data()
    for measure in (hsic, nhsic):
        with pytest.raises(ValueError, match=r"x: got shape \(40, 3\), expected finite values, no NaN or inf"):
            measure(x * math.nan, y)
        with pytest.raises(ValueError, match="y, samples: got 39, expected as many as x, 40"):
            measure(x, y[1:])
        with pytest.raises(ValueError, match="x, samples: got 1, expected at least 4 for the unbiased estimator"):
            measure(x[:1], y[:1])
        with pytest.raises(ValueError, match="x, samples: got 1, expected at least 2 for the biased estimator"):
            measure(x[:1], y[:1], unbiased=False)
        with pytest.raises(TypeError, match=r"y: got torch.int64, expected floats: convert numbers with .float\(\)"):
            measure(x, torch.arange(40))
        with pytest.raises(TypeError, match=r"x: got torch.float64, expected integer, boolean or string labels"):
            measure(x, y, kernel_x="delta")
        with pytest.raises(ValueError, match="y, labels: got -1, expected 0 or above"):
            measure(x, torch.arange(40) - 1, kernel_y="delta")
        with pytest.raises(ValueError, match="y, labels: got -100, expected 0 or above"):
            measure(x, np.full((40, 3), -100), kernel_y="delta")
        with pytest.raises(TypeError, match="y: got object, expected integer, boolean or string labels"):
            measure(x, np.array([None] * 40), kernel_y="delta")
        with pytest.raises(TypeError, match=r"y: got torch\.complex64, expected floats"):
            measure(x, torch.zeros(40, dtype=torch.complex64))
        with pytest.raises(TypeError, match=r"bandwidth_y: got .wide., expected a number in \(0, inf\)"):
            measure(x, y, bandwidth_y="wide")
        with pytest.raises(ValueError, match="kernel_y: got 'rbf', expected one of gaussian, linear, delta"):
            measure(x, y, kernel_y="rbf")
        with pytest.raises(ValueError, match=r"bandwidth_x: got -1.0, expected a number in \(0, inf\)"):
            measure(x, y, bandwidth_x=-1.0)
        with pytest.raises(ValueError, match="chunk: got 0, expected a positive integer"):
            measure(x, y, chunk=0)
    with pytest.raises(ValueError, match=r"x: got shape \(2, 20, 3\), expected shape \(N,\) or \(N, D\)"):
        hsic(x.view(2, 20, 3), y)
    with pytest.raises(ValueError, match=r"y: got shape \(2, 20, 1\), expected shape \(N,\) or \(N, L\)"):
        hsic(x, torch.zeros(2, 20, 1, dtype=torch.long), kernel_y="delta")
    with pytest.raises(ValueError, match="x, samples: got 1, expected at least 2"):
        median_distance(x[:1])


@pytest.mark.slow
def test_no_kernel_matrix_is_ever_whole():
    """What a fresh process needs for ten thousand samples: one kernel matrix would be 0.37 GiB."""
    program = """
import resource, torch
from infotok.information.kernels import hsic
x, y = torch.randn(2, 10_000, 8, generator=torch.Generator().manual_seed(0))
hsic(x[:100], y[:100])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert hsic(x, y).isfinite()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.25


def test_the_backward_pass_keeps_no_kernel_matrix():
    x, y = data(1000, dtype=torch.float32)
    kept = 0

    def count(tensor):
        nonlocal kept
        kept += tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        hsic(x.requires_grad_(), y, bandwidth_x=1.0, bandwidth_y=1.0, chunk=100)
    assert kept < 1000 * 100


def test_arrays_of_any_layout():
    x, y = np.random.default_rng(0).normal(size=(2, 40, 3))
    expected = hsic(x, y).item()
    locked = x.copy()
    locked.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for same in (locked, x.astype(">f8"), np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2]):
            assert hsic(same, y).item() == expected
        assert hsic(x[::-1], y[::-1]).item() == pytest.approx(expected)
        assert hsic(x.astype(np.longdouble), y).item() == expected
        assert hsic(x.astype(">f4"), y).item() == hsic(x.astype("f4"), y).item()
    labels = np.arange(40) % 4
    delta = {"kernel_x": "delta", "kernel_y": "delta"}
    for kind in ("uint8", "uint16", "uint32", "uint64", "int8", ">i4", "<U3"):
        assert hsic(labels.astype(kind)[::-1], labels[::-1], **delta) == hsic(
            labels[::-1].copy(), labels[::-1].copy(), **delta
        )
