"""Batches of ImageTextWorld: images with captions, questions and answers."""

from dataclasses import dataclass

from torch import Tensor

from infotok.worlds.batch import TextBatch

__all__ = ["ImageTextBatch"]


@dataclass(frozen=True)
class ImageTextBatch(TextBatch):
    """A `TextBatch` of `ImageTextWorld`, with all questions of one kind.

    scenes: (B,) long, numbers of the records
    answers: (B, Q) long, one word each; with a tokenizer (B, Q, N), the tokens of each, its end, and padding
    text: (B, W) float, the caption as numbers; or ids (B, T)
    images, captions, questions, kinds: as in `TextBatch`

    Example:
        >>> from io import BytesIO
        >>> import torch
        >>> from PIL import Image
        >>> from infotok.worlds import ImageTextWorld
        >>> Image.new("RGB", (48, 48), "red").save(file := BytesIO(), "PNG")
        >>> world = ImageTextWorld([{"image": file.getvalue(), "captions": ["a red wall"]}] * 10)
        >>> batch = world.batch(4, torch.Generator().manual_seed(0), questions=0)
        >>> world.vocabulary.decode(batch.captions[:1]), batch.scenes.shape  # scenes are the numbers of records
        (['a red wall'], torch.Size([4]))
    """

    scenes: Tensor
