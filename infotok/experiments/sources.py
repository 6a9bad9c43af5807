"""Sources of a run's images: the world by its settings, and a fixed set of its images.

world = make_world(nuisance=0.8)                       # ShapesWorld
world = make_world(nuisance=0.5, objects=96)           # OpenMojiWorld: scenes of emoji
world = make_world(nuisance=0.5, photographs=True)     # FashionWorld: scenes of clothes
FewImages(world, images=2000, seed=0, questions=8)     # training on so many images and no more
"""

import torch

from infotok.errors import require
from infotok.worlds import Batch, FashionWorld, OpenMojiWorld, SentenceEncoder, ShapesWorld, World

__all__ = ["FewImages", "make_world"]


def make_world(
    nuisance: float,
    jitter: int = 0,
    named: bool = False,
    objects: int | None = None,
    sentences: bool = False,
    photographs: bool = False,
) -> World:
    """The train split of the world of a run.

    nuisance, jitter, named, objects, sentences: as in `train_and_score`.
    """
    text = SentenceEncoder() if sentences else "attributes"  # a new one, so that no run depends on those before it
    if photographs:
        require(objects is None, "objects", objects, "None with photographs, which have ten kinds of clothes")
        require(not named, "named", named, "False with photographs, whose captions name no offset")
        return FashionWorld(nuisance=nuisance, jitter=jitter, text=text)
    if objects is None:
        return ShapesWorld(nuisance=nuisance, jitter=jitter, name_offsets=named, text=text)
    return OpenMojiWorld(objects=objects, nuisance=nuisance, jitter=jitter, name_sizes=named, text=text)


class FewImages:
    """A `BatchSource` of a fixed set of images, each with all its questions: batches are drawn with replacement.

    Args:
        world: draws the images.
        images: how many there are.
        seed: of the images.
        questions: asked about each image.
    """

    def __init__(self, world: World, images: int, seed: int, questions: int) -> None:
        self.all = world.batch(images, torch.Generator().manual_seed(seed), questions)

    def batch(self, n: int, generator: torch.Generator, questions: int = 4) -> Batch:
        """`n` of the images; `questions` is how many each of them has."""
        return self.all[torch.randint(len(self.all), (n,), generator=generator)]
