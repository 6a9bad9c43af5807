"""The parser: an audit on real renders and on blurred, noised, shifted and foreign ones, of seeds it was not set on."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from infotok.worlds import Scenes, ShapesWorld, parse, score_cells

RED = torch.tensor([0.9, 0.1, 0.1]).view(3, 1, 1)
Y, X = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
U, V = X % 16 - 7.5, Y % 16 - 7.5  # from the middle of each cell


def seeded(seed: int = 2024) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def seen(nuisance: float, n: int = 150, **dials) -> tuple[ShapesWorld, Scenes, torch.Tensor]:
    world = ShapesWorld(nuisance=nuisance, split="all", **dials)
    scenes = world.sample(n, seeded())
    return world, scenes, world.render(scenes, seeded(7))


def blurred(images: torch.Tensor, sigma: float) -> torch.Tensor:
    return torch.from_numpy(gaussian_filter(images.numpy(), (0, 0, sigma, sigma)))


class TestRealRenders:
    @pytest.mark.parametrize(("nuisance", "least"), [(0.0, 0.995), (0.25, 0.995), (0.5, 0.995), (0.7, 0.99)])
    def test_cells_are_read(self, nuisance: float, least: float) -> None:
        world, scenes, images = seen(nuisance, n=500)
        scores = score_cells(images, scenes, world)
        assert scores["cells"] >= least
        assert scores["offset"] >= least
        assert scores["confident"] >= 0.98

    @pytest.mark.parametrize("dials", [{"size": 64}, {"jitter": 0}, {"jitter": 1}, {"name_offsets": True}])
    def test_at_other_dials(self, dials: dict) -> None:
        world, scenes, images = seen(0.5, n=100, **dials)
        scores = score_cells(images, scenes, world)
        assert scores["cells"] >= 0.995
        assert scores["offset"] >= 0.995

    def test_it_is_the_least_squares_fit_of_all(self) -> None:
        """One cell after the other, one candidate after the other, by numpy's solver."""
        world, scenes, images = seen(0.7, n=4)
        reading = parse(images, world)
        u, v = (U[:16, :16] / 7.5).numpy().ravel(), (V[:16, :16] / 7.5).numpy().ravel()
        smooth = np.stack([np.ones(256), u, v, u * v, u * u, v * v], 1)
        for b in range(len(scenes)):
            for place in np.flatnonzero(reading.cells[b]):
                patch = images[b, :, place // 2 * 16 :, place % 2 * 16 :][:, :16, :16].reshape(3, 256).numpy().T
                rests = {}
                for shape in range(4):
                    for size in range(2):
                        sprites = world.renderer.sprites[shape, size].numpy()
                        for sigma in (0, 0.8, 1.6):
                            for down, right in np.ndindex(5, 5):
                                alpha = gaussian_filter(sprites[down, right], sigma, mode="constant").reshape(256, 1)
                                design = np.hstack([alpha, (1 - alpha) * smooth])
                                rest = np.linalg.lstsq(design, patch, rcond=None)[1].sum()
                                rests[shape, size, right - 2, down - 2, sigma] = rest
                shape, size, right, down, _ = min(rests, key=rests.get)
                value = int(reading.cells[b, place]) - 1
                assert (value // 12, value % 2) == (shape, size)
                assert reading.offsets[b, place].tolist() == [right, down]


class TestAudit:
    @pytest.mark.parametrize("nuisance", [0.0, 0.5])
    @pytest.mark.parametrize(("sigma", "least"), [(0.5, 0.995), (1.0, 0.99), (1.5, 0.95)])
    def test_blurred(self, nuisance: float, sigma: float, least: float) -> None:
        world, scenes, images = seen(nuisance)
        assert score_cells(blurred(images, sigma), scenes, world)["cells"] >= least

    @pytest.mark.parametrize("nuisance", [0.0, 0.5])
    @pytest.mark.parametrize(("sigma", "least"), [(0.05, 0.995), (0.1, 0.995), (0.2, 0.99)])
    def test_noised(self, nuisance: float, sigma: float, least: float) -> None:
        world, scenes, images = seen(nuisance)
        noisy = (images + sigma * torch.randn(images.shape, generator=seeded())).clamp(0, 1)
        assert score_cells(noisy, scenes, world)["cells"] >= least

    @pytest.mark.parametrize(("x", "y"), [(1, 0), (0, -1), (-1, 1)])
    def test_shifted_by_a_pixel(self, x: int, y: int) -> None:
        world, scenes, images = seen(0.5)
        reading = parse(images.roll((y, x), (2, 3)), world)
        moved = scenes.offsets + torch.tensor([x, y])
        reachable = (scenes.cells > 0) & (moved.abs() <= 2).all(-1)
        assert (reading.cells == scenes.cells)[reachable].float().mean() >= 0.995
        assert (reading.offsets == moved).all(-1)[reachable].float().mean() >= 0.995

    def test_shifted_by_half_a_pixel(self) -> None:
        world, scenes, images = seen(0.5)
        assert score_cells((images + images.roll(1, 3)) / 2, scenes, world)["cells"] >= 0.99

    @pytest.mark.parametrize("nuisance", [0.0, 0.5])
    def test_washed_out(self, nuisance: float) -> None:
        world, scenes, images = seen(nuisance)
        assert score_cells(0.5 + 0.8 * (images - 0.5), scenes, world)["cells"] >= 0.99

    def test_confident_readings_are_right(self) -> None:
        world, scenes, images = seen(0.5, n=400)
        for sigma in (1.0, 1.5, 2.0):
            reading = parse(blurred(images, sigma), world)
            sure = reading.confident
            right = (reading.cells == scenes.cells)[sure].float().mean()
            assert sure.any()
            assert right >= 0.98
            assert right >= (reading.cells == scenes.cells).float().mean()

    def test_what_blur_takes_is_not_made_up(self) -> None:
        """A scene is not read out of nothing: blurred beyond recognition, or drawn over, it is gone."""
        world, scenes, images = seen(0.0)
        there = scenes.cells > 0
        assert (parse(blurred(images, 6.0), world).cells == scenes.cells)[there].float().mean() < 0.2
        assert not parse(torch.full_like(images, 0.5), world).cells.any()


FOREIGN = {
    "white noise": torch.rand(40, 3, 32, 32, generator=seeded()),
    "ramps": torch.linspace(0, 1, 32).expand(40, 3, 32, 32) * torch.rand(40, 3, 1, 1, generator=seeded()),
    "one colour": RED.expand(1, 3, 32, 32),
    "rings": (0.5 + (((U**2 + V**2) < 36) & ((U**2 + V**2) > 16)) * (RED - 0.5))[None],
    "bars": (0.5 + (U.abs() < 2) * (RED - 0.5))[None],
    "dots": (0.5 + ((U**2 + V**2) < 2) * (RED - 0.5))[None],
    "checkers": (0.5 + ((X // 2 + Y // 2) % 2) * (RED - 0.5))[None],
    "white discs": (0.5 + ((U**2 + V**2) < 25) * 0.5).expand(1, 3, 32, 32),
    "orange discs": (0.5 + ((U**2 + V**2) < 25) * (torch.tensor([1, 0.5, 0]).view(3, 1, 1) - 0.5))[None],
}
# What has a fair fit but is none: if it is read at all, not with confidence.
DOUBTFUL = {
    "smooth noise": (0.5 + 2 * blurred(torch.randn(40, 3, 32, 32, generator=seeded()), 2.0)).clamp(0, 1),
    "diagonal crosses": (0.5 + (((U - V).abs() < 2) | ((U + V).abs() < 2)) * (RED - 0.5))[None],
    "squares too large": (0.5 + (torch.maximum(U.abs(), V.abs()) < 7) * (RED - 0.5))[None],
    "smoother noise": (0.5 + 5 * blurred(torch.randn(40, 3, 32, 32, generator=seeded()), 4.0)).clamp(0, 1),
}


class TestForeign:
    @pytest.mark.parametrize("name", FOREIGN)
    def test_what_is_no_object_is_refused(self, name: str) -> None:
        assert not parse(FOREIGN[name], ShapesWorld()).cells.any()

    @pytest.mark.parametrize("name", DOUBTFUL)
    def test_what_resembles_one_is_not_read_with_confidence(self, name: str) -> None:
        reading = parse(DOUBTFUL[name], ShapesWorld())
        assert (reading.confident & (reading.cells > 0)).float().mean() <= 0.01

    @pytest.mark.parametrize("name", ["smooth noise", "smoother noise"])
    def test_blobs_are_seldom_read_at_all(self, name: str) -> None:
        assert (parse(DOUBTFUL[name], ShapesWorld()).cells > 0).float().mean() <= 0.05

    def test_digits_are_refused(self) -> None:
        from sklearn.datasets import load_digits

        digits = torch.from_numpy(load_digits().images[:60]).float()[:, None] / 16
        images = torch.nn.functional.interpolate(digits, scale_factor=2).repeat(1, 3, 2, 2)
        assert not parse(images, ShapesWorld()).cells.any()

    def test_strongest_textures_are_seldom_taken_for_objects(self) -> None:
        world, scenes, _ = seen(1.0, n=400)
        bare = Scenes(torch.zeros_like(scenes.cells), torch.zeros_like(scenes.offsets), scenes.texture)
        assert (parse(world.render(bare, seeded()), world).cells > 0).float().mean() < 0.02


class TestScores:
    def test_shares_are_counted(self) -> None:
        world, scenes, images = seen(0.0, n=50)
        cells = scenes.cells.clone()
        first = (cells > 0).nonzero()[:20]
        wrong_size = (cells[first[:, 0], first[:, 1]] - 1) ^ 1  # the other size of the same thing
        cells[first[:, 0], first[:, 1]] = wrong_size + 1
        claimed = Scenes(cells, scenes.offsets, scenes.texture)
        scores = score_cells(images, claimed, world)
        there = int((cells > 0).sum())
        assert scores["cells"] == pytest.approx(1 - 20 / 200)
        assert scores["present"] == scores["size"] == pytest.approx(1 - 20 / there)
        assert scores["shape"] == scores["colour"] == scores["offset"] == scores["empty"] == 1
        assert scores["images"] == pytest.approx(1 - len(first[:, 0].unique()) / 50)

    def test_nothing_to_count_is_none(self) -> None:
        world = ShapesWorld(nuisance=0.0)
        bare = world.scenes_of(["empty"])
        scores = score_cells(world.render(bare), bare, world)
        assert scores["present"] is scores["shape"] is scores["offset"] is None
        assert scores["cells"] == scores["empty"] == 1

    def test_reading_does_not_depend_on_the_batch(self) -> None:
        world, _, images = seen(0.5, n=150)
        whole, parts = parse(images, world), [parse(part, world) for part in images.split(37)]
        assert torch.equal(whole.cells, torch.cat([part.cells for part in parts]))
        torch.testing.assert_close(whole.scores, torch.cat([part.scores for part in parts]), atol=1e-4, rtol=0)

    def test_bad_images_are_refused(self) -> None:
        world = ShapesWorld()
        with pytest.raises(
            ValueError, match=r"images: got shape \(2, 3, 64, 64\), expected a tensor of shape \(B, 3, 32, 32\)"
        ):
            parse(torch.zeros(2, 3, 64, 64), world)
        with pytest.raises(ValueError, match=r"images: got 'NaN', expected finite values in \[0, 1\]"):
            parse(torch.full((1, 3, 32, 32), float("nan")), world)
        with pytest.raises(ValueError, match=r"images: got shape \(2, 3, 32, 32\), expected 1 images, one a scene"):
            score_cells(torch.zeros(2, 3, 32, 32), world.scenes_of(["empty"]), world)
