"""Pictures of scenes against a slow renderer of our own, and what the renderer promises."""

import math

import numpy as np
import pytest
import torch

from infotok.worlds import COLOURS, SHAPES, Scenes, ShapesWorld
from infotok.worlds.shapes.render import AMPLITUDE, EXTENT, NOISE_STEP, RGB


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def covers(shape: str, x: float, y: float, half: float) -> bool:
    match shape:
        case "circle":
            return math.hypot(x, y) <= half
        case "square":
            return abs(x) <= half and abs(y) <= half
        case "triangle":  # apex (0, -half), base from (-half, half) to (half, half)
            return y <= half and abs(x) <= (y + half) / 2
    arm = {3.5: 1.5, 5.0: 2.0}[half]
    return abs(x) <= half and abs(y) <= half and (abs(x) <= arm or abs(y) <= arm)


def slow_render(scenes: Scenes, world: ShapesWorld, points: int = 5) -> np.ndarray:
    """One pixel after the other, points x points samples each."""
    size, step = world.size, world.size // 32
    images = np.zeros((len(scenes), 3, size, size))
    for b in range(len(scenes)):
        for c in range(3):
            nodes = scenes.texture[b].view(3, 4, 4)[c].numpy() / (world.levels - 1) * 2 - 1
            for row in range(size):
                for column in range(size):
                    value = 0.5
                    for i in range(4):
                        for j in range(4):
                            near = [abs((p + 0.5) * 3 / size - k) for p, k in ((row, i), (column, j))]
                            weight = math.prod(0.5 + 0.5 * math.cos(math.pi * d) if d < 1 else 0.0 for d in near)
                            value += weight * nodes[i, j] * AMPLITUDE * world.nuisance
                    images[b, c, row, column] = value
        for place, cell in enumerate(scenes.cells[b].tolist()):
            if not cell:
                continue
            rest, large = divmod(cell - 1, 2)
            shape, colour = divmod(rest, 6)
            extent = 10 if large else 7
            right, down = scenes.offsets[b, place].tolist()
            shift = 0 if large else -0.5
            x0, y0 = ((place % 2) * 16 + 8 + right + shift) * step, ((place // 2) * 16 + 8 + down + shift) * step
            for row in range(size):
                for column in range(size):
                    inside = sum(
                        covers(SHAPES[shape], (column + (u + 0.5) / points - x0) / step,
                               (row + (v + 0.5) / points - y0) / step, extent / 2)
                        for u in range(points) for v in range(points)
                    ) / points**2  # fmt: skip
                    images[b, :, row, column] += inside * (RGB[colour].numpy() - images[b, :, row, column])
    return images


class TestPictures:
    def test_they_are_what_a_slow_renderer_draws(self) -> None:
        world = ShapesWorld(nuisance=0.7)
        scenes = world.sample(4, seeded(2))
        assert (scenes.cells > 0).sum() >= 6
        difference = np.abs(world.render(scenes).numpy() - slow_render(scenes, world))
        assert difference.max() < 0.12  # samples of an edge's coverage: 25 against 64
        assert difference.mean() < 1e-3

    def test_twice_the_size_is_the_same_picture(self) -> None:
        small, large = ShapesWorld(nuisance=0.5), ShapesWorld(size=64, nuisance=0.5)
        scenes = small.sample(20, seeded())
        pooled = torch.nn.functional.avg_pool2d(large.render(scenes), 2)
        assert (pooled - small.render(scenes)).abs().mean() < 2e-3

    def test_objects_never_touch(self) -> None:
        world = ShapesWorld(split="all")
        cells = torch.arange(1, 49)[:, None].expand(-1, 4)
        for right in (-2, 2):
            for down in (-2, 2):
                offsets = torch.tensor([right, down]).expand(48, 4, 2)
                alpha = world.foreground(Scenes(cells, offsets, torch.zeros(48, 48, dtype=torch.long)))
                patches = alpha.unfold(2, 16, 16).unfold(3, 16, 16)
                for edge in (patches[..., 0, :], patches[..., -1, :], patches[..., :, 0], patches[..., :, -1]):
                    assert edge.max() == 0

    def test_squares_and_crosses_have_sharp_edges(self) -> None:
        world = ShapesWorld()
        for size, extent in enumerate(EXTENT.values()):
            square = world.renderer.sprites[SHAPES.index("square"), size]
            assert set(square.unique().tolist()) == {0, 1}
            assert (square.sum((-1, -2)) == extent**2).all()
            assert set(world.renderer.sprites[SHAPES.index("cross"), size].unique().tolist()) == {0, 1}

    @pytest.mark.parametrize("nuisance", [0.0, 0.5, 1.0])
    def test_pixels_are_in_range_and_never_clipped(self, nuisance: float) -> None:
        images = ShapesWorld(nuisance=nuisance, split="all").batch(500, seeded()).images
        assert images.min() > 0.0
        assert images.max() < 1.0

    def test_no_nuisance_is_flat_grey(self) -> None:
        world = ShapesWorld(nuisance=0.0)
        batch = world.batch(50, seeded())
        bare = (world.foreground(batch.scenes) == 0).expand_as(batch.images)
        assert (batch.images[bare] == 0.5).all()

    def test_texture_is_read_back_from_the_picture(self) -> None:
        world = ShapesWorld(nuisance=0.3)
        scenes = world.sample(20, seeded())
        bare = Scenes(torch.zeros_like(scenes.cells), torch.zeros_like(scenes.offsets), scenes.texture)
        images = world.render(bare) - 0.5
        mesh = torch.linalg.pinv(world.renderer.mesh)
        nodes = (mesh @ images @ mesh.T).flatten(1) / (AMPLITUDE * 0.3) * 2 + 2
        assert torch.equal(nodes.round().long(), scenes.texture)

    def test_texture_stays_within_its_amplitude(self) -> None:
        world = ShapesWorld(nuisance=1.0)
        scenes = world.sample(100, seeded())
        background = world.renderer.background(scenes)
        assert (background - 0.5).abs().max() <= AMPLITUDE + 1e-6

    def test_noise_has_five_levels_alike(self) -> None:
        world = ShapesWorld(nuisance=0.5)
        scenes = world.sample(50, seeded())
        noise = (world.render(scenes, seeded(1)) - world.render(scenes)) / (NOISE_STEP * 0.5)
        levels = noise.round()
        torch.testing.assert_close(noise, levels, atol=1e-3, rtol=0)
        counts = torch.bincount((levels + 2).long().flatten(), minlength=5).double()
        torch.testing.assert_close(counts / counts.sum(), torch.full((5,), 0.2).double(), atol=5e-3, rtol=0)

    def test_colours_are_well_apart(self) -> None:
        apart = torch.cdist(torch.cat([RGB, torch.full((1, 3), 0.5)]), RGB)
        assert apart[apart > 0].min() > 0.55
        assert len(RGB) == len(COLOURS)

    def test_each_scene_has_its_own_picture(self) -> None:
        world = ShapesWorld(nuisance=0.0, split="all")
        cells = torch.zeros(48, 4, dtype=torch.long)
        cells[:, 1] = torch.arange(1, 49)
        reach = torch.arange(-2, 3)
        steps = torch.cartesian_prod(reach, reach)
        offsets = torch.zeros(48, 25, 4, 2, dtype=torch.long)
        offsets[:, :, 1] = steps
        scenes = Scenes(cells.repeat_interleave(25, 0), offsets.flatten(0, 1), torch.zeros(1200, 48, dtype=torch.long))
        images = world.render(scenes).flatten(1)
        distance = torch.cdist(images, images) + 1e9 * torch.eye(1200)
        assert distance.min() > 0.9  # sqrt of summed squares: nothing can be mistaken for its neighbour
