"""OpenMojiWorld's distribution: entropies by enumeration and by samples; splits that share nothing."""

import itertools
import math

import pytest
import torch

from infotok.worlds import OpenMojiWorld
from infotok.worlds.openmoji import scenes as law
from infotok.worlds.openmoji.objects import OBJECT_KINDS, objects_of

MANY = 40_000


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def hashed(value: int) -> int:
    """The hash of the splits, in plain Python."""
    value = value * 2654435761 % 2**32
    value = (value ^ (value >> 15)) * 739790957 % 2**32
    return value // 2**16


def is_test(cells: tuple[int, ...], objects: int) -> bool:
    """Whether a scene is a test scene, object by object."""
    total = 0
    for place, value in enumerate(cells):
        if value:
            point = ord(objects_of(objects).characters[value - 1])
            own = hashed(point)
            if own % 2 == 0 and own // 2 % 4 == place:
                return True
            total += hashed(point * 4 + place + 2**20) % 10
    return total % 10 == 9


def probability(cells: tuple[int, ...], objects: int) -> float:
    return math.prod(0.6 / objects if value else 0.4 for value in cells)


class TestEntropies:
    @pytest.mark.parametrize("objects", [3, 4, 10])
    def test_every_split_agrees_with_enumeration(self, objects: int) -> None:
        every = list(itertools.product(range(objects + 1), repeat=4))
        chance = {"all": {s: probability(s, objects) for s in every}}
        chance["test"] = {s: p for s, p in chance["all"].items() if is_test(s, objects)}
        chance["train"] = {s: p for s, p in chance["all"].items() if s not in chance["test"]}
        for split, chances in chance.items():
            total, entropy, numbers = law.structure(split, objects)
            mass = sum(chances.values())
            assert total == pytest.approx(mass, abs=1e-12)
            assert entropy == pytest.approx(-sum(p / mass * math.log(p / mass) for p in chances.values()), abs=1e-10)
            for k, share in enumerate(numbers):
                exact = sum(p for s, p in chances.items() if sum(map(bool, s)) == k) / mass
                assert share == pytest.approx(exact, abs=1e-12)
            assert sum(law.scene_counts(split, objects)) == len(chances)

    @pytest.mark.parametrize("objects", [32, 96, 316])
    def test_splits_obey_the_chain_rule_and_all_has_the_closed_form(self, objects: int) -> None:
        (p, train, _), (q, test, _), (one, every, _) = (law.structure(split, objects) for split in law.SPLITS)
        h = -0.6 * math.log(0.6) - 0.4 * math.log(0.4)
        assert every == pytest.approx(4 * (h + 0.6 * math.log(objects)), abs=1e-10)
        assert p + q == pytest.approx(one, abs=1e-12)
        assert -p * math.log(p) - q * math.log(q) + p * train + q * test == pytest.approx(every, abs=1e-10)
        assert 0.6 < p < 0.7

    @pytest.mark.parametrize("split", ["train", "test"])
    def test_monte_carlo_agrees_at_96_objects(self, split: str) -> None:
        drawn = law.draw_cells(MANY, 96, seeded(1))
        mine = torch.tensor([is_test(tuple(row), 96) == (split == "test") for row in drawn.tolist()])
        number = (drawn[mine] > 0).sum(1).double()
        surprise = -number * math.log(0.6 / 96) - (4 - number) * math.log(0.4)
        total, entropy, _ = law.structure(split, 96)
        assert total == pytest.approx(mine.double().mean().item(), abs=5 * 0.5 / math.sqrt(MANY))
        error = 5 * surprise.std().item() / math.sqrt(len(surprise))
        assert entropy - math.log(total) == pytest.approx(surprise.mean().item(), abs=error)
        assert law.expected_objects(split, 96) == pytest.approx(number.mean().item(), abs=5 / math.sqrt(len(number)))

    @pytest.mark.parametrize("split", law.SPLITS)
    def test_jitter_and_nuisance_by_plug_in(self, split: str) -> None:
        world = OpenMojiWorld(12, nuisance=0.5, jitter=1, split=split)
        scenes = world.sample(MANY, seeded(2))
        there = scenes.cells > 0
        where = scenes.sizes[there] * 9 + (scenes.offsets[there] + 1) @ torch.tensor([1, 3])
        share = torch.bincount(where, minlength=18).double() / len(where)
        each = -(share * share.log()).sum().item() * there.sum(1).double().mean().item()
        assert world.entropies["jitter"] == pytest.approx(each, rel=0.01)
        levels = torch.stack([torch.bincount(c, minlength=5) for c in scenes.texture.T]).double() / MANY
        assert world.entropies["nuisance"] == pytest.approx(-(levels * levels.log()).sum().item(), rel=1e-3)

    def test_what_is_off_has_none(self) -> None:
        world = OpenMojiWorld(10, nuisance=0.0, jitter=0, scales=(12,))
        assert world.entropies["jitter"] == world.entropies["nuisance"] == world.noise_entropy == 0
        assert OpenMojiWorld(10).noise_entropy == pytest.approx(3 * 32 * 32 * math.log(5))


