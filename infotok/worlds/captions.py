"""Captions as numbers, `batch.text`: 0/1 attributes, or what a function of sentences gives, such as embeddings.

    world = OpenMojiWorld(objects=32, text=SentenceEncoder())
    world.batch(8, torch.Generator().manual_seed(0)).text        # (8, 384); `world.caption_vector` stays 0/1

All worlds take the option `text`: "attributes", or a function of a list of captions.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from infotok.errors import require_choice, require_function, require_tensor

__all__ = ["Text", "numbers_of", "require_text", "text_of"]

Text = str | Callable[[list[str]], Tensor]


def require_text(name: str, text: Any) -> Text:
    """`text`, if it is "attributes" or a function; else ValueError or TypeError."""
    if isinstance(text, str):
        require_choice(name, text, ("attributes",))
    else:
        require_function(name, text, "attributes, or a function of a list of captions")
    return text


def text_of(world: Any, scenes: Any) -> Tensor:
    """The captions of scenes as numbers (B, W), as the option `text` of their world says, on the scenes' device.

    world: has `text`, `captions` and `caption_vector`.
    scenes: B scenes of it, with `cells`.
    """
    if isinstance(world.text, str):
        return world.caption_vector(scenes)
    return numbers_of(world.text, world.captions(scenes)).to(scenes.cells.device)


def numbers_of(text: Callable[[list[str]], Tensor], captions: list[str]) -> Tensor:
    """What the function says of B captions; TypeError or ValueError unless that is a finite float tensor (B, W)."""
    return require_tensor("text", text(captions), (len(captions), "W"), values="(-inf, inf)")
