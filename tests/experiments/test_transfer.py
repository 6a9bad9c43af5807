"""Tokens of one world's tokenizer probed on another: rows by name, values of `probe_tokenizer`, a control."""

import pytest
import torch

from infotok.evaluation import probe_tokenizer
from infotok.experiments.transfer import UNTRAINED, carried
from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.worlds import OpenMojiWorld

WORLD = OpenMojiWorld(12, nuisance=0.5)
PROBE = {"images": 200, "steps": 20, "width": 16}


def tokenizer(seed: int = 1) -> SharedTokenizer:
    torch.manual_seed(seed)
    config = TokenizerConfig(dim=8, width=8, quantizer_options={"codebook_size": 8}, warmup=5)
    made = SharedTokenizer.from_config(config)
    made.warmup_left = 0  # as in a trained one
    return made.eval()


def test_a_row_for_each_tokenizer_and_one_of_random_weights():
    mine = tokenizer()
    before = torch.random.get_rng_state()
    rows = carried({"mine": mine}, WORLD, seed=3, **PROBE)
    assert torch.equal(before, torch.random.get_rng_state())
    assert [row["tokenizer"] for row in rows] == ["mine", UNTRAINED]
    expected = probe_tokenizer(mine, WORLD, seed=3, **PROBE)["structure"]
    assert (rows[0]["structure / nats"], rows[0]["low"], rows[0]["high"]) == (expected.nats, *expected.interval)
    assert {row["of"] for row in rows} == {WORLD.entropies["structure"]}
    assert rows[1] == carried({"other": tokenizer(2)}, WORLD, seed=3, **PROBE)[1]  # of the seed alone
    assert rows == carried({"mine": mine}, WORLD, seed=3, **PROBE)


def test_what_is_no_tokenizer_is_refused():
    with pytest.raises(TypeError, match="tokenizers: got 'Linear', expected a SharedTokenizer"):
        carried({"mine": torch.nn.Linear(2, 2)}, WORLD)
