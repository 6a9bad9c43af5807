"""FashionWorld's distribution: entropies by enumeration and by samples; splits that share nothing; rendering."""

import itertools
import math
from functools import cache

import pytest
import torch
from clothes import small_folder

from infotok.worlds import FashionWorld, grid
from infotok.worlds.fashion.scenes import CODES, SPLITS

MANY = 40_000


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_folder(tmp_path_factory.mktemp("clothes"))


def hashed(value: int) -> int:
    """The hash of the splits, in plain Python."""
    value = value * 2654435761 % 2**32
    value = (value ^ (value >> 15)) * 739790957 % 2**32
    return value // 2**16


def is_test(cells: tuple[int, ...]) -> bool:
    """Whether a structure is a test structure, object by object."""
    total = 0
    for place, value in enumerate(cells):
        if value:
            own = hashed(CODES[value - 1])
            if own % 2 == 0 and own // 2 % 4 == place:
                return True
            total += hashed(CODES[value - 1] * 4 + place + 2**20) % 10
    return total % 10 == 9


@cache
def chances(split: str) -> dict[tuple[int, ...], float]:
    """Every structure of a split with its probability, which sum to the split's."""
    every = itertools.product(range(11), repeat=4)
    return {
        s: math.prod(0.06 if value else 0.4 for value in s)
        for s in every
        if split == "all" or is_test(s) == (split == "test")
    }


class TestEntropies:
    @pytest.mark.parametrize("split", SPLITS)
    def test_they_agree_with_enumeration(self, folder, split: str) -> None:
        world = FashionWorld(nuisance=0.5, jitter=2, split=split, folder=folder)
        mass = sum(chances(split).values())
        p = torch.tensor(list(chances(split).values()), dtype=torch.double) / mass
        number = torch.tensor([sum(map(bool, s)) for s in chances(split)], dtype=torch.double)
        objects = (p * number).sum().item()
        assert world.entropies == pytest.approx({
            "structure": -(p * p.log()).sum().item(),
            "jitter": objects * math.log(25),
            "nuisance": 48 * math.log(5),
            "photographs": objects * math.log(4 if split == "test" else 6),
        }, abs=1e-10)  # fmt: skip
        assert grid.structure(split, CODES)[0] == pytest.approx(mass, abs=1e-12)

    @pytest.mark.parametrize("split", SPLITS)
    def test_photographs_and_jitter_by_plug_in(self, folder, split: str) -> None:
        world = FashionWorld(jitter=1, split=split, folder=folder)
        scenes = world.sample(MANY, seeded(2))
        there = scenes.cells > 0
        where = (scenes.offsets[there] + 1) @ torch.tensor([1, 3])
        for name, values in (("photographs", scenes.photographs[there]), ("jitter", where)):
            share = torch.bincount(values).double() / len(values)
            each = -torch.xlogy(share, share).sum().item() * there.sum(1).double().mean().item()
            assert world.entropies[name] == pytest.approx(each, rel=0.01)
        assert not scenes.photographs[~there].any()
        assert not scenes.offsets[~there].any()

    def test_what_is_off_has_none(self, folder) -> None:
        world = FashionWorld(nuisance=0.0, jitter=0, folder=folder)
        assert world.entropies["jitter"] == world.entropies["nuisance"] == world.noise_entropy == 0
        assert FashionWorld(folder=folder).noise_entropy == pytest.approx(3 * 32 * 32 * math.log(5))


class TestSplits:
    def test_five_kinds_have_a_held_out_place_and_every_place_is_one(self) -> None:
        held, _ = grid.pair_tables(CODES)
        assert held.sum(1).tolist().count(1) == held.sum() == 5
        assert held.any(0).all()

    @pytest.mark.parametrize("split", ["train", "test"])
    def test_samples_are_of_their_split(self, folder, split: str) -> None:
        world = FashionWorld(split=split, folder=folder)
        scenes = world.sample(3_000, seeded(3))
        assert all(is_test(tuple(row)) == (split == "test") for row in scenes.cells.tolist())
        assert set(world.novelty(scenes).tolist()) == ({0} if split == "train" else {1, 2})

    def test_photographs_of_test_are_never_shown_in_train(self, folder) -> None:
        shown = {}
        for split in SPLITS:
            scenes = FashionWorld(split=split, folder=folder).sample(5_000, seeded(4))
            there = scenes.cells > 0
            pairs = zip(scenes.cells[there].tolist(), scenes.photographs[there].tolist(), strict=True)
            shown[split] = set(pairs)
        assert shown["train"] == shown["all"] == set(itertools.product(range(1, 11), range(6)))
        assert shown["test"] == set(itertools.product(range(1, 11), range(6, 10)))

    def test_train_shows_every_other_pair(self, folder) -> None:
        held, _ = grid.pair_tables(CODES)
        cells = FashionWorld(folder=folder).sample(20_000, seeded(4)).cells
        seen = torch.zeros_like(held)
        seen[cells, torch.arange(4)] = True
        assert torch.equal(seen[1:], ~held[1:])


class TestRenders:
    def test_a_pixel_is_the_mean_of_four_of_the_photograph(self, folder) -> None:
        world = FashionWorld(nuisance=0.0, split="all", folder=folder)
        scenes = world.sample(20, seeded(5))
        images, alpha = world.render(scenes), world.foreground(scenes)
        assert alpha.shape == (20, 1, 32, 32)
        for row, cells in enumerate(scenes.cells.tolist()):
            for place, value in enumerate(cells):
                top, left = 16 * (place // 2), 16 * (place % 2)
                expected, covered = torch.full((16, 16), 0.5), torch.zeros(16, 16)
                if value:
                    grey = world.photographs.images[value - 1, scenes.photographs[row, place]] / 255.0
                    right, down = (1 + scenes.offsets[row, place]).tolist()
                    for y in range(14):
                        for x in range(14):
                            four = grey[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].flatten().tolist()
                            a = [min(1, g / 0.2) for g in four]
                            colour = sum(b * (0.05 + 0.9 * g) for b, g in zip(a, four, strict=True)) / 4
                            covered[y + down, x + right] = sum(a) / 4
                            expected[y + down, x + right] = colour + (1 - sum(a) / 4) * 0.5
                for channel in images[row, :, top : top + 16, left : left + 16]:
                    assert torch.allclose(channel, expected, atol=1e-5)
                assert torch.allclose(alpha[row, 0, top : top + 16, left : left + 16], covered, atol=1e-5)

    def test_photographs_are_whole_at_size_64(self, folder) -> None:
        world = FashionWorld(size=64, nuisance=0.0, jitter=0, split="all", folder=folder)
        scenes = world.scenes_of(["top-left bag"])
        grey = world.photographs.images[8, 0] / 255.0
        alpha = (grey / 0.2).clamp(max=1)
        expected = alpha * (0.05 + 0.9 * grey) + (1 - alpha) * 0.5
        assert torch.allclose(world.render(scenes)[0, 1, 2:30, 2:30], expected, atol=1e-5)

    @pytest.mark.parametrize(("size", "jitter"), [(32, 3), (64, 1), (32, 0)])
    def test_no_value_needs_clipping(self, folder, size: int, jitter: int) -> None:
        world = FashionWorld(size=size, nuisance=1.0, jitter=jitter, folder=folder)
        images = world.render(world.sample(50, seeded(6)), seeded(7))
        assert images.min() >= 0
        assert images.max() <= 1
        one = world.sample(1, seeded(8))
        assert torch.equal(world.render(one), world.render(one))
        assert not torch.equal(world.render(one), world.render(one, seeded()))
