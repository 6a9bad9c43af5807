"""Causally regularised tokens: what the error is of, who sees whom, its schedule, and that it does what it is for."""

import pytest
import torch

from infotok.bottleneck.regulariser import Regulariser
from infotok.experiments.crt import CausalRegulariser
from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.worlds import ShapesWorld


def made(**options):
    torch.manual_seed(0)
    return CausalRegulariser(**({"dim": 3, "length": 5, "width": 8} | options))


def features(n=6, length=5, dim=3):
    return torch.randn(n, length, dim, generator=torch.Generator().manual_seed(1))


def test_the_error_is_that_of_predicting_each_token_from_those_before():
    """With a silent transformer the prediction is the bias: the error is a variance about it."""
    regulariser, z = made().eval(), features()
    torch.nn.init.zeros_(regulariser.leave.weight)
    torch.nn.init.constant_(regulariser.leave.bias, 0.5)
    same, terms = regulariser(z)
    assert same is z
    assert terms.error.item() == pytest.approx((z[:, 1:] - 0.5).square().mean().item(), rel=1e-6)
    mask = torch.ones(6, 5, dtype=torch.bool)
    mask[:, 3:] = False
    assert regulariser(z, mask=mask)[1].error.item() == pytest.approx((z[:, 1:3] - 0.5).square().mean().item())


@pytest.mark.parametrize("place", range(5))
def test_a_prediction_sees_no_later_token(place):
    """A change at one place changes the errors of that place and of later ones, and no earlier one."""
    regulariser, z = made().eval(), features(1)
    changed = z.clone()
    changed[0, place] += 1

    def errors(x):
        return [regulariser(x, mask=torch.arange(5)[None] == i)[1].error.item() for i in range(1, 5)]

    moved = [a != pytest.approx(b, abs=1e-7) for a, b in zip(errors(z), errors(changed), strict=True)]
    assert moved == [i >= place for i in range(1, 5)]


def test_its_weight_rises_from_nothing():
    regulariser, z = made(weight=4.0, steps=4).train(), features()
    ratios = [(terms.loss / terms.error).item() for terms in (regulariser(z)[1] for _ in range(6))]
    assert ratios == pytest.approx([0, 1, 2, 3, 4, 4])
    regulariser.eval()(z)
    assert regulariser.passes == 6


@pytest.mark.slow
def test_it_makes_tokens_of_images_predictable():
    """The share of the features' variance that the transformer leaves unexplained falls, on images not trained on."""
    world = ShapesWorld(nuisance=0.5)

    def unexplained(weight):
        torch.manual_seed(0)
        tokenizer = SharedTokenizer.from_config(
            TokenizerConfig(dim=8, width=8, quantizer_options={"codebook_size": 16})
        )
        tokenizer.infotok = CausalRegulariser(8, 16, weight, steps=1)
        assert isinstance(tokenizer.infotok, Regulariser)
        optimiser = torch.optim.AdamW(tokenizer.parameters(), 3e-3)
        for step in range(120):
            batch = world.batch(16, torch.Generator().manual_seed(step))
            terms = tokenizer.loss(batch)
            if not weight:  # the transformer learns, the encoder does not follow
                terms["infotok"] = tokenizer.infotok(tokenizer.encoder(batch.images).detach())[1].error
            optimiser.zero_grad()
            sum(terms.values()).backward()
            optimiser.step()
        z = tokenizer.eval().encoder(world.batch(64, torch.Generator().manual_seed(999)).images)
        return (tokenizer.infotok(z)[1].error / z[:, 1:].var()).item()

    assert unexplained(4.0) < 0.6 * unexplained(0.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 1}, "length: got 1, expected two tokens or more"),
        ({"width": 6}, "width: got 6, expected a multiple of 4"),
        ({"weight": -1.0}, "weight: got -1.0"),
        ({"steps": 0}, "steps: got 0"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        made(**options)


def test_features_of_another_shape_are_named():
    with pytest.raises(ValueError, match="features: got shape"):
        made()(features(length=4))
