"""Recovery of scenes: what a world's reader finds in real images, in reconstructions and in generations of them."""

from collections.abc import Callable

from torch import Tensor

from infotok.errors import require_function, require_tensor
from infotok.evaluation.batches import require_batch
from infotok.unified.arguments import check_part
from infotok.worlds.source import MOST_WORDS, Batch, World

__all__ = ["ceilings"]


def ceilings(
    batch: Batch,
    world: World,
    reconstruct: Callable[[Tensor], Tensor] | None = None,
    generate: Callable[[Tensor], Tensor] | None = None,
) -> dict[str, dict[str, float | None]]:
    """`world.score_cells` on real images, on their reconstructions and on generations from their captions.

    No model can be read better than the world's reader reads real images, nor a host better than its tokenizer's
    reconstructions: without these, a blurry decoder looks like a bad language model.

    batch: as the world drew it.
    world: reads images.
    reconstruct: maps images to images; None leaves "reconstructions" out.
    generate: maps captions (B, T) to images; None leaves "generations" out.

    Example:
        >>> import torch
        >>> from infotok.evaluation import ceilings
        >>> from infotok.worlds import ShapesWorld
        >>> world = ShapesWorld()
        >>> batch = world.batch(32, torch.Generator().manual_seed(0))
        >>> found = ceilings(batch, world, reconstruct=torch.zeros_like)  # a decoder that draws black images
        >>> found["renders"]["present"], found["reconstructions"]["present"]
        (1.0, 0.0)
    """
    check_part("world", world, ("score_cells",), "a world")
    require_batch("batch", batch)
    images = {"renders": batch.images}
    for name, function in (("reconstruct", reconstruct), ("generate", generate)):
        if function is not None:
            require_function(name, function, "a function that gives images")
    if reconstruct is not None:
        images["reconstructions"] = reconstruct(batch.images)
    if generate is not None:
        require_tensor("batch.captions", batch.captions, (len(batch.images), "T"), "int64", f"[0, {MOST_WORDS}]")
        images["generations"] = generate(batch.captions)
    return {name: world.score_cells(seen, batch.scenes) for name, seen in images.items()}
