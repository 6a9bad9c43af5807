"""What tokens carry, where the answer is known: nothing, everything, the capacity of a channel."""

import math

import pytest
import torch
import torch.nn.functional as F

from infotok.evaluation import probe_tokenizer, probe_tokens
from infotok.information import discrete_mi
from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.worlds import ShapesWorld

torch.set_num_threads(1)
N = 5000
WORLD = ShapesWorld(nuisance=0.5, split="all")
SCENES = WORLD.sample(N, torch.Generator().manual_seed(0))
PLAIN = ShapesWorld(nuisance=0.0, jitter=0, split="all")  # nothing but structure
CELLS = PLAIN.sample(N, torch.Generator().manual_seed(0))
PROBE = {"steps": 100, "width": 32}


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def test_noise_carries_nothing():
    for name, estimate in probe_tokens(noise(N, 4, 8), SCENES, WORLD, **PROBE).items():
        assert abs(estimate.nats) < 0.05, name
        assert estimate.ceiling == WORLD.entropies[name]
        assert estimate.kind == "lower bound"


def test_tokens_that_are_the_scene_carry_all_of_it():
    """One-hot cells carry all structure, offsets all jitter, levels all texture: up to what a short probe misses."""
    cells = F.one_hot(SCENES.cells, 49).flatten(1)
    tokens = torch.cat([cells, SCENES.offsets.flatten(1), SCENES.texture], 1).float()
    for name, estimate in probe_tokens(tokens, SCENES, WORLD, steps=250).items():
        assert 0.95 * WORLD.entropies[name] < estimate.nats <= WORLD.entropies[name], name
        assert estimate.interval[1] <= WORLD.entropies[name]


def test_codes_that_are_the_cells_carry_all_structure():
    estimate = probe_tokens(CELLS.cells, CELLS, PLAIN, steps=200, width=128)["structure"]
    assert 0.97 * PLAIN.entropies["structure"] < estimate.nats < PLAIN.entropies["structure"]


@pytest.mark.parametrize("flip", [0.02, 0.1, 0.3])
def test_a_binary_symmetric_channel_on_one_factor(flip):
    """Z is whether the first cell is occupied, flipped with probability p: I = h(.6 * p) - h(p)."""
    flips = torch.rand(N, generator=torch.Generator().manual_seed(2)) < flip
    code = (CELLS.cells[:, 0] > 0) ^ flips
    joint = [[0.4 * (1 - flip), 0.4 * flip], [0.6 * flip, 0.6 * (1 - flip)]]
    truth = discrete_mi(torch.tensor(joint).numpy())
    estimate = probe_tokens(code.long()[:, None], CELLS, PLAIN, **PROBE)["structure"]
    half = estimate.interval[1] - estimate.nats
    assert truth - half - 0.03 < estimate.nats < truth + half  # a lower bound, of images that it has not seen
    assert half < 0.05


