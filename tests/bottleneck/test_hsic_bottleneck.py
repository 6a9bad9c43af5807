"""The HSIC bottleneck against `nhsic` (tested by itself against sums over all quadruples) and its invariances."""

import math

import pytest
import torch

from infotok.bottleneck import HSICBottleneck
from infotok.bottleneck.hsic import dependences
from infotok.information import nhsic
from infotok.information.kernels import Side


def batch(n: int = 40) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(n)
    z = torch.randn(n, 6, generator=generator)
    x = torch.tanh(z @ torch.randn(6, 12, generator=generator)) + 0.3 * torch.randn(n, 12, generator=generator)
    return z, x, torch.randint(0, 4, (n,), generator=generator)


@pytest.mark.parametrize("unbiased", [True, False])
@pytest.mark.parametrize("n", [4, 5, 41])
def test_terms_are_nhsic_and_so_are_their_gradients(n, unbiased):
    z, x, labels = (v.double() if v.is_floating_point() else v for v in batch(n))
    for values, kernel, sigma in (
        (x, "gaussian", None),
        (x, "gaussian", 2.0),
        (x, "linear", None),
        (labels, "delta", None),
    ):
        a, b = z.clone().requires_grad_(), z.clone().requires_grad_()
        ours = dependences(Side(a), {"x": Side(values, kernel, sigma)}, unbiased=unbiased)["x"]
        theirs = nhsic(b, values, kernel_y=kernel, bandwidth_y=sigma, unbiased=unbiased)
        assert ours.item() == pytest.approx(theirs.item(), abs=1e-6)
        if theirs != 0:
            ours.backward()
            theirs.backward()
            assert (a.grad - b.grad).abs().max() < 1e-6


def test_large_batches_go_in_chunks():
    """The loss does not jump where the batch outgrows the chunk: 200 rows once had another sigma there."""
    for size in (60, 200):
        z, x, labels = batch(size)
        a, b = (HSICBottleneck(chunk=chunk)(z, x, labels) for chunk in (size, size - 1))
        assert a.compression.item() == pytest.approx(b.compression.item(), abs=2e-6)
        assert a.relevance.item() == pytest.approx(b.relevance.item(), abs=2e-6)
        assert a.compression.item() == pytest.approx(nhsic(z, x).item(), abs=1e-7)


def test_loss_is_the_weighted_difference_and_parts_switch_off():
    z, x, labels = batch()
    terms = HSICBottleneck(compression=2.0, relevance=3.0)(z, x, labels)
    assert terms.loss.item() == pytest.approx(2 * terms.compression.item() - 3 * terms.relevance.item(), abs=1e-6)
    assert HSICBottleneck()(z, x).relevance is None
    assert HSICBottleneck(compression=0)(z, x, labels).compression is None
    assert HSICBottleneck(relevance=0)(z, x, labels).relevance is None


def test_scale_shift_and_rotation_of_z_change_nothing():
    z, x, labels = batch()
    rotation = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(0)))[0]
    first, second = (HSICBottleneck()(v, x, labels).loss.item() for v in (z, 70 * z @ rotation + 5))
    assert first == pytest.approx(second, abs=1e-4)


def test_sigma_is_a_distance():
    """Ten times the input, ten times sigma: the median of squared distances as sigma would break this."""
    z, x, _ = batch()
    sigma = torch.pdist(10 * z).median().item()
    fixed, free = HSICBottleneck(bandwidth_z=sigma), HSICBottleneck()
    assert fixed(10 * z, x).compression.item() == pytest.approx(free(z, x).compression.item(), abs=1e-5)


def test_images_and_text_of_any_shape():
    z, _, labels = batch()
    images, text = torch.rand(40, 3, 8, 8), torch.rand(40, 10)
    assert math.isfinite(HSICBottleneck(kernel_y="linear")(z, images, text).loss)
    assert math.isfinite(HSICBottleneck(kernel_y=None)(z.view(40, 2, 3), images, labels).loss)