class TestSplits:
    @pytest.mark.parametrize("objects", [32, 96, 316])
    def test_an_eighth_of_the_pairs_is_held_out_and_no_object(self, objects: int) -> None:
        held, weight = (table[1:] for table in law.pair_tables(objects))
        assert held.float().mean().item() == pytest.approx(1 / 8, abs=0.02)
        assert held.sum(1).max() == 1
        assert weight.min() == 0
        assert weight.max() == 9
        for part, whole in zip(law.pair_tables(objects), law.pair_tables(316), strict=True):
            assert torch.equal(part, whole[: objects + 1])  # a world of more objects holds out the same

    @pytest.mark.parametrize("split", ["train", "test"])
    def test_samples_are_of_their_split(self, split: str) -> None:
        world = OpenMojiWorld(32, split=split)
        scenes = world.sample(3_000, seeded(3))
        assert all(is_test(tuple(row), 32) == (split == "test") for row in scenes.cells.tolist())
        novel = world.novelty(scenes)
        assert set(novel.tolist()) == ({0} if split == "train" else {1, 2})

    def test_train_shows_every_other_pair(self) -> None:
        held, _ = law.pair_tables(96)
        cells = OpenMojiWorld(96).sample(20_000, seeded(4)).cells
        seen = torch.zeros_like(held)
        seen[cells, torch.arange(4)] = True
        assert torch.equal(seen[1:], ~held[1:])


class TestObjects:
    def test_names_are_words_and_kinds_take_turns(self) -> None:
        table = objects_of(316)
        assert len(set(table.names)) == len(set(table.characters)) == 316
        assert all(name.isascii() and name.isalpha() and name.islower() for name in table.names)
        for n in (10, 32, 96):
            counts = torch.bincount(objects_of(n).kinds, minlength=len(OBJECT_KINDS))
            assert counts.max() - counts.min() <= 1
        for kind in range(len(OBJECT_KINDS)):
            names = [name for name, k in zip(table.names, table.kinds.tolist(), strict=True) if k == kind]
            assert names == sorted(names)

    def test_names_are_those_of_unicode(self) -> None:
        import unicodedata

        known = {"ant": "ANT", "avocado": "AVOCADO", "cactus": "CACTUS", "trumpet": "TRUMPET", "axe": "AXE"}
        table = objects_of(316)
        for name, official in known.items():
            assert unicodedata.name(table.characters[table.names.index(name)]) == official

    def test_articles_follow_the_sound(self) -> None:
        table = objects_of(316)
        of = dict(zip(table.names, table.articles, strict=True))
        assert {of[n] for n in ("ant", "umbrella", "onion")} == {"an"}
        assert {of[n] for n in ("cat", "unicorn", "ewe")} == {"a"}
