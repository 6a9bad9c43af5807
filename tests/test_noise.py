"""A CPU generator serves every device; the meta device stands for an accelerator, which tests cannot count on."""

import pytest
import torch

from infotok.noise import multinomial, rand, randn
from infotok.tokenizers import SharedTokenizer, TokenizerConfig


@pytest.mark.parametrize("draw", [rand, randn])
def test_draws_move_to_the_device_and_keep_the_seed(draw):
    here = draw((3, 2), torch.Generator().manual_seed(1), "cpu", torch.float64)
    own = getattr(torch, draw.__name__)
    assert torch.equal(here, own(3, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    there = draw((3, 2), torch.Generator().manual_seed(1), "meta")
    assert (there.device.type, there.shape) == ("meta", (3, 2))
    assert draw((3,), None, "meta").device.type == "meta"


def test_multinomial_draws_distinct_rows_by_weight():
    weight = torch.tensor([0.0, 1.0, 0.0, 3.0])
    assert sorted(multinomial(weight, 2, torch.Generator().manual_seed(0)).tolist()) == [1, 3]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="an accelerator is needed")
@pytest.mark.parametrize("quantizer", ["vector", "gumbel", "continuous"])
def test_training_passes_take_a_cpu_generator_on_an_accelerator(quantizer):
    options = {} if quantizer == "continuous" else {"codebook_size": 16}
    tokenizer = SharedTokenizer.from_config(TokenizerConfig(dim=8, quantizer=quantizer, quantizer_options=options))
    out = tokenizer.cuda()(torch.rand(8, 3, 32, 32, device="cuda"), generator=torch.Generator().manual_seed(0))
    assert out.tokens.device.type == "cuda"
