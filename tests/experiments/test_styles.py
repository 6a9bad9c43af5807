"""Models asked about two styles of drawings: the same scenes, and scores of `evaluate_understanding`."""

import pytest
import torch

from infotok.evaluation.evaluate import evaluate_understanding
from infotok.experiments.styles import compared_styles
from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.unified import AutoregressiveModel, Backbone
from infotok.worlds import OpenMojiWorld
from infotok.worlds.openmoji import sprites

WORLD = OpenMojiWorld(12, nuisance=0.5)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = TokenizerConfig(dim=8, width=8, quantizer_options={"codebook_size": 8})
    backbone = Backbone.tiny(len(WORLD.vocabulary), hidden=16, layers=1, heads=2)
    return AutoregressiveModel(SharedTokenizer.from_config(config), backbone, WORLD.vocabulary).eval()


def test_a_row_for_each_style_and_model(model):
    try:
        rows = compared_styles({"mine": model, "again": model}, WORLD, images=16, seed=3)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    assert [(row["drawings"], row["model"]) for row in rows] == [
        *(("openmoji", "mine"), ("openmoji", "again"), ("noto", "mine"), ("noto", "again")),
    ]
    expected = evaluate_understanding(model, WORLD.with_split("test"), 16, 3)
    assert rows[0]["U"] == expected["understanding"]["mean"]
    assert {kind: rows[0][kind] for kind in WORLD.kinds}.items() <= expected["understanding"].items()
    assert len({row["U, question only"] for row in rows}) == 1  # the questions are the same


def test_a_missing_font_is_seen_before_any_work(model, monkeypatch):
    monkeypatch.setattr(sprites, "NOTO_PLACES", ())
    monkeypatch.delenv(sprites.NOTO_VARIABLE, raising=False)
    sprites.sprites.cache_clear()
    with pytest.raises(FileNotFoundError, match="fonts-noto-color-emoji"):
        compared_styles({"mine": model}, WORLD, images=16)
    with pytest.raises(ValueError, match="images: got 1, expected an integer from 2 to 65536"):
        compared_styles({"mine": model}, WORLD, images=1)
