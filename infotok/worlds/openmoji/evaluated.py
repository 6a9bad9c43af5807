"""What evaluation asks of OpenMojiWorld: reading images, scoring them, and factors of scenes for probes."""

from torch import Tensor

from infotok.errors import require, require_tensor
from infotok.worlds.grid import KNOWN, OBJECT_SPLITS
from infotok.worlds.openmoji import scoring
from infotok.worlds.openmoji.factors import factors
from infotok.worlds.openmoji.objects import Objects
from infotok.worlds.openmoji.reader import Reading, read
from infotok.worlds.openmoji.scenes import OpenMojiScenes, expected_objects, novelty, require_scenes

__all__ = ["Evaluated"]


class Evaluated:
    """The part of `OpenMojiWorld` that evaluation uses; the world sets the attributes."""

    objects: int  # N
    size: int  # pixels a side
    jitter: int
    levels: int  # of the texture's coefficients
    scales: tuple[int, ...]
    split: str
    style: str
    table: Objects

    def read(self, images: Tensor) -> Reading:
        """Read images as scenes of the world: by its objects, sizes, jitter and style, not its split.

        images: (B, 3, S, S) in [0, 1], one or more.
        """
        require_tensor("images", images, ("B", 3, self.size, self.size), values="[0, 1]")
        require(len(images) > 0, "images", images, "one image or more")
        return read(images, self.objects, self.scales, self.jitter, self.style)

    def score_cells(self, images: Tensor, scenes: OpenMojiScenes) -> dict[str, float | None]:
        """Shares of `scenes` that the reader recovers from images of them; see `cell_scores`.

        images: (B, 3, S, S) in [0, 1], one or more. scenes: the B that they should show.
        """
        reading = self.read(images)
        self._checked(scenes)
        require(len(images) == len(scenes), "images", images, f"{len(scenes)} images, one a scene")
        return scoring.cell_scores(reading, scenes, self.table)

    def score_generations(self, images: Tensor, prompts: list[dict]) -> dict[str, float | None]:
        """Share of images that do what their prompts ask, by category, "overall" and "confident".

        images: (N, 3, S, S) in [0, 1]. prompts: the N that they were drawn for.
        """
        scoring.require_prompts(prompts, self.table)
        require_tensor("images", images, (len(prompts), 3, self.size, self.size), values="[0, 1]")
        return scoring.generation_scores(self.read(images), prompts, self.table)

    @property
    def training_split(self) -> str:
        """The split that a model tested on this one was trained on: "known_objects" in those of objects, else train."""
        return KNOWN if self.split in OBJECT_SPLITS else "train"

    def novelty(self, scenes: OpenMojiScenes) -> Tensor:
        """The part of a scene that train never shows, (B,) long: 0 none, 1 the scene, 2 an object at its place.

        In the splits of objects also 3, an object, and train is "known_objects".

        scenes: B scenes of this world, any split.
        """
        return novelty(self._checked(scenes).cells, self.objects, self.split)

    def factors(self, scenes: OpenMojiScenes) -> dict[str, tuple[Tensor, Tensor]]:
        """(labels (B, factors), design (values, scores)) of each group of `entropies`, for probes; see `factors`.

        scenes: B scenes of this world, any split.
        """
        return factors(self._checked(scenes), self.table, len(self.scales), self.jitter, self.levels)

    def surplus(self, scenes: OpenMojiScenes) -> Tensor:
        """Number of objects of each scene less its exact mean under the split, (B,) double.

        scenes: B scenes of this world, any split.
        """
        number = (self._checked(scenes).cells > 0).sum(1).double()
        return number - expected_objects(self.split, self.objects)

    def _checked(self, scenes: OpenMojiScenes, name: str = "scenes") -> OpenMojiScenes:
        """The scenes, if they are of a world with these settings."""
        require_scenes(name, scenes, self.objects, len(self.scales), self.jitter, self.levels)
        return scenes
