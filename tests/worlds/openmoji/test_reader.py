"""OpenMojiWorld's reader: exact on renders, what is left of blurred and noisy ones, and scores; factors for probes."""

import math

import pytest
import torch

from infotok.worlds import OpenMojiWorld, ShapesWorld
from infotok.worlds.openmoji.reader import blur

TESTS = 900  # a seed; thresholds were set on 77 and 78


def seeded(seed: int = TESTS) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def batch():
    world = OpenMojiWorld(96, split="all")
    return world, world.batch(60, seeded(), questions=1)


class TestReader:
    @pytest.mark.parametrize("nuisance", [0.0, 0.5, 0.8])
    @pytest.mark.parametrize(("objects", "images"), [(32, 60), (96, 40), (316, 12)])
    def test_it_reads_renders_exactly(self, objects: int, images: int, nuisance: float) -> None:
        world = OpenMojiWorld(objects, nuisance=nuisance, split="all")
        drawn = world.batch(images, seeded(), questions=0)
        scores = world.score_cells(drawn.images, drawn.scenes)
        assert scores == dict.fromkeys(scores, 1.0)

    @pytest.mark.parametrize("name", ["window", "toolbox"])
    def test_it_reads_objects_that_leave_hardly_any_background_visible(self, name: str) -> None:
        """In the centre of a cell these show so few of its pixels that the background's functions are dependent."""
        world = OpenMojiWorld(316, jitter=0, split="all")
        drawn = world.batch(1500, seeded(), questions=0)
        shown = (drawn.scenes.cells == 1 + world.table.names.index(name)).any(1)
        assert shown.sum() > 4
        scores = world.score_cells(drawn.images[shown], drawn.scenes[shown])
        assert scores == dict.fromkeys(scores, 1.0)

    @pytest.mark.parametrize(("sigma", "least"), [(1.0, 0.99), (2.0, 0.93)])
    def test_it_reads_blurred_renders(self, batch, sigma: float, least: float) -> None:
        world, drawn = batch
        padded = torch.nn.functional.pad(drawn.images, (8, 8, 8, 8), mode="reflect")
        scores = world.score_cells(blur(padded, sigma)[..., 8:-8, 8:-8].clamp(0, 1), drawn.scenes)
        assert scores["cells"] >= least
        assert scores["empty"] >= 0.97

    @pytest.mark.parametrize(("deviation", "least"), [(0.05, 1.0), (0.1, 0.98)])
    def test_it_reads_noisy_renders(self, batch, deviation: float, least: float) -> None:
        world, drawn = batch
        noise = deviation * torch.randn(drawn.images.shape, generator=seeded(1))
        scores = world.score_cells((drawn.images + noise).clamp(0, 1), drawn.scenes)
        assert scores["cells"] >= least

    def test_it_reads_larger_images_and_other_sizes(self) -> None:
        world = OpenMojiWorld(32, size=96, jitter=2, scales=(9,), nuisance=0.8, split="all")
        drawn = world.batch(30, seeded(), questions=0)
        scores = world.score_cells(drawn.images, drawn.scenes)
        assert scores == dict.fromkeys(scores, 1.0)

    def test_sizes_and_offsets_are_read(self, batch) -> None:
        world, drawn = batch
        reading = world.read(drawn.images)
        for name in ("cells", "sizes", "offsets"):
            assert torch.equal(getattr(reading, name), getattr(drawn.scenes, name))

    def test_what_is_no_object_is_not_read_as_one_with_confidence(self) -> None:
        world = OpenMojiWorld(96)
        coarse = torch.rand(40, 3, 10, 10, generator=seeded())
        garbage = torch.nn.functional.interpolate(coarse, (32, 32), mode="bilinear")
        reading = world.read(garbage)
        assert (reading.cells > 0).float().mean() < 0.05
        assert reading.confident.float().mean() < 0.1
        other = ShapesWorld(split="all").batch(40, seeded())
        seen = world.read(other.images)
        assert (seen.confident & (seen.cells > 0)).float().mean() < 0.05
        flat = world.read(torch.full((1, 3, 32, 32), 0.3))
        assert (flat.cells == 0).all()
        assert flat.confident.all()

    def test_a_reading_does_not_depend_on_its_batch(self, batch) -> None:
        world, drawn = batch
        whole, one = world.read(drawn.images), world.read(drawn.images[7:8])
        assert torch.equal(whole.cells[7:8], one.cells)
        assert whole.scores[7:8] == pytest.approx(one.scores, abs=1e-4)


