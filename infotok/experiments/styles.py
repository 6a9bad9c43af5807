"""Models that were trained on one style of drawings, asked about the same scenes in another.

    rows = compared_styles({"baseline": model}, OpenMojiWorld(32), images=512, seed=0)

Scenes, questions and answers of the two test sets are the same; only the drawings differ.
"""

from collections.abc import Mapping
from typing import Any

from infotok.errors import require_instance, require_int
from infotok.evaluation.evaluate import evaluate_understanding
from infotok.unified import UnifiedModel
from infotok.worlds import OpenMojiWorld
from infotok.worlds.openmoji.sprites import STYLES

__all__ = ["compared_styles"]


def compared_styles(
    models: Mapping[str, UnifiedModel], world: OpenMojiWorld, images: int = 512, seed: int = 0
) -> list[dict[str, Any]]:
    """A row for each style and model: U on test scenes, accuracy by kind of question, and U without the image.

    models: by name; trained on any style of the world's objects.
    world: its objects, sizes and background are used, with the split "test" and either style.
    images: in each test set, with four questions each.
    seed: of scenes and questions.

    Raises FileNotFoundError or ValueError, in one line, without a font that draws the objects in the other style.
    """
    require_instance("world", world, OpenMojiWorld)
    require_int("images", images, 2, 2**16)
    rows = []
    for tested in [in_style(world, style) for style in STYLES]:  # both first: a missing font is seen before any work
        for name, model in models.items():
            scores = evaluate_understanding(model, tested, images, seed)
            kinds = {kind: scores["understanding"][kind] for kind in tested.kinds}
            row = {"drawings": tested.style, "model": name, "U": scores["understanding"]["mean"], **kinds}
            rows.append(row | {"U, question only": scores["question_only"]["mean"]})
    return rows


def in_style(world: OpenMojiWorld, style: str) -> OpenMojiWorld:
    """The test split of a world, drawn in this style."""
    own = (world.objects, world.size, world.nuisance, world.jitter, world.scales, world.name_sizes)
    return OpenMojiWorld(*own, "test", world.text, style)
