"""OpenMojiWorld as a data source: protocols, seeds, redrawing, and arguments out of range."""

from dataclasses import fields

import pytest
import torch

from infotok.worlds import OpenMojiBatch, OpenMojiWorld, Redraws


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tensors(batch: OpenMojiBatch) -> list[torch.Tensor]:
    scenes = [getattr(batch.scenes, f.name) for f in fields(batch.scenes)]
    return scenes + [getattr(batch, f.name) for f in fields(batch) if f.name != "scenes"]


class TestBatches:
    def test_the_same_seed_gives_the_same_batch(self) -> None:
        world = OpenMojiWorld(32)
        a, b, c = (world.batch(16, seeded(seed)) for seed in (0, 0, 1))
        assert all(torch.equal(x, y) for x, y in zip(tensors(a), tensors(b), strict=True))
        assert not torch.equal(a.images, c.images)

    @pytest.mark.parametrize(("size", "questions"), [(32, 4), (64, 0)])
    def test_shapes_and_types(self, size: int, questions: int) -> None:
        world = OpenMojiWorld(32, size=size, name_sizes=True)
        batch = world.batch(5, seeded(), questions=questions)
        assert len(batch) == len(batch.scenes) == 5
        assert batch.images.shape == (5, 3, size, size)
        assert batch.images.dtype == batch.text.dtype == torch.float32
        assert batch.captions.shape == (5, world.caption_length) == (5, 12)
        assert batch.questions.shape == (5, questions, world.question_length)
        assert batch.answers.shape == batch.kinds.shape == (5, questions)
        assert batch.text.shape == (5, 4 * 33 + 8)

    def test_rows_and_devices(self) -> None:
        batch = OpenMojiWorld(10).batch(6, seeded())
        part = batch[2:5]
        assert len(part) == 3
        assert torch.equal(part.scenes.cells, batch.scenes.cells[2:5])
        picked = batch[torch.tensor([5, 0])]
        assert torch.equal(picked.images, batch.images[[5, 0]])
        assert all(torch.equal(x, y) for x, y in zip(tensors(batch.to("cpu")), tensors(batch), strict=True))

    def test_it_follows_the_protocols(self) -> None:
        world = OpenMojiWorld(10)
        assert isinstance(world, Redraws)
        assert world.kinds == ("object", "kind", "presence", "count", "relation")
        other = world.with_split("test")
        assert other.split == "test"
        for name in ("objects", "size", "nuisance", "jitter", "scales", "name_sizes", "style"):
            assert getattr(other, name) == getattr(world, name)

    def test_default_sizes_fill_the_cell(self) -> None:
        assert [OpenMojiWorld(10, jitter=j).scales for j in range(4)] == [(12, 16), (10, 14), (8, 12), (6, 10)]


class TestRedraw:
    def test_what_captions_say_stays(self) -> None:
        world = OpenMojiWorld(32, nuisance=0.0)
        batch = world.batch(60, seeded())
        assert torch.equal(world.redraw(batch, seeded(1), keep_offsets=True), batch.images)
        moved = world.redraw(batch, seeded(1))
        reading = world.read(moved)
        assert torch.equal(reading.cells, batch.scenes.cells)
        there = batch.scenes.cells > 0
        assert (reading.sizes != batch.scenes.sizes)[there].float().mean() > 0.3
        assert (reading.offsets != batch.scenes.offsets).any(-1)[there].float().mean() > 0.7

    def test_named_sizes_stay(self) -> None:
        world = OpenMojiWorld(32, nuisance=0.5, name_sizes=True)
        batch = world.batch(60, seeded())
        reading = world.read(world.redraw(batch, seeded(1)))
        assert torch.equal(reading.sizes, batch.scenes.sizes)
        assert not torch.equal(reading.offsets, batch.scenes.offsets)


BAD = [
    ({"objects": 9}, "objects: got 9, expected an integer from 10 to 316"),
    ({"objects": 317}, "objects: got 317, expected an integer from 10 to 316"),
    ({"objects": "all"}, "objects: got 'all', expected an integer from 10 to 316"),
    ({"size": 48}, "size: got 48, expected a multiple of 32"),
    ({"size": 288}, "size: got 288, expected an integer from 32 to 256"),
    ({"nuisance": 1.5}, "nuisance: got 1.5, expected a number in [0, 1]"),
    ({"jitter": 4}, "jitter: got 4, expected an integer from 0 to 3"),
    ({"jitter": 2, "scales": (10, 14)}, "scales: got 14, expected an integer from 6 to 12"),
    ({"scales": (14, 10)}, "scales: got (14, 10), expected a small size, then a larger one"),
    ({"scales": ()}, "scales: got (), expected one size or two"),
    ({"name_sizes": 1}, "name_sizes: got 1, expected True or False"),
    ({"split": "val"}, "split: got 'val', expected one of train, test, all, known_objects, new_objects"),
]


class TestErrors:
    @pytest.mark.parametrize(("options", "line"), BAD, ids=lambda value: str(value)[:40])
    def test_bad_arguments_are_one_line(self, options: dict, line: str) -> None:
        with pytest.raises((ValueError, TypeError)) as caught:
            OpenMojiWorld(**options)
        assert str(caught.value) == line

    def test_scenes_of_another_world_are_refused(self) -> None:
        world, other = OpenMojiWorld(10), OpenMojiWorld(96)
        scenes = other.sample(50, seeded())
        with pytest.raises(ValueError, match=r"^scenes\.cells: got 'values from 0 to \d+', expected .* \[0, 10\]"):
            world.render(scenes)

    def test_images_of_another_size_are_refused(self) -> None:
        world = OpenMojiWorld(10)
        with pytest.raises(ValueError, match=r"^images: got shape \(1, 3, 64, 64\), expected"):
            world.read(torch.zeros(1, 3, 64, 64))
        with pytest.raises(ValueError, match=r"^images: got 'values from 0 to 255', expected"):
            world.read(torch.cat([torch.zeros(1, 3, 32, 32), torch.full((1, 3, 32, 32), 255.0)]))
