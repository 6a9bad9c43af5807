"""What a Frechet distance sees of drawings, and what it does not, beside a reader that knows every drawing.

    rows = compared({"baseline": model}, world, features=ImageNetTeacher(size=64), images=256, seed=0)

Every set of images is compared with renders of one set of scenes, by the distance of two Gaussians of features and by
the share of the scenes' objects that the reader finds. Two sets of renders are known: other scenes, whose distance is
the floor of so many images though they follow no caption, and the same scenes without pixel noise.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from infotok.errors import require_int
from infotok.evaluation import score_fidelity
from infotok.evaluation.evaluate import generate_images
from infotok.unified import UnifiedModel
from infotok.worlds import OpenMojiWorld

__all__ = ["compared"]

OTHER, CLEAN = "other scenes, rendered", "the same scenes, without pixel noise"


def compared(
    models: Mapping[str, UnifiedModel], world: OpenMojiWorld, features: nn.Module, images: int = 256, seed: int = 0
) -> list[dict[str, Any]]:
    """A row for each set of images: its Frechet distance and KID to renders, and the share of objects found in it.

    models: by name; each draws the captions of the scenes.
    world: of the scenes.
    features: as `score_fidelity` takes them. A Frechet distance is biased upwards by few images, all rows alike.
    images: in each set.
    seed: of scenes and drawings.
    """
    require_int("images", images, 4, 2**16)
    generator = torch.Generator().manual_seed(seed)
    known, other = (world.batch(images, generator, 0) for _ in range(2))
    sets = {OTHER: other.images, CLEAN: world.render(known.scenes)}
    for name, model in models.items():
        sets[name] = generate_images(model, known.captions, torch.Generator().manual_seed(seed)).float()
    rows = []
    for name, each in sets.items():
        found = score_fidelity(each, known.images, features=features, subset_size=images // 2, seed=seed)
        right = world.score_cells(each, known.scenes)["present"]
        rows.append({"images": name, "Frechet distance": found["fd"], "KID": found["kid"], "objects found": right})
    return rows
