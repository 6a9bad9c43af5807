"""What evaluation asks of FashionWorld: reading images, scoring them, and factors of scenes for probes."""

import math

from torch import Tensor

from infotok.errors import require, require_tensor
from infotok.worlds import grid
from infotok.worlds.fashion.factors import factors
from infotok.worlds.fashion.photographs import Photographs
from infotok.worlds.fashion.reader import Reading, read
from infotok.worlds.fashion.scenes import CODES, TABLE, FashionScenes, require_scenes
from infotok.worlds.openmoji.objects import Named
from infotok.worlds.openmoji.scoring import generation_scores, require_prompts, share
from infotok.worlds.shapes.render import NOISE_LEVELS

__all__ = ["Evaluated"]


class Evaluated:
    """The part of `FashionWorld` that evaluation uses; the world sets the attributes."""

    size: int  # pixels a side
    jitter: int
    levels: int  # of the texture's coefficients
    split: str
    photographs: Photographs
    nuisance: float
    table: Named = TABLE

    @property
    def noise_entropy(self) -> float:
        """Entropy of the pixel noise of one image in nats, which `entropies` leaves out."""
        return 3 * self.size**2 * math.log(NOISE_LEVELS) if self.nuisance > 0 else 0.0

    def read(self, images: Tensor) -> Reading:
        """Read images as cells of kinds; the same classifier for every world and split.

        images: (B, 3, S, S) in [0, 1], one or more.
        """
        require_tensor("images", images, ("B", 3, self.size, self.size), values="[0, 1]")
        require(len(images) > 0, "images", images, "one image or more")
        return read(images)

    def score_cells(self, images: Tensor, scenes: FashionScenes) -> dict[str, float | None]:
        """Shares of `scenes` that the reader recovers from images of them; None without any.

        - cells      cells recovered (kind or empty);              images     scenes recovered, all four cells
        - present    occupied cells recovered (as "object");       empty      empty cells recovered as empty
        - confident  cells read with confidence

        The reader errs: its scores of renders are the ceilings of these numbers, see `infotok.worlds.fashion.reader`.

        images: (B, 3, S, S) in [0, 1], one or more. scenes: the B that they should show.
        """
        reading = self.read(images)
        self._checked(scenes)
        require(len(images) == len(scenes), "images", images, f"{len(scenes)} images, one a scene")
        cells = scenes.cells.to(reading.cells.device)
        right, there = reading.cells == cells, cells > 0
        return {
            "cells": share(right),
            "images": share(right.all(1)),
            "present": share(right[there]),
            "object": share(right[there]),
            "empty": share(right[~there]),
            "confident": share(reading.confident),
        }

    def score_generations(self, images: Tensor, prompts: list[dict]) -> dict[str, float | None]:
        """Share of images that do what their prompts ask, by category, "overall" and "confident".

        images: (N, 3, S, S) in [0, 1]. prompts: the N that they were drawn for.
        """
        require_prompts(prompts, self.table)
        require_tensor("images", images, (len(prompts), 3, self.size, self.size), values="[0, 1]")
        return generation_scores(self.read(images), prompts, self.table)

    def novelty(self, scenes: FashionScenes) -> Tensor:
        """The part of a structure that train never has, (B,) long: 0 none, 1 the scene, 2 a kind at its place.

        Photographs do not count: those of the split "test" are all new.

        scenes: B scenes of this world, any split.
        """
        return grid.novelty(self._checked(scenes).cells, CODES)

    def factors(self, scenes: FashionScenes) -> dict[str, tuple[Tensor, Tensor]]:
        """(labels (B, factors), design (values, scores)) of structure, jitter and nuisance (the texture), for probes.

        Photographs are left out; see `factors`.

        scenes: B scenes of this world, any split.
        """
        return factors(self._checked(scenes), self.jitter, self.levels)

    def surplus(self, scenes: FashionScenes) -> Tensor:
        """Number of objects of each scene less its exact mean under the split, (B,) double.

        scenes: B scenes of this world, any split.
        """
        return (self._checked(scenes).cells > 0).sum(1).double() - grid.expected_objects(self.split, CODES)

    def _checked(self, scenes: FashionScenes, name: str = "scenes") -> FashionScenes:
        """The scenes, if they are of a world with these settings."""
        require_scenes(name, scenes, self.photographs.train + self.photographs.test, self.jitter, self.levels)
        return scenes
