"""The configuration of a tokenizer: through JSON and back, old ones, every refusal, and bounds of its sizes."""

import dataclasses
import json
from pathlib import Path

import pytest

from infotok.tokenizers import QUANTIZERS, SharedTokenizer, TokenizerConfig

MODELS = Path(__file__).parents[2] / "figures/11_infotok/models"


def test_a_configuration_survives_json():
    config = TokenizerConfig(
        quantizer="scalar", quantizer_options={"levels": (4, 3)}, infotok={"text_dim": 5, "consistency": 0.1}, warmup=3
    )
    assert TokenizerConfig.from_dict(json.loads(json.dumps(config.asdict()))) == config


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"widht": 8}, ValueError, "config: got 'widht', expected 'width' perhaps; one of size, grid"),
        ({"dim": "8"}, TypeError, "dim: got '8', expected an integer from 1 to 16384"),
        ({"dim": 8.0}, TypeError, r"dim: got 8\.0, expected an integer from 1 to 16384"),
        ({"l2": None}, TypeError, r"l2: got None, expected a number in \[0, inf\)"),
        ({"warmup": True}, TypeError, "warmup: got True, expected a non-negative integer"),
        ({"l1": -1}, ValueError, "l1: got -1, expected a number in \\[0, inf\\)"),
        ({"warmup": -1}, ValueError, "warmup: got -1, expected a non-negative integer"),
        ({"tokens": 8}, ValueError, "tokens: got 8, expected None: versions after 0.1 have no such field"),
        ({"perceptual": -1.0}, ValueError, r"perceptual: got -1\.0, expected a number in \[0, inf\)"),
        ({"teacher_size": 50}, ValueError, "teacher_size: got 50, expected a multiple of 32"),
        ({"quantizer": "vq"}, ValueError, "quantizer: got 'vq', expected one of vector, residual"),
        (
            {"quantizer_options": {"codebok_size": 8}},
            ValueError,
            "quantizer_options: got 'codebok_size', expected 'codebook",
        ),
        (
            {"quantizer": None, "quantizer_options": {"decay": 0.9}},
            ValueError,
            "quantizer_options: got .*, expected {}",
        ),
        ({"infotok": {"beta": 1e-3}}, ValueError, "infotok: got 'beta', expected .*one of estimator, prior"),
        ({"quantizer": "residual", "quantizer_options": {"size": 8}}, ValueError, "quantizer_options: got 'size'"),
    ],
)
def test_unknown_and_mistyped_settings_are_refused_by_name(values, error, message):
    with pytest.raises(error, match=message):
        TokenizerConfig.from_dict(values)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            {"quantizer_options": {"codebook_size": 10**9}},
            "quantizer_options, codebook_size: got 1000000000, expected an integer from 1 to",
        ),
        (
            {"quantizer": "residual", "quantizer_options": {"codebook_size": 4, "codebooks": 10**6}},
            "codebooks: got 1000000",
        ),
        ({"quantizer": "scalar", "quantizer_options": {"levels": [16] * 16}}, "quantizer_options, levels: got"),
        ({"quantizer": "scalar", "quantizer_options": {"levels": [3] * 10**4}}, "quantizer_options, levels: got"),
        (
            {"infotok": {"text_dim": 10**10}},
            "infotok, text_dim: got 10000000000, expected an integer from 1 to 1048576",
        ),
        ({"dim": 10**9}, "dim: got 1000000000, expected an integer from 1 to 16384"),
        ({"size": 2**20, "grid": 2**10}, "size: got 1048576, expected an integer from 2 to 4096"),
    ],
)
def test_sizes_are_bounded_before_anything_is_made(values, line):
    with pytest.raises(ValueError, match=line):
        TokenizerConfig.from_dict(values)


@pytest.mark.parametrize("folder", sorted(MODELS.iterdir()), ids=lambda folder: folder.name)
def test_configurations_that_version_0_1_saved_load(folder):
    values = json.loads((folder / "config.json").read_text())["meta"]["tokenizer"]
    assert {"tokens", "perceptual"} <= values.keys()
    kept = {name: value for name, value in values.items() if name != "tokens"}
    config = TokenizerConfig.from_dict(values)
    assert config.asdict() == kept | {"distillation": 0.0, "teacher_size": 224}
    assert SharedTokenizer.from_config(config).length == config.grid**2


def test_a_configuration_cannot_be_changed_and_is_checked_when_replaced():
    config = TokenizerConfig()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.dim = 8
    assert dataclasses.replace(config, dim=8).dim == 8
    with pytest.raises(ValueError, match="dim: got 0, expected an integer from 1 to 16384"):
        dataclasses.replace(config, dim=0)


@pytest.mark.parametrize(
    ("name", "options", "missing"),
    [("vector", {}, "codebook_size"), ("residual", {"codebook_size": 4}, "codebooks"), ("scalar", {}, "levels")],
)
def test_a_missing_option_of_the_quantizer_is_named(name, options, missing):
    config = TokenizerConfig(quantizer=name, quantizer_options=options)
    with pytest.raises(ValueError, match=f"quantizer_options: got 'no {missing}', expected what .* needs"):
        config.make_quantizer()


def test_every_quantizer_has_a_name():
    for name in QUANTIZERS:
        assert TokenizerConfig(quantizer=name).quantizer == name
