"""What tokens carry, where the answer is known: nothing, everything, the capacity of a channel."""

import math

import pytest
import torch
import torch.nn.functional as F

from infotok.evaluation import account, carried
from infotok.information import discrete_mi
from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.worlds import ShapesWorld

torch.set_num_threads(1)
N = 6000
WORLD = ShapesWorld(nuisance=0.5, split="all")
SCENES = WORLD.sample(N, torch.Generator().manual_seed(0))
OCCUPIED = (SCENES.cells > 0).long()


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def test_noise_carries_nothing():
    for name, estimate in carried(noise(N, 4, 8), SCENES, WORLD, steps=100).items():
        assert abs(estimate.nats) < 0.05, name
        assert estimate.ceiling == WORLD.entropies[name]
        assert estimate.kind == "lower bound"


def test_tokens_that_are_the_scene_carry_all_of_it():
    """One-hot cells carry all structure, offsets all jitter, levels all texture: up to what the probe misses."""
    cells = F.one_hot(SCENES.cells, 49).float().flatten(1)
    offsets = F.one_hot(SCENES.offsets + 2, 5).float().flatten(1)
    texture = SCENES.texture.float()
    estimates = carried(torch.cat([cells, offsets, 4 * texture], 1), SCENES, WORLD, steps=300)
    for name, estimate in estimates.items():
        assert 0.93 * WORLD.entropies[name] < estimate.nats <= WORLD.entropies[name], name
        assert estimate.interval[1] <= WORLD.entropies[name]


def test_one_group_alone_says_nothing_of_the_others():
    estimates = carried(F.one_hot(SCENES.cells, 49).float(), SCENES, WORLD, steps=200)
    assert estimates["structure"].nats > 0.97 * WORLD.entropies["structure"]
    assert abs(estimates["jitter"].nats) < 0.05
    assert abs(estimates["nuisance"].nats) < 0.1


@pytest.mark.parametrize("flip", [0.02, 0.1, 0.3])
def test_a_binary_symmetric_channel_on_one_factor(flip):
    """Z is whether the first cell is occupied, flipped with probability p: I = h(.6 * p) - h(p)."""
    flips = torch.rand(N, generator=torch.Generator().manual_seed(2)) < flip
    code = OCCUPIED[:, 0] ^ flips.long()
    joint = [[0.4 * (1 - flip), 0.4 * flip], [0.6 * flip, 0.6 * (1 - flip)]]
    truth = discrete_mi(torch.tensor(joint).numpy())
    estimate = carried(code[:, None], SCENES, WORLD, steps=100)["structure"]
    assert abs(estimate.nats - truth) < 0.03
    assert estimate.interval[0] - 0.01 < truth < estimate.interval[1] + 0.01


