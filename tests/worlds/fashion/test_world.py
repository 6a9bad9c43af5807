"""FashionWorld as a data source: protocols, seeds, redrawing, factors, and arguments out of range."""

import math
from dataclasses import fields

import pytest
import torch
from clothes import small_folder

from infotok.worlds import Factors, FashionBatch, FashionWorld, Redraws


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_folder(tmp_path_factory.mktemp("clothes"))


@pytest.fixture(scope="module")
def world(folder) -> FashionWorld:
    return FashionWorld(folder=folder)


def tensors(batch: FashionBatch) -> list[torch.Tensor]:
    scenes = [getattr(batch.scenes, f.name) for f in fields(batch.scenes)]
    return scenes + [getattr(batch, f.name) for f in fields(batch) if f.name != "scenes"]


class TestBatches:
    def test_the_same_seed_gives_the_same_batch(self, folder, world: FashionWorld) -> None:
        other = FashionWorld(folder=str(folder))
        a, b, c = world.batch(16, seeded(0)), other.batch(16, seeded(0)), world.batch(16, seeded(1))
        assert all(torch.equal(x, y) for x, y in zip(tensors(a), tensors(b), strict=True))
        assert not torch.equal(a.images, c.images)

    @pytest.mark.parametrize(("size", "questions"), [(32, 4), (64, 0)])
    def test_shapes_and_types(self, folder, size: int, questions: int) -> None:
        world = FashionWorld(size=size, folder=folder)
        batch = world.batch(5, seeded(), questions=questions)
        assert len(batch) == len(batch.scenes) == 5
        assert batch.images.shape == (5, 3, size, size)
        assert batch.images.dtype == batch.text.dtype == torch.float32
        assert batch.captions.shape == (5, world.caption_length) == (5, 8)
        assert batch.questions.shape == (5, questions, world.question_length)
        assert batch.answers.shape == batch.kinds.shape == (5, questions)
        assert batch.text.shape == (5, 44)

    def test_rows_and_devices(self, world: FashionWorld) -> None:
        batch = world.batch(6, seeded())
        part = batch[2:5]
        assert len(part) == 3
        assert torch.equal(part.scenes.photographs, batch.scenes.photographs[2:5])
        picked = batch[torch.tensor([5, 0])]
        assert torch.equal(picked.images, batch.images[[5, 0]])
        assert all(torch.equal(x, y) for x, y in zip(tensors(batch.to("cpu")), tensors(batch), strict=True))

    def test_it_follows_the_protocols(self, folder) -> None:
        world = FashionWorld(size=64, nuisance=0.25, jitter=2, folder=folder)
        assert isinstance(world, Redraws)
        assert isinstance(world, Factors)
        assert world.kinds == ("object", "presence", "count", "relation")
        other = world.with_split("test")
        assert other.split == "test"
        for name in ("size", "nuisance", "jitter", "folder", "photographs"):
            assert getattr(other, name) is getattr(world, name)


class TestRedraw:
    def test_what_captions_say_stays(self, folder) -> None:
        world = FashionWorld(nuisance=0.0, folder=folder)
        batch = world.batch(60, seeded())
        assert torch.equal(world.redraw(batch, seeded(1), keep_offsets=True), batch.images)
        there = batch.scenes.cells > 0
        changed = (world.redraw(batch, seeded(1)) != batch.images).any(1).unflatten(2, (2, 16)).unflatten(1, (2, 16))
        changed = changed.any(4).any(2).flatten(1)  # (60, 4), of each cell
        assert not changed[~there].any()
        assert changed[there].float().mean() > 0.9

    def test_photographs_stay_with_offsets_and_the_background_changes(self, world: FashionWorld) -> None:
        batch = world.batch(60, seeded())
        alpha = world.foreground(batch.scenes)
        kept, fresh = (world.redraw(batch, seeded(1), keep_offsets=keep) for keep in (True, False))
        opaque, bare = (alpha == 1).expand(-1, 3, -1, -1), (alpha == 0).expand(-1, 3, -1, -1)
        noise = 4 * 0.02 * 0.5 * 2  # the largest difference of two draws of it
        assert (kept - batch.images)[opaque].abs().max() <= noise
        assert (fresh - batch.images)[opaque].abs().mean() > noise
        assert (kept - batch.images)[bare].abs().mean() > 0.02


