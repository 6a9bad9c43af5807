"""Frechet distances of drawings: the floor, which follows no caption, and a model's own drawings."""

import pytest
import torch

from infotok.evaluation import score_fidelity
from infotok.evaluation.evaluate import generate_images
from infotok.experiments.feature_distances import CLEAN, OTHER, compared
from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.unified import AutoregressiveModel, Backbone
from infotok.worlds import OpenMojiWorld

WORLD = OpenMojiWorld(12, nuisance=0.5)


class Means(torch.nn.Module):
    """Mean and variance of each channel: six features."""

    num_features = 6

    def forward(self, images):
        return torch.cat([images.mean((2, 3)), 10 * images.var((2, 3))], 1)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = TokenizerConfig(dim=8, width=8, quantizer_options={"codebook_size": 8})
    backbone = Backbone.tiny(len(WORLD.vocabulary), hidden=16, layers=1, heads=2)
    return AutoregressiveModel(SharedTokenizer.from_config(config), backbone, WORLD.vocabulary).eval()


def test_a_row_for_each_set_of_images(model):
    rows = {row["images"]: row for row in compared({"mine": model}, WORLD, Means(), images=32, seed=3)}
    assert list(rows) == [OTHER, CLEAN, "mine"]
    generator = torch.Generator().manual_seed(3)
    known, other = WORLD.batch(32, generator, 0), WORLD.batch(32, generator, 0)
    drawn = generate_images(model, known.captions, torch.Generator().manual_seed(3))
    for name, images in ((OTHER, other.images), ("mine", drawn)):
        expected = score_fidelity(images, known.images, features=Means(), subset_size=16, seed=3)
        assert rows[name]["Frechet distance"] == pytest.approx(expected["fd"], rel=1e-3)
        assert rows[name]["objects found"] == WORLD.score_cells(images, known.scenes)["present"]
    assert rows[CLEAN]["objects found"] == 1
    assert rows[OTHER]["objects found"] < 0.3  # other captions
    assert rows[OTHER]["Frechet distance"] < rows["mine"]["Frechet distance"]


def test_too_few_images_are_refused():
    with pytest.raises(ValueError, match="images: got 3, expected an integer from 4 to 65536"):
        compared({}, WORLD, Means(), images=3)