def test_a_named_attribute_is_worth_its_entropy():
    """The colour of the first cell's object, and nothing where there is none: h(.6) + .6 log 6, with its absence."""
    colour = torch.where(OCCUPIED[:, 0] > 0, (SCENES.cells[:, 0] - 1) // 2 % 6, 6)
    truth = -0.6 * math.log(0.6) - 0.4 * math.log(0.4) + 0.6 * math.log(6)
    assert abs(carried(colour[:, None], SCENES, WORLD, steps=200)["structure"].nats - truth) < 0.03


def test_a_coefficient_seen_through_noise():
    """Z = level + noise for every coefficient: 48 times the information of one such channel, integrated by counting."""
    sigma, levels = 0.5, torch.linspace(-1, 1, WORLD.levels).double()
    z = torch.linspace(-6, 6, 20001).double()
    density = torch.exp(-0.5 * ((z[:, None] - levels) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
    mean = density.mean(1)
    truth = torch.trapezoid(-torch.special.xlogy(mean, mean), z) - 0.5 * math.log(2 * math.pi * math.e * sigma**2)
    seen = 2 * SCENES.texture / (WORLD.levels - 1) - 1 + sigma * noise(N, 48)
    estimate = carried(seen, SCENES, WORLD, steps=300)["nuisance"]
    assert estimate.nats <= 48 * truth + 0.5
    assert estimate.nats > 0.85 * 48 * truth


def test_the_bound_survives_a_split_whose_cells_depend_on_each_other():
    world = ShapesWorld(nuisance=0.5, split="train")
    scenes = world.sample(N, torch.Generator().manual_seed(0))
    nothing = carried(noise(N, 4), scenes, world, steps=100)["structure"]
    everything = carried(F.one_hot(scenes.cells, 49).float(), scenes, world, steps=200)["structure"]
    assert -0.4 < nothing.nats < 0.01  # below 0 by what independent cells cannot know of the split
    assert 0.93 * world.entropies["structure"] < everything.nats <= world.entropies["structure"]


def test_without_jitter_or_nuisance_there_is_none_to_carry():
    world = ShapesWorld(nuisance=0.0, jitter=0, split="all")
    scenes = world.sample(500, torch.Generator().manual_seed(0))
    estimates = carried(noise(500, 4), scenes, world, steps=20)
    assert estimates["jitter"].nats == estimates["nuisance"].nats == 0
    assert estimates["jitter"].interval == (0, 0)


def test_the_interval_holds_the_bound_of_other_images():
    """95 % intervals of the same probe's bound, on 40 fresh draws of images: nearly all hold their mean."""
    flips = torch.rand(N, generator=torch.Generator().manual_seed(3)) < 0.1
    code = (OCCUPIED[:, :1] ^ flips.long()[:, None]).expand(N, 2)
    halves = [carried(code[i], SCENES[i], WORLD, steps=60)["structure"] for i in torch.arange(N).split(N // 4)]
    values = torch.tensor([half.nats for half in halves])
    width = sum(half.interval[1] - half.nats for half in halves) / len(halves)
    assert values.std() < 2 * width


def test_the_same_seed_gives_the_same_numbers_and_leaves_the_global_generator_alone():
    tokens = noise(400, 8)
    before = torch.get_rng_state()
    first = carried(tokens, SCENES[:400], WORLD, steps=20, seed=3)
    assert torch.equal(before, torch.get_rng_state())
    again = carried(tokens, SCENES[:400], WORLD, steps=20, seed=3)
    other = carried(tokens, SCENES[:400], WORLD, steps=20, seed=4)
    assert first == again
    assert first["structure"].nats != other["structure"].nats


def test_a_tokenizer_is_accounted_for_on_images_of_its_own():
    torch.manual_seed(0)
    tokenizer = SharedTokenizer.from_config(TokenizerConfig(width=8, dim=8, quantizer_options={"codebook_size": 16}))
    tokenizer(WORLD.batch(32, torch.Generator().manual_seed(0)).images)
    before = {name: value.clone() for name, value in tokenizer.state_dict().items()}
    estimates = account(tokenizer, WORLD, images=1000, steps=50)
    assert estimates.keys() == WORLD.entropies.keys()
    assert estimates == account(tokenizer, WORLD, images=1000, steps=50)
    assert all(torch.equal(value, before[name]) for name, value in tokenizer.state_dict().items())


@pytest.mark.parametrize(
    ("tokens", "scenes", "error", "message"),
    [
        ([1.0], SCENES, TypeError, "tokens: got 'list', expected a torch.Tensor"),
        (torch.zeros(200), SCENES[:200], ValueError, r"tokens: got shape \(200,\), expected shape \(N, ...\)"),
        (torch.zeros(50, 4), SCENES[:50], ValueError, r"tokens: got shape \(50, 4\), .* of 100 images or more"),
        (torch.zeros(200, 4), SCENES[:100], ValueError, "scenes: got 100, expected one for each of the 200 images"),
        (torch.full((200, 4), math.nan), SCENES[:200], ValueError, "tokens: got 'NaN or infinity', expected finite"),
    ],
)
def test_bad_input_is_refused(tokens, scenes, error, message):
    with pytest.raises(error, match=message):
        carried(tokens, scenes, WORLD)
