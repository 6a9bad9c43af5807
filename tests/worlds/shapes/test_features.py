"""Features of images of shapes: what they tell, at which size, and how they are trained."""

import pytest
import torch

from infotok.worlds import ShapesWorld, shapes_features, train_features
from infotok.worlds.shapes import scenes as law


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class TestFeatures:
    world = ShapesWorld(split="all")
    scenes = world.sample(300, seeded(1))
    other = world.render(scenes, seeded(3))

    def test_features_tell_what_is_in_a_cell(self) -> None:
        """A linear probe by least squares on one half reads the other half."""
        features = torch.cat([shapes_features()(self.other), torch.ones(300, 1)], 1).double()
        for part, name in zip(law.parts(self.scenes.cells)[1:], ("shape", "colour", "size"), strict=True):
            target = torch.nn.functional.one_hot(part[:, 0] + 1).double()
            weights = torch.linalg.lstsq(features[:200], target[:200]).solution
            read = (features[200:] @ weights).argmax(1) - 1
            assert (read == part[200:, 0]).float().mean() > 0.9, name

    def test_larger_images_are_seen_at_their_own_size(self) -> None:
        twice = self.other[:8].repeat_interleave(2, 2).repeat_interleave(2, 3)
        torch.testing.assert_close(shapes_features()(twice), shapes_features()(self.other[:8]))

    def test_training_is_reproducible(self) -> None:
        (a, report), (b, again), (c, _) = (train_features(3, batch=8, seed=seed) for seed in (1, 1, 2))
        assert report == again
        assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
        assert not all(torch.equal(p, q) for p, q in zip(a.parameters(), c.parameters(), strict=True))

    @pytest.mark.parametrize("wrong", [lambda x: x * 255, lambda x: (x * 255).byte(), lambda x: x * 2 - 1])
    def test_refusals(self, wrong) -> None:
        with pytest.raises((TypeError, ValueError), match=r"images: got"):
            shapes_features()(wrong(self.other[:4]))
        with pytest.raises(ValueError, match="steps: got 0, expected a positive integer"):
            train_features(0)