class TestFactors:
    def test_labels_are_the_factors_and_photographs_are_none(self, folder) -> None:
        world = FashionWorld(jitter=2, folder=folder)
        scenes = world.sample(2_000, seeded())
        groups = world.factors(scenes)
        assert list(groups) == ["structure", "jitter", "nuisance"]
        assert list(world.entropies) == [*groups, "photographs"]
        assert torch.equal(groups["structure"][0], scenes.cells)
        assert torch.equal(groups["nuisance"][0], scenes.texture)
        where, there = groups["jitter"][0], scenes.cells > 0
        assert torch.equal(where < 0, ~there)
        assert torch.equal(where[there] % 5 - 2, scenes.offsets[there][:, 0])
        assert torch.equal(where[there] // 5 - 2, scenes.offsets[there][:, 1])
        for labels, design in groups.values():
            assert labels.dtype == torch.int64
            assert labels.max() == len(design) - 1
            assert len(design.unique(dim=0)) == len(design)

    @pytest.mark.parametrize("split", ["train", "test", "all"])
    def test_the_surplus_has_mean_zero(self, folder, split: str) -> None:
        world = FashionWorld(split=split, folder=folder)
        surplus = world.surplus(world.sample(20_000, seeded()))
        assert surplus.dtype == torch.double
        assert surplus.mean().item() == pytest.approx(0, abs=5 * surplus.std().item() / math.sqrt(20_000))


BAD = [
    ({"size": 48}, "size: got 48, expected a multiple of 32"),
    ({"size": 96}, "size: got 96, expected an integer from 32 to 64"),
    ({"nuisance": 1.5}, "nuisance: got 1.5, expected a number in [0, 1]"),
    ({"jitter": 4}, "jitter: got 4, expected an integer from 0 to 3"),
    ({"split": "val"}, "split: got 'val', expected one of train, test, all"),
    ({"folder": 3}, "folder: got 'int', expected a folder's path"),
]


class TestErrors:
    @pytest.mark.parametrize(("options", "line"), BAD, ids=lambda value: str(value)[:40])
    def test_bad_arguments_are_one_line(self, options: dict, line: str) -> None:
        with pytest.raises((ValueError, TypeError)) as caught:
            FashionWorld(**options)
        assert str(caught.value) == line

    def test_scenes_of_another_world_are_refused(self, folder, world: FashionWorld) -> None:
        scenes = FashionWorld(jitter=3, folder=folder).sample(50, seeded())
        with pytest.raises(ValueError, match=r"^scenes\.offsets: got 'values from -3 to 3', expected .* \[-1, 1\]"):
            world.render(scenes)

    def test_photographs_out_of_range_are_refused(self, tmp_path, world: FashionWorld) -> None:
        scenes = FashionWorld(folder=small_folder(tmp_path, train=30)).sample(50, seeded())
        with pytest.raises(ValueError, match=r"^scenes\.photographs: got 'values from 0 to 29', expected .* \[0, 9\]"):
            world.render(scenes)

    def test_images_of_another_size_are_refused(self, world: FashionWorld) -> None:
        with pytest.raises(ValueError, match=r"^images: got shape \(1, 3, 64, 64\), expected"):
            world.read(torch.zeros(1, 3, 64, 64))
        with pytest.raises(ValueError, match=r"^images: got 'values from 0 to 255', expected"):
            world.read(torch.cat([torch.zeros(1, 3, 32, 32), torch.full((1, 3, 32, 32), 255.0)]))
