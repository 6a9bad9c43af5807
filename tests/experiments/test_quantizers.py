"""Quantizers on image patches, and a codebook that collapses: small runs, and what they must show."""

import pytest
import torch

from infotok.experiments.quantizers import (
    QUANTIZERS,
    SOURCES,
    STARTS,
    as_picture,
    clusters,
    cut,
    paste,
    train_codebook,
    train_on_patches,
)
from infotok.images import unpacked


@pytest.mark.parametrize("channels", [1, 3])
def test_patches_are_cut_and_pasted(channels):
    image = torch.rand(channels, 8, 12)
    patches = cut(image)
    assert patches.shape == (2, 3, 16 * channels)
    assert torch.equal(patches[0, 1].view(channels, 4, 4), image[:, :4, 4:8])
    assert torch.equal(paste(patches), image)


@pytest.mark.parametrize("source", SOURCES)
def test_held_out_patches_are_not_trained_on(source):
    train, test, views = SOURCES[source]()
    assert train.min() >= 0
    assert train.max() <= 1
    assert not {tuple(row) for row in test[:50].tolist()} & {tuple(row) for row in train.tolist() if max(row) > 0.9}
    assert all(view.shape[-1] == train.shape[1] for view in views)


def test_ink_is_dark_on_white():
    ink = torch.zeros(1, 4, 4)
    ink[0, 1, 2] = 1.0
    pixels = unpacked(as_picture(cut(ink)))
    assert pixels[1, 2].tolist() == [0, 0, 0]
    assert pixels[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("name", [*QUANTIZERS, "Gaussian"])
def test_every_quantizer_learns_digits(name):
    short, longer = (
        train_on_patches("digits", name, 4, steps, 0, batch=64, weight=0.003, shown=True) for steps in (2, 60)
    )
    assert longer["psnr"] > short["psnr"], "more steps, less error"
    assert name == "Gaussian" or longer["entropy"] <= 4 + 1e-5, "no more entropy than room"
    assert len(longer["pictures"]) == 4
    assert train_on_patches("digits", name, 4, 2, 0, batch=64, weight=0.003)["psnr"] == short["psnr"], "by the seed"


@pytest.mark.parametrize("revival", [True, False])
@pytest.mark.parametrize("start", STARTS)
def test_a_codebook_is_kept_at_its_frames(start, revival):
    frames = train_codebook(start, revival, [0, 3, 40], seed=0, size=16)["frames"]
    assert [each["step"] for each in frames] == [0, 3, 40]
    for each in frames:
        assert sum(each["counts"]) == 2000
        assert each["used"] == sum(count > 0 for count in each["counts"]) / 16
        assert 1 <= each["perplexity"] <= 16
    assert frames[-1]["error"] < frames[0]["error"]


def test_revival_recovers_a_collapsed_codebook():
    with_it, without = (train_codebook("all in a corner", on, [0, 100], seed=0)["frames"][-1] for on in (True, False))
    assert with_it["used"] > 0.9
    assert without["used"] < 0.5
    assert with_it["error"] < without["error"]


def test_clusters_lie_on_a_ring():
    points = clusters(4000, torch.Generator().manual_seed(0))[0]
    assert points.norm(dim=1).mean() == pytest.approx(2.2, abs=0.1)
    angle = torch.atan2(points[:, 1], points[:, 0])
    right, up = (angle.abs() < 0.3).sum(), ((angle - torch.pi / 4).abs() < 0.3).sum()
    assert right > 2 * up, "the first cluster is 10 / 3 as frequent as the second"


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"source: got 'paintings', expected"):
        train_on_patches("paintings", "vector", 4, 2, 0)
    with pytest.raises(ValueError, match=r"start: got 'nowhere', expected"):
        train_codebook("nowhere", True, [1], 0)