class TestScores:
    def test_cells_are_counted(self, batch) -> None:
        world, drawn = batch
        turned = drawn.images.roll(16, 3)  # left and right half change places
        scores = world.score_cells(turned, drawn.scenes)
        cells = drawn.scenes.cells
        swapped = cells[:, [1, 0, 3, 2]]
        assert scores["cells"] == pytest.approx((swapped == cells).float().mean().item())
        assert scores["images"] == pytest.approx((swapped == cells).all(1).float().mean().item())
        there = cells > 0
        assert scores["present"] == scores["object"] == pytest.approx((swapped == cells)[there].float().mean().item())
        assert scores["empty"] == pytest.approx((swapped == cells)[~there].float().mean().item())
        kinds = torch.cat([torch.tensor([-1]), world.table.kinds])
        assert scores["kind"] == pytest.approx((kinds[swapped] == kinds[cells])[there].float().mean().item())

    def test_nothing_to_count_is_none(self) -> None:
        world = OpenMojiWorld(10, split="all")
        empty = world.scenes_of(["empty"])
        scores = world.score_cells(world.render(empty), empty)
        assert scores["present"] is scores["kind"] is scores["offset"] is None
        assert scores["empty"] == 1.0
        asked = [p for p in world.prompts(5, seeded()) if p["tag"] == "counting"]
        assert world.score_generations(world.render(empty), asked)["position"] is None

    @pytest.mark.parametrize("split", ["train", "test"])
    def test_renders_of_prompts_follow_them(self, split: str) -> None:
        world = OpenMojiWorld(96, split=split)
        asked = world.prompts(40, seeded())
        images = world.render(world.scenes_of([p["prompt"] for p in asked]), seeded())
        scores = world.score_generations(images, asked)
        assert scores == dict.fromkeys(scores, 1.0)
        others = world.score_generations(images.roll(5, 0), asked)
        assert others["overall"] < 0.3
        rows = [others[tag] for tag in ("single_object", "two_object", "counting", "position", "binding")]
        assert others["overall"] == pytest.approx(sum(rows) / 5)


class TestFactors:
    def test_labels_are_the_factors_and_designs_have_a_row_a_value(self) -> None:
        world = OpenMojiWorld(32, jitter=1, nuisance=0.5)
        scenes = world.sample(500, seeded())
        groups = world.factors(scenes)
        assert list(groups) == list(world.entropies)
        for labels, design in groups.values():
            assert labels.dtype == torch.int64
            assert labels.max() == len(design) - 1
        where = groups["jitter"][0]
        assert torch.equal(where < 0, scenes.cells == 0)
        there = where >= 0
        assert torch.equal(where[there] // 9, scenes.sizes[there])
        assert torch.equal(where[there] % 3 - 1, scenes.offsets[there][:, 0])
        assert torch.equal(where[there] // 3 % 3 - 1, scenes.offsets[there][:, 1])

    def test_designs_tell_values_apart(self) -> None:
        world = OpenMojiWorld(96, jitter=2, scales=(8, 12), nuisance=0.8)
        for _, design in world.factors(world.sample(1, seeded())).values():
            assert len(design.unique(dim=0)) == len(design)
        cells = world.factors(world.sample(1, seeded()))["structure"][1]
        assert cells[0].abs().sum() == 0
        assert torch.equal(cells[1:, 1:11].argmax(1), world.table.kinds)

    def test_entropies_are_those_of_uniform_factors(self) -> None:
        """Given the cells, jitter and nuisance are uniform over the values of their designs."""
        world = OpenMojiWorld(32, split="test")
        scenes = world.sample(20_000, seeded())
        groups = world.factors(scenes)
        number = (groups["jitter"][0] >= 0).sum(1).double().mean().item()
        assert world.entropies["jitter"] == pytest.approx(number * math.log(len(groups["jitter"][1])), rel=0.01)
        assert world.entropies["nuisance"] == pytest.approx(48 * math.log(len(groups["nuisance"][1])))

    @pytest.mark.parametrize("split", ["train", "test", "all"])
    def test_the_surplus_has_mean_zero(self, split: str) -> None:
        world = OpenMojiWorld(96, split=split)
        surplus = world.surplus(world.sample(20_000, seeded()))
        assert surplus.dtype == torch.double
        assert surplus.mean().item() == pytest.approx(0, abs=5 * surplus.std().item() / math.sqrt(20_000))