def test_pixels_are_taken_as_they_are():
    z, _, _ = batch()
    pixels = torch.randint(0, 256, (40, 3, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    expected = nhsic(z, pixels.flatten(1).float()).item()
    assert HSICBottleneck()(z, pixels).compression.item() == pytest.approx(expected, abs=1e-6)
    masks = pixels > 127
    assert HSICBottleneck()(z, masks).compression.item() == pytest.approx(
        nhsic(z, masks.flatten(1).float()).item(), abs=1e-6
    )


def test_missing_labels_leave_relevance_to_the_others():
    z, x, labels = batch()
    there = torch.arange(40) % 3 != 0
    terms = HSICBottleneck()(z, x, labels.masked_fill(~there, -100))
    assert terms.relevance.item() == nhsic(z[there], labels[there], kernel_y="delta").item()
    assert terms.compression.item() == nhsic(z, x).item()
    vectors = torch.randn(40, 3, generator=torch.Generator().manual_seed(1))
    holes = vectors.masked_fill(~there[:, None], math.nan)
    terms = HSICBottleneck(kernel_y="linear")(z, x, holes)
    assert terms.relevance.item() == nhsic(z[there], vectors[there], kernel_y="linear").item()


def test_captions_as_token_ids_are_not_silently_zero():
    """Captions that all differ, of which z knows the first words."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.cat([torch.randint(1, 6, (40, 5), generator=generator), torch.arange(40)[:, None]], 1)
    z = ids[:, :2] + 0.3 * torch.randn(40, 2, generator=generator)
    assert HSICBottleneck(kernel_y=None)(z, z, ids).relevance.item() > 0.2


def test_autocast_and_half_precision_do_not_matter():
    z, x, labels = batch()
    plain = HSICBottleneck()(z, x, labels).loss.item()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert HSICBottleneck()(z, x, labels).loss.item() == pytest.approx(plain, abs=1e-6)
    assert HSICBottleneck()(z.bfloat16(), x, labels).loss.item() == pytest.approx(plain, abs=0.02)


def test_minimising_it_forgets_x_and_keeps_y():
    """One coordinate of x is the label, the other is loud noise; a linear z trained by the loss keeps the first."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 2, (128,), generator=generator)
    x = torch.stack([labels.float(), 2 * torch.randn(128, generator=generator)], 1)
    weight = torch.tensor([[0.5], [1.0]], requires_grad=True)
    optimiser = torch.optim.Adam([weight], 0.05)
    bottleneck = HSICBottleneck(compression=0.5)
    for _ in range(100):
        terms = bottleneck(x @ weight, x, labels)
        optimiser.zero_grad()
        terms.loss.backward()
        optimiser.step()
    assert terms.relevance > 0.9
    assert abs(weight[1] / weight[0]).item() < 0.1  # from 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda z, x, y: HSICBottleneck(compression=-1), "compression: got -1, expected a number in \\[0, inf\\)"),
        (lambda z, x, y: HSICBottleneck(kernel_x="cosine"), "kernel_x: got 'cosine', expected one of gaussian"),
        (lambda z, x, y: HSICBottleneck()(z, x, y - 1), "y, labels: got -1, expected 0 or above; -100 marks"),
        (lambda z, x, y: HSICBottleneck()(z, x, x * math.nan), "batch: got 0, expected at least 4"),
        (lambda z, x, y: HSICBottleneck(compression="1"), "compression: got '1', expected a number in \\[0, inf\\)"),
        (
            lambda z, x, y: HSICBottleneck(bandwidth_x=math.nan),
            "bandwidth_x: got nan, expected a number in \\(0, inf\\)",
        ),
        (lambda z, x, y: HSICBottleneck(chunk=0), "chunk: got 0, expected a positive integer"),
        (lambda z, x, y: HSICBottleneck(bandwidth_z=0.0), "bandwidth_z: got 0.0, expected a number in \\(0, inf\\)"),
        (lambda z, x, y: HSICBottleneck()(z[:1], x[:1]), "batch: got 1, expected at least 4: HSIC compares"),
        (lambda z, x, y: HSICBottleneck(unbiased=False)(z[:1], x[:1]), "batch: got 1, expected at least 2"),
        (lambda z, x, y: HSICBottleneck()(z, x[:9]), "batch: got 9, expected 40 rows, as many as z"),
        (lambda z, x, y: HSICBottleneck()(z * math.nan, x), r"z: got shape \(40, 6\), expected finite values"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call(*batch())