def test_a_named_attribute_is_worth_its_entropy():
    """The colour of the first cell's object, or that there is none: h(.6) + .6 log 6."""
    many = PLAIN.sample(4 * N, torch.Generator().manual_seed(0))  # else the draw alone moves the estimate by .03
    colour = torch.where(many.cells[:, 0] > 0, (many.cells[:, 0] - 1) // 2 % 6, 6)
    truth = -0.6 * math.log(0.6) - 0.4 * math.log(0.4) + 0.6 * math.log(6)
    estimate = probe_tokens(colour[:, None], many, PLAIN, steps=400, width=32)["structure"]
    assert truth - 0.05 < estimate.nats < truth + 0.03


def test_coefficients_seen_through_noise():
    """Z = level + noise for every coefficient: 48 times the information of one such channel, by integration."""
    sigma, levels = 0.5, torch.linspace(-1, 1, WORLD.levels).double()
    z = torch.linspace(-6, 6, 20001).double()
    density = torch.exp(-0.5 * ((z[:, None] - levels) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
    mean = density.mean(1)
    entropy = torch.trapezoid(-torch.special.xlogy(mean, mean), z)
    truth = 48 * (entropy.item() - 0.5 * math.log(2 * math.pi * math.e * sigma**2))
    seen = 2 * SCENES.texture / (WORLD.levels - 1) - 1 + sigma * noise(N, 48)
    estimate = probe_tokens(seen, SCENES, WORLD, steps=150, width=128)["nuisance"]
    assert 0.9 * truth < estimate.nats < 1.02 * truth


def test_the_bound_survives_a_split_whose_cells_depend_on_each_other():
    world = ShapesWorld(nuisance=0.0, jitter=0, split="train")
    scenes = world.sample(N, torch.Generator().manual_seed(0))
    nothing = probe_tokens(noise(N, 4), scenes, world, **PROBE)["structure"]
    everything = probe_tokens(scenes.cells, scenes, world, steps=200, width=128)["structure"]
    assert -0.4 < nothing.nats < 0.01  # below 0 by what independent cells cannot know of the split
    assert 0.95 * world.entropies["structure"] < everything.nats <= world.entropies["structure"]


def test_without_jitter_or_nuisance_there_is_none_to_carry():
    estimates = probe_tokens(noise(N, 4), CELLS, PLAIN, steps=10)
    assert estimates["jitter"].nats == estimates["nuisance"].nats == 0
    assert estimates["jitter"].interval == (0, 0)


def test_intervals_are_as_wide_as_estimates_scatter():
    """Eight disjoint sets of images: their estimates differ by about as much as their intervals say."""
    flips = torch.rand(N, generator=torch.Generator().manual_seed(3)) < 0.1
    code = ((CELLS.cells[:, 0] > 0) ^ flips).long()[:, None]
    parts = [
        probe_tokens(code[i], CELLS[i], PLAIN, steps=40, width=16)["structure"] for i in torch.arange(N).split(N // 8)
    ]
    scatter = torch.tensor([part.nats for part in parts]).std().item()
    half = sum(part.interval[1] - part.nats for part in parts) / len(parts)
    assert half / 1.96 / 2 < scatter < half / 1.96 * 2


def test_the_same_seed_gives_the_same_numbers_and_leaves_the_global_generator_alone():
    tokens = noise(400, 8)
    before = torch.get_rng_state()
    first = probe_tokens(tokens, SCENES[:400], WORLD, steps=20, seed=3)
    assert torch.equal(before, torch.get_rng_state())
    assert first == probe_tokens(tokens, SCENES[:400], WORLD, steps=20, seed=3)
    other = probe_tokens(tokens, SCENES[:400], WORLD, steps=20, seed=4)
    assert first["structure"].nats != other["structure"].nats


@pytest.mark.parametrize("size", [16, 256])
def test_a_tokenizer_is_accounted_for_on_images_of_its_own(size):
    """By its codes where they are few, else by its tokens; the same numbers again, and nothing in it changes."""
    torch.manual_seed(0)
    tokenizer = SharedTokenizer.from_config(TokenizerConfig(width=8, dim=8, quantizer_options={"codebook_size": size}))
    tokenizer(WORLD.batch(32, torch.Generator().manual_seed(0)).images)
    before = {name: value.clone() for name, value in tokenizer.state_dict().items()}
    estimates = probe_tokenizer(tokenizer, WORLD, images=500, steps=20)
    assert estimates.keys() == WORLD.entropies.keys()
    assert estimates == probe_tokenizer(tokenizer, WORLD, images=500, steps=20)
    assert all(torch.equal(value, before[name]) for name, value in tokenizer.state_dict().items())


@pytest.mark.parametrize(
    ("tokens", "scenes", "error", "message"),
    [
        ([1.0], SCENES, TypeError, "tokens: got 'list', expected a tensor"),
        (torch.zeros(200), SCENES[:200], ValueError, r"tokens: got shape \(200,\), expected shape \(N, ...\)"),
        (torch.zeros(50, 4), SCENES[:50], ValueError, r"tokens: got shape \(50, 4\), .* of 100 images or more"),
        (torch.zeros(200, 4), SCENES[:100], ValueError, "scenes: got 100, expected one for each of the 200 images"),
        (torch.full((200, 4), math.nan), SCENES[:200], ValueError, "tokens: got 'NaN', expected finite values"),
    ],
)
def test_bad_input_is_refused(tokens, scenes, error, message):
    with pytest.raises(error, match=message):
        probe_tokens(tokens, scenes, WORLD)
