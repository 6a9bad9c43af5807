"""FashionWorld's reader: what it reads of test photographs, blurred and noised; scores; and training."""

import pytest
import torch
from clothes import REAL, needs_real, small_folder

from infotok.worlds import FashionWorld
from infotok.worlds.fashion import train_reader
from infotok.worlds.fashion.reader import FashionReader, blurred, fashion_reader

TAGS = ("single_object", "two_object", "counting", "position", "binding")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_folder(tmp_path_factory.mktemp("clothes"))


@pytest.fixture(scope="module")
def real() -> tuple:
    world = FashionWorld(split="test", folder=REAL)
    return world, world.batch(500, seeded(900), questions=0)


@needs_real
class TestCeilings:
    @pytest.mark.parametrize(("sigma", "deviation", "least"), [
        (0.0, 0.0, 0.80), (1.0, 0.0, 0.74), (0.0, 0.05, 0.78),
    ])  # fmt: skip
    def test_it_reads_photographs_that_it_never_saw(self, real, sigma: float, deviation: float, least: float) -> None:
        world, drawn = real
        images = blurred(drawn.images, sigma) + deviation * torch.randn(drawn.images.shape, generator=seeded(1))
        scores = world.score_cells(images.clamp(0, 1), drawn.scenes)
        assert scores["present"] >= least
        assert scores["empty"] >= 0.98
        assert scores["cells"] > scores["present"]

    def test_what_it_reads_with_confidence_is_mostly_right(self, real) -> None:
        world, drawn = real
        reading = world.read(drawn.images)
        right = reading.cells == drawn.scenes.cells
        assert right[reading.confident].float().mean() >= 0.95
        assert right[~reading.confident].float().mean() < 0.8

    @pytest.mark.parametrize("nuisance", [0.0, 1.0])
    def test_other_strengths_and_larger_images(self, nuisance: float) -> None:
        world = FashionWorld(size=64, nuisance=nuisance, split="test", folder=REAL)
        drawn = world.batch(300, seeded(901), questions=0)
        assert world.score_cells(drawn.images, drawn.scenes)["present"] >= 0.78

    def test_renders_of_prompts_follow_them_up_to_its_errors(self, real) -> None:
        world, _ = real
        asked = world.prompts(200, seeded())
        scenes = world.scenes_of([p["prompt"] for p in asked])
        images = world.render(world._fill(scenes.cells, seeded(1)), seeded(2))
        scores = world.score_generations(images, asked)
        assert list(scores) == [*TAGS, "overall", "confident"]
        assert scores["overall"] == pytest.approx(sum(scores[tag] for tag in TAGS) / 5)
        assert scores["single_object"] >= 0.6
        assert world.score_generations(images.roll(5, 0), asked)["overall"] < 0.4 * scores["overall"]


class TestScores:
    def test_cells_are_counted(self, folder, monkeypatch) -> None:
        world = FashionWorld(split="all", folder=folder)
        drawn = world.batch(80, seeded(), questions=0)
        reading = world.read(drawn.images)
        scores = world.score_cells(drawn.images, drawn.scenes)
        pairs = list(zip(reading.cells.flatten().tolist(), drawn.scenes.cells.flatten().tolist(), strict=True))
        there, empty = [a == b for a, b in pairs if b], [a == b for a, b in pairs if not b]
        assert list(scores) == ["cells", "images", "present", "object", "empty", "confident"]
        assert scores["cells"] == pytest.approx(sum(a == b for a, b in pairs) / len(pairs))
        assert scores["present"] == scores["object"] == pytest.approx(sum(there) / len(there))
        assert scores["empty"] == pytest.approx(sum(empty) / len(empty))
        assert scores["images"] == pytest.approx((reading.cells == drawn.scenes.cells).all(1).float().mean().item())
        assert scores["confident"] == pytest.approx((reading.scores >= 0.8).float().mean().item())

    def test_nothing_to_count_is_none(self, folder) -> None:
        world = FashionWorld(split="all", folder=folder)
        empty = world.scenes_of(["empty"])
        scores = world.score_cells(world.render(empty), empty)
        assert scores["present"] is scores["object"] is None
        assert scores["empty"] == scores["images"] == 1.0
        asked = [p for p in world.prompts(5, seeded()) if p["tag"] == "counting"]
        assert world.score_generations(world.render(empty), asked)["position"] is None

    def test_a_reading_does_not_depend_on_its_batch(self, folder) -> None:
        world = FashionWorld(folder=folder)
        images = world.batch(20, seeded(), questions=0).images
        whole, one = world.read(images), world.read(images[7:8])
        assert torch.equal(whole.cells[7:8], one.cells)
        assert whole.scores[7:8] == pytest.approx(one.scores, abs=1e-4)

    def test_images_without_clothes_are_empty(self, folder) -> None:
        world = FashionWorld(folder=folder)
        flat = world.read(torch.full((2, 3, 32, 32), 0.3))
        assert (flat.cells == 0).all()


class TestTraining:
    def test_the_same_seed_gives_the_same_network_and_the_global_seed_stays(self, folder) -> None:
        before = torch.get_rng_state()
        (a, scores), (b, _) = (train_reader(steps=3, batch=8, folder=folder) for _ in range(2))
        assert torch.equal(before, torch.get_rng_state())
        assert all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))
        assert set(scores) == {"cells", "present", "empty"}
        assert all(0 <= score <= 1 for score in scores.values())

    def test_the_weights_are_small(self) -> None:
        values = sum(value.numel() * value.element_size() for value in fashion_reader().state_dict().values())
        assert values <= 300_000
        assert isinstance(fashion_reader(), FashionReader)
